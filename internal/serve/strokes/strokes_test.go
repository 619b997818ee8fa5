package strokes

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/annotate"
)

// disk is a picture of h×w pixels with a red disk.
func disk(h, w, cy, cx, r int) []uint8 {
	pix := make([]uint8, h*w*3)
	for i := range h * w {
		y, x := i/w-cy, i%w-cx
		pix[3*i+1], pix[3*i+2] = 60, uint8(100+i%7)
		if y*y+x*x <= r*r {
			pix[3*i], pix[3*i+1], pix[3*i+2] = 220, uint8(30+i%5), 40
		}
	}
	return pix
}

func count(mask []uint8) (n int) {
	for _, v := range mask {
		n += int(v)
	}
	return n
}

// Marks alone give what package annotate makes of them.
func TestMarks(t *testing.T) {
	const h, w = 120, 160
	pix := disk(h, w, 60, 80, 30)
	want, err := annotate.Mask(pix, h, w, &annotate.Marks{Points: []annotate.Point{{X: 80, Y: 60}}, Not: []annotate.Point{{X: 5, Y: 5}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Mask([]Stroke{{Tool: "point", Add: true, X: 80.4, Y: 60}, {Tool: "point", X: 5, Y: 5.9}}, h, w, pix, h, w, h, w)
	if err != nil || !slices.Equal(got, want) || count(got) < 2000 {
		t.Errorf("%d pixels, annotate has %d: %v", count(got), count(want), err)
	}
	// Lines of the object and of the background, on a copy of half the size, in full size.
	lines := []Stroke{{Tool: "scribble", Add: true, Width: 6, Points: [][2]float64{{140, 120}, {180, 120}}}, {Tool: "scribble", Width: 6, Points: [][2]float64{{10, 10}, {300, 20}}}}
	got, err = Mask(lines, 2*h, 2*w, pix, h, w, 2*h, 2*w)
	if n := count(got); err != nil || math.Abs(float64(n)-math.Pi*60*60) > 1500 {
		t.Errorf("%d pixels, want about %.0f: %v", n, math.Pi*60*60, err)
	}
	small, err := Mask(lines, 2*h, 2*w, pix, h, w, h, w)
	if n := count(small); err != nil || math.Abs(float64(n)-math.Pi*30*30) > 400 {
		t.Errorf("%d pixels in the copy: %v", n, err)
	}
}

// Polygons and brushes paint exactly, in the order of drawing.
func TestExact(t *testing.T) {
	const h, w = 40, 60
	pix := make([]uint8, h*w*3)
	square := Stroke{Tool: "polygon", Add: true, Points: [][2]float64{{10, 10}, {30, 10}, {30, 30}, {10, 30}}}
	got, err := Mask([]Stroke{square}, h, w, pix, h, w, h, w)
	if err != nil || count(got) != 400 || got[10*w+10] != 1 || got[9*w+10] != 0 {
		t.Fatalf("%d pixels: %v", count(got), err)
	}
	erase := Stroke{Tool: "brush", Width: 10, Points: [][2]float64{{20, 20}}}
	for _, x := range []struct {
		strokes []Stroke
		want    bool
	}{{[]Stroke{square, erase}, false}, {[]Stroke{erase, square}, true}} {
		got, err := Mask(x.strokes, h, w, pix, h, w, h, w)
		if err != nil || (got[20*w+20] == 1) != x.want {
			t.Errorf("pixel 20,20 is %d: %v", got[20*w+20], err)
		}
	}
	// A line against the distance of every pixel's middle.
	line := Stroke{Tool: "brush", Add: true, Width: 7, Points: [][2]float64{{5, 5}, {50, 12}, {48, 33}, {48, 33}}}
	got, err = Mask([]Stroke{line}, h, w, pix, h, w, h, w)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		x, y, d := float64(i%w)+0.5, float64(i/w)+0.5, math.Inf(1)
		for k := 1; k < len(line.Points); k++ {
			d = min(d, away(x, y, line.Points[k-1], line.Points[k]))
		}
		if math.Abs(d-3.5) > 1e-6 && (d < 3.5) != (v == 1) {
			t.Fatalf("pixel %d,%d at distance %g is %d", i%w, i/w, d, v)
		}
	}
}

// away is the distance of a point from the line from a to b.
func away(x, y float64, a, b [2]float64) float64 {
	dx, dy := b[0]-a[0], b[1]-a[1]
	u := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		u = max(0, min(1, ((x-a[0])*dx+(y-a[1])*dy)/l))
	}
	return math.Hypot(x-a[0]-u*dx, y-a[1]-u*dy)
}

func TestRefused(t *testing.T) {
	var over []Stroke
	for range 200 {
		over = append(over, Stroke{Tool: "brush", Add: true, Width: 40, Points: [][2]float64{{0, 0}, {40, 40}}})
	}
	for want, strokes := range map[string][]Stroke{
		"no strokes":            nil,
		"at most 2000":          make([]Stroke, MaxStrokes+1),
		"over and over":         over,
		"stroke 1: a polygon":   {{Tool: "polygon", Points: [][2]float64{{1, 1}, {2, 2}}}},
		"stroke 1: box":         {{Tool: "box", X0: 3, X1: 3, Y1: 4}},
		"stroke 2: a brush has": {{Tool: "point", Add: true}, {Tool: "brush", Width: -1, Points: [][2]float64{{1, 1}}}},
		"far outside":           {{Tool: "brush", Width: 3, Points: [][2]float64{{1e12, 1}}}},
		"no tool":               {{}},
		"NaN":                   {{Tool: "point", X: math.NaN()}},
		"only the background":   {{Tool: "scribble", Width: 3, Points: [][2]float64{{1, 1}}}},
		"points":                {{Tool: "brush", Width: 1, Points: make([][2]float64, maxPoints+1)}},
	} {
		if _, err := Mask(strokes, 40, 40, make([]uint8, 40*40*3), 40, 40, 40, 40); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func FuzzStrokes(f *testing.F) {
	f.Add(`[{"tool":"point","add":true,"x":3,"y":2},{"tool":"box","x0":1,"y0":9,"x1":5,"y1":2}]`)
	f.Add(`[{"tool":"scribble","add":true,"width":3,"points":[[1,1],[9,9]]},{"tool":"brush","width":2,"points":[[3,3]]},{"tool":"polygon","points":[[0,0],[9,0],[5,8]]}]`)
	pix := disk(30, 40, 15, 20, 8)
	f.Fuzz(func(t *testing.T, text string) {
		var strokes []Stroke
		if json.Unmarshal([]byte(text), &strokes) != nil {
			return
		}
		mask, err := Mask(strokes, 60, 80, pix, 30, 40, 60, 80)
		if err == nil && (len(mask) != 60*80 || slices.Max(mask) > 1) {
			t.Errorf("%d pixels, up to %d", len(mask), slices.Max(mask))
		}
	})
}
