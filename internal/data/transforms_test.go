package data

import (
	"math"
	"testing"

	"hdmnet/internal/weights"
)

// goldens reads OpenCV's results on a path, validation or training; see testdata/golden.
type goldens struct {
	t *testing.T
	f *weights.File
}

func openGoldens(t *testing.T, path string) goldens {
	t.Helper()
	f, err := weights.Open("../../testdata/golden/transforms_" + path + ".safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return goldens{t, f}
}

func (g goldens) image(name string) (v []float32, h, w int) {
	g.t.Helper()
	v, shape, err := g.f.Float32(name + ".image")
	if err != nil {
		g.t.Fatal(err)
	}
	return v, shape[0], shape[1]
}

func (g goldens) label(name string) []uint8 {
	g.t.Helper()
	v, _, err := g.f.Uint8(name + ".label")
	if err != nil {
		g.t.Fatal(err)
	}
	return v
}

// scene is the photograph that all cases start from.
func (g goldens) scene() *Scene {
	g.t.Helper()
	image, shape, err := g.f.Uint8("image")
	if err != nil {
		g.t.Fatal(err)
	}
	label, _, err := g.f.Uint8("label")
	if err != nil {
		g.t.Fatal(err)
	}
	return &Scene{H: shape[0], W: shape[1], Image: image, Mask: label}
}

// within fails where two images differ by more than tol (NaN fails too); border
// pixels at the edge are not compared.
func within(t *testing.T, got, want []float32, h, w, border int, tol float64) {
	t.Helper()
	if len(got) != h*w*3 || len(want) != h*w*3 {
		t.Fatalf("%d and %d values for %d×%d", len(got), len(want), h, w)
	}
	worst := 0.0
	for y := border; y < h-border; y++ {
		for x := border * 3; x < (w-border)*3; x++ {
			d := math.Abs(float64(got[y*w*3+x]) - float64(want[y*w*3+x]))
			if !(d <= tol) {
				t.Fatalf("pixel (%d,%d) channel %d: got %g, want %g, tolerance %g", y, x/3, x%3, got[y*w*3+x], want[y*w*3+x], tol)
			}
			worst = max(worst, d)
		}
	}
	t.Logf("largest difference %.2g of %g", worst, tol)
}

func sameLabels(t *testing.T, got, want []uint8) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d labels, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("label at %d: got %d, want %d", i, got[i], want[i])
		}
	}
}

// resizeImage resizes src [h,w,3] to dst [dh,dw,3].
func resizeImage(dst []float32, dh, dw int, src []float32, h, w int) {
	var r resizer
	r.resize(dst, dh, dw, raster{floats: src, h: h, w: w}, ratio(dh, h), ratio(dw, w))
}

func TestValidationPathMatchesOpenCV(t *testing.T) {
	g := openGoldens(t, "validation")
	s := g.scene()
	for name, size := range map[string]int{"resize_97": 97, "resize_129": 129, "resize_161": 161} {
		t.Run(name, func(t *testing.T) {
			want, h, w := g.image(name)
			got, label := make([]float32, h*w*3), make([]uint8, h*w)
			resizeImage(got, size, size, toFloat(nil, s.Image), s.H, s.W)
			ResizeLabel(label, size, size, s.Mask, s.H, s.W)
			within(t, got, want, h, w, 0, 1e-3)
			sameLabels(t, label, g.label(name))
		})
	}
	t.Run("normalize_97", func(t *testing.T) {
		want, h, w := g.image("normalize_97")
		got := make([]float32, h*w*3)
		Preprocess(got, 97, s.Image, s.H, s.W)
		for i := range got { // as op.Normalize does on a device
			got[i] = (got[i] - Mean[i%3]) * (1 / Std[i%3])
		}
		within(t, got, want, h, w, 0, 1e-3/(255*0.224))
	})
}

func TestAugmentationsMatchOpenCV(t *testing.T) {
	g := openGoldens(t, "training")
	s := g.scene()
	cases := map[string]func(a *augmenter){
		"scale_0.83":  func(a *augmenter) { a.scale(0.83) },
		"scale_1.17":  func(a *augmenter) { a.scale(1.17) },
		"rotate_-8.0": func(a *augmenter) { a.rotate(-8) },
		"rotate_7.3":  func(a *augmenter) { a.rotate(7.3) },
	}
	for name, apply := range cases {
		t.Run(name, func(t *testing.T) {
			want, h, w := g.image(name)
			var a augmenter
			a.load(s)
			apply(&a)
			if a.cur.h != h || a.cur.w != w {
				t.Fatalf("size %d×%d, want %d×%d", a.cur.h, a.cur.w, h, w)
			}
			// Coordinates are those of OpenCV, so far less than two gray levels remain, borders included.
			within(t, a.cur.pix, want, h, w, 0, 0.01)
			sameLabels(t, a.cur.mask, g.label(name))
		})
	}
	t.Run("gaussian_blur_5", func(t *testing.T) {
		want, h, w := g.image("gaussian_blur_5")
		var a augmenter
		a.load(s)
		a.blur()
		within(t, a.cur.pix, want, h, w, 0, 0.01)
		sameLabels(t, a.cur.mask, s.Mask)
	})
}
