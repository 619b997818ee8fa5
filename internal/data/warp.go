package data

import "math"

// rotate turns the picture by an angle in degrees, counter-clockwise, about
// (w/2, h/2), keeping its size; what comes in at the corners has the mean
// colour and label 255. Image bilinear, mask nearest. Coordinates are in steps
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
		pix, mask := dst.pix[y*w*3:(y+1)*w*3], dst.mask[y*w:(y+1)*w]
		for x, dx := range xs {
			px, py := x0+dx, y0+ys[x]

			nx, ny := int(px+one/2)>>bits, int(py+one/2)>>bits
			if uint(nx) < uint(w) && uint(ny) < uint(h) {
				mask[x] = src.mask[ny*w+nx]
			} else {
				mask[x] = Ignore
			}

			qx, qy := (px+one>>(fine+1))>>(bits-fine), (py+one>>(fine+1))>>(bits-fine)
			ix, iy := int(qx>>fine), int(qy>>fine)
			k := &shares[qy&31][qx&31]
			out := pix[3*x : 3*x+3 : 3*x+3]
			if uint(ix) < uint(w-1) && uint(iy) < uint(h-1) {
				at := (iy*w + ix) * 3
				p, q := src.pix[at:at+6:at+6], src.pix[at+3*w:at+3*w+6:at+3*w+6]
				out[0] = p[0]*k[0] + p[3]*k[1] + q[0]*k[2] + q[3]*k[3]
				out[1] = p[1]*k[0] + p[4]*k[1] + q[1]*k[2] + q[4]*k[3]
				out[2] = p[2]*k[0] + p[5]*k[1] + q[2]*k[2] + q[5]*k[3]
				continue
			}
			p00, p01 := src.at(ix, iy), src.at(ix+1, iy)
			p10, p11 := src.at(ix, iy+1), src.at(ix+1, iy+1)
			for c := range out {
				out[c] = p00[c]*k[0] + p01[c]*k[1] + p10[c]*k[2] + p11[c]*k[3]
			}
		}
	}
	a.swap()
}

// at gives a pixel, the mean colour outside the picture.
func (p *picture) at(x, y int) []float32 {
	if uint(x) >= uint(p.w) || uint(y) >= uint(p.h) {
		return outside[:]
	}
	return p.pix[(y*p.w+x)*3:][:3]
}

var outside = [3]float32{255 * Mean[0], 255 * Mean[1], 255 * Mean[2]}

// shares are the weights of the four pixels around a place, by the 32nds of
// its coordinates y and x.
var shares = func() (t [32][32][4]float32) {
	for y := range t {
		for x := range t[y] {
			fy, fx := float32(y)/32, float32(x)/32
			t[y][x] = [4]float32{(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy}
		}
	}
	return t
}()

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
		binomial(line[6:][:n], r(-2), r(-1), r(0), r(1), r(2))
		for _, x := range []int{-2, -1, w, w + 1} {
			copy(line[(x+2)*3:][:3], line[(mirror(x, w)+2)*3:][:3])
		}
		binomial(dst.pix[y*n:][:n], line, line[3:], line[6:], line[9:], line[12:])
	}
	a.swap()
}

// binomial is out = (a + 4b + 6c + 4d + e) / 16.
func binomial(out, a, b, c, d, e []float32) {
	n := len(out)
	a, b, c, d, e = a[:n], b[:n], c[:n], d[:n], e[:n]
	for i := range out {
		out[i] = (a[i]+e[i])*(1.0/16) + (b[i]+d[i])*(4.0/16) + c[i]*(6.0/16)
	}
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
