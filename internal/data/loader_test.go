package data

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"hdmnet/internal/labelmap"
)

// shapes makes a small synthetic set with its index.
func shapes(t testing.TB, fold int, split Split, count int) (*Shapes, *Index) {
	t.Helper()
	f, err := Shapes5i(fold)
	if err != nil {
		t.Fatal(err)
	}
	src, err := NewShapes(ShapesOptions{Fold: f, Split: split, Seed: 7, Count: count, Size: 80})
	if err != nil {
		t.Fatal(err)
	}
	ix, err := BuildIndex(context.Background(), src, f, IndexOptions{Split: split, MinArea: 75, FilterIntersection: true})
	if err != nil {
		t.Fatal(err)
	}
	return src, ix
}

func metaOptions(t testing.TB, split Split, workers int) LoaderOptions {
	src, ix := shapes(t, 1, split, 60)
	return LoaderOptions{Source: src, Index: ix, Stage: Meta, Size: 33, Shots: 2, Batch: 4, Seed: 11,
		Augment: releaseAugment(0.9, 1.1), DropLast: split == Train, Workers: workers}
}

func baseOptions(t testing.TB, split Split, workers int) LoaderOptions {
	src, ix := shapes(t, 1, split, 30)
	return LoaderOptions{Source: src, Index: AllImages(src, ix.Fold, split), Stage: Base, Size: 41, Batch: 4, Seed: 11,
		Augment: releaseAugment(0.5, 2), Workers: workers}
}

func newLoader(t testing.TB, opt LoaderOptions) *Loader {
	t.Helper()
	l, err := NewLoader(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// digest is a hash of everything a batch says.
func digest(b *Batch) string {
	h := fnv.New64a()
	floats := func(x []float32) {
		if len(x) > 0 {
			h.Write(unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x)))
		}
	}
	floats(b.Query)
	floats(b.Support)
	for _, m := range [][]uint8{b.QueryMask, b.SupportMask, b.BaseLabel} {
		h.Write(m)
	}
	for _, e := range b.Episodes {
		_, _ = fmt.Fprintln(h, e.Class, e.ClassIndex, e.QueryName, e.SupportNames, e.Position, e.H, e.W)
		h.Write(e.Label)
		h.Write(e.FullBaseLabel)
	}
	return fmt.Sprintf("%d/%d size %d cat %v %x", b.Epoch, b.Step, b.Size, b.ClassIndex, h.Sum64())
}

// take gives the digests of the next n batches (all of them to the end for n < 0).
func take(t testing.TB, l *Loader, n int) []string {
	t.Helper()
	var out []string
	for len(out) != n {
		b, err := l.Next(context.Background())
		if errors.Is(err, io.EOF) && n < 0 {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, digest(b))
		l.Release(b)
	}
	return out
}

func TestBatchesDoNotDependOnWorkers(t *testing.T) {
	for name, options := range map[string]func(workers int) LoaderOptions{
		"meta/train": func(w int) LoaderOptions { return metaOptions(t, Train, w) },
		"meta/val":   func(w int) LoaderOptions { return metaOptions(t, Val, w) },
		"base/train": func(w int) LoaderOptions { return baseOptions(t, Train, w) },
		"base/val":   func(w int) LoaderOptions { return baseOptions(t, Val, w) },
	} {
		t.Run(name, func(t *testing.T) {
			n := -1
			if strings.HasSuffix(name, "train") {
				n = 20 // more than one epoch
			}
			one := take(t, newLoader(t, options(1)), n)
			four := take(t, newLoader(t, options(4)), n)
			if !slices.Equal(one, four) {
				t.Fatalf("1 and 4 workers differ:\n%v\n%v", one, four)
			}
			distinct := slices.Clone(one)
			slices.Sort(distinct)
			if d := slices.Compact(distinct); len(d) != len(one) {
				t.Fatalf("%d batches, but only %d different ones", len(one), len(d))
			}
		})
	}
}

