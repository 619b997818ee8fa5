package metric

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// eroded is the definition: every pixel of the (2d+1)² window is 1, outside is 0.
func eroded(mask []uint8, h, w, d, y, x int) bool {
	for yy := y - d; yy <= y+d; yy++ {
		for xx := x - d; xx <= x+d; xx++ {
			if yy < 0 || yy >= h || xx < 0 || xx >= w || mask[yy*w+xx] != 1 {
				return false
			}
		}
	}
	return true
}

func TestBoundary(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		h, w  int
		ratio float64
		d     int
	}{{10, 10, 0.02, 1}, {60, 80, 0.02, 2}, {1, 9, 0.3, 3}, {30, 17, 0.1, 3}} {
		mask := make([]uint8, c.h*c.w)
		for i := range mask {
			if rng.IntN(40) > 0 {
				mask[i] = 1
			} else if rng.IntN(2) > 0 {
				mask[i] = 255
			}
		}
		got := Boundary(mask, c.h, c.w, c.ratio)
		for i, v := range mask {
			want := v
			if v == 1 && eroded(mask, c.h, c.w, c.d, i/c.w, i%c.w) {
				want = 0
			}
			if got[i] != want {
				t.Fatalf("%d×%d, d %d: pixel %d is %d, want %d", c.h, c.w, c.d, i, got[i], want)
			}
		}
	}
	if all := Boundary(make([]uint8, 12), 3, 4, 0.02); slices.Max(all) != 0 {
		t.Errorf("an empty mask has the boundary %v", all)
	}
}

// TestBoundaryIoU: a square and the same moved by one pixel, by hand: boundaries one pixel
// wide of 6×6 squares have 20 pixels, of which 2 are common.
func TestBoundaryIoU(t *testing.T) {
	square := func(at int) []uint8 {
		m := make([]uint8, 100)
		for y := at; y < at+6; y++ {
			for x := at; x < at+6; x++ {
				m[y*10+x] = 1
			}
		}
		return m
	}
	a, b := Boundary(square(1), 10, 10, BoundaryRatio), Boundary(square(2), 10, 10, BoundaryRatio)
	m := New([]int{3})
	m.Add(3, a, b)
	common, union := 0.0, 0.0
	for i := range a {
		if a[i] == 1 && b[i] == 1 {
			common++
		}
		if a[i] == 1 || b[i] == 1 {
			union++
		}
	}
	if got := m.MIoU(); math.Abs(got-common/union) > 1e-12 || common != 2 || union != 38 {
		t.Errorf("boundary IoU %g, %g common of %g", got, common, union)
	}
}
