package train

import (
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"
)

// TestTicks: steps are whole numbers without decimals, and a tick says what it is.
func TestTicks(t *testing.T) {
	for _, c := range []struct {
		least, low, high float64
		want             string
	}{
		{1, 0, 1, "0 1"},
		{1, 0, 3, "0 1 2 3"},
		{1, 0, 750, "0 100 200 300 400 500 600 700"},
		{1, 0, 3000, "0 500 1000 1500 2000 2500 3000"},
		{1, 0, 1234567, "0 200000 400000 600000 800000 1000000 1200000"},
		{0, 0.31, 0.46, "0.32 0.34 0.36 0.38 0.40 0.42 0.44 0.46"},
		{0, -0.05, 1.05, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{0, 2.3e-4, 2.9e-4, "0.00023 0.00024 0.00025 0.00026 0.00027 0.00028 0.00029"},
	} {
		var got []string
		for _, tick := range (ticks{c.least}).Ticks(c.low, c.high) {
			got = append(got, tick.Label)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("ticks of %g to %g: %v, want %s", c.low, c.high, got, c.want)
		}
	}
}

// TestCurveHasRoom: the curve does not touch the frame, also when it is flat.
func TestCurveHasRoom(t *testing.T) {
	for _, c := range []struct{ y, low, high float64 }{{2, 1.9, 4.1}, {4, 3.6, 4.4}, {0, -0.2, 4.2}} {
		points := plotter.XYs{{X: 1, Y: c.y}, {X: 9, Y: 4}}
		p, err := curve("t", "y", 12, points, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p.X.Min != 0 || p.X.Max != 12 || fmt.Sprintf("%.4g %.4g", p.Y.Min, p.Y.Max) != fmt.Sprintf("%.4g %.4g", c.low, c.high) {
			t.Errorf("from %g to 4: the axes go from %g to %g and from %g to %g", c.y, p.X.Min, p.X.Max, p.Y.Min, p.Y.Max)
		}
	}
}

// TestOnePointIsVisible: after one step and one validation both plots show blue marks.
func TestOnePointIsVisible(t *testing.T) {
	dir := t.TempDir()
	metrics, path := filepath.Join(dir, "metrics.jsonl"), filepath.Join(dir, "curves.png")
	text := `{"kind":"step","stage":"meta","step":1,"losses":{"total":0.7}}
{"kind":"validation","stage":"meta","step":1,"scores":{"miou":0.25}}
`
	if err := os.WriteFile(metrics, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := drawCurves(metrics, path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	blue := []int{0, 0}
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if r, _, blu, _ := img.At(x, y).RGBA(); blu > r+0x4000 {
				blue[(x-b.Min.X)*2/b.Dx()]++
			}
		}
	}
	if slices.Min(blue) < 10 {
		t.Errorf("blue pixels left and right: %v", blue)
	}
}
