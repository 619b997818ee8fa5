package onnx

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
)

// small is a graph of a product and a sum.
func small() *Graph {
	g := NewGraph("small", "a test")
	x := g.Input("x", "what comes in", Float, Free("n"), Fixed(2))
	g.Scope("part")
	w := g.Floats("w", []int{2, 3}, func() []float32 { return []float32{1, 2, 3, 4, 5, 6} })
	y := g.Node("Add", []Value{g.Node("MatMul", []Value{x, w}), g.Scalar(0.5)})
	y = g.Node("Add", []Value{y, g.Scalar(0.5)}) // the same constant
	y = g.Node("Softmax", []Value{g.Node("Reshape", []Value{y, g.Ints(-1, 3)})}, Int("axis", -1))
	g.Output("y", "what comes out", y, Float, Free("n"), Fixed(3))
	return g
}

func written(t *testing.T, g *Graph) []byte {
	t.Helper()
	var b bytes.Buffer
	m := Model{Graph: g, Metadata: map[string]string{"size": "2", "about": "nothing"}}
	if err := m.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	file := written(t, small())
	i, err := Inspect(file)
	if err != nil {
		t.Fatal(err)
	}
	if i.Name != "small" || i.Opset != 17 || i.Weights != 6*4+4+2*8 {
		t.Errorf("%+v", i)
	}
	if want := map[string]int{"MatMul": 1, "Add": 2, "Reshape": 1, "Softmax": 1, "Identity": 1}; !maps.Equal(i.Operators, want) {
		t.Errorf("operators %v, want %v", i.Operators, want)
	}
	if !slices.Equal(i.Inputs, []string{"x [n,2]"}) || !slices.Equal(i.Outputs, []string{"y [n,3]"}) {
		t.Errorf("in %q, out %q", i.Inputs, i.Outputs)
	}
	if !maps.Equal(i.Metadata, map[string]string{"size": "2", "about": "nothing"}) {
		t.Errorf("metadata %v", i.Metadata)
	}
	if again := written(t, small()); !bytes.Equal(file, again) {
		t.Error("the same graph gives other bytes")
	}
}

// TestBytes: the head, a node and the last constant, as the format of ONNX has them.
func TestBytes(t *testing.T) {
	file := written(t, small())
	if head := "\x08\x08\x12\x06hdmnet\x32\x06a test\x42\x04\x0a\x00\x10\x11"; !bytes.HasPrefix(file, []byte(head)) {
		t.Errorf("starts with %q", file[:len(head)])
	}
	node := "\x0a\x4f" + "\x0a\x0epart/Reshape_3" + "\x12\x0epart/Softmax_4" + "\x1a\x0epart/Softmax_4" + "\x22\x07Softmax" +
		"\x2a\x14" + "\x0a\x04axis" + "\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + "\xa0\x01\x02"
	if !bytes.Contains(file, []byte(node)) {
		t.Errorf("no node %q in %q", node, file)
	}
	last := "\x2a\x21\x08\x02\x10\x07\x42\x09ints_-1_3\x4a\x10" + strings.Repeat("\xff", 8) + "\x03" + strings.Repeat("\x00", 7)
	if !bytes.HasSuffix(file, []byte(last)) {
		t.Errorf("ends with %q", file[len(file)-len(last):])
	}
}

func TestInspectRefuses(t *testing.T) {
	file := written(t, small())
	for n := range file {
		if _, err := Inspect(file[:n]); err == nil {
			t.Fatalf("%d of %d bytes are read without an error", n, len(file))
		}
	}
	g := small()
	g.Output("z", "of nothing", "nowhere", Float)
	if _, err := Inspect(written(t, g)); err == nil || !strings.Contains(err.Error(), `reads "nowhere"`) {
		t.Error(err)
	}
	g = small()
	g.Input("w", "a name that is taken", Float)
	if _, err := Inspect(written(t, g)); err == nil || !strings.Contains(err.Error(), "made twice") {
		t.Error(err)
	}
}

func TestWriteRefuses(t *testing.T) {
	g := NewGraph("huge", "")
	g.Floats("w", []int{1 << 20, 1 << 10}, func() []float32 { panic("must not be made") })
	m := Model{Graph: g}
	if err := m.Write(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "2 GiB") {
		t.Error(err)
	}
	defer func() {
		if r := recover(); r == nil {
			t.Error("data that do not fit the shape are written")
		}
	}()
	g = NewGraph("wrong", "")
	g.Floats("w", []int{2}, func() []float32 { return []float32{1} })
	written(t, g)
}
