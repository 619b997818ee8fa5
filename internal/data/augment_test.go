package data

import (
	"math"
	"slices"
	"testing"

	"hdmnet/internal/labelmap"
)

// ramp is a picture whose values and labels tell where a pixel came from.
func ramp(h, w int) *Scene {
	s := &Scene{H: h, W: w, Image: make([]uint8, h*w*3), Mask: make([]uint8, h*w)}
	for i := range s.Mask {
		s.Image[i*3], s.Image[i*3+1], s.Image[i*3+2] = uint8(i%w), uint8(i/w), 99
		s.Mask[i] = uint8(i % w)
	}
	return s
}

func TestFlip(t *testing.T) {
	for _, w := range []int{1, 4, 5} {
		var a augmenter
		a.load(ramp(3, w))
		a.flip()
		for i, v := range a.cur.mask {
			want := w - 1 - i%w
			p := a.cur.pix[i*3:][:3]
			if int(v) != want || p[0] != float32(want) || p[1] != float32(i/w) || p[2] != 99 {
				t.Fatalf("width %d, pixel %d: label %d, values %v, want %d", w, i, v, p, want)
			}
		}
	}
}

func TestCropPadsWithMeanAndIgnore(t *testing.T) {
	corners := map[int]bool{}
	for key := range uint64(60) {
		var a augmenter
		a.load(ramp(30, 9)) // higher than the crop, less wide
		a.crop(13, newRand(key))
		if a.cur.h != 13 || a.cur.w != 13 {
			t.Fatalf("crop of %d×%d", a.cur.h, a.cur.w)
		}
		top := int(a.cur.pix[2*3+1]) // row of the first pixel that is not padding
		corners[top] = true
		for i, v := range a.cur.mask {
			x, y := i%13-2, i/13+top // padding: (13-9)/2 on the left
			p := a.cur.pix[i*3:][:3]
			if x < 0 || x >= 9 {
				if v != labelmap.Ignore || [3]float32(p) != Mean {
					t.Fatalf("padding at %d: label %d, values %v", i, v, p)
				}
			} else if int(v) != x || p[0] != float32(x) || p[1] != float32(y) {
				t.Fatalf("pixel %d: label %d, values %v, want column %d, row %d", i, v, p, x, y)
			}
		}
	}
	if len(corners) < 12 {
		t.Errorf("60 crops start at %d different rows of 18", len(corners))
	}
}

func TestRotationBySymmetry(t *testing.T) {
	// About (w/2, h/2) a half turn takes pixel x to w-x: the first column comes from outside.
	var a augmenter
	a.load(ramp(8, 10))
	a.rotate(180)
	for i, v := range a.cur.mask {
		x, y := i%10, i/10
		want := uint8(labelmap.Ignore)
		if x > 0 && y > 0 {
			want = uint8(10 - x)
		}
		if v != want {
			t.Fatalf("label at (%d,%d) is %d, want %d", y, x, v, want)
		}
		if x > 0 && y > 0 && a.cur.pix[i*3+1] != float32(8-y) {
			t.Fatalf("value at (%d,%d) is %g, want %d", y, x, a.cur.pix[i*3+1], 8-y)
		}
	}
}

// Pictures of a pixel or a few have no inside.
func TestRotationOfTinyPictures(t *testing.T) {
	for h := 1; h < 5; h++ {
		for w := 1; w < 5; w++ {
			var a augmenter
			a.load(&Scene{H: h, W: w, Image: slices.Repeat([]uint8{124, 116, 104}, h*w), Mask: make([]uint8, h*w)})
			a.rotate(10)
			for i, v := range a.cur.pix { // all but the mean color
				if math.Abs(float64(v)-float64(Mean[i%3])) > 0.5 {
					t.Fatalf("%d×%d: value %g at %d", w, h, v, i)
				}
			}
		}
	}
}

func TestBlurKeepsConstantsAndTinyPictures(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 5}, {2, 2}, {7, 3}} {
		var a augmenter
		a.load(&Scene{H: size[0], W: size[1], Image: slices.Repeat([]uint8{200}, size[0]*size[1]*3), Mask: make([]uint8, size[0]*size[1])})
		a.blur()
		for i, v := range a.cur.pix {
			if v != 200 {
				t.Fatalf("%v: value %g at %d", size, v, i)
			}
		}
	}
}

func TestMirror(t *testing.T) {
	for i, want := range []int{2, 1, 0, 1, 2, 1, 0} {
		if got := mirror(i-2, 3); got != want {
			t.Errorf("mirror(%d,3) = %d, want %d", i-2, got, want)
		}
	}
}

// How often and how far each augmentation acts.
func TestAugmentationsFollowTheirDistribution(t *testing.T) {
	const n = 2000
	opt := AugmentOptions{ScaleMin: 0.5, ScaleMax: 1.5}
	lo, hi := 99, 0
	for key := range uint64(n) {
		var a augmenter
		a.load(ramp(20, 20))
		a.run(opt, newRand(key))
		lo, hi = min(lo, a.cur.h), max(hi, a.cur.h)
	}
	if lo != 10 || hi < 29 || hi > 30 {
		t.Errorf("sizes %d..%d, want 10..30", lo, hi)
	}
	for name, c := range map[string]struct {
		opt     AugmentOptions
		changed func(a *augmenter) bool
	}{
		"flip":     {AugmentOptions{FlipProb: 0.5}, func(a *augmenter) bool { return a.cur.mask[0] != 0 }},
		"blur":     {AugmentOptions{BlurProb: 0.5}, func(a *augmenter) bool { return a.cur.pix[0] != 0 }},
		"rotation": {AugmentOptions{RotateProb: 0.5, RotateDegrees: 10}, func(a *augmenter) bool { return slices.Contains(a.cur.mask, labelmap.Ignore) }},
	} {
		count := 0
		for key := range uint64(n) {
			var a augmenter
			a.load(ramp(40, 40))
			a.run(c.opt, newRand(key))
			if c.changed(&a) {
				count++
			}
		}
		// Half of them; a rotation by less than a degree or so moves no corner out.
		if share := float64(count) / n; math.Abs(share-0.48) > 0.06 {
			t.Errorf("%s acts on %.2f of the pictures, want about half", name, share)
		}
	}
	var a augmenter
	s := ramp(9, 9)
	a.load(s)
	a.run(AugmentOptions{}, newRand(1))
	if !slices.Equal(a.cur.mask, s.Mask) || a.cur.pix[3] != 1 {
		t.Error("no options, yet the picture changed")
	}
}

func TestReleaseAugmentations(t *testing.T) {
	for name, c := range map[string]struct {
		opt    AugmentOptions
		lo, hi float64
	}{
		"pascal": {releaseAugment(0.9, 1.1), 0.9, 1.1}, "coco": {releaseAugment(0.8, 1.25), 0.8, 1.25}, "base": {releaseAugment(0.5, 2), 0.5, 2},
	} {
		want := AugmentOptions{ScaleMin: c.lo, ScaleMax: c.hi, RotateDegrees: 10, RotateProb: 0.5, BlurProb: 0.5, FlipProb: 0.5}
		if c.opt != want || c.opt.validate() != nil {
			t.Errorf("%s: %+v, want %+v", name, c.opt, want)
		}
	}
}

// releaseAugment is the release's augmentation with a range of scales.
func releaseAugment(lo, hi float64) AugmentOptions {
	return AugmentOptions{ScaleMin: lo, ScaleMax: hi, RotateDegrees: 10, RotateProb: 0.5, BlurProb: 0.5, FlipProb: 0.5}
}
