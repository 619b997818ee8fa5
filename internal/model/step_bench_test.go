package model

import (
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/golden"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/synth"
)

// bench is a network with a made-up batch, ready to pass it again and again.
type bench struct {
	dev   op.Device
	tape  *nn.Tape
	rates []op.PartRate // one list for all steps, as the trainer has
	batchOnHost
	batch, shots     int
	size, classes    int
	step             int
	ambiguity        bool
	set              *nn.Set
	moment1, moment2 op.Tensor
}

// batchOnHost is slices as op.Device.Upload takes them: to make an any of a slice allocates.
type batchOnHost struct {
	query, support                    any // NHWC
	queryMask, supportMask, baseLabel any
}

func newBench(t testing.TB, batch, shots, size int) *bench {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{dev: dev, tape: nn.NewTape(dev), batch: batch, shots: shots, size: size, classes: 16}
	e := synth.MakeEpisodes(t.Name(), batch, shots, size, b.classes)
	query, _ := golden.ToNHWC(e.Query, []int{batch, 3, size, size})
	support, _ := golden.ToNHWC(e.Support, []int{batch, shots, 3, size, size})
	b.batchOnHost = batchOnHost{query, support, e.QueryMask, e.SupportMask, e.BaseLabel}
	return b
}

func (b *bench) images(v any, shape ...int) op.Tensor {
	t := b.tape.Arena.Float32(shape...)
	b.dev.Upload(t, v)
	return t
}

func (b *bench) labels(v any, shape ...int) op.Tensor {
	t := b.tape.Arena.Uint8(shape...)
	b.dev.Upload(t, v)
	return t
}

func (b *bench) input() Input {
	n, k, s := b.batch, b.shots, b.size
	return Input{Query: b.images(b.query, n, s, s, 3), Support: b.images(b.support, n, k, s, s, 3),
		SupportMask: b.labels(b.supportMask, n, k, s, s)}
}

// training makes the network's parameters with their moments.
func (b *bench) training(net any) {
	b.set = nn.NewSet(b.dev, net, 1)
	b.moment1, b.moment2 = moments(b.set), moments(b.set)
	b.rates = []op.PartRate{{End: op.Len(b.set.Values), LR: 1e-4}}
}

// update runs a training step whose losses are those of a pass.
func (b *bench) update(pass func()) {
	b.step++
	b.tape.Begin(true, uint64(b.step))
	b.tape.Training = true
	b.dev.Zero(b.set.Grads)
	pass()
	b.tape.Backward()
	b.dev.AdamW(b.set.Values, b.moment1, b.moment2, b.set.Grads,
		op.AdamWParams{Rates: b.rates, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: b.step})
}

// metaStep returns a training step of the meta stage: forward, losses, backward, update.
func metaStep(t testing.TB, b *bench, backbone string) func() {
	net, err := NewHDMNet(Options{Backbone: backbone, BaseClasses: b.classes, Shots: b.shots, Ambiguity: b.ambiguity})
	if err != nil {
		t.Fatal(err)
	}
	b.training(net)
	pass := func() {
		out := net.Forward(b.tape, b.input())
		query, base := b.labels(b.queryMask, b.batch, b.size, b.size), b.labels(b.baseLabel, b.batch, b.size, b.size)
		net.Loss(b.tape, out, query, base, LossOptions{Distill: 1, Scale: 1})
	}
	return func() { b.update(pass) }
}

// baseStep returns a training step of the base stage.
func baseStep(t testing.TB, b *bench, backbone string) func() {
	net, err := NewPSPNet(Options{Backbone: backbone, BaseClasses: b.classes})
	if err != nil {
		t.Fatal(err)
	}
	b.training(net)
	b.tape.BatchStats = true
	pass := func() {
		logits := net.Forward(b.tape, b.images(b.query, b.batch, b.size, b.size, 3))
		net.Loss(b.tape, logits, b.labels(b.baseLabel, b.batch, b.size, b.size), 1)
	}
	return func() { b.update(pass) }
}

// evaluation returns a pass from pictures on the host to label maps at their size.
func evaluation(t testing.TB, b *bench, backbone string) func() {
	net, err := NewHDMNet(Options{Backbone: backbone, BaseClasses: b.classes, Shots: b.shots, Ambiguity: b.ambiguity})
	if err != nil {
		t.Fatal(err)
	}
	nn.NewSet(b.dev, net, 1)
	return func() {
		b.tape.Begin(false, 0)
		out := net.Forward(b.tape, b.input())
		b.dev.Argmax(b.tape.Arena.Uint8(b.batch, b.size, b.size), Upsample(b.tape, out.Final, b.size, b.size).Value)
	}
}

// run times f once it is warm, which must not need more memory of the device.
func (b *bench) run(t *testing.B, f func()) {
	f()
	held := b.tape.Arena.Held()
	t.ReportAllocs()
	for t.Loop() {
		f()
	}
	if b.tape.Arena.Held() != held {
		t.Errorf("the arena grew from %d to %d bytes after the first pass", held, b.tape.Arena.Held())
	}
	t.ReportMetric(float64(held)/(1<<20), "arena-MiB")
}

func BenchmarkMetaStep(t *testing.B) {
	for _, c := range []struct {
		name, backbone string
		size, batch    int
	}{{"tiny/129/batch4", "tiny", 129, 4}, {"resnet50/97/batch2", "resnet50", 97, 2}, {"resnet50/473/batch1", "resnet50", 473, 1}} {
		t.Run(c.name, func(t *testing.B) {
			b := newBench(t, c.batch, 1, c.size)
			b.run(t, metaStep(t, b, c.backbone))
		})
	}
}

func BenchmarkBaseStep(t *testing.B) {
	b := newBench(t, 8, 1, 129)
	b.run(t, baseStep(t, b, "tiny"))
}

func BenchmarkEvaluation(t *testing.B) {
	for _, c := range []struct {
		name        string
		size, shots int
	}{{"473/1shot", 473, 1}, {"473/5shot", 473, 5}} {
		t.Run(c.name, func(t *testing.B) {
			b := newBench(t, 1, c.shots, c.size)
			b.run(t, evaluation(t, b, "resnet50"))
		})
	}
}

// TestPassesAllocateNothing: what a pass needs on the host is kept for the next one.
func TestPassesAllocateNothing(t *testing.T) {
	for name, f := range map[string]func(t testing.TB, b *bench, backbone string) func(){
		"meta step": metaStep, "base step": baseStep, "evaluation": evaluation,
	} {
		for _, c := range []struct {
			shots     int
			ambiguity bool
		}{{1, false}, {5, false}, {2, true}} {
			b := newBench(t, 2, c.shots, 65)
			b.ambiguity = c.ambiguity
			pass := f(t, b, "tiny")
			for range 3 {
				pass()
			}
			if n := testing.AllocsPerRun(5, pass); n > 0 {
				t.Errorf("%s, %+v: %g host objects in every pass, want none", name, c, n)
			}
		}
	}
}
