package coco

import (
	"errors"
	"fmt"
)

// A run-length code of a mask [H,W] counts pixels column by column, in turn outside and
// inside, beginning outside: pycocotools' RLE. Here the counts must add up to H·W;
// pycocotools leaves pixels undefined when they fall short.

// decompress reads a run-length code in its string form: each count in groups of 5 bits,
// lowest first, a character 48 + group each, bit 32 set when more follow, the sign being
// the highest bit of the last; from the fourth count on the difference to the last but one.
func decompress(text string) (counts []int64, err error) {
	for p := 0; p < len(text); {
		var n int64
		for shift := 0; ; shift += 5 {
			if p == len(text) {
				return nil, errors.New("RLE string: ends in the middle of a count")
			}
			group := int64(text[p]) - 48
			if group < 0 || group > 63 {
				return nil, fmt.Errorf("RLE string: character %q at %d, expected '0' to 'o'", text[p], p)
			}
			if shift > 35 {
				return nil, fmt.Errorf("RLE string: the count at %d does not fit into 32 bits", p)
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
		if m := len(counts); m > 2 {
			n += counts[m-2]
		}
		counts = append(counts, n)
	}
	return counts, nil
}

// checkRuns makes sure that counts are a mask of the canvas' size.
func (c *canvas) checkRuns(counts []int64) error {
	all, at := int64(c.h*c.w), int64(0)
	for _, n := range counts {
		if n < 0 || n > all-at {
			return fmt.Errorf("RLE: a count of %d after %d of %d pixels (%d×%d, width×height)", n, at, all, c.w, c.h)
		}
		at += n
	}
	if at != all {
		return fmt.Errorf("RLE: the counts add up to %d, expected %d (%d×%d pixels, width×height)", at, all, c.w, c.h)
	}
	return nil
}

// runs draws counts that checkRuns has seen.
func (c *canvas) runs(counts []int64, value uint8) {
	at := 0
	for i, n := range counts {
		if i%2 == 1 {
			c.column(at, at+int(n), value)
		}
		at += int(n)
	}
}
