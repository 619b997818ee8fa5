package weights

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nlpodyssey/gopickle/types"
)

// numpy's arrays are pickled in two ways:
//
//	numpy.core.multiarray._reconstruct(ndarray, (0,), b'b'), then the state
//	(version, shape, dtype, is_fortran, bytes)        protocols up to 4
//	numpy.core.numeric._frombuffer(bytes, dtype, shape, 'C' or 'F')   protocol 5
//
// numpy.core is numpy._core since numpy 2. Protocols before 3 have no bytes: they call
// _codecs.encode(text, 'latin1').

// numpyFunction gives what numpy's arrays are pickled with a meaning, nil to all else.
func numpyFunction(module, name string) any {
	module = strings.Replace(module, "numpy._core.", "numpy.core.", 1)
	switch module + "." + name {
	case "numpy.core.multiarray._reconstruct":
		return function(func([]any) (any, error) { return &view{array: true}, nil })
	case "numpy.core.numeric._frombuffer":
		return function(fromBuffer)
	case "numpy.dtype":
		return function(newNumpyType)
	case "_codecs.encode":
		return function(encodeLatin1)
	}
	return nil
}

// numpyType is a numpy.dtype. Other than for torch its byte order counts.
type numpyType struct {
	code string // "f4"
	big  bool
}

func newNumpyType(args []any) (any, error) {
	code, ok := "", len(args) > 0
	if ok {
		code, ok = args[0].(string)
	}
	if !ok {
		return &object{class: "numpy.dtype()"}, nil
	}
	return &numpyType{code: strings.TrimLeft(code, "<>=|"), big: strings.HasPrefix(code, ">")}, nil
}

// PySetState takes (version, byte order, …).
func (t *numpyType) PySetState(state any) error {
	if args, ok := sequence(state); ok && len(args) > 1 {
		t.big = args[1] == any(">")
	}
	return nil
}

var numpyTypes = map[string]torchType{
	"f2": {"F16", 2}, "f4": {"F32", 4}, "f8": {"F64", 8}, "i1": {"I8", 1}, "i2": {"I16", 2}, "i4": {"I32", 4}, "i8": {"I64", 8},
	"u1": {"U8", 1}, "u2": {"U16", 2}, "u4": {"U32", 4}, "u8": {"U64", 8}, "b1": {"BOOL", 1}, "c8": {"C64", 8},
}

// encodeLatin1 is _codecs.encode of text whose characters are bytes.
func encodeLatin1(args []any) (any, error) {
	text, ok := "", len(args) > 0
	if ok {
		text, ok = args[0].(string)
	}
	if !ok {
		return nil, fmt.Errorf("_codecs.encode of no text")
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			return nil, fmt.Errorf("_codecs.encode of a character that is no byte")
		}
		out = append(out, byte(r))
	}
	return out, nil
}

// PySetState fills an array that _reconstruct made; tensors of torch have no state that
// counts.
func (v *view) PySetState(state any) error {
	if !v.array || v.storage != nil {
		return nil
	}
	args, ok := sequence(state)
	if !ok || len(args) != 5 {
		return fmt.Errorf("a numpy array whose state is none")
	}
	shape, isShape := integers(args[1])
	fortran, isOrder := args[3].(bool)
	if !isShape || !isOrder {
		return fmt.Errorf("a numpy array whose shape or order is none")
	}
	return v.fill(args[4], args[2], shape, fortran)
}

// fromBuffer is numpy.core.numeric._frombuffer(bytes, dtype, shape, order).
func fromBuffer(args []any) (any, error) {
	if len(args) != 4 {
		return nil, fmt.Errorf("a numpy array with %d arguments", len(args))
	}
	shape, ok := integers(args[2])
	if !ok {
		return nil, fmt.Errorf("a numpy array whose shape is none")
	}
	v := &view{array: true}
	return v, v.fill(args[0], args[1], shape, args[3] == any("F"))
}

// fill gives an array its values. One of Python objects, of text or records stays without:
// it is no tensor.
func (v *view) fill(content, dtype any, shape []int64, fortran bool) error {
	t, _ := dtype.(*numpyType)
	if t == nil {
		return nil
	}
	var known bool
	if v.dtype, known = numpyTypes[t.code]; !known {
		return nil
	}
	var b []byte
	switch content := content.(type) {
	case []byte:
		b = content
	case string: // of Python 2
		b = []byte(content)
	case *types.ByteArray:
		b = *content
	default:
		return fmt.Errorf("a numpy array whose bytes are none")
	}
	size := v.dtype.size
	if int64(len(b))%size != 0 {
		return fmt.Errorf("a numpy array of %s in %d bytes", t.code, len(b))
	}
	if t.big {
		b = swapped(b, int(size))
	}
	v.storage = &storage{torchType: v.dtype, elements: int64(len(b)) / size, src: func() io.ReaderAt { return bytes.NewReader(b) }}
	v.shape, v.strides = shape, make([]int64, len(shape))
	stride := int64(1)
	for i := range shape {
		at := len(shape) - 1 - i
		if fortran {
			at = i
		}
		v.strides[at] = stride
		stride *= max(shape[at], 1) // what does not fit is found by tensor
	}
	return nil
}

// swapped is big-endian elements as little-endian ones.
func swapped(b []byte, size int) []byte {
	b = slices.Clone(b)
	for at := 0; at < len(b); at += size {
		slices.Reverse(b[at : at+size])
	}
	return b
}

// isTensor tells a tensor, or array of numbers, from everything else.
func isTensor(v any) bool {
	t, ok := v.(*view)
	return ok && t.storage != nil
}

// describe says what a view is that stands where none is expected.
func (v *view) describe() string {
	switch {
	case v.storage == nil:
		return "a numpy array of no numbers"
	case v.array:
		return "a numpy array"
	}
	return "a tensor"
}
