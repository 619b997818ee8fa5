package prepare

import (
	"errors"
	"fmt"

	"hdmnet/internal/picture"
)

// Label Studio's brush is a stream of bits, highest first: 32 bits the number of values, 5
// the bits of a value less one, four times 4 the bits of a run's length less one; then runs:
// a bit that says whether all values are alike, 2 bits that choose one of the four lengths,
// the length less one, and one value or as many as the run has. The values are red, green,
// blue and alpha of every pixel, row by row, or one for every pixel; what has alpha is
// painted. (thi.ng's rle-pack.)

var errBrushCut = errors.New("its brush is cut short")

// bits reads a stream of bits, given as bytes.
type bits struct {
	bytes []byte
	at    int // bit
}

func (b *bits) read(n int) (v int, err error) {
	if n > 8*len(b.bytes)-b.at {
		return 0, errBrushCut
	}
	for range n {
		v = v<<1 | int(b.bytes[b.at>>3]>>(7-b.at&7)&1)
		b.at++
	}
	return v, nil
}

// decodeBrush reads a brush of a picture.
func decodeBrush(rle []byte, width, height int) (*Mask, error) {
	if int64(width)*int64(height) > picture.WholePixels {
		return nil, fmt.Errorf("a brush of %d×%d pixels, expected at most %d in all", width, height, picture.WholePixels)
	}
	in := &bits{bytes: rle}
	count, err := in.read(32)
	if err != nil {
		return nil, err
	}
	step := 4
	if count == width*height {
		step = 1
	}
	if count != step*width*height {
		return nil, fmt.Errorf("its brush has %d values, a picture of %d×%d pixels has %d", count, width, height, 4*width*height)
	}
	m := &Mask{Pix: make([]uint8, width*height), H: height, W: width}
	word, err := in.read(5)
	if err != nil {
		return nil, err
	}
	word++
	var sizes [4]int
	for i := range sizes {
		if sizes[i], err = in.read(4); err != nil {
			return nil, err
		}
		sizes[i]++
	}
	for i := 0; i < count; {
		head, err := in.read(3)
		if err != nil {
			return nil, err
		}
		run, err := in.read(sizes[head&3])
		if err != nil {
			return nil, err
		}
		end := i + run + 1
		if end > count {
			return nil, fmt.Errorf("its brush has a run of %d at value %d of %d", run+1, i, count)
		}
		alike := head&4 != 0
		for first := true; i < end; i++ {
			if first || !alike {
				if run, err = in.read(word); err != nil {
					return nil, err
				}
				first = false
			}
			if run != 0 && i%step == step-1 {
				m.Pix[i/step] = 1
			}
		}
	}
	return m, nil
}
