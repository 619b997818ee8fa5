package matfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// dataType is how the numbers of an element are stored.
type dataType uint32

const (
	miINT8 dataType = 1 + iota
	miUINT8
	miINT16
	miUINT16
	miINT32
	miUINT32
	miSINGLE
	_
	miDOUBLE
	_
	_
	miINT64
	miUINT64
	miMATRIX
	miCOMPRESSED
	miUTF8
	miUTF16
	miUTF32
)

var errShort = errors.New("it ends in the middle of an element; the file is damaged or cut short: copy it again")

// elements reads the data elements that follow each other in content.
type elements struct {
	content []byte
	order   binary.ByteOrder
}

func (e *elements) empty() bool { return len(e.content) == 0 }

// next takes one element. Elements fill multiples of 8 bytes, but compressed ones; data of
// up to 4 bytes lie inside the tag, whose upper half then is their size.
func (e *elements) next() (dataType, []byte, error) {
	if len(e.content) < 8 {
		return 0, nil, errShort
	}
	first := e.order.Uint32(e.content)
	if small := first >> 16; small != 0 {
		if small > 4 {
			return 0, nil, fmt.Errorf("an element with %d bytes inside its tag, expected up to 4; the file is damaged", small)
		}
		data := e.content[4 : 4+small]
		e.content = e.content[8:]
		return dataType(first & 0xffff), data, nil
	}
	kind, size := dataType(first), uint64(e.order.Uint32(e.content[4:]))
	rest := e.content[8:]
	if size > uint64(len(rest)) {
		return 0, nil, errShort
	}
	data := rest[:size]
	if kind != miCOMPRESSED {
		size = (size + 7) / 8 * 8
	}
	e.content = rest[min(size, uint64(len(rest))):] // some writers leave out the last padding
	return kind, data, nil
}

// number are the types numbers are saved in.
type number interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64
}

// numbers turns the data of an element into a slice of its type.
func (e *elements) numbers(kind dataType, data []byte) (any, error) {
	o := e.order
	switch kind {
	case miINT8:
		return convert(data, 1, func(b []byte) int8 { return int8(b[0]) })
	case miUINT8:
		return convert(data, 1, func(b []byte) uint8 { return b[0] })
	case miINT16:
		return convert(data, 2, func(b []byte) int16 { return int16(o.Uint16(b)) })
	case miUINT16:
		return convert(data, 2, o.Uint16)
	case miINT32:
		return convert(data, 4, func(b []byte) int32 { return int32(o.Uint32(b)) })
	case miUINT32:
		return convert(data, 4, o.Uint32)
	case miINT64:
		return convert(data, 8, func(b []byte) int64 { return int64(o.Uint64(b)) })
	case miUINT64:
		return convert(data, 8, o.Uint64)
	case miSINGLE:
		return convert(data, 4, func(b []byte) float32 { return math.Float32frombits(o.Uint32(b)) })
	case miDOUBLE:
		return convert(data, 8, func(b []byte) float64 { return math.Float64frombits(o.Uint64(b)) })
	}
	return nil, fmt.Errorf("numbers of the unknown type %d; the file is damaged", kind)
}

func convert[T number](data []byte, size int, one func([]byte) T) ([]T, error) {
	if len(data)%size != 0 {
		return nil, fmt.Errorf("%d bytes of %d-byte numbers; the file is damaged", len(data), size)
	}
	v := make([]T, len(data)/size)
	for i := range v {
		v[i] = one(data[i*size:])
	}
	return v, nil
}

// ints takes an element of whole numbers: dimensions and the like.
func (e *elements) ints(what string) ([]int32, error) {
	kind, data, err := e.next()
	if err != nil {
		return nil, err
	}
	if kind != miINT32 && kind != miUINT32 {
		return nil, fmt.Errorf("%s of type %d, expected whole numbers; the file is damaged", what, kind)
	}
	return convert(data, 4, func(b []byte) int32 { return int32(e.order.Uint32(b)) })
}

// name takes an element of ASCII text.
func (e *elements) name(what string) (string, error) {
	kind, data, err := e.next()
	if err != nil {
		return "", err
	}
	if kind != miINT8 && kind != miUINT8 && kind != miUTF8 {
		return "", fmt.Errorf("%s of type %d, expected text; the file is damaged", what, kind)
	}
	return string(data), nil
}
