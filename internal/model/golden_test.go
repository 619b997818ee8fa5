package model

import (
	"strconv"
	"strings"
	"testing"

	"hdmnet/internal/device"
	"hdmnet/internal/golden"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/synth"
)

func synthetic(set *nn.Set) {
	for _, p := range set.Params {
		set.Put(p, synth.Param(p.Name, p.Shape))
	}
}

func backboneOf(t *testing.T, f *golden.File) string {
	if b := f.Meta("case"); strings.Contains(b, "vgg16") {
		return "vgg16"
	}
	return "resnet" + strconv.Itoa(f.MetaInt("layers"))
}

// upload puts a golden NCHW array on the device as NHWC.
func upload(tape *nn.Tape, v []float32, shape []int) op.Tensor {
	x, s := golden.ToNHWC(v, shape)
	t := tape.Arena.Float32(s...)
	tape.Dev.Upload(t, x)
	return t
}

func bytes(tape *nn.Tape, v []uint8, shape ...int) op.Tensor {
	t := tape.Arena.Uint8(shape...)
	tape.Dev.Upload(t, v)
	return t
}

// nchw reads a map [B,h,w,C] in the golden files' order.
func nchw(dev op.Device, t op.Tensor) []float32 {
	v := make([]float32, op.Len(t))
	dev.Download(v, t)
	out, _ := golden.ToNCHW(v, t.Shape())
	return out
}

var evalCases = []string{"eval_pascal_resnet50_1shot", "eval_pascal_resnet50_5shot", "eval_coco_resnet50_1shot",
	"eval_pascal_resnet101_1shot", "eval_pascal_vgg16_1shot"}

func TestEvalGolden(t *testing.T) {
	for _, name := range evalCases {
		t.Run(name, func(t *testing.T) { evalGolden(t, name, trained) })
	}
}

// trained is a set that can be trained, with the golden files' weights.
func trained(dev op.Device, net *HDMNet) *nn.Set {
	set := nn.NewSet(dev, net, 1)
	synthetic(set)
	return set
}

// inference is the set of a network that is only run, with the golden files' weights.
func inference(dev op.Device, net *HDMNet) *nn.Set {
	set := nn.NewInferenceSet(dev, net, 1)
	if err := set.Fill(func(p *nn.Param, v []float32) error { synth.FillParam(v, p.Name, p.Shape); return nil }); err != nil {
		panic(err) // FillParam has none
	}
	return set
}

// evalGolden compares a network whose weights are those of weigh's set with a golden file.
func evalGolden(t *testing.T, name string, weigh func(dev op.Device, net *HDMNet) *nn.Set) {
	f := golden.Load(t, name+".safetensors")
	dev := open(t)
	b, k, size := f.MetaInt("batch"), f.MetaInt("shot"), f.MetaInt("size")
	net, err := NewHDMNet(Options{Backbone: backboneOf(t, f), BaseClasses: f.Classes(), Shots: k})
	if err != nil {
		t.Fatal(err)
	}
	defer weigh(dev, net).Close()
	tape := nn.NewTape(dev)
	defer tape.Arena.Close()
	tape.Begin(false, 0)
	query, qs := f.Float32("in.query")
	support, ss := f.Float32("in.support")
	mask, _ := f.Uint8("in.support_mask")
	out := net.Forward(tape, Input{
		Query: upload(tape, query, qs), Support: upload(tape, support, ss), SupportMask: bytes(tape, mask, b, k, size, size),
	})
	tol := tolerances(t)
	compare := func(name string, got []float32) {
		t.Helper()
		want, _ := f.Float32(name)
		r := golden.RelL2(got, want)
		t.Logf("%s: relative L2 %.2g", name, r)
		if !(r <= tol.output) {
			t.Errorf("%s: relative L2 %.2g, at most %g", name, r, tol.output)
		}
	}
	compare("query_merge", nchw(dev, out.QueryMerge.Value))
	compare("supp_merge", nchw(dev, out.SuppMerge.Value))
	compare("similarity", nchw(dev, out.Similarity.Value))
	compare("meta_logits", nchw(dev, out.Meta.Value))
	compare("base_logits", nchw(dev, out.Base.Value))
	for i, scale := range []string{"coarse", "middle", "fine"} {
		compare("correlation_map_"+scale, nchw(dev, out.Maps[i].Value))
	}
	compare("final", nchw(dev, Upsample(tape, out.Final, size, size).Value))
	compare("meta", nchw(dev, Upsample(tape, out.Meta, size, size).Value))
	argmax := tape.Arena.Uint8(b, size, size)
	dev.Argmax(argmax, Upsample(tape, out.Base, size, size).Value)
	want, _ := f.Uint8("base_argmax")
	labels := make([]uint8, len(want))
	dev.Download(labels, argmax)
	checkLabels(t, "base_argmax", labels, want, tol.base)
	for name, v := range map[string]*nn.Var{"final": out.Final, "meta": out.Meta} {
		dev.Argmax(argmax, Upsample(tape, v, size, size).Value)
		dev.Download(labels, argmax)
		want, shape := f.Float32(name)
		checkLabels(t, "labels of "+name, labels, foreground(labels, want, shape, tol), tol.labels)
	}
}

