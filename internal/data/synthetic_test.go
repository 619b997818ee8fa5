package data

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestShapeClassesAreALatinSquare(t *testing.T) {
	pairs := map[[2]string]int{}
	for f := range 4 {
		fold, err := Shapes5i(f)
		if err != nil {
			t.Fatal(err)
		}
		outlines, surfaces := map[string]bool{}, map[string]bool{}
		for _, c := range fold.Novel {
			s, x := shapeClass(c)
			outlines[s], surfaces[x] = true, true
			pairs[[2]string{s, x}]++
		}
		if len(outlines) != 5 || len(surfaces) != 4 {
			t.Errorf("fold %d has %d silhouettes and %d textures, want 5 and 4", f, len(outlines), len(surfaces))
		}
	}
	if len(pairs) != 20 {
		t.Errorf("%d different classes, want 20", len(pairs))
	}
}

func TestScenesShowOnlyTheirClasses(t *testing.T) {
	for f := range 4 {
		fold, err := Shapes5i(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, split := range []Split{Train, Val} {
			src, err := NewShapes(ShapesOptions{Fold: fold, Split: split, Seed: 3, Count: 90})
			if err != nil {
				t.Fatal(err)
			}
			several := 0
			for i := range src.Len() {
				mask, err := src.LoadMask(i)
				if err != nil {
					t.Fatal(err)
				}
				var area [256]int
				for _, v := range mask {
					area[v]++
				}
				novel, base, classes := 0, 0, 0
				for c := 1; c < 256; c++ {
					if area[c] == 0 {
						continue
					}
					classes++
					switch {
					case slices.Contains(fold.Novel, c):
						novel += area[c]
					case slices.Contains(fold.Base, c):
						base += area[c]
					default:
						t.Fatalf("%s: value %d", src.Name(i), c)
					}
				}
				if classes > 1 {
					several++
				}
				if split == Train && (novel > 0 || base < shapesMinArea) {
					t.Fatalf("%s: %d novel and %d base pixels", src.Name(i), novel, base)
				}
				if split == Val && (novel < shapesMinArea || base < shapesMinArea) {
					t.Fatalf("%s: %d novel and %d base pixels", src.Name(i), novel, base)
				}
				if area[0] < len(mask)/4 {
					t.Fatalf("%s: %d of %d pixels are background", src.Name(i), area[0], len(mask))
				}
			}
			if several < 45 {
				t.Errorf("fold %d %s: %d of 90 scenes have more than one class", f, split, several)
			}
		}
	}
}

func TestScenesAreAFunctionOfTheirNumber(t *testing.T) {
	fold, err := Shapes5i(2)
	if err != nil {
		t.Fatal(err)
	}
	load := func(seed uint64, split Split, count, i int) *Scene {
		src, err := NewShapes(ShapesOptions{Fold: fold, Split: split, Seed: seed, Count: count})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := src.Load(0); err != nil { // what was made before must not matter
			t.Fatal(err)
		}
		s, err := src.Load(i)
		if err != nil {
			t.Fatal(err)
		}
		mask, err := src.LoadMask(i)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(mask, s.Mask) {
			t.Fatalf("%s: mask alone differs from the scene's", s.Name)
		}
		return s
	}
	a := load(5, Train, 10, 4)
	if b := load(5, Train, 99, 4); !slices.Equal(a.Image, b.Image) || !slices.Equal(a.Mask, b.Mask) {
		t.Error("the same scene differs with the number of scenes")
	}
	for name, b := range map[string]*Scene{"seed": load(6, Train, 10, 4), "number": load(5, Train, 10, 5), "split": load(5, Val, 10, 4)} {
		if slices.Equal(a.Image, b.Image) {
			t.Errorf("another %s gives the same picture", name)
		}
	}
	if a.Name != "shapes5i/fold2/train/4" || a.H != 160 || a.W != 160 {
		t.Errorf("scene %s of %d×%d", a.Name, a.H, a.W)
	}
}

// Every class must be frequent and large enough to make five-shot episodes, and
// an object must stand out from the ground by its texture, not its color.
func TestShapesMakeEpisodes(t *testing.T) {
	fold, err := Shapes5i(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range []Split{Train, Val} {
		src, err := NewShapes(ShapesOptions{Fold: fold, Split: split, Seed: 1, Count: 200})
		if err != nil {
			t.Fatal(err)
		}
		ix, err := BuildIndex(context.Background(), src, fold, IndexOptions{Split: split, MinArea: shapesMinArea, FilterIntersection: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := ix.Check(5); err != nil {
			t.Error(err)
		}
		if len(ix.Images) < 195 {
			t.Errorf("%s: %d of 200 scenes make episodes", split, len(ix.Images))
		}
	}
}

// The outlines in the mask have the areas that geometry says.
func TestSilhouetteAreas(t *testing.T) {
	want := map[silhouette]float64{ // in units of r²
		disc:     3.14159 * 0.82 * 0.82,
		triangle: 5.19615 * 0.52 * 0.52, // 3√3·inradius²
		square:   4 * 0.70 * 0.70,
		ring:     3.14159 * (0.97*0.97 - 0.43*0.43),
		cross:    4 * (2*0.92*0.33 - 0.33*0.33),
	}
	const n = 161
	for s, area := range want {
		o := object{class: 9, x: 80, y: 80, r: 60, cos: 0.8, sin: 0.6, silhouette: s}
		mask := make([]uint8, n*n)
		o.paint(nil, mask, n)
		got := 0
		for _, v := range mask {
			if v == 9 {
				got++
			}
		}
		if w := area * 60 * 60; float64(got) < 0.98*w || float64(got) > 1.02*w {
			t.Errorf("%s covers %d pixels, want %.0f", silhouetteNames[s], got, w)
		}
	}
}

func TestNewShapesErrors(t *testing.T) {
	fold, err := Shapes5i(0)
	if err != nil {
		t.Fatal(err)
	}
	for want, opt := range map[string]ShapesOptions{
		"Shapes5i":     {Fold: fold0(t), Count: 1},
		"at least 1":   {Fold: fold},
		"scene size 9": {Fold: fold, Count: 1, Size: 9},
	} {
		if _, err := NewShapes(opt); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	src, err := NewShapes(ShapesOptions{Fold: fold, Count: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Load(2); err == nil || !strings.Contains(err.Error(), "scene 2") {
		t.Errorf("scene out of range: error %v", err)
	}
}

func BenchmarkShapesScene(b *testing.B) {
	fold, err := Shapes5i(0)
	if err != nil {
		b.Fatal(err)
	}
	src, err := NewShapes(ShapesOptions{Fold: fold, Split: Val, Count: 1000})
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, err := src.Load(i % 1000); err != nil {
			b.Fatal(err)
		}
	}
}
