package annotate

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"hdmnet/internal/data"
)

// painted makes a picture of h×w whose pixels are of the colors of f.
func painted(h, w int, f func(y, x int) [3]uint8) []uint8 {
	var pix []uint8
	for y := range h {
		for x := range w {
			c := f(y, x)
			pix = append(pix, c[:]...)
		}
	}
	return pix
}

// twoDiscs are an orange disc of radius 40 around (90, 110), row and column, and one of
// radius 25 around (90, 200), on gray with some texture.
func twoDiscs(y, x int) [3]uint8 {
	noise := uint8((x*7 + y*13) % 11)
	if math.Hypot(float64(y-90), float64(x-110)) < 40 || math.Hypot(float64(y-90), float64(x-200)) < 25 {
		return [3]uint8{220 + noise, 120 + noise, 20 + noise}
	}
	return [3]uint8{100 + noise, 105 + noise, 110 + noise}
}

func mask(t *testing.T, pix []uint8, h, w int, m *Marks) []uint8 {
	t.Helper()
	got, err := Mask(pix, h, w, m)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if v > 1 {
			t.Fatalf("pixel %d is %d", i, v)
		}
	}
	if len(got) != h*w {
		t.Fatalf("%d pixels", len(got))
	}
	return got
}

// overlap is the IoU of a mask with the pixels where f holds.
func overlap(mask []uint8, w int, f func(y, x int) bool) float64 {
	hit, either := 0.0, 0.0
	for i, v := range mask {
		truth := f(i/w, i%w)
		if v == 1 && truth {
			hit++
		}
		if v == 1 || truth {
			either++
		}
	}
	return hit / either
}

func TestBoxes(t *testing.T) {
	got := mask(t, make([]uint8, 4*5*3), 4, 5, &Marks{Boxes: []Box{{0, 0, 2, 1}, {3, 1, 5, 4}}})
	want := []uint8{1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1}
	if !bytes.Equal(got, want) {
		t.Errorf("mask %v", got)
	}
}

func TestPoints(t *testing.T) {
	const h, w = 200, 300
	pix := painted(h, w, twoDiscs)
	large := func(y, x int) bool { return math.Hypot(float64(y-90), float64(x-110)) < 40 }
	small := func(y, x int) bool { return math.Hypot(float64(y-90), float64(x-200)) < 25 }
	both := func(y, x int) bool { return large(y, x) || small(y, x) }
	line := make([]uint8, h*w)
	for x := 90; x < 130; x++ {
		line[90*w+x] = 200
	}
	for what, c := range map[string]struct {
		marks Marks
		truth func(y, x int) bool
	}{
		"one point":              {Marks{Points: []Point{{110, 90}}}, large},
		"a point off the middle": {Marks{Points: []Point{{82, 80}}}, large},
		"two points":             {Marks{Points: []Point{{110, 90}, {200, 90}}}, both},
		"a scribble":             {Marks{Scribble: line}, large},
		"inside a box":           {Marks{Points: []Point{{95, 90}}, Boxes: []Box{{60, 40, 110, 140}}}, func(y, x int) bool { return large(y, x) && x < 110 }},
	} {
		got := mask(t, pix, h, w, &c.marks)
		if v := overlap(got, w, c.truth); v < 0.93 {
			t.Errorf("%s: IoU %.3f", what, v)
		}
		if again := mask(t, pix, h, w, &c.marks); !bytes.Equal(got, again) {
			t.Errorf("%s: another mask the second time", what)
		}
	}
}

// TestNot: a point of the background takes back what has the object's color.
func TestNot(t *testing.T) {
	const h, w = 120, 200
	pix := painted(h, w, func(y, x int) [3]uint8 {
		if y < 20 || y >= 100 || x < 60 || x >= 140 {
			return [3]uint8{30, 30, 30}
		}
		return [3]uint8{90, 200, 90}
	})
	all := func(y, x int) bool { return y >= 20 && y < 100 && x >= 60 && x < 140 }
	whole := mask(t, pix, h, w, &Marks{Points: []Point{{75, 60}}})
	cut := mask(t, pix, h, w, &Marks{Points: []Point{{75, 60}}, Not: []Point{{130, 60}}})
	if v := overlap(whole, w, all); v < 0.95 {
		t.Errorf("one point: IoU %.3f", v)
	}
	if cut[60*w+130] != 0 || cut[60*w+125] != 0 || cut[60*w+75] != 1 || overlap(cut, w, all) > 0.9 {
		t.Errorf("with a point of the background: IoU %.3f", overlap(cut, w, all))
	}
}

