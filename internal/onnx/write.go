package onnx

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Model is a graph as a file.
type Model struct {
	Graph    *Graph
	Metadata map[string]string // for who runs it
}

// Write writes the file. Constants are made and written one after the other: memory is
// needed for the largest one only. A file of 2 GiB or more is an error before anything
// is written, for no reader of protobuf takes it.
func (m *Model) Write(w io.Writer) error {
	head := number(nil, 1, irVersion)
	head = text(head, 2, "hdmnet")
	head = text(head, 6, m.Graph.about)
	head = message(head, 8, number(text(nil, 1, ""), 2, opset))
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		head = message(head, 14, text(text(nil, 1, key), 2, m.Metadata[key]))
	}
	body := m.Graph.messages()
	size := len(body)
	for i := range m.Graph.constants {
		size += m.Graph.constants[i].fieldSize()
	}
	if size+len(head) > math.MaxInt32 {
		return fmt.Errorf("the graph %s has %d bytes of weights, an ONNX file holds 2 GiB", m.Graph.name, size)
	}
	head = protowire.AppendTag(head, 7, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(size))
	if _, err := w.Write(append(head, body...)); err != nil {
		return err
	}
	for i := range m.Graph.constants {
		if err := m.Graph.constants[i].write(w); err != nil {
			return err
		}
	}
	return nil
}

// messages are the fields of the GraphProto but the initializers.
func (g *Graph) messages() []byte {
	var b []byte
	for i := range g.nodes {
		n := &g.nodes[i]
		var m []byte
		for _, in := range n.in {
			m = text(m, 1, string(in))
		}
		for _, out := range n.out {
			m = text(m, 2, string(out))
		}
		m = text(m, 3, n.name)
		m = text(m, 4, n.op)
		for _, a := range n.attrs {
			m = message(m, 5, a.message())
		}
		b = message(b, 1, m)
	}
	b = text(b, 2, g.name)
	b = text(b, 10, g.about)
	for _, p := range g.inputs {
		b = message(b, 11, p.message())
	}
	for _, p := range g.outputs {
		b = message(b, 12, p.message())
	}
	return b
}

// message is the ValueInfoProto.
func (p *port) message() []byte {
	var shape []byte
	for _, d := range p.dims {
		dim := number(nil, 1, uint64(d.size))
		if d.name != "" {
			dim = text(nil, 2, d.name)
		}
		shape = message(shape, 1, dim)
	}
	tensor := message(number(nil, 1, uint64(p.elem)), 2, shape)
	return text(message(text(nil, 1, p.name), 2, message(nil, 1, tensor)), 3, p.about)
}

// head is the TensorProto up to its data.
func (c *constant) head() []byte {
	var b []byte
	for _, d := range c.shape {
		b = number(b, 1, uint64(d))
	}
	b = number(b, 2, uint64(c.elem))
	b = text(b, 8, string(c.name))
	b = protowire.AppendTag(b, 9, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(c.bytes()))
}

// bytes is the length of the data.
func (c *constant) bytes() int {
	n := c.elem.size()
	for _, d := range c.shape {
		n *= d
	}
	return n
}

// fieldSize is the length of the initializer in the GraphProto.
func (c *constant) fieldSize() int {
	return protowire.SizeTag(5) + protowire.SizeBytes(len(c.head())+c.bytes())
}

func (c *constant) write(w io.Writer) error {
	data := c.data()
	if len(data) != c.bytes() {
		panic(fmt.Sprintf("onnx: constant %s of shape %v has %d bytes of data, want %d", c.name, c.shape, len(data), c.bytes()))
	}
	head := c.head()
	b := protowire.AppendTag(nil, 5, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(head)+len(data)))
	if _, err := w.Write(append(b, head...)); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}
