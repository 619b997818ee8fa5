package outline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// drawn makes labels of rows of digits.
func drawn(rows ...string) (labels []uint8, h, w int) {
	for _, row := range rows {
		for _, c := range row {
			labels = append(labels, uint8(c-'0'))
		}
	}
	return labels, len(rows), len(rows[0])
}

func TestObjects(t *testing.T) {
	labels, h, w := drawn(
		"1100020",
		"1002000",
		"0110000",
		"0000003")
	all := Objects(labels, h, w, 2)
	got := ""
	for _, o := range all {
		got += fmt.Sprintf("%d: %d pixels in %d,%d,%d,%d; ", o.Class, o.Area, o.X0, o.Y0, o.X1, o.Y1)
	}
	if want := "1: 5 pixels in 0,0,3,3; "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for i, v := range labels {
		if v > 1 {
			t.Errorf("pixel %d of a region that is too small is %d", i, v)
		}
	}
}

// TestRings: a square with a hole, and two pixels that touch at a corner.
func TestRings(t *testing.T) {
	labels, h, w := drawn("1110", "1010", "1110", "0002")
	all := Objects(labels, h, w, 1)
	if len(all) != 2 {
		t.Fatalf("%d objects", len(all))
	}
	if got, want := fmt.Sprint(all[0].rings()), "[[{0 0} {3 0} {3 3} {0 3}] [{1 2} {2 2} {2 1} {1 1}]]"; got != want {
		t.Errorf("the rings of a square with a hole are %s, want %s", got, want)
	}
	labels, h, w = drawn("10", "01")
	all = Objects(labels, h, w, 1)
	if got, want := fmt.Sprint(all[0].rings()), "[[{0 0} {1 0} {1 1} {2 1} {2 2} {1 2} {1 1} {0 1}]]"; len(all) != 1 || got != want {
		t.Errorf("the rings of two pixels are %s, want %s", got, want)
	}
}

// filled draws a polygon by its winding number at the centers of pixels.
func filled(p []Point, h, w int) []uint8 {
	out := make([]uint8, h*w)
	for y := range h {
		for x := range w {
			cx, cy, winding := float64(x)+0.5, float64(y)+0.5, 0
			for i, a := range p {
				b := p[(i+1)%len(p)]
				if (a.Y <= cy) != (b.Y <= cy) && a.X+(cy-a.Y)/(b.Y-a.Y)*(b.X-a.X) > cx {
					if a.Y <= cy {
						winding++
					} else {
						winding--
					}
				}
			}
			if winding != 0 {
				out[y*w+x] = 1
			}
		}
	}
	return out
}

// TestPolygonsGiveTheirPixels: drawn again they are the object, holes and all; simplified
// ones differ by no more than the tolerance allows.
func TestPolygonsGiveTheirPixels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		h, w := 1+r.IntN(12), 1+r.IntN(12)
		labels := make([]uint8, h*w)
		for i := range labels {
			if r.Float64() < 0.2+0.6*r.Float64() {
				labels[i] = uint8(1 + r.IntN(2))
			}
		}
		again, inset := make([]uint8, h*w), 0.05*float64(n%2)
		for _, o := range Objects(labels, h, w, 1) {
			for i, v := range filled(o.Polygon(0, inset), h, w) {
				if v == 1 {
					if again[i] != 0 {
						t.Fatalf("case %d: two objects cover pixel %d", n, i)
					}
					again[i] = o.Class
				}
			}
			mask := o.Mask()
			if got := strings.Count(fmt.Sprint(mask), "1"); got != o.Area {
				t.Fatalf("case %d: a mask of %d pixels, the area is %d", n, got, o.Area)
			}
		}
		if string(again) != string(labels) {
			t.Fatalf("case %d, %d×%d: drawn again\n%v, want\n%v", n, h, w, again, labels)
		}
	}
}

func TestSimplify(t *testing.T) {
	// A disk of radius 20: far fewer corners, and every pixel that differs is at the border.
	h, w := 50, 50
	labels := make([]uint8, h*w)
	for y := range h {
		for x := range w {
			if (x-25)*(x-25)+(y-25)*(y-25) < 400 {
				labels[y*w+x] = 1
			}
		}
	}
	o := Objects(labels, h, w, 1)[0]
	exact, simple := o.Polygon(0, 0), o.Polygon(1, 0)
	if len(simple)*4 > len(exact) || len(simple) < 8 {
		t.Errorf("%d corners of %d stay", len(simple), len(exact))
	}
	for i, v := range filled(simple, h, w) {
		x, y := float64(i%w)+0.5, float64(i/w)+0.5
		if v == labels[i] {
			continue
		}
		near := false
		for j, a := range exact {
			near = near || distance(Point{x, y}, a, exact[(j+1)%len(exact)]) <= 1.5
		}
		if !near {
			t.Errorf("pixel %v,%v has changed far from the outline", x, y)
		}
	}
	if got := simplify([]Point{{0, 0}, {1, 0}, {1, 1}, {0, 1}}, 10); len(got) != 4 {
		t.Errorf("a square keeps %d corners", len(got))
	}
	if got := simplify([]Point{{0, 0}, {4, 0}, {4, 1}, {2, 1}, {2, 2}, {0, 2}}, 100); len(got) < 3 {
		t.Errorf("%d corners are no polygon", len(got))
	}
}
