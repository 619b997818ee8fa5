package model

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/golden"
	"hdmnet/internal/nn"
	"hdmnet/internal/onnx"
	"hdmnet/internal/op"
	"hdmnet/internal/synth"
	"hdmnet/internal/weights"
)

// onnxPython is a Python with onnx and onnxruntime: that of HDMNET_TEST_PYTHON, or python3.
func onnxPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("HDMNET_TEST_PYTHON")
	given := python != ""
	if !given {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import numpy, onnx, onnxruntime").CombinedOutput(); err != nil {
		if given {
			t.Fatalf("HDMNET_TEST_PYTHON=%s: %v: %s", python, err, out)
		}
		t.Skip("no Python with numpy, onnx and onnxruntime; name one in HDMNET_TEST_PYTHON")
	}
	return python
}

// writeGraphs writes the graphs of a network with a set's weights to a folder.
func writeGraphs(t *testing.T, net *HDMNet, set *nn.Set, size, shots int) string {
	t.Helper()
	graphs, err := net.Graphs(GraphOptions{Size: size, Shots: shots, Values: set.Get})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, g := range map[string]*onnx.Graph{"whole": graphs.Whole, "encode_support": graphs.EncodeSupport, "segment_query": graphs.SegmentQuery} {
		m := onnx.Model{Graph: g}
		if err := atomicfile.Write(filepath.Join(dir, name+".onnx"), func(w io.Writer) error { return m.Write(w) }); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// inONNXRuntime compares graphs in a folder with `final` of a file.
func inONNXRuntime(t *testing.T, python, dir, file string) {
	t.Helper()
	out, err := exec.Command(python, "testdata/onnx_golden.py", dir, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var far map[string]float64
	if err := json.Unmarshal(out, &far); err != nil || len(far) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	for what, r := range far {
		t.Logf("%s: relative L2 %.2g", what, r)
		if !(r <= 1e-5) {
			t.Errorf("%s: relative L2 %.2g, at most 1e-5", what, r)
		}
	}
}

// TestGraphsInONNXRuntime: another program computes from the files what the released code
// computes, whole and in halves.
func TestGraphsInONNXRuntime(t *testing.T) {
	python := onnxPython(t)
	for _, name := range evalCases {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != evalCases[0] {
				t.Skip("the full run has them all")
			}
			f := golden.Load(t, name+".safetensors")
			k := f.MetaInt("shot")
			net, err := NewHDMNet(Options{Backbone: backboneOf(t, f), BaseClasses: f.Classes(), Shots: k})
			if err != nil {
				t.Fatal(err)
			}
			set := trained(open(t), net)
			defer set.Close()
			shots := k
			if k == 1 {
				shots = 0 // any number
			}
			inONNXRuntime(t, python, writeGraphs(t, net, set, f.MetaInt("size"), shots), golden.Path(t, name+".safetensors"))
		})
	}
}

// runtimeCase is a network on an episode that hdmnet itself computes.
type runtimeCase struct {
	backbone        string
	weighs, k       int // the shots that the network weighs, and those of the episode
	trained         int // with which the sum was trained
	size, classes   int
	anyShots, large bool
}

// TestGraphsLikeHDMNet: ONNX Runtime computes what hdmnet computes, for several supports, and
// at the sizes of PASCAL-5i and COCO-20i.
func TestGraphsLikeHDMNet(t *testing.T) {
	python := onnxPython(t)
	for _, c := range []runtimeCase{
		{backbone: "tiny", weighs: 1, k: 3, trained: 1, size: 97, classes: 6, anyShots: true},
		{backbone: "tiny", weighs: 1, k: 1, trained: 1, size: 33, classes: 6, anyShots: true},
		{backbone: "tiny", weighs: 1, k: 3, trained: 2, size: 65, classes: 6},
		{backbone: "tiny", weighs: 4, k: 4, trained: 4, size: 65, classes: 6},
		{backbone: "resnet50", weighs: 1, k: 1, trained: 1, size: 473, classes: 16, anyShots: true, large: true},
		{backbone: "resnet50", weighs: 5, k: 5, trained: 5, size: 473, classes: 16, large: true},
		{backbone: "vgg16", weighs: 1, k: 1, trained: 1, size: 473, classes: 16, anyShots: true, large: true},
		{backbone: "vgg16", weighs: 5, k: 5, trained: 5, size: 633, classes: 61, large: true},
		{backbone: "resnet50", weighs: 1, k: 1, trained: 1, size: 633, classes: 61, anyShots: true, large: true},
		{backbone: "resnet50", weighs: 1, k: 5, trained: 1, size: 633, classes: 61, anyShots: true, large: true},
	} {
		t.Run(fmt.Sprintf("%s %d-shot of %d, %d", c.backbone, c.k, c.trained, c.size), func(t *testing.T) {
			if c.large && os.Getenv("HDMNET_TEST_LARGE") == "" {
				t.Skip("takes minutes and 10 GiB; set HDMNET_TEST_LARGE=1")
			}
			c.compare(t, python)
		})
	}
}

func (c *runtimeCase) compare(t *testing.T, python string) {
	net, err := NewHDMNet(Options{Backbone: c.backbone, BaseClasses: c.classes, Shots: c.weighs})
	if err != nil {
		t.Fatal(err)
	}
	dev := open(t)
	set := trained(dev, net)
	defer set.Close()
	net.Fuse(FusionAuto, c.trained)
	tape := nn.NewTape(dev)
	defer tape.Arena.Close()
	tape.Begin(false, 0)
	e := synth.MakeEpisodes("onnx "+t.Name(), 1, c.k, c.size, c.classes)
	in := Input{Query: nhwc(tape, e.Query, 1, c.size), SupportMask: bytes(tape, e.SupportMask, 1, c.k, c.size, c.size)}
	in.Support = op.Reshape(nhwc(tape, e.Support, c.k, c.size), 1, c.k, c.size, c.size, 3)
	h, w := c.size+7, c.size-5 // a result of another size
	final := nchw(dev, Upsample(tape, net.Forward(tape, in).Final, h, w).Value)
	file := filepath.Join(t.TempDir(), "episode.safetensors")
	if err := weights.Save(file, []weights.Tensor{
		{Name: "in.query", Shape: []int{1, 3, c.size, c.size}, Float32: e.Query},
		{Name: "in.support", Shape: []int{c.k, 3, c.size, c.size}, Float32: e.Support},
		{Name: "in.support_mask", Shape: []int{c.k, c.size, c.size}, Uint8: e.SupportMask},
		{Name: "final", Shape: []int{1, 2, h, w}, Float32: final},
	}, nil); err != nil {
		t.Fatal(err)
	}
	shots := c.k
	if c.anyShots {
		shots = 0
	}
	inONNXRuntime(t, python, writeGraphs(t, net, set, c.size, shots), file)
}
