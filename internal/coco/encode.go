package coco

import "strings"

// EncodeRLE is the run-length code, in its string form, of a mask [mh,mw] (inside where not
// 0) that lies with its upper left corner at column x0 and row y0 of a picture [h,w]: what
// pycocotools' encode makes of the whole picture's mask.
func EncodeRLE(h, w, x0, y0 int, mask []uint8, mh, mw int) string {
	return compress(countRuns(h, w, x0, y0, mask, mh, mw))
}

// RLE is the run-length code of a mask [h,w], as JSON has it.
type RLE struct {
	Size   [2]int `json:"size"`   // h, w
	Counts any    `json:"counts"` // []int64, or the string form
}

// NewRLE is the code of a mask [h,w] (inside where not 0), in its string form where
// compressed.
func NewRLE(mask []uint8, h, w int, compressed bool) RLE {
	counts := countRuns(h, w, 0, 0, mask, h, w)
	if compressed {
		return RLE{[2]int{h, w}, compress(counts)}
	}
	return RLE{[2]int{h, w}, counts}
}

// DecodeRLE is the mask [h,w], 0 and 1, of a code in JSON with the counts in either form.
//
// Errors: another size; counts that are no mask's.
func DecodeRLE(raw []byte, h, w int) ([]uint8, error) {
	c := newCanvas(h, w)
	counts, err := c.parseRLE(raw)
	if err != nil {
		return nil, err
	}
	c.runs(counts, 1)
	return c.pix, nil
}

// countRuns are the counts of EncodeRLE.
func countRuns(h, w, x0, y0 int, mask []uint8, mh, mw int) []int64 {
	var counts []int64
	run, inside := int64(x0)*int64(h), false // of columns before the mask
	add := func(value bool, n int64) {
		if n == 0 {
			return
		}
		if value != inside {
			counts, run, inside = append(counts, run), 0, value
		}
		run += n
	}
	for x := range mw {
		add(false, int64(y0))
		for y := range mh {
			add(mask[y*mw+x] != 0, 1)
		}
		add(false, int64(h-y0-mh))
	}
	add(false, int64(w-x0-mw)*int64(h))
	return append(counts, run)
}

// compress is the inverse of decompress.
func compress(counts []int64) string {
	var text strings.Builder
	for i, n := range counts {
		if i > 2 {
			n -= counts[i-2]
		}
		for more := true; more; {
			group := n & 31
			n >>= 5
			more = group&16 == 0 && n != 0 || group&16 != 0 && n != -1
			if more {
				group |= 32
			}
			text.WriteByte(byte(48 + group))
		}
	}
	return text.String()
}
