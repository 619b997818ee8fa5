package data

import (
	"fmt"
	"math"
	"slices"

	"hdmnet/internal/labelmap"
)

// AugmentOptions are the training augmentations. A zero field turns its
// augmentation off; the zero value leaves pictures as they are.
type AugmentOptions struct {
	ScaleMin, ScaleMax float64 // both sides by one factor, uniform in [min,max)
	RotateDegrees      float64 // angle uniform in ±this; corners get the mean color and label 255
	RotateProb         float64 // 0..1
	BlurProb           float64 // 0..1; 5×5 Gaussian
	FlipProb           float64 // 0..1; left to right
}

func (a AugmentOptions) validate() error {
	if a.ScaleMin < 0 || a.ScaleMax < a.ScaleMin || (a.ScaleMin == 0) != (a.ScaleMax == 0) || a.ScaleMax > 16 {
		return fmt.Errorf("augmentation scale %g..%g: expected 0 < min <= max <= 16, or both 0 for none", a.ScaleMin, a.ScaleMax)
	}
	if !(a.RotateDegrees >= 0 && a.RotateDegrees <= 180) {
		return fmt.Errorf("augmentation rotation ±%g°: expected 0..180", a.RotateDegrees)
	}
	for _, p := range []struct {
		name string
		p    float64
	}{{"rotation", a.RotateProb}, {"blur", a.BlurProb}, {"flip", a.FlipProb}} {
		if !(p.p >= 0 && p.p <= 1) {
			return fmt.Errorf("augmentation %s probability %g: expected 0..1", p.name, p.p)
		}
	}
	return nil
}

// picture is an image [h,w,3], 0..255, with its mask [h,w].
type view struct {
	h, w int
	pix  []float32
	mask []uint8
}

func (p *view) resize(h, w int) {
	p.h, p.w = h, w
	p.pix, p.mask = grow(p.pix, h*w*3), grow(p.mask, h*w)
}

// augmenter holds one worker's memory: cur is the picture, other what the next
// step writes to before they change places.
type augmenter struct {
	cur, other view
	bytes      []uint8 // the picture's image as it was loaded, while cur.pix does not hold it yet
	resizer    resizer
	line       []float32 // of a picture that is blurred
	turn       []int32   // of a picture that is rotated
}

func (a *augmenter) swap() { a.cur, a.other, a.bytes = a.other, a.cur, nil }

// load makes s the picture. Its image must not change before the first step.
func (a *augmenter) load(s *Scene) {
	a.cur.resize(s.H, s.W)
	a.bytes = s.Image
	copy(a.cur.mask, s.Mask)
}

// floats makes sure that cur.pix holds the image: resizing, the first step as
// a rule, reads the bytes instead.
func (a *augmenter) floats() {
	if a.bytes != nil {
		a.cur.pix = toFloat(a.cur.pix, a.bytes)
		a.bytes = nil
	}
}

// image is the picture's, as it is at hand.
func (a *augmenter) image() raster {
	return raster{bytes: a.bytes, floats: a.cur.pix, h: a.cur.h, w: a.cur.w}
}

// run applies the augmentations in the release's order: scale, rotation, blur,
// flip. All random numbers are drawn every time, so that one augmentation's
// outcome does not shift the others'.
func (a *augmenter) run(opt AugmentOptions, rng *Rand) {
	scale := rng.Uniform(opt.ScaleMin, opt.ScaleMax)
	rotate, angle := rng.Float64() < opt.RotateProb, rng.Uniform(-opt.RotateDegrees, opt.RotateDegrees)
	blur, flip := rng.Float64() < opt.BlurProb, rng.Float64() < opt.FlipProb
	if opt.ScaleMax > 0 && scale != 1 {
		a.scale(scale)
	}
	if rotate && angle != 0 {
		a.rotate(angle)
	}
	if blur {
		a.blur()
	}
	if flip {
		a.flip()
	}
	a.floats()
}

// scale resizes both sides by a factor, rounding half to even as OpenCV does
// for resize(None, fx, fy); coordinates use the factor itself.
func (a *augmenter) scale(factor float64) {
	src := &a.cur
	h := max(1, int(math.RoundToEven(float64(src.h)*factor)))
	w := max(1, int(math.RoundToEven(float64(src.w)*factor)))
	a.other.resize(h, w)
	a.resizer.resize(a.other.pix, h, w, a.image(), 1/factor, 1/factor)
	a.resizer.label(a.other.mask, h, w, src.mask, src.h, src.w, 1/factor, 1/factor)
	a.swap()
}

// flip mirrors left and right.
func (a *augmenter) flip() {
	a.floats()
	p := &a.cur
	for y := range p.h {
		slices.Reverse(p.mask[y*p.w : (y+1)*p.w])
		row := p.pix[y*p.w*3 : (y+1)*p.w*3]
		for len(row) >= 6 {
			l, r := row[:3:3], row[len(row)-3:]
			l[0], l[1], l[2], r[0], r[1], r[2] = r[0], r[1], r[2], l[0], l[1], l[2]
			row = row[3 : len(row)-3]
		}
	}
}

// crop cuts a random size×size window. A picture smaller than that is padded
// first, half on each side, with the mean color and label 255.
func (a *augmenter) crop(size int, rng *Rand) {
	a.floats()
	src, dst := &a.cur, &a.other
	h, w := max(src.h, size), max(src.w, size)
	// The window's corner in the padded picture, less the padding.
	y0 := rng.Intn(h-size+1) - (h-src.h)/2
	x0 := rng.Intn(w-size+1) - (w-src.w)/2
	dst.resize(size, size)
	// Columns from l to r and rows from top to bottom are the picture's.
	l, r := max(-x0, 0), min(src.w-x0, size)
	top, bottom := max(-y0, 0), min(src.h-y0, size)
	for y := range size {
		pix, mask := dst.pix[y*size*3:][:size*3], dst.mask[y*size:][:size]
		if y < top || y >= bottom {
			pad(pix, mask)
			continue
		}
		from := (y+y0)*src.w + x0
		pad(pix[:l*3], mask[:l])
		copy(pix[l*3:r*3], src.pix[(from+l)*3:])
		copy(mask[l:r], src.mask[from+l:])
		pad(pix[r*3:], mask[r:])
	}
	a.swap()
}

// pad fills pixels that are outside the picture.
func pad(pix []float32, mask []uint8) {
	for i := range mask {
		mask[i] = labelmap.Ignore
		copy(pix[i*3:], Mean[:])
	}
}

// finish writes the image, resized to size×size (the aspect is not kept), to dst
// [size,size,3], and leaves the mask of that size in cur.mask.
func (a *augmenter) finish(dst []float32, size int) {
	src := &a.cur
	if src.h == size && src.w == size {
		a.floats()
		copy(dst, src.pix)
		return
	}
	sy, sx := ratio(size, src.h), ratio(size, src.w)
	a.resizer.resize(dst, size, size, a.image(), sy, sx)
	a.other.resize(size, size)
	a.resizer.label(a.other.mask, size, size, src.mask, src.h, src.w, sy, sx)
	a.swap()
}

// finishBy is finish in another way of resizing, of a scene that was only loaded.
func (a *augmenter) finishBy(r Resizer, dst []float32, size int, scene *Scene) {
	r.Picture(dst, size, scene.Image, scene.H, scene.W)
	a.other.resize(size, size)
	r.Label(a.other.mask, size, scene.Mask, scene.H, scene.W)
	a.swap()
}