// TestShapes: on textured shapes before clutter one point on each object gives a useful
// mask, and more points a better one. A disc around the points, of whatever size, does not
// get there.
func TestShapes(t *testing.T) {
	fold, err := data.Shapes5i(0)
	if err != nil {
		t.Fatal(err)
	}
	src, err := data.NewShapes(data.ShapesOptions{Fold: fold, Split: data.Val, Seed: 3, Count: 8})
	if err != nil {
		t.Fatal(err)
	}
	scores := map[int]float64{}
	discs := make([]float64, 12) // by radius, in 2 % of the diagonal
	objects := 0.0
	for i := range src.Len() {
		s, err := src.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		diagonal := math.Hypot(float64(s.H), float64(s.W))
		for class := uint8(1); class <= 20; class++ {
			truth := func(y, x int) bool { return s.Mask[y*s.W+x] == class }
			points := inside(s.Mask, s.H, s.W, class, 4)
			if points == nil {
				continue
			}
			objects++
			for _, n := range []int{1, 4} {
				scores[n] += overlap(mask(t, s.Image, s.H, s.W, &Marks{Points: points[:n]}), s.W, truth)
			}
			for r := range discs {
				disc := make([]uint8, s.H*s.W)
				for p := range disc {
					if math.Hypot(float64(p/s.W-points[0].Y), float64(p%s.W-points[0].X)) < 0.02*float64(r+1)*diagonal {
						disc[p] = 1
					}
				}
				discs[r] += overlap(disc, s.W, truth)
			}
		}
	}
	best := 0.0
	for _, v := range discs {
		best = max(best, v/objects)
	}
	one, four := scores[1]/objects, scores[4]/objects
	t.Logf("%.0f objects: one point %.3f, four points %.3f, the best disc %.3f", objects, one, four, best)
	if objects < 15 || one < 0.70 || four < 0.78 || best > one-0.05 {
		t.Errorf("%.0f objects: one point %.3f, four points %.3f, the best disc %.3f", objects, one, four, best)
	}
}

// inside are n points of a class: each as far as can be from its border and from the
// points before; nil when it covers fewer than 300 pixels.
func inside(mask []uint8, h, w int, class uint8, n int) []Point {
	border := make([]int8, h*w)
	area := 0
	for i, v := range mask {
		if v == class {
			area++
		}
		if v != class || i%w == 0 || i%w == w-1 || i < w || i >= h*w-w {
			border[i] = 1
		}
	}
	if area < 300 {
		return nil
	}
	var out []Point
	for range n {
		d, at := distances(border, 1, h, w), 0
		for i, v := range d {
			if v > d[at] {
				at = i
			}
		}
		out = append(out, Point{at % w, at / w})
		radius := d[at] * math.Hypot(float64(h), float64(w))
		for i := range border {
			if math.Hypot(float64(i/w-at/w), float64(i%w-at%w)) <= radius {
				border[i] = 1
			}
		}
	}
	return out
}

// TestSmallPictures: no size is too small, no mark is lost.
func TestSmallPictures(t *testing.T) {
	for _, s := range [][2]int{{1, 1}, {1, 7}, {9, 1}, {3, 900}, {401, 2}} {
		h, w := s[0], s[1]
		p := Point{w - 1, h - 1}
		got := mask(t, make([]uint8, h*w*3), h, w, &Marks{Points: []Point{p}})
		if got[p.Y*w+p.X] != 1 {
			t.Errorf("%d×%d: the marked pixel is background", w, h)
		}
		scribble := make([]uint8, h*w)
		scribble[h*w/2] = 255
		if !bytes.Contains(mask(t, make([]uint8, h*w*3), h, w, &Marks{Scribble: scribble}), []byte{1}) {
			t.Errorf("%d×%d: the scribble is lost", w, h)
		}
	}
}

func TestBadMarks(t *testing.T) {
	const h, w = 30, 40
	for _, c := range []struct {
		marks Marks
		want  string
	}{
		{Marks{}, "nothing is marked"},
		{Marks{Boxes: []Box{{5, 5, 5, 9}}}, "box 5,5,5,9 is empty"},
		{Marks{Boxes: []Box{{0, 0, 41, 30}}}, "box 0,0,41,30 reaches out of the picture of 40×30"},
		{Marks{Boxes: []Box{{-1, 0, 4, 3}}}, "reaches out"},
		{Marks{Points: []Point{{40, 0}}}, "point 40,0 is outside the picture of 40×30"},
		{Marks{Points: []Point{{0, 0}}, Not: []Point{{3, -1}}}, "point 3,-1"},
		{Marks{Not: []Point{{3, 3}}}, "only the background"},
		{Marks{Boxes: []Box{{0, 0, 9, 9}}, Not: []Point{{3, 3}}}, "only the background"},
		{Marks{Points: []Point{{3, 3}}, Not: []Point{{3, 3}}}, "no point of the object is left"},
		{Marks{Points: []Point{{30, 3}}, Boxes: []Box{{0, 0, 9, 9}}}, "outside the box"},
		{Marks{Scribble: make([]uint8, h*w)}, "scribble marks nothing"},
		{Marks{Scribble: make([]uint8, 7)}, "7 pixels"},
	} {
		_, err := Mask(make([]uint8, h*w*3), h, w, &c.marks)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v should say %q", c.marks, err, c.want)
		}
	}
}

func BenchmarkMask500x375(b *testing.B) {
	pix := painted(375, 500, twoDiscs)
	for b.Loop() {
		if _, err := Mask(pix, 375, 500, &Marks{Points: []Point{{110, 90}}}); err != nil {
			b.Fatal(err)
		}
	}
}
