package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/nn"
	"hdmnet/internal/onnx"
	"hdmnet/internal/op"
)

// inspect writes a graph and reads it back.
func inspect(t *testing.T, g *onnx.Graph) *onnx.Info {
	t.Helper()
	var b strings.Builder
	m := onnx.Model{Graph: g}
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	i, err := onnx.Inspect([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// drawn is a network with the golden files' weights as graphs.
func drawn(t *testing.T, o Options, g GraphOptions, fuse Fusion, trainedOn int) (Graphs, error) {
	t.Helper()
	net, err := NewHDMNet(o)
	if err != nil {
		t.Fatal(err)
	}
	set := trained(open(t), net)
	t.Cleanup(func() { set.Close() })
	net.Fuse(fuse, trainedOn)
	g.Values = set.Get
	return net.Graphs(g)
}

// TestGraphs: what is written has the operators, inputs and outputs of the network, and its
// weights.
func TestGraphs(t *testing.T) {
	for _, c := range []struct {
		backbone string
		convs    int // of the backbone
	}{{"tiny", 3 + 4*4}, {"vgg16", 13}} {
		t.Run(c.backbone, func(t *testing.T) {
			graphs, err := drawn(t, Options{Backbone: c.backbone, BaseClasses: 6, Shots: 1}, GraphOptions{Size: 97}, FusionAuto, 1)
			if err != nil {
				t.Fatal(err)
			}
			whole, encode, segment := inspect(t, graphs.Whole), inspect(t, graphs.EncodeSupport), inspect(t, graphs.SegmentQuery)
			const head, stages = 4 + 1, 3*1 + 2 + 2 + 3*2*3 // pyramid and cls; embeddings, reductions, FFNs
			const perSide = head + 2 + stages               // down and merge
			const matching = 3*(3+1+3) + 3 + 1              // FFN, merge and parse of each level, cls, classifier
			if got, want := encode.Operators["Conv"], c.convs+perSide; got != want {
				t.Errorf("encode_support has %d convolutions, want %d", got, want)
			}
			if got, want := segment.Operators["Conv"], c.convs+perSide+matching; got != want {
				t.Errorf("segment_query has %d convolutions, want %d", got, want)
			}
			if got, want := whole.Operators["Conv"], encode.Operators["Conv"]+segment.Operators["Conv"]; got != want {
				t.Errorf("the whole has %d convolutions, its halves %d", got, want)
			}
			if got := segment.Operators["Softmax"]; got != 3*2+3+2 { // self attention, matching, both learners
				t.Errorf("%d softmaxes", got)
			}
			if want := []string{"query [queries,3,97,97]", "support [support_sets,shots,3,97,97]", "support_mask [support_sets,shots,97,97]", "output_size [2]"}; !slices.Equal(whole.Inputs, want) {
				t.Errorf("inputs %q", whole.Inputs)
			}
			if want := []string{"logits [queries,2,height,width]"}; !slices.Equal(whole.Outputs, want) || !slices.Equal(segment.Outputs, want) {
				t.Errorf("outputs %q and %q", whole.Outputs, segment.Outputs)
			}
			for _, port := range encode.Outputs {
				if !slices.Contains(segment.Inputs, port) {
					t.Errorf("encode_support gives %s, segment_query takes %q", port, segment.Inputs)
				}
			}
			if len(encode.Outputs)+2 != len(segment.Inputs) {
				t.Errorf("%d outputs for %d inputs", len(encode.Outputs), len(segment.Inputs))
			}
			if whole.Weights >= encode.Weights+segment.Weights || whole.Weights < segment.Weights {
				t.Errorf("the whole has %d bytes of weights, the halves %d and %d: backbone and stages are shared", whole.Weights, encode.Weights, segment.Weights)
			}
		})
	}
}

// TestGraphsForShots: what depends on the number of supports.
func TestGraphsForShots(t *testing.T) {
	five := Options{Backbone: "tiny", BaseClasses: 6, Shots: 5}
	if _, err := drawn(t, five, GraphOptions{Size: 65}, FusionAuto, 5); err == nil || !strings.Contains(err.Error(), "such as 5") {
		t.Error(err)
	}
	graphs, err := drawn(t, five, GraphOptions{Size: 65, Shots: 5}, FusionAuto, 5)
	if err != nil {
		t.Fatal(err)
	}
	if i := inspect(t, graphs.SegmentQuery); i.Operators["TopK"] != 1 || !slices.Contains(i.Inputs, "style [support_sets,5,128,128]") {
		t.Errorf("%v %q", i.Operators, i.Inputs)
	}
	one := Options{Backbone: "tiny", BaseClasses: 6, Shots: 1}
	if _, err := drawn(t, one, GraphOptions{Size: 65, Shots: 2}, FusionVote, 1); err == nil || !strings.Contains(err.Error(), "vote") {
		t.Error(err)
	}
	other := Options{Backbone: "tiny", BaseClasses: 6, Shots: 1, Ambiguity: true}
	if _, err := drawn(t, other, GraphOptions{Size: 65}, FusionAuto, 1); err == nil || !strings.Contains(err.Error(), "model.ambiguity") {
		t.Error(err)
	}
	casts := func(way Fusion, trainedOn, shots int) map[string]int {
		graphs, err := drawn(t, one, GraphOptions{Size: 65, Shots: shots}, way, trainedOn)
		if err != nil {
			t.Fatal(err)
		}
		return inspect(t, graphs.SegmentQuery).Operators
	}
	joint := casts(FusionJoint, 1, 0)
	if scaled := casts(FusionAuto, 1, 0); scaled["Cast"] != joint["Cast"]+3 || scaled["Mul"] != joint["Mul"]+3 {
		t.Errorf("joint %v, scaled by the number of shots %v", joint, scaled)
	}
	if fixed := casts(FusionAuto, 1, 4); fixed["Cast"] != joint["Cast"] || fixed["Mul"] != joint["Mul"]+3 {
		t.Errorf("joint %v, scaled by 1/4 %v", joint, fixed)
	}
}

// TestDrawnConstants: the matrices and places that stand for operators are those of the
// device's operators.
func TestDrawnConstants(t *testing.T) {
	dev := open(t)
	tape := nn.NewTape(dev)
	defer tape.Arena.Close()
	for _, c := range [][3]int{{13, 13, 6}, {12, 12, 6}, {60, 60, 3}, {5, 7, 2}, {4, 4, 6}, {9, 9, 1}} {
		h, w, bins := c[0], c[1], c[2]
		tape.Begin(false, 0)
		x := make([]float32, h*w)
		for i := range x {
			x[i] = float32(i*i%17) - 5
		}
		in, out, got := tape.Arena.Float32(1, h, w, 1), tape.Arena.Float32(1, bins, bins, 1), make([]float32, bins*bins)
		dev.Upload(in, x)
		dev.AdaptiveAvgPool(out, in)
		dev.Download(got, out)
		m := averageMatrix(h, w, bins)
		for cell, want := range got {
			sum := 0.0
			for p, v := range x {
				sum += float64(v) * float64(m[p*bins*bins+cell])
			}
			if d := sum - float64(want); d > 1e-5 || d < -1e-5 {
				t.Errorf("%v, cell %d: %g, want %g", c, cell, sum, want)
			}
		}
	}
	for _, c := range [][2]int{{473, 60}, {633, 80}, {97, 13}, {65, 9}, {33, 2}, {129, 17}} {
		tape.Begin(false, 0)
		x := make([]float32, c[0])
		for i := range x {
			x[i] = float32(i)
		}
		in, out, got := tape.Arena.Float32(1, c[0], 1, 1), tape.Arena.Float32(1, c[1], 1, 1), make([]float32, c[1])
		dev.Upload(in, x)
		dev.ResizeNearest(out, in)
		dev.Download(got, out)
		places := nearestPlaces(c[0], c[1])
		want := make([]float32, c[1])
		for i, p := range places {
			want[i] = x[p]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: places %v, the device takes %v", c, places, got)
		}
	}
}

// TestFoldOrders: a convolution folds alike in PyTorch's order and in the device's.
func TestFoldOrders(t *testing.T) {
	dev := open(t)
	net, err := NewHDMNet(Options{Backbone: "tiny", BaseClasses: 6, Shots: 1})
	if err != nil {
		t.Fatal(err)
	}
	set := trained(dev, net)
	defer set.Close()
	c := net.Transformer.Mix.Match[0].Merge
	w, b := nn.Fold(c.Conv.Weight, nil, c.Norm, set.Get)
	device := func(p *nn.Param) []float32 {
		v := make([]float32, op.Len(p.Value))
		dev.Download(v, p.Value)
		return v
	}
	dw, db := nn.Fold(c.Conv.Weight, nil, c.Norm, device)
	if !slices.Equal(w, c.Conv.Weight.FromDevice(dw)) || !slices.Equal(b, db) {
		t.Error("they differ")
	}
	if fmt.Sprint(w) == fmt.Sprint(set.Get(c.Conv.Weight)) {
		t.Error("nothing was folded")
	}
}