func TestSeekEqualsRunningThrough(t *testing.T) {
	opt := metaOptions(t, Train, 3)
	through := newLoader(t, opt)
	want := take(t, through, 34)
	steps := through.StepsPerEpoch()
	if steps != len(opt.Index.Images)/4 || steps >= 34 {
		t.Fatalf("%d steps an epoch of %d images in fours", steps, len(opt.Index.Images))
	}
	l := newLoader(t, opt)
	for _, at := range []int{0, 5, steps - 1, steps, steps + 3, 2} {
		// The end of an epoch is a place that a checkpoint may name.
		epoch, step := at/steps, at%steps
		if at == steps {
			epoch, step = 0, steps
		}
		if err := l.Seek(epoch, step); err != nil {
			t.Fatal(err)
		}
		if got := take(t, l, 3); !slices.Equal(got, want[at:at+3]) {
			t.Fatalf("after Seek(%d,%d): %v, want %v", epoch, step, got, want[at:at+3])
		}
	}
	if e, s := l.Position(); e*steps+s != 5 {
		t.Fatalf("position %d/%d after five batches", e, s)
	}
	for _, bad := range [][2]int{{-1, 0}, {0, -1}, {0, steps + 1}} {
		if err := l.Seek(bad[0], bad[1]); err == nil {
			t.Fatalf("Seek%v: no error", bad)
		}
	}
}

func TestValidationEnds(t *testing.T) {
	opt := metaOptions(t, Val, 2)
	opt.Episodes, opt.Batch = 7, 3
	l := newLoader(t, opt)
	first := take(t, l, -1)
	if len(first) != 3 || l.StepsPerEpoch() != 3 {
		t.Fatalf("%d batches of %d steps, want 3", len(first), l.StepsPerEpoch())
	}
	if !strings.Contains(first[2], "size 1 ") {
		t.Fatalf("last batch is %q, want size 1", first[2])
	}
	if err := l.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	if again := take(t, l, -1); !slices.Equal(first, again) {
		t.Fatal("a second pass gives other episodes")
	}
}

func TestBaseStageBatches(t *testing.T) {
	l := newLoader(t, baseOptions(t, Train, 2))
	padded := 0
	for range 16 {
		b, err := l.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if b.Shots != 0 || len(b.Support)+len(b.SupportMask)+len(b.QueryMask) != 0 || len(b.Query) != b.Size*41*41*3 || len(b.BaseLabel) != b.Size*41*41 {
			t.Fatalf("batch of %d: %d shots, %d query, %d support, %d base label values", b.Size, b.Shots, len(b.Query), len(b.Support), len(b.BaseLabel))
		}
		for i, v := range b.BaseLabel {
			if v != labelmap.Ignore && v > 15 {
				t.Fatalf("base label %d at %d", v, i)
			}
			if v == labelmap.Ignore {
				padded++
			}
		}
		for i, v := range b.Query {
			if math.IsNaN(float64(v)) || v < 0 || v > 255 {
				t.Fatalf("value %g at %d is no gray level", v, i)
			}
		}
		l.Release(b)
	}
	if padded == 0 {
		t.Fatal("no picture was rotated or padded")
	}
}

// broken is a source in which one picture cannot be read.
type broken struct {
	Source
	bad int
}

func (b broken) Load(i int) (*Scene, error) {
	if i == b.bad {
		return nil, errors.New("VOC/bad.jpg: truncated")
	}
	return b.Source.Load(i)
}

func TestUnreadablePictureIsNamed(t *testing.T) {
	opt := metaOptions(t, Val, 3)
	opt.Source, opt.Batch = broken{opt.Source, opt.Index.Images[9]}, 1
	opt.Drawer = fixed{opt.Index}
	l := newLoader(t, opt)
	if got := take(t, l, 9); len(got) != 9 {
		t.Fatal("the good episodes before it are missing")
	}
	for range 2 {
		_, err := l.Next(context.Background())
		if err == nil || !strings.Contains(err.Error(), "VOC/bad.jpg") || !strings.Contains(err.Error(), "episode 9") {
			t.Fatalf("error %v", err)
		}
	}
}

// short is a source whose masks lack a pixel.
type short struct{ Source }

