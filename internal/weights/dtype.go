package weights

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// dtypeSize is the size in bytes of one element of each safetensors type.
var dtypeSize = map[string]int64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1,
	"C64": 8, "I64": 8, "I32": 4, "I16": 2, "I8": 1,
	"U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}

// littleEndian machines hold floats as files do.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// decoder turns consecutive little-endian elements of src into dst.
type decoder[T any] func(dst []T, src []byte)

var floatDecoders = map[string]decoder[float32]{
	"F32": func(dst []float32, src []byte) {
		if littleEndian {
			copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), 4*len(dst)), src)
			return
		}
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
		}
	},
	"F64": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	},
	"F16": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = halfToFloat32(binary.LittleEndian.Uint16(src[2*i:]))
		}
	},
	"BF16": func(dst []float32, src []byte) {
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
		}
	},
}

var intDecoders = map[string]decoder[int64]{
	"I64": func(dst []int64, src []byte) {
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint64(src[8*i:]))
		}
	},
	"I32": func(dst []int64, src []byte) {
		for i := range dst {
			dst[i] = int64(int32(binary.LittleEndian.Uint32(src[4*i:])))
		}
	},
	"I16": func(dst []int64, src []byte) {
		for i := range dst {
			dst[i] = int64(int16(binary.LittleEndian.Uint16(src[2*i:])))
		}
	},
	"I8": func(dst []int64, src []byte) {
		for i := range dst {
			dst[i] = int64(int8(src[i]))
		}
	},
	"U32": func(dst []int64, src []byte) {
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint32(src[4*i:]))
		}
	},
	"U16": func(dst []int64, src []byte) {
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint16(src[2*i:]))
		}
	},
	"U8": func(dst []int64, src []byte) {
		for i := range dst {
			dst[i] = int64(src[i])
		}
	},
}

var byteDecoders = map[string]decoder[uint8]{
	"U8":   func(dst []uint8, src []byte) { copy(dst, src) },
	"BOOL": func(dst []uint8, src []byte) { copy(dst, src) },
}

// halfToFloat32 widens an IEEE 754 binary16, exactly: every half is a float32.
func halfToFloat32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	frac := uint32(h & 0x3ff)
	switch exp {
	case 0: // zero and subnormals: frac · 2^-24
		v := float32(frac) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31: // infinities and NaNs keep their payload
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
