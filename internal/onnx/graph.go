// Package onnx writes networks as ONNX files (https://onnx.ai): graphs of standard
// operators with their weights, which other programs run.
package onnx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// opset is the version of the standard operators that graphs use.
const opset = 17

// irVersion is the version of the file format that belongs to opset.
const irVersion = 8

// ElemType is the type of a tensor's elements, by ONNX's numbers.
type ElemType int

// The types of elements.
const (
	Float ElemType = 1
	Uint8 ElemType = 2
	Int64 ElemType = 7
)

// size is the bytes of an element.
func (t ElemType) size() int { return map[ElemType]int{Float: 4, Uint8: 1, Int64: 8}[t] }

// Value is the name of a tensor in a graph.
type Value string

// Dim is an extent of an input or output: a number, or a name for one that every run
// chooses.
type Dim struct {
	name string
	size int
}

// Fixed is an extent that is always n.
func Fixed(n int) Dim { return Dim{size: n} }

// Free is an extent that runs choose; those of one name agree.
func Free(name string) Dim { return Dim{name: name} }

// Graph is a list of operators in the order in which they run. Values are single
// assignment: each is an input, a constant or the output of one node.
type Graph struct {
	name      string
	about     string
	scope     string
	nodes     []node
	constants []constant
	known     map[string]Value // constants by their content or name
	inputs    []port
	outputs   []port
}

type node struct {
	name, op string
	in, out  []Value
	attrs    []Attr
}

type constant struct {
	name  Value
	elem  ElemType
	shape []int
	data  func() []byte // little-endian; made when the file is written
}

type port struct {
	name, about string
	elem        ElemType
	dims        []Dim
}

// NewGraph returns an empty graph; about is a sentence for people.
func NewGraph(name, about string) *Graph {
	return &Graph{name: name, about: about, known: map[string]Value{}}
}

// Scope sets what the names of the following nodes start with.
func (g *Graph) Scope(name string) { g.scope = name }

// Input adds an input of the graph; about is for people.
func (g *Graph) Input(name, about string, t ElemType, dims ...Dim) Value {
	g.inputs = append(g.inputs, port{name, about, t, dims})
	return Value(name)
}

// Output makes v an output of the graph under a name.
func (g *Graph) Output(name, about string, v Value, t ElemType, dims ...Dim) {
	g.nodes = append(g.nodes, node{name: name, op: "Identity", in: []Value{v}, out: []Value{Value(name)}})
	g.outputs = append(g.outputs, port{name, about, t, dims})
}

// Node adds an operator and returns its first output; the others, which nobody reads, are
// there too. An input "" is an optional one left out.
func (g *Graph) Node(op string, in []Value, attrs ...Attr) Value {
	name := fmt.Sprintf("%s/%s_%d", g.scope, op, len(g.nodes))
	out := []Value{Value(name)}
	for i := 1; i < outputs[op]; i++ {
		out = append(out, Value(fmt.Sprintf("%s:%d", name, i)))
	}
	g.nodes = append(g.nodes, node{name: name, op: op, in: slices.Clone(in), out: out, attrs: attrs})
	return out[0]
}

// outputs are those that operators with more than one have to declare.
var outputs = map[string]int{"TopK": 2}

// Floats is a constant of float32, made by values when the file is written. Constants of
// one name are one.
func (g *Graph) Floats(name string, shape []int, values func() []float32) Value {
	return g.constant(name, name, Float, shape, func() []byte { return floatBytes(values()) })
}

// Scalar is a float32 without dimensions.
func (g *Graph) Scalar(x float32) Value {
	key := strconv.FormatFloat(float64(x), 'g', -1, 32)
	return g.constant("scalar "+key, "scalar_"+key, Float, nil, func() []byte { return floatBytes([]float32{x}) })
}

// Ints is a vector of int64.
func (g *Graph) Ints(x ...int) Value {
	text := make([]string, len(x))
	for i, v := range x {
		text[i] = strconv.Itoa(v)
	}
	key := strings.Join(text, "_")
	if len(x) > 8 {
		key = fmt.Sprintf("%d_from_%d_%d", len(x), x[0], len(g.constants))
	}
	return g.constant("ints "+strings.Join(text, ","), "ints_"+key, Int64, []int{len(x)}, func() []byte { return intBytes(x) })
}

func (g *Graph) constant(key, name string, t ElemType, shape []int, data func() []byte) Value {
	if v, ok := g.known[key]; ok {
		return v
	}
	g.known[key] = Value(name)
	g.constants = append(g.constants, constant{Value(name), t, shape, data})
	return Value(name)
}
