package labelstudio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Label Studio's brush format packs the bytes of an RGBA picture, row by row: 32 bits say how
// many there are, 5 bits the size of a value less 1, four times 4 bits the sizes of run
// lengths less 1. Then come runs: one bit (1: a repeated value, 0: values one by one), two bits
// that choose a size, the length less 1 in that size, and the value or values. Bits go from
// the highest of a byte to the lowest. The object is where alpha is not 0. Source: rle-pack of
// thi.ng/umbrella, and the encoder of label-studio-converter, whose bytes encode gives.
const (
	wordBits  = 8
	channels  = 4
	alpha     = 3
	maxRun    = 1 << 16
	headBits  = 32 + 5 + 4*4
	onePerBit = 8
)

// runBits are the sizes of lengths that encode chooses from.
var runBits = [4]int{3, 4, 8, 16}

// RLE is a mask in Label Studio's brush format; in JSON a list of numbers.
type RLE []byte

// encode packs a mask, in which everything but 0 is the object, as opaque white pixels.
func encode(mask []uint8) RLE {
	w := &bitWriter{}
	w.put(uint32(len(mask)*channels), 32)
	w.put(wordBits-1, 5)
	for _, n := range runBits {
		w.put(uint32(n-1), 4)
	}
	for i := 0; i < len(mask); {
		j := i + 1
		for j < len(mask) && (mask[j] != 0) == (mask[i] != 0) {
			j++
		}
		value := uint32(0)
		if mask[i] != 0 {
			value = 255
		}
		for left := (j - i) * channels; left > 0; {
			n := min(left, maxRun)
			w.run(n, value)
			left -= n
		}
		i = j
	}
	return w.bytes()
}

// run writes a value that repeats n times, 2 to maxRun.
func (w *bitWriter) run(n int, value uint32) {
	w.put(1, 1)
	for k, bits := range runBits {
		if n <= 1<<bits {
			w.put(uint32(k), 2)
			w.put(uint32(n-1), bits)
			break
		}
	}
	w.put(value, wordBits)
}

var errShort = errors.New("the brush ends before the picture does: it is damaged")

// decode unpacks a mask [h,w]: 1 where alpha is not 0.
//
// Errors: data of another size, or cut short.
func decode(rle RLE, h, w int) ([]uint8, error) {
	r := &bitReader{data: rle}
	if len(rle)*onePerBit < headBits {
		return nil, errShort
	}
	total := int(r.get(32))
	if total != h*w*channels {
		return nil, fmt.Errorf("the brush is of %d values, expected %d×%d pixels of %d values", total, w, h, channels)
	}
	size := int(r.get(5)) + 1
	var bits [4]int
	for i := range bits {
		bits[i] = int(r.get(4)) + 1
	}
	mask := make([]uint8, h*w)
	for i := 0; i < total; {
		repeated := r.get(1) == 1
		n := min(int(r.get(bits[r.get(2)]))+1, total-i)
		if r.short {
			return nil, errShort
		}
		if !repeated {
			for range n {
				if v := r.get(size); v != 0 && i%channels == alpha {
					mask[i/channels] = 1
				}
				i++
			}
			continue
		}
		if v := r.get(size); v != 0 {
			// The pixels whose alpha lies in [i, i+n).
			for p := i / channels; p*channels+alpha < i+n; p++ {
				if p*channels+alpha >= i {
					mask[p] = 1
				}
			}
		}
		i += n
	}
	if r.short {
		return nil, errShort
	}
	return mask, nil
}

// MarshalJSON writes a list of numbers.
func (r RLE) MarshalJSON() ([]byte, error) {
	out := append(make([]byte, 0, 4*len(r)+2), '[')
	for i, b := range r {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendUint(out, uint64(b), 10)
	}
	return append(out, ']'), nil
}

// UnmarshalJSON reads a list of numbers of 0 to 255.
func (r *RLE) UnmarshalJSON(text []byte) error {
	*r = slices.Grow((*r)[:0], len(text)/4)
	number, digits := 0, 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			if number, digits = 10*number+int(c-'0'), digits+1; number > 255 {
				return errors.New("a brush holds a number above 255")
			}
		case c == ',' || c == ']':
			if digits > 0 {
				*r = append(*r, byte(number))
			}
			number, digits = 0, 0
		case c == '[' || c == ' ' || c == '\n' || c == '\r' || c == '\t':
		default:
			return fmt.Errorf("a brush is a list of numbers, found %q", c)
		}
	}
	return nil
}

// bitWriter collects bits, highest first.
type bitWriter struct {
	out  []byte
	word uint64
	n    int // bits in word, below 32
}

func (w *bitWriter) put(v uint32, bits int) {
	w.word = w.word<<bits | uint64(v)
	if w.n += bits; w.n >= 32 {
		w.n -= 32
		w.out = binary.BigEndian.AppendUint32(w.out, uint32(w.word>>w.n))
	}
}

// bytes pads with zeros: one byte more where the bits fill theirs, as label-studio-converter
// does.
func (w *bitWriter) bytes() []byte {
	w.put(0, 8-w.n%8)
	for w.n > 0 {
		w.n -= 8
		w.out = append(w.out, byte(w.word>>w.n))
	}
	return w.out
}

// bitReader gives bits, highest first; zeros after the end, where short is set.
type bitReader struct {
	data  []byte
	at    int // bits
	short bool
}

func (r *bitReader) get(bits int) uint32 {
	if r.at+bits > len(r.data)*8 {
		r.short = true
		return 0
	}
	v := uint64(0)
	first, last := r.at/8, (r.at+bits+7)/8
	for _, b := range r.data[first:last] {
		v = v<<8 | uint64(b)
	}
	r.at += bits
	return uint32(v >> (last*8 - r.at) & (1<<bits - 1))
}
