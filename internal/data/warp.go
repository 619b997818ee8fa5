package data

import "math"

// rotate turns the picture by an angle in degrees, counter-clockwise, about
// (w/2, h/2), keeping its size; what comes in at the corners has the mean
// colour and label 255. Image bilinear, mask nearest. Coordinates are in steps
// of 1/32 pixel (the mask's rounded to whole ones), which is what OpenCV's
// warpAffine does, so that pictures equal the release's.
func (a *augmenter) rotate(degrees float64) {
	src, dst := &a.cur, &a.other
	h, w := src.h, src.w
	dst.resize(h, w)
	m := inverseRotation(degrees, float64(w)/2, float64(h)/2)
	pad := [3]float32{255 * Mean[0], 255 * Mean[1], 255 * Mean[2]}
	outside := pad[:]
	pixel := func(x, y int) []float32 {
		if uint(x) >= uint(w) || uint(y) >= uint(h) {
			return outside
		}
		return src.pix[(y*w+x)*3:][:3]
	}
	// Fixed point with 10 fractional bits; the image keeps 5 of them.
	const bits, fine, one = 10, 5, 1 << 10
	fixed := func(v float64) int { return int(math.RoundToEven(v * one)) }
	xs, ys := make([]int, w), make([]int, w)
	for x := range w {
		xs[x], ys[x] = fixed(m[0]*float64(x)), fixed(m[3]*float64(x))
	}
	for y := range h {
		x0, y0 := fixed(m[1]*float64(y)+m[2]), fixed(m[4]*float64(y)+m[5])
		for x := range w {
			px, py := x0+xs[x], y0+ys[x]
			at := y*w + x

			nx, ny := (px+one/2)>>bits, (py+one/2)>>bits
			if uint(nx) < uint(w) && uint(ny) < uint(h) {
				dst.mask[at] = src.mask[ny*w+nx]
			} else {
				dst.mask[at] = Ignore
			}

			qx, qy := (px+one>>(fine+1))>>(bits-fine), (py+one>>(fine+1))>>(bits-fine)
			ix, iy := qx>>fine, qy>>fine
			fx, fy := float32(qx&31)/32, float32(qy&31)/32
			p00, p01 := pixel(ix, iy), pixel(ix+1, iy)
			p10, p11 := pixel(ix, iy+1), pixel(ix+1, iy+1)
			w00, w01, w10, w11 := (1-fx)*(1-fy), fx*(1-fy), (1-fx)*fy, fx*fy
			out := dst.pix[at*3:][:3]
			for c := range out {
				out[c] = p00[c]*w00 + p01[c]*w01 + p10[c]*w10 + p11[c]*w11
			}
		}
	}
	a.swap()
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
	src, dst := &a.cur, &a.other
	h, w := src.h, src.w
	dst.resize(h, w)
	copy(dst.mask, src.mask)
	a.line = grow(a.line, (w+4)*3)
	line := a.line // one row, blurred along y, with two mirrored pixels at either end
	n := w * 3
	for y := range h {
		r := func(k int) []float32 { return src.pix[mirror(y+k, h)*n:][:n] }
		r0, r1, r2, r3, r4 := r(-2), r(-1), r(0), r(1), r(2)
		mid := line[6:][:n]
		for i := range mid {
			mid[i] = (r0[i]+r4[i])*(1.0/16) + (r1[i]+r3[i])*(4.0/16) + r2[i]*(6.0/16)
		}
		for _, x := range []int{-2, -1, w, w + 1} {
			copy(line[(x+2)*3:][:3], line[(mirror(x, w)+2)*3:][:3])
		}
		out := dst.pix[y*n:][:n]
		l0, l1, l2, l3, l4 := line[:n], line[3:][:n], line[6:][:n], line[9:][:n], line[12:][:n]
		for i := range out {
			out[i] = (l0[i]+l4[i])*(1.0/16) + (l1[i]+l3[i])*(4.0/16) + l2[i]*(6.0/16)
		}
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
