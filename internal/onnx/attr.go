package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Attr is an attribute of a node.
type Attr struct {
	name string
	kind uint64 // ONNX's AttributeProto.AttributeType
	text string
	num  float32
	ints []int
}

// The kinds of attributes.
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrInts   = 7
)

// Int is an attribute that is a whole number.
func Int(name string, v int) Attr { return Attr{name: name, kind: attrInt, ints: []int{v}} }

// Ints is an attribute that is a list of whole numbers.
func Ints(name string, v ...int) Attr { return Attr{name: name, kind: attrInts, ints: v} }

// Float32 is an attribute that is a number.
func Float32(name string, v float32) Attr { return Attr{name: name, kind: attrFloat, num: v} }

// String is an attribute that is a text.
func String(name, v string) Attr { return Attr{name: name, kind: attrString, text: v} }

// message is the AttributeProto.
func (a Attr) message() []byte {
	b := text(nil, 1, a.name)
	switch a.kind {
	case attrFloat:
		b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(a.num))
	case attrInt:
		b = number(b, 3, uint64(a.ints[0]))
	case attrString:
		b = text(b, 4, a.text)
	case attrInts:
		for _, v := range a.ints {
			b = number(b, 8, uint64(v))
		}
	}
	return number(b, 20, a.kind)
}

func number(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

func floatBytes(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func intBytes(x []int) []byte {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}