func (s short) Load(i int) (*Scene, error) {
	scene, err := s.Source.Load(i)
	scene.Mask = scene.Mask[1:]
	return scene, err
}

func TestInconsistentSceneIsNamed(t *testing.T) {
	opt := metaOptions(t, Val, 1)
	opt.Source = short{opt.Source}
	_, err := newLoader(t, opt).Next(context.Background())
	if err == nil || !strings.Contains(err.Error(), "6399 mask bytes for 80×80") {
		t.Fatalf("error %v", err)
	}
}

// fixed takes the images in order with the first two of the class as supports.
type fixed struct{ ix *Index }

func (f fixed) Draw(_, p int) Draw {
	return Draw{Query: f.ix.Images[p], Class: f.ix.Fold.Novel[0], Supports: f.ix.ByClass[f.ix.Fold.Novel[0]][:2]}
}

func TestCanceledNextLosesNothing(t *testing.T) {
	opt := metaOptions(t, Train, 2)
	want := take(t, newLoader(t, opt), 3)
	l := newLoader(t, opt)
	ctx, cancel := context.WithCancel(context.Background())
	got := take(t, l, 1)
	cancel()
	if _, err := l.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want canceled", err)
	}
	if got = append(got, take(t, l, 2)...); !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	l.Close()
	if _, err := l.Next(context.Background()); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Fatalf("after Close: error %v", err)
	}
}

// A released batch's memory is used again, so a long run does not grow.
func TestBatchMemoryIsBounded(t *testing.T) {
	opt := metaOptions(t, Train, 2)
	opt.Prefetch = 2
	l := newLoader(t, opt)
	blocks := map[*float32]bool{}
	for range 40 {
		b, err := l.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		blocks[&b.Query[0]] = true
		l.Release(b)
		l.Release(b) // a second time does nothing
	}
	if limit := opt.Prefetch + opt.Workers + 1; len(blocks) > limit {
		t.Fatalf("%d blocks of memory, at most %d wanted", len(blocks), limit)
	}
}

func TestLoaderOptionErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *LoaderOptions)
		want   string
	}{
		"no source": {func(o *LoaderOptions) { o.Source = nil }, "source"},
		"size":      {func(o *LoaderOptions) { o.Size = 0 }, "size 0"},
		"shots":     {func(o *LoaderOptions) { o.Shots = 0 }, "0 shots"},
		"many":      {func(o *LoaderOptions) { o.Shots = 59 }, "too few images"},
		"drop":      {func(o *LoaderOptions) { o.Batch = 1000 }, "no full batch"},
		"scale":     {func(o *LoaderOptions) { o.Augment.ScaleMin = 3 }, "scale 3"},
		"flip":      {func(o *LoaderOptions) { o.Augment.FlipProb = math.NaN() }, "flip"},
		"rotation":  {func(o *LoaderOptions) { o.Augment.RotateDegrees = -1 }, "rotation"},
		"stage":     {func(o *LoaderOptions) { o.Stage = 9 }, "stage 9"},
		"all images": {func(o *LoaderOptions) {
			o.Index = AllImages(o.Source, o.Index.Fold, Train)
		}, "BuildIndex"},
	} {
		opt := metaOptions(t, Train, 1)
		c.change(&opt)
		if _, err := NewLoader(opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func BenchmarkMetaLoader(b *testing.B) {
	f, err := Shapes5i(0)
	if err != nil {
		b.Fatal(err)
	}
	src, err := NewShapes(ShapesOptions{Fold: f, Seed: 1, Count: 300})
	if err != nil {
		b.Fatal(err)
	}
	ix, err := BuildIndex(context.Background(), src, f, IndexOptions{MinArea: shapesMinArea})
	if err != nil {
		b.Fatal(err)
	}
	l := newLoader(b, LoaderOptions{Source: src, Index: ix, Size: 129, Shots: 1, Batch: 8, Augment: releaseAugment(0.9, 1.1), Workers: 1})
	for b.Loop() {
		batch, err := l.Next(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		l.Release(batch)
	}
}
