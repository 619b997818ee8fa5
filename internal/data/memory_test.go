package data

import (
	"context"
	"runtime"
	"slices"
	"testing"
)

// tiny is the source of testdata/real-mini with the whole of it as pictures to train on.
func tiny(t testing.TB) LoaderOptions {
	t.Helper()
	fold, err := PASCAL5i(0)
	if err != nil {
		t.Fatal(err)
	}
	src, err := OpenList("../../testdata/real-mini/list.txt", "../../testdata/real-mini", 20)
	if err != nil {
		t.Fatal(err)
	}
	return LoaderOptions{Source: src, Index: AllImages(src, fold, Train), Stage: Base, Size: 417, Batch: 4, Episodes: 1 << 20,
		Augment: releaseAugment(0.9, 1.1), Workers: 2}
}

func next(t testing.TB, l *Loader, batches int) {
	t.Helper()
	for range batches {
		b, err := l.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		l.Release(b)
	}
}

// Once all memory is there, a picture costs hardly any: decoded it has half a
// megabyte, augmented two and more.
func TestLoaderReusesMemory(t *testing.T) {
	o := tiny(t)
	l := newLoader(t, o)
	// Memory grows until the largest pictures have come, and a collection may take some
	// back: of several stretches the one that took the least counts.
	const batches, limit = 20, 200 << 10
	least := uint64(1 << 40)
	for range 8 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		next(t, l, batches)
		runtime.ReadMemStats(&after)
		if least = min(least, (after.TotalAlloc-before.TotalAlloc)/(batches*4)); least <= limit {
			return
		}
	}
	t.Errorf("%d bytes of new memory for a picture", least)
}

// What the loader does at once is the public functions one after the other.
func TestFinishEqualsItsSteps(t *testing.T) {
	s, err := tiny(t).Source.Load(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{97, 473, 600} {
		want, label := make([]float32, size*size*3), make([]uint8, size*size)
		resizeImage(want, size, size, toFloat(nil, s.Image), s.H, s.W)
		ResizeLabel(label, size, size, s.Mask, s.H, s.W)
		got := make([]float32, size*size*3)
		var a augmenter
		for _, floats := range []bool{false, true} {
			a.load(s)
			if floats {
				a.floats()
			}
			a.finish(got, size)
			if !slices.Equal(got, want) || !slices.Equal(a.cur.mask, label) {
				t.Errorf("size %d, from floats %v: other values", size, floats)
			}
		}
		Preprocess(got, size, s.Image, s.H, s.W)
		if !slices.Equal(got, want) {
			t.Errorf("size %d: Preprocess gives other values", size)
		}
	}
	square := &Scene{H: 50, W: 50, Image: s.Image[:7500], Mask: s.Mask[:2500]}
	got := make([]float32, 7500)
	var a augmenter
	a.load(square)
	a.finish(got, 50)
	want := toFloat(nil, square.Image)
	if !slices.Equal(got, want) || !slices.Equal(a.cur.mask, square.Mask) {
		t.Error("a picture of the right size changed")
	}
}

func BenchmarkLoader(b *testing.B) {
	l := newLoader(b, tiny(b))
	next(b, l, 16)
	b.ReportAllocs()
	images := 0
	for b.Loop() {
		next(b, l, 1)
		images += 4
	}
	b.ReportMetric(float64(images)/b.Elapsed().Seconds(), "images/s")
}

func BenchmarkLoadInto(b *testing.B) {
	src := tiny(b).Source.(ReuseSource)
	var s Scene
	for b.Loop() {
		if err := src.LoadInto(&s, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAugment(b *testing.B) {
	s, err := tiny(b).Source.Load(0)
	if err != nil {
		b.Fatal(err)
	}
	var a augmenter
	dst := make([]float32, 473*473*3)
	for _, c := range []struct {
		name  string
		apply func()
	}{
		{"none", func() {}},
		{"scale", func() { a.scale(1.07) }},
		{"rotate", func() { a.rotate(7) }},
		{"blur", func() { a.blur() }},
		{"flip", func() { a.flip() }},
		{"crop", func() { a.crop(417, newRand(1)) }},
	} {
		b.Run(c.name, func(b *testing.B) { // each with the resizing to 473×473 at the end
			for b.Loop() {
				a.load(s)
				c.apply()
				a.finish(dst, 473)
			}
		})
	}
}
