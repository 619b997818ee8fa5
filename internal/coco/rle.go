package coco

import (
	"errors"
	"fmt"
)

// A run-length code of a mask [H,W] counts pixels column by column, in turn outside and
// inside, beginning outside: pycocotools' RLE. Here the counts must add up to H·W;
// pycocotools leaves pixels undefined when they fall short.

// counts draws an uncompressed run-length code.
func (c *canvas) counts(counts []int64, value uint8) error {
	runs := runs{canvas: c, value: value}
	for _, n := range counts {
		if err := runs.add(n); err != nil {
			return err
		}
	}
	return runs.end()
}

// compressed draws a run-length code in its string form: each count in groups of 5 bits,
// lowest first, a character 48 + group each, bit 32 set when more follow, the sign being
// the highest bit of the last; from the fourth count on the difference to the last but one.
func (c *canvas) compressed(text string, value uint8) error {
	runs := runs{canvas: c, value: value}
	var last, lastButOne int64
	for p, m := 0, 0; p < len(text); m++ {
		var n int64
		for shift := 0; ; shift += 5 {
			if p == len(text) {
				return errors.New("RLE string: ends in the middle of a count")
			}
			group := int64(text[p]) - 48
			if group < 0 || group > 63 {
				return fmt.Errorf("RLE string: character %q at %d, expected '0' to 'o'", text[p], p)
			}
			if shift > 35 {
				return fmt.Errorf("RLE string: the count at %d does not fit into 32 bits", p)
			}
			p++
			n |= (group & 31) << shift
			if group&32 == 0 {
				if group&16 != 0 {
					n |= -1 << (shift + 5)
				}
				break
			}
		}
		if m > 2 {
			n += lastButOne
		}
		lastButOne, last = last, n
		if err := runs.add(n); err != nil {
			return err
		}
	}
	return runs.end()
}

// runs draws runs one after the other.
type runs struct {
	*canvas
	value  uint8
	at     int // pixels so far
	inside bool
}

func (r *runs) add(n int64) error {
	all := r.h * r.w
	if n < 0 || n > int64(all-r.at) {
		return fmt.Errorf("RLE: a count of %d after %d of %d pixels (%d×%d, width×height)", n, r.at, all, r.w, r.h)
	}
	if r.inside {
		r.column(r.at, r.at+int(n), r.value)
	}
	r.at += int(n)
	r.inside = !r.inside
	return nil
}

func (r *runs) end() error {
	if all := r.h * r.w; r.at != all {
		return fmt.Errorf("RLE: the counts add up to %d, expected %d (%d×%d pixels, width×height)", r.at, all, r.w, r.h)
	}
	return nil
}
