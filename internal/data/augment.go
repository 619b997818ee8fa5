package data

import (
	"fmt"
	"math"
)

// AugmentOptions are the training augmentations. A zero field turns its
// augmentation off; the zero value leaves pictures as they are.
type AugmentOptions struct {
	ScaleMin, ScaleMax float64 // both sides by one factor, uniform in [min,max)
	RotateDegrees      float64 // angle uniform in ±this; corners get the mean colour and label 255
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
type picture struct {
	h, w int
	pix  []float32
	mask []uint8
}

func (p *picture) resize(h, w int) {
	p.h, p.w = h, w
	p.pix, p.mask = grow(p.pix, h*w*3), grow(p.mask, h*w)
}

// augmenter holds one worker's memory: cur is the picture, other what the next
// step writes to before they change places.
type augmenter struct {
	cur, other picture
	line       []float32
}

func (a *augmenter) swap() { a.cur, a.other = a.other, a.cur }

func (a *augmenter) load(s *Scene) {
	a.cur.resize(s.H, s.W)
	toFloat(a.cur.pix, s.Image)
	copy(a.cur.mask, s.Mask)
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
}

// scale resizes both sides by a factor, rounding half to even as OpenCV does
// for resize(None, fx, fy); coordinates use the factor itself.
func (a *augmenter) scale(factor float64) {
	src := &a.cur
	h := max(1, int(math.RoundToEven(float64(src.h)*factor)))
	w := max(1, int(math.RoundToEven(float64(src.w)*factor)))
	a.other.resize(h, w)
	resizeImage(a.other.pix, h, w, src.pix, src.h, src.w, 1/factor, 1/factor)
	resizeLabel(a.other.mask, h, w, src.mask, src.h, src.w, 1/factor, 1/factor)
	a.swap()
}

// flip mirrors left and right.
func (a *augmenter) flip() {
	p := &a.cur
	for y := range p.h {
		row, mask := p.pix[y*p.w*3:(y+1)*p.w*3], p.mask[y*p.w:(y+1)*p.w]
		for l, r := 0, p.w-1; l < r; l, r = l+1, r-1 {
			mask[l], mask[r] = mask[r], mask[l]
			for c := range 3 {
				row[l*3+c], row[r*3+c] = row[r*3+c], row[l*3+c]
			}
		}
	}
}

// crop cuts a random size×size window. A picture smaller than that is padded
// first, half on each side, with the mean colour and label 255.
func (a *augmenter) crop(size int, rng *Rand) {
	src := &a.cur
	h, w := max(src.h, size), max(src.w, size)
	// The window's corner in the padded picture, less the padding.
	y0 := rng.Intn(h-size+1) - (h-src.h)/2
	x0 := rng.Intn(w-size+1) - (w-src.w)/2
	a.other.resize(size, size)
	dst := &a.other
	for y := range size {
		for x := range size {
			at := y*size + x
			sy, sx := y+y0, x+x0
			p := dst.pix[at*3:][:3]
			if sy < 0 || sy >= src.h || sx < 0 || sx >= src.w {
				p[0], p[1], p[2] = 255*Mean[0], 255*Mean[1], 255*Mean[2]
				dst.mask[at] = Ignore
				continue
			}
			from := sy*src.w + sx
			copy(p, src.pix[from*3:][:3])
			dst.mask[at] = src.mask[from]
		}
	}
	a.swap()
}

// fit resizes to size×size; the aspect is not kept.
func (a *augmenter) fit(size int) {
	src := &a.cur
	if src.h == size && src.w == size {
		return
	}
	a.other.resize(size, size)
	ResizeImage(a.other.pix, size, size, src.pix, src.h, src.w)
	ResizeLabel(a.other.mask, size, size, src.mask, src.h, src.w)
	a.swap()
}
