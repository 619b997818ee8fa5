// Package overlay shows a mask on its picture.
package overlay

import (
	"image"
	"image/color"
)

// Line is the color of the outline.
var Line = color.NRGBA{R: 255, G: 240, B: 60, A: 255}

// tint is the color of the foreground.
var tint = [3]int{255, 40, 40}

// tintShare is how much of the tint covers the picture, in 1/256.
const tintShare = 104

// Draw shows mask [h,w] (1 foreground) on the picture pix [h,w,3]: the foreground
// tinted and outlined from inside. The outline is as wide as 1/250 of the longer side,
// at least one pixel, so that it is seen on large pictures too.
func Draw(pix, mask []uint8, h, w int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i, m := range mask {
		p, q := pix[i*3:][:3], img.Pix[i*4:][:4]
		for c, v := range p {
			if m == 1 {
				v = uint8((int(v)*(256-tintShare) + tint[c]*tintShare) >> 8)
			}
			q[c] = v
		}
		q[3] = 255
	}
	width := max(1, (max(h, w)+125)/250)
	for i, inside := range erode(mask, h, w, width) {
		if mask[i] == 1 && inside == 0 {
			img.SetNRGBA(i%w, i/w, Line)
		}
	}
	return img
}

// erode keeps the foreground pixels that have no background within r pixels along both
// axes (a square). What lies outside the picture counts as foreground: an object cut
// by the border has no outline there.
func erode(mask []uint8, h, w, r int) []uint8 {
	rows, out := make([]uint8, h*w), make([]uint8, h*w)
	for y := range h {
		shrink(rows[y*w:], mask[y*w:], w, 1, r)
	}
	for x := range w {
		shrink(out[x:], rows[x:], h, w, r)
	}
	return out
}

// shrink writes 1 for every one of n values, stride apart, that has no 0 within r places.
func shrink(dst, src []uint8, n, stride, r int) {
	last := -r - 1 // place of the last 0 up to i+r
	ahead := 0     // places before it have been looked at
	for i := range n {
		for ; ahead < n && ahead <= i+r; ahead++ {
			if src[ahead*stride] == 0 {
				last = ahead
			}
		}
		keep := uint8(1)
		if last >= i-r {
			keep = 0
		}
		dst[i*stride] = keep
	}
}
