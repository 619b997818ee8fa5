package data

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Boxes are those of the release; testdata/annotation_bbox.txt says how they were made.
func TestBoxMaskMatchesRelease(t *testing.T) {
	content, err := os.ReadFile("testdata/annotation_bbox.txt")
	if err != nil {
		t.Fatal(err)
	}
	values := strings.NewReplacer(".", "\x00", "#", "\x01", "?", "\xff")
	cases := strings.Split(string(content), "case ")[1:]
	if len(cases) != 10 {
		t.Fatalf("%d cases, want 10", len(cases))
	}
	for _, c := range cases {
		lines := strings.Split(strings.TrimSpace(c), "\n")
		name, lines := lines[0], lines[1:]
		t.Run(name, func(t *testing.T) {
			var mask, want []uint8
			w := 0
			for _, line := range lines {
				before, after, _ := strings.Cut(line, " ")
				w = len(before)
				mask = append(mask, values.Replace(before)...)
				want = append(want, values.Replace(after)...)
			}
			boxMask(mask, len(lines), w)
			sameLabels(t, mask, want)
		})
	}
}

func TestParseAnnotation(t *testing.T) {
	for _, a := range []Annotation{AnnotationMask, AnnotationBBox} {
		if got, err := ParseAnnotation(a.String()); got != a || err != nil {
			t.Errorf("%s: got %v, error %v", a, got, err)
		}
	}
	if _, err := ParseAnnotation("box"); err == nil || !strings.Contains(err.Error(), `"box", expected mask or bbox`) {
		t.Errorf("error %v", err)
	}
}

// Only the supports' masks become boxes, before anything else happens to them.
func TestLoaderAnnotation(t *testing.T) {
	fold, err := Shapes5i(0)
	if err != nil {
		t.Fatal(err)
	}
	src, err := NewShapes(ShapesOptions{Fold: fold, Split: Val, Count: 40, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	index, err := BuildIndex(t.Context(), src, fold, IndexOptions{Split: Val, MinArea: 1})
	if err != nil {
		t.Fatal(err)
	}
	first := func(a Annotation) *Batch {
		l, err := NewLoader(LoaderOptions{Source: src, Index: index, Size: 64, Shots: 2, Batch: 8, Annotation: a})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		b, err := l.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	masks, bboxes := first(AnnotationMask), first(AnnotationBBox)
	if !slices.Equal(masks.QueryMask, bboxes.QueryMask) || !slices.Equal(masks.Support, bboxes.Support) {
		t.Error("the annotation changed a query's mask or a picture")
	}
	px := 64 * 64
	want := slices.Clone(masks.SupportMask)
	for i := 0; i < len(want); i += px {
		boxMask(want[i:i+px], 64, 64) // the scenes are of the input's size, so nothing is resized
	}
	sameLabels(t, bboxes.SupportMask, want)
	if slices.Equal(want, masks.SupportMask) {
		t.Error("the scenes' masks are boxes already")
	}
	if _, err := NewLoader(LoaderOptions{Source: src, Index: index, Size: 64, Shots: 2, Batch: 8, Annotation: 7}); err == nil {
		t.Error("an annotation that does not exist was accepted")
	}
}
