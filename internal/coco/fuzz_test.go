package coco

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"hdmnet/internal/labelmap"
)

// small says whether masks of all images are cheap to draw.
func small(s *Set) bool {
	pixels := 0
	for _, image := range s.Images {
		if pixels += image.H * image.W; pixels > 1<<16 {
			return false
		}
	}
	return true
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(made(`{"id":1,"image_id":7,"category_id":9,"iscrowd":0,"segmentation":[[0,0,2.5,0,2,2],[1,1]]}`)))
	f.Add([]byte(made(`{"id":1,"image_id":7,"category_id":9,"segmentation":{"size":[3,4],"counts":[4,1,7]}}`)))
	f.Add([]byte(made(`{"id":1,"image_id":7,"category_id":9,"segmentation":{"size":[3,4],"counts":"417"}}`)))
	f.Add([]byte(made(`{"id":1,"image_id":7,"category_id":9,"iscrowd":1,"segmentation":null},{"id":1,"image_id":8,"category_id":9}`)))
	f.Add([]byte("\xef\xbb\xbf" + `{"info":{"a":[[]]},"images":[{"id":-1,"file_name":"../a","height":1e9,"width":-4}]}`))
	f.Add([]byte(`{"categories":[{"id":9223372036854775808,"name":"x"}],"annotations":[{},]}`))
	f.Add([]byte(made(`{"id":"x","image_id":7.0,"category_id":"9","area":NaN,"segmentation":[{"size":[3,"4"],"counts":[4.0,1,7]},[0,0,"1",1,2]]},{"segmentation":[1,2,3,4,5,6]},5`)))
	f.Add([]byte("\xff\xfe{\x00}\x00"))
	f.Add([]byte("{\"annotations\":[0\xca"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := read(string(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "a.json:") || strings.Contains(err.Error(), "Go ") {
				t.Fatalf("error without the file's name: %v", err)
			}
			return
		}
		if !small(s) {
			return
		}
		for i, image := range s.Images {
			h, w := image.H, image.W
			if h == 0 {
				h, w = 3, 4 // the file does not say
			}
			for _, mode := range []Mode{AllPolygons, FirstPolygon} {
				pix, counted, err := s.Mask(mode, h, w, i)
				if err != nil {
					t.Fatalf("a mask: %v", err)
				}
				if counted.Used+counted.LeftOut() != s.Instances(i) {
					t.Fatalf("%d annotations, counted as %+v", s.Instances(i), counted)
				}
				if len(pix) != h*w {
					t.Fatalf("%d pixels, want %d×%d", len(pix), w, h)
				}
				for _, v := range pix {
					if int(v) > len(s.Categories) && v != labelmap.Ignore {
						t.Fatalf("value %d of %d categories", v, len(s.Categories))
					}
				}
			}
		}
	})
}

// counted is the run-length code of a mask of 0 and 1.
func counted(c *canvas) []int64 {
	counts := []int64{0}
	now := uint8(0)
	for p := range c.h * c.w {
		if v := c.pix[p%c.h*c.w+p/c.h]; v != now {
			counts, now = append(counts, 0), v
		}
		counts[len(counts)-1]++
	}
	return counts
}

// written is the string form of a run-length code.
func written(counts []int64) string {
	var s []byte
	for i, n := range counts {
		if i > 2 {
			n -= counts[i-2]
		}
		for more := true; more; {
			group := n & 31
			n >>= 5
			more = !(n == 0 && group&16 == 0 || n == -1 && group&16 != 0)
			if more {
				group |= 32
			}
			s = append(s, byte(group+48))
		}
	}
	return string(s)
}

func FuzzRLE(f *testing.F) {
	f.Add("417", uint8(3), uint8(4))
	f.Add("04L4", uint8(2), uint8(4))
	f.Add("0o0", uint8(1), uint8(31))
	f.Add("ooooooo?", uint8(255), uint8(255))
	f.Add("\\h0", uint8(200), uint8(100))
	f.Fuzz(func(t *testing.T, text string, height, width uint8) {
		h, w := int(height)+1, int(width)+1
		c := newCanvas(h, w)
		draw := func(c *canvas, text string) error {
			runs, err := decompress(text)
			if err == nil {
				err = c.checkRuns(runs)
			}
			if err == nil {
				c.runs(runs, 1)
			}
			return err
		}
		if draw(c, text) != nil {
			return
		}
		counts := counted(c)
		again, third := newCanvas(h, w), newCanvas(h, w)
		again.runs(counts, 1)
		if err := again.checkRuns(counts); err != nil || !bytes.Equal(again.pix, c.pix) {
			t.Fatalf("%q: the counts %v draw another mask, %v", text, counts, err)
		}
		if err := draw(third, written(counts)); err != nil || !bytes.Equal(third.pix, c.pix) {
			t.Fatalf("%q: its canonical form %q draws another mask, %v", text, written(counts), err)
		}
	})
}

func FuzzPolygon(f *testing.F) {
	add := func(h, w uint8, xy ...float64) {
		var raw []byte
		for _, v := range xy {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
		f.Add(raw, h, w)
	}
	add(9, 12, 0, 0, 5.5, 0.25, 3, 8)
	add(30, 20, -4.4, 1, 25, 7.1, 3, 33, 3, 33, 3, -2)
	add(5, 5, 2.3, 2.3)
	add(5, 5, 1e300, 0, math.NaN(), 1, math.Inf(-1), 2)
	f.Fuzz(func(t *testing.T, raw []byte, height, width uint8) {
		h, w := int(height)%64+1, int(width)%64+1
		var numbers []string
		usable := true
		for ; len(raw) >= 8 && len(numbers) < 64; raw = raw[8:] {
			v := math.Float64frombits(binary.LittleEndian.Uint64(raw))
			usable = usable && math.Abs(v) <= 3000 // longer walks take too long
			numbers = append(numbers, fmt.Sprint(v))
		}
		c := newCanvas(h, w)
		polygons, _, err := c.parseParts([]byte("[[" + strings.Join(numbers, ",") + "]]"))
		if err != nil || !usable || len(numbers)%2 != 0 {
			return
		}
		c.instance(polygons, 1, AllPolygons)
		if len(polygons[0]) > 0 {
			if want := walked(polygons[0], h, w); !bytes.Equal(c.pix, want) {
				t.Fatalf("%v in %d×%d: %s, want %s", polygons, h, w, picture(c.pix, w), picture(want, w))
			}
		}
		c = newCanvas(h, w)
		c.instance(polygons, 1, FirstPolygon)
		for i := 0; i+1 < len(polygons[0]); i += 2 {
			if x, y := int(polygons[0][i]), int(polygons[0][i+1]); c.inside(x, y) && c.pix[y*w+x] != 1 {
				t.Fatalf("%v in %d×%d: the corner %d,%d is not drawn", polygons, h, w, x, y)
			}
		}
	})
}