// foreground is the argmax of logits [B,2,H,W]. Where every label must agree, pixels whose
// two logits are equal within the outputs' tolerance are undecided: they keep the label got.
func foreground(got []uint8, logits []float32, shape []int, tol bounds) []uint8 {
	x, _ := golden.ToNHWC(logits, shape)
	slack := float32(0)
	if tol.labels == 0 {
		for _, v := range x {
			slack = max(slack, float32(tol.output)*max(v, -v))
		}
	}
	y := make([]uint8, len(x)/2)
	for i := range y {
		switch margin := x[2*i+1] - x[2*i]; {
		case max(margin, -margin) <= slack:
			y[i] = got[i]
		case margin > 0:
			y[i] = 1
		}
	}
	return y
}

// checkGradient compares the norm and samples of a parameter's gradient and returns the
// larger difference.
func checkGradient(t *testing.T, f *golden.File, set *nn.Set, p *nn.Param, tol float64) float64 {
	t.Helper()
	want, _ := f.Float32("grad." + p.Name)
	got := set.Gradient(p)
	byNorm := golden.RelL2([]float32{norm(got)}, want[:1])
	if !(byNorm <= tol) {
		t.Errorf("%s: gradient norm %g, want %g", p.Name, norm(got), want[0])
	}
	bySample := golden.RelL2(pick(p.Name, got), want[2:])
	if !(bySample <= tol) {
		t.Errorf("%s: gradient samples differ by %.2g", p.Name, bySample)
	}
	return max(byNorm, bySample)
}

func pick(name string, v []float32) []float32 {
	var out []float32
	for _, i := range golden.SamplePositions(name, len(v)) {
		out = append(out, v[i])
	}
	return out
}

// TestCPUInBF16: on the CPU bf16 and bf16x3 keep all golden networks, those that are only run
// as such networks are kept, within their bounds. With the build tag amxemu that is on tiles of
// AMX, emulated where the processor lacks them.
func TestCPUInBF16(t *testing.T) {
	t.Setenv("HDMNET_TEST_DEVICE", "cpu")
	for _, p := range []op.Precision{op.BF16, op.BF16X3} {
		if _, _, err := device.Open("cpu", p); err != nil {
			t.Skip(err)
		}
		t.Setenv("HDMNET_TEST_PRECISION", p.String())
		for _, name := range evalCases {
			if testing.Short() && name != evalCases[0] {
				continue // float32 has them all
			}
			t.Run(p.String()+"/"+name, func(t *testing.T) { evalGolden(t, name, inference) })
		}
		for _, name := range metaTrainingCases {
			if testing.Short() && name != metaTrainingCases[0] {
				continue
			}
			t.Run(p.String()+"/"+name, func(t *testing.T) { metaTrainingGolden(t, name) })
		}
	}
}
