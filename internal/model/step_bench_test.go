package model

import (
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/synth"
)

// BenchmarkMetaStep times a 1-shot training step of the meta stage: forward, losses,
// backward and the update.
func BenchmarkMetaStep(b *testing.B) {
	for _, c := range []struct {
		name, backbone string
		size, batch    int
	}{{"tiny/129/batch4", "tiny", 129, 4}, {"resnet50/97/batch2", "resnet50", 97, 2}, {"resnet50/473/batch1", "resnet50", 473, 1}} {
		b.Run(c.name, func(b *testing.B) {
			dev, err := cpu.New()
			if err != nil {
				b.Fatal(err)
			}
			const classes = 16
			net, err := NewHDMNet(Options{Backbone: c.backbone, BaseClasses: classes, Shots: 1})
			if err != nil {
				b.Fatal(err)
			}
			set := nn.NewSet(dev, net, 1)
			m, v := moments(set), moments(set)
			e := synth.MakeEpisodes(b.Name(), c.batch, 1, c.size, classes)
			tape := nn.NewTape(dev)
			step := 0
			run := func() {
				step++
				tape.Begin(true, uint64(step))
				tape.Training = true
				dev.Zero(set.Grads)
				out := net.Forward(tape, Input{
					Query:       upload(tape, e.Query, []int{c.batch, 3, c.size, c.size}),
					Support:     upload(tape, e.Support, []int{c.batch, 1, 3, c.size, c.size}),
					SupportMask: bytes(tape, e.SupportMask, c.batch, 1, c.size, c.size),
				})
				query, base := bytes(tape, e.QueryMask, c.batch, c.size, c.size), bytes(tape, e.BaseLabel, c.batch, c.size, c.size)
				net.Loss(tape, out, query, base, LossOptions{Distill: 1, Scale: 1})
				tape.Backward()
				dev.AdamW(set.Values, m, v, set.Grads, op.AdamWParams{LR: 1e-4, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: step})
			}
			run()
			held := tape.Arena.Held()
			for b.Loop() {
				run()
			}
			if tape.Arena.Held() != held {
				b.Errorf("the arena grew from %d to %d bytes after the first step", held, tape.Arena.Held())
			}
			b.ReportMetric(float64(held)/(1<<20), "arena-MiB")
		})
	}
}

// BenchmarkEvaluation times one episode of PASCAL-5i, ResNet-50, from pictures on the
// device to the label map at the input's size.
func BenchmarkEvaluation(b *testing.B) {
	for _, c := range []struct {
		name        string
		size, shots int
	}{{"473/1shot", 473, 1}, {"473/5shot", 473, 5}} {
		b.Run(c.name, func(b *testing.B) {
			dev, err := cpu.New()
			if err != nil {
				b.Fatal(err)
			}
			const classes = 16
			net, err := NewHDMNet(Options{Backbone: "resnet50", BaseClasses: classes, Shots: c.shots})
			if err != nil {
				b.Fatal(err)
			}
			nn.NewSet(dev, net, 1)
			e := synth.MakeEpisodes(b.Name(), 1, c.shots, c.size, classes)
			tape := nn.NewTape(dev)
			run := func() {
				tape.Begin(false, 0)
				out := net.Forward(tape, Input{
					Query:       upload(tape, e.Query, []int{1, 3, c.size, c.size}),
					Support:     upload(tape, e.Support, []int{1, c.shots, 3, c.size, c.size}),
					SupportMask: bytes(tape, e.SupportMask, 1, c.shots, c.size, c.size),
				})
				dev.Argmax(tape.Arena.Uint8(1, c.size, c.size), Upsample(tape, out.Final, c.size, c.size).Value)
			}
			run()
			for b.Loop() {
				run()
			}
			b.ReportMetric(float64(tape.Arena.Held())/(1<<20), "arena-MiB")
		})
	}
}
