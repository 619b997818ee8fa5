package model

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"hdmnet/internal/golden"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/synth"
)

func norm(v []float32) float32 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return float32(math.Sqrt(sum))
}

// metaTrainingCases are the golden trainings of the meta stage.
var metaTrainingCases = []string{"train_pascal_resnet50_1shot", "train_coco_resnet50_5shot"}

func TestMetaTrainingGolden(t *testing.T) {
	for _, name := range metaTrainingCases {
		t.Run(name, func(t *testing.T) { metaTrainingGolden(t, name) })
	}
}

// metaTrainingGolden compares the steps of a training with a golden file.
func metaTrainingGolden(t *testing.T, name string) {
	f := golden.Load(t, name+".safetensors")
	dev := open(t)
	b, k, size := f.MetaInt("batch"), f.MetaInt("shot"), f.MetaInt("size")
	net, err := NewHDMNet(Options{Backbone: "resnet50", BaseClasses: f.Classes(), Shots: k, KShotReweight: true})
	if err != nil {
		t.Fatal(err)
	}
	set := nn.NewSet(dev, net, 1)
	synthetic(set)
	m, v := moments(set), moments(set)
	losses, _ := f.Float32("losses")
	bound := tolerances(t)
	tape := nn.NewTape(dev)
	for step := 1; step <= f.MetaInt("steps"); step++ {
		e := synth.MakeEpisodes(name+"/step"+strconv.Itoa(step), b, k, size, f.Classes())
		tape.Begin(true, 0)
		excluded := tape.Arena.Int32(b)
		cat := make([]int32, b)
		for i := range cat {
			cat[i] = int32(e.Class[i]) + 1
		}
		dev.Upload(excluded, cat)
		out := net.Forward(tape, Input{
			Query: upload(tape, e.Query, []int{b, 3, size, size}), Support: upload(tape, e.Support, []int{b, k, 3, size, size}),
			SupportMask: bytes(tape, e.SupportMask, b, k, size, size), ExcludedClass: excluded,
		})
		lt := net.Loss(tape, out, bytes(tape, e.QueryMask, b, size, size), bytes(tape, e.BaseLabel, b, size, size), LossOptions{Distill: 1, Scale: 1})
		got := ReadLosses(dev, lt, 1)
		tol := bound.late
		if step == 1 {
			tol = bound.output
		}
		want, worst := losses[(step-1)*6:step*6], 0.0
		for i, g := range []float32{got.Main, got.Distill, got.Base, got.Total} {
			d := math.Abs(float64(g-want[i])) / math.Abs(float64(want[i]))
			worst = max(worst, d)
			if !(d <= tol) {
				t.Errorf("step %d: loss %d is %g, want %g (relative %.2g, at most %g)", step, i, g, want[i], d, tol)
			}
		}
		t.Logf("step %d: losses differ by at most %.2g", step, worst)
		if step == 1 {
			pred := tape.Arena.Uint8(b, size, size)
			dev.Argmax(pred, Upsample(tape, out.Final, size, size).Value)
			want, _ := f.Uint8("step1.pred")
			labels := make([]uint8, len(want))
			dev.Download(labels, pred)
			checkLabels(t, "step1.pred", labels, want, bound.labels)
		}
		tape.Backward()
		if step == 1 {
			checkGradients(t, f, set, func(string) float64 { return bound.gradient })
		}
		if bound.rounded {
			return
		}
		for _, g := range set.Groups {
			h := op.AdamWParams{LR: want[5], Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: step}
			switch g.Name {
			case "transformer":
				h.LR = want[4]
			case "kshot": // the release's optimizer leaves it out
				continue
			}
			span := func(t op.Tensor) op.Tensor { return op.Span(t, g.Lo, g.Hi-g.Lo) }
			dev.AdamW(span(set.Values), span(m), span(v), span(set.Grads), h)
		}
		dev.Zero(set.Grads)
	}
	checkParameters(t, f, set, "param.", func(string) float64 { return bound.late })
}

// Bounds of the base stage. Batch norm in training mode over the two values of the
// 1-bin pyramid level amplifies rounding: PyTorch's own float32 differs from its float64
// by up to 4.5e-2 in the backbone's step-1 gradients, 5.1e-3 in the pyramid's, 1.1e-4 in
// the classifier's; its step-2 loss by 1.2e-2 between one thread and two. Ours differs
// from that float64 by as much. The bounds are two to three times that. Most of the
// difference comes from features next to zero whose sign differs, and the ReLU's gradient
// with it: TestBaseTrainingFloat64 holds the signs, with bounds up to 20 times as narrow.
const baseLateTol = 2.5e-2

func baseGradientTol(name string) float64 {
	switch {
	case strings.HasPrefix(name, "layer"):
		return 0.1
	case strings.HasPrefix(name, "ppm."):
		return 1e-2
	}
	return 5e-4
}

