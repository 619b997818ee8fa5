package coco

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestEncodeRLE: a code read again is the mask; two are pycocotools' own.
func TestEncodeRLE(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		h, w := 1+r.IntN(40), 1+r.IntN(40)
		mh, mw := 1+r.IntN(h), 1+r.IntN(w)
		x0, y0 := r.IntN(w-mw+1), r.IntN(h-mh+1)
		mask, want := make([]uint8, mh*mw), make([]uint8, h*w)
		for i := range mask {
			if r.Float64() < 0.6 {
				mask[i] = 1
				want[(y0+i/mw)*w+x0+i%mw] = 1
			}
		}
		counts, err := decompress(EncodeRLE(h, w, x0, y0, mask, mh, mw))
		if err != nil {
			t.Fatal(err)
		}
		c := newCanvas(h, w)
		if err := c.checkRuns(counts); err != nil {
			t.Fatal(err)
		}
		if c.runs(counts, 1); !slices.Equal(c.pix, want) {
			t.Fatalf("%d×%d at %d,%d of %d×%d is another mask", mw, mh, x0, y0, w, h)
		}
	}
	// pycocotools.mask.encode(numpy.asfortranarray(mask)) of a 3×4 mask (height×width) and of
	// one whose second and third rows of 100 columns are set.
	if got := EncodeRLE(3, 4, 1, 1, []uint8{1, 0, 1, 1}, 2, 2); got != "422O1" {
		t.Errorf("got %q, want 422O1", got)
	}
	rows := slices.Repeat([]uint8{1}, 200)
	if got, want := EncodeRLE(50, 100, 0, 1, rows, 2, 100), "12`1"+strings.Repeat("0", 197)+"O"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
