package data

import (
	"math"

	"hdmnet/internal/labelmap"
	"hdmnet/internal/picture"
	"hdmnet/internal/rows"
)

// rotate turns the picture by an angle in degrees, counter-clockwise, about
// (w/2, h/2), keeping its size; what comes in at the corners has the mean
// color and label 255. Image bilinear, mask nearest. Coordinates are in steps
// of 1/32 pixel (the mask's rounded to whole ones), which is what OpenCV's
// warpAffine does, so that pictures equal the release's.
func (a *augmenter) rotate(degrees float64) {
	a.floats()
	src, dst := &a.cur, &a.other
	h, w := src.h, src.w
	dst.resize(h, w)
	m := inverseRotation(degrees, float64(w)/2, float64(h)/2)
	// Fixed point with 10 fractional bits; the image keeps 5 of them.
	const bits, fine, one = 10, 5, 1 << 10
	fixed := func(v float64) int32 { return int32(math.RoundToEven(v * one)) }
	a.turn = grow(a.turn, 2*w)
	xs, ys := a.turn[:w], a.turn[w:]
	for x := range w {
		xs[x], ys[x] = fixed(m[0]*float64(x)), fixed(m[3]*float64(x))
	}
	for y := range h {
		x0, y0 := fixed(m[1]*float64(y)+m[2]), fixed(m[4]*float64(y)+m[5])
		mask := dst.mask[y*w : (y+1)*w]
		for x, dx := range xs {
			nx, ny := int(x0+dx+one/2)>>bits, int(y0+ys[x]+one/2)>>bits
			if uint(nx) < uint(w) && uint(ny) < uint(h) {
				mask[x] = src.mask[ny*w+nx]
			} else {
				mask[x] = labelmap.Ignore
			}
		}

		// The image's places are rounded to 32nds. Those from left to right
		// have all they need inside: they are on a line.
		x0, y0 = x0+one>>(fine+1), y0+one>>(fine+1)
		pix := dst.pix[y*w*3 : (y+1)*w*3]
		inside := func(x int) bool {
			ix, iy := int(x0+xs[x])>>bits, int(y0+ys[x])>>bits
			return ix >= 0 && ix < w-2 && iy >= 0 && iy < h-1
		}
		left, right := 0, w
		if max(h, w) > picture.MaxSide<<2 { // magnified beyond what Turn is safe for
			right = 0
		}
		for left < right && !inside(left) {
			left++
		}
		for right > left && !inside(right-1) {
			right--
		}
		rows.Remap(pix[left*3:right*3], src.pix, w, xs[left:right], ys[left:right], x0, y0)
		for x := 0; x < w; x++ {
			if x == left && right > left {
				x = right - 1
				continue
			}
			qx, qy := (x0+xs[x])>>(bits-fine), (y0+ys[x])>>(bits-fine)
			ix, iy := int(qx>>fine), int(qy>>fine)
			k := &rows.Shares[qy&31][qx&31]
			p00, p01 := src.at(ix, iy), src.at(ix+1, iy)
			p10, p11 := src.at(ix, iy+1), src.at(ix+1, iy+1)
			for c, out := 0, pix[3*x:][:3]; c < 3; c++ {
				out[c] = p00[c]*k[0] + p01[c]*k[1] + p10[c]*k[2] + p11[c]*k[3]
			}
		}
	}
	a.swap()
}

// at gives a pixel, the mean color outside the picture.
func (p *view) at(x, y int) []float32 {
	if uint(x) >= uint(p.w) || uint(y) >= uint(p.h) {
		return Mean[:]
	}
	return p.pix[(y*p.w+x)*3:][:3]
}

// inverseRotation maps a destination place (x,y) to its source:
// (m0·x+m1·y+m2, m3·x+m4·y+m5), the inverse of OpenCV's
// getRotationMatrix2D((cx,cy), degrees, 1).
func inverseRotation(degrees, cx, cy float64) [6]float64 {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	return [6]float64{
		cos, -sin, cx - cos*cx + sin*cy,
		sin, cos, cy - sin*cx - cos*cy,
	}
}

// blur is OpenCV's GaussianBlur((5,5), 0): the binomial kernel 1 4 6 4 1 / 16
// along both axes, borders mirrored about the edge pixel. The mask stays.
func (a *augmenter) blur() {
	a.floats()
	src, dst := &a.cur, &a.other
	h, w := src.h, src.w
	dst.resize(h, w)
	copy(dst.mask, src.mask)
	a.line = grow(a.line, (w+4)*3)
	line := a.line // one row, blurred along y, with two mirrored pixels at either end
	n := w * 3
	for y := range h {
		r := func(k int) []float32 { return src.pix[mirror(y+k, h)*n:][:n] }
		rows.Binomial(line[6:][:n], r(-2), r(-1), r(0), r(1), r(2))
		for _, x := range []int{-2, -1, w, w + 1} {
			copy(line[(x+2)*3:][:3], line[(mirror(x, w)+2)*3:][:3])
		}
		rows.Binomial(dst.pix[y*n:][:n], line[:n], line[3:][:n], line[6:][:n], line[9:][:n], line[12:][:n])
	}
	a.swap()
}

// mirror brings a place outside 0..n-1 back by reflection about the first and
// last pixel, which are not repeated (BORDER_REFLECT_101).
func mirror(i, n int) int {
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	i = ((i % period) + period) % period
	return min(i, period-i)
}