// baseStateTol bounds the state after three steps; PyTorch's float32 on one thread and
// on two differ by up to 0.74 in the biases of layer1, 0.26 in its weights, 0.18 in
// running means, 5e-2 in running variances and in layer3, 4e-2 in the classifier's.
func baseStateTol(name string) float64 {
	early := strings.HasPrefix(name, "layer0") || strings.HasPrefix(name, "layer1") || strings.HasPrefix(name, "layer2")
	switch {
	case early && strings.HasSuffix(name, ".bias"):
		return 1
	case early && !strings.HasSuffix(name, "running_var"):
		return 0.4
	}
	return 0.1
}

func TestBaseTrainingGolden(t *testing.T) {
	f := golden.Load(t, "train_base_pascal_resnet50.safetensors")
	dev := open(t)
	b, size := f.MetaInt("batch"), f.MetaInt("size")
	net, err := NewPSPNet(Options{Backbone: "resnet50", BaseClasses: f.Classes()})
	if err != nil {
		t.Fatal(err)
	}
	set := nn.NewSet(dev, net, 1)
	for _, p := range set.Params {
		set.Put(p, synth.Param(encoderName(p.Name), p.Shape))
	}
	m := moments(set)
	losses, shape := f.Float32("losses")
	tape := nn.NewTape(dev)
	tape.BatchStats = true
	for step := 1; step <= f.MetaInt("steps"); step++ {
		x, label := synth.MakeBaseBatch(f.Meta("case")+"/step"+strconv.Itoa(step), b, size, f.Classes())
		tape.Begin(true, 0)
		logits := net.Forward(tape, upload(tape, x, []int{b, 3, size, size}))
		lt := net.Loss(tape, logits, bytes(tape, label, b, size, size), 1)
		got := make([]float32, 2)
		dev.Download(got, lt)
		want, tol := float64(losses[(step-1)*shape[1]]), baseLateTol
		if step == 1 {
			tol = tolerances(t).output
		}
		if d := math.Abs(float64(got[0])-want) / want; !(d <= tol) {
			t.Errorf("step %d: loss %g, want %g (relative %.2g, at most %g)", step, got[0], want, d, tol)
		}
		tape.Backward()
		if step == 1 {
			checkGradients(t, f, set, baseGradientTol)
		}
		lr := f.MetaFloat("base_lr") * 10 * math.Pow(1-float64(step)/f.MetaFloat("max_iter"), 0.9)
		dev.SGD(set.Values, m, set.Grads, op.SGDParams{LR: float32(lr), Momentum: 0.9, WeightDecay: 1e-4})
		dev.Zero(set.Grads)
	}
	checkParameters(t, f, set, "state.", baseStateTol)
}

// checkGradients checks every trained parameter.
func checkGradients(t *testing.T, f *golden.File, set *nn.Set, tol func(name string) float64) {
	t.Helper()
	worst, of := 0.0, ""
	for _, p := range set.Params {
		if p.Role != nn.Trainable {
			continue
		}
		if d := checkGradient(t, f, set, p, tol(p.Name)); d > worst {
			worst, of = d, p.Name
		}
	}
	t.Logf("gradients differ by at most %.2g (%s)", worst, of)
}

// encoderName is the second name under which the release's PSPNet holds its backbone,
// layer2.0.… as encoder.2.0.…; loaded last, it decides the golden case's weights.
func encoderName(name string) string {
	if rest, ok := strings.CutPrefix(name, "layer"); ok {
		return "encoder." + rest
	}
	return name
}

func moments(set *nn.Set) op.Tensor {
	dev := set.Values.Engine().(op.Device)
	t := op.NewArena(dev).Zeros(op.Len(set.Values))
	return t
}

// checkParameters compares samples of every stored tensor after the last step.
func checkParameters(t *testing.T, f *golden.File, set *nn.Set, prefix string, tol func(name string) float64) {
	t.Helper()
	checked := 0
	for _, name := range f.Names() {
		key, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		p := set.Param(strings.Replace(key, "encoder.", "layer", 1))
		if p == nil {
			t.Errorf("%s: the network has no such parameter", key)
			continue
		}
		want, _ := f.Float32(name)
		if r := golden.RelL2(pick(key, set.Get(p)), want); !(r <= tol(p.Name)) {
			t.Errorf("%s: samples differ by %.2g", name, r)
		}
		checked++
	}
	if checked == 0 {
		t.Errorf("no tensor %q in the golden file", prefix)
	}
}

// checkLabels fails where more than a share of the labels differ.
func checkLabels(t *testing.T, name string, got, want []uint8, share float64) {
	t.Helper()
	differ := 0
	for i := range want {
		if got[i] != want[i] {
			differ++
		}
	}
	t.Logf("%s: %d of %d labels differ", name, differ, len(want))
	if float64(differ) > share*float64(len(want)) {
		t.Errorf("%s: %d of %d labels differ, at most %g%%", name, differ, len(want), 100*share)
	}
}
