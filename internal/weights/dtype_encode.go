package weights

import (
	"encoding/binary"
	"fmt"
	"math"
)

// encoder appends values to dst, little-endian.
type encoder[T any] func(dst []byte, values []T) []byte

var floatEncoders = map[string]encoder[float32]{
	"F32": func(dst []byte, values []float32) []byte {
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
		}
		return dst
	},
	"F16": func(dst []byte, values []float32) []byte {
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint16(dst, float32ToHalf(v))
		}
		return dst
	},
	"BF16": func(dst []byte, values []float32) []byte {
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint16(dst, float32ToBrain(v))
		}
		return dst
	},
}

var intEncoders = map[string]encoder[int64]{
	"I64": func(dst []byte, values []int64) []byte {
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
		}
		return dst
	},
	"I32": appendUint32, "U32": appendUint32, "I16": appendUint16, "U16": appendUint16,
	"I8": func(dst []byte, values []int64) []byte {
		for _, v := range values {
			dst = append(dst, byte(v))
		}
		return dst
	},
}

func appendUint32(dst []byte, values []int64) []byte {
	for _, v := range values {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
	}
	return dst
}

func appendUint16(dst []byte, values []int64) []byte {
	for _, v := range values {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(v))
	}
	return dst
}

// intRange is the least and the greatest value of the narrower integer types.
var intRange = map[string][2]int64{
	"I64": {math.MinInt64, math.MaxInt64}, "I32": {math.MinInt32, math.MaxInt32}, "I16": {math.MinInt16, math.MaxInt16},
	"I8": {math.MinInt8, math.MaxInt8}, "U32": {0, math.MaxUint32}, "U16": {0, math.MaxUint16},
}

// checkDtype makes sure that the type can hold the values.
func (t *Tensor) checkDtype() error {
	dtype := t.dtype()
	var ok bool
	beyond := func(v any) error { return fmt.Errorf("tensor %q holds %v, which is beyond %s", t.Name, v, dtype) }
	switch {
	case t.Float32 != nil:
		_, ok = floatEncoders[dtype]
		for _, v := range t.Float32 {
			finite := v-v == 0
			if dtype == "F16" && finite && float32ToHalf(v)&0x7fff == 0x7c00 || dtype == "BF16" && finite && float32ToBrain(v)&0x7fff == 0x7f80 {
				return beyond(v)
			}
		}
	case t.Int64 != nil:
		var limits [2]int64
		limits, ok = intRange[dtype]
		for _, v := range t.Int64 {
			if ok && (v < limits[0] || v > limits[1]) {
				return beyond(v)
			}
		}
	default:
		ok = dtype == "U8" || dtype == "BOOL"
	}
	if !ok {
		return fmt.Errorf("tensor %q cannot be saved as %s", t.Name, dtype)
	}
	return nil
}

// float32ToHalf rounds to an IEEE 754 binary16, nearest, ties to even. NaNs keep the
// high bits of their payload.
func float32ToHalf(v float32) uint16 {
	b := math.Float32bits(v)
	sign, b := uint16(b>>16&0x8000), b&0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | uint16(b>>13&0x1ff)
	case b >= 0x47800000: // 65536 and more, infinity
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14: a multiple of 2^-24
		return sign | uint16(math.RoundToEven(float64(math.Float32frombits(b))*(1<<24)))
	}
	b += 0xfff + b>>13&1 // may carry into the exponent, up to infinity
	return sign | uint16((b-112<<23)>>13)
}

// float32ToBrain rounds to a bfloat16, nearest, ties to even.
func float32ToBrain(v float32) uint16 {
	b := math.Float32bits(v)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
