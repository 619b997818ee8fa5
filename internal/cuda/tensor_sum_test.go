//go:build cuda

package cuda

import (
	"math"
	"runtime"
	"sync"
)

// tensorSum is an inner product in float64, and how far off tensor cores may be.
//
// They add n products and the sum so far at once (n is 4 in tf32 and 8 in bf16 on compute
// capability 8.0): every addend is cut to the bits that float32's 24 and one more leave below
// the largest of them, and so is the new sum to its 24 bits; nothing is rounded to nearest
// (Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor cores", 2021). One
// such step is off by less than
//
//	2⁻²³·((n+1)/2·largest addend + |new sum|)
//
// and the product by the sum over all steps. Later GPUs add twice as many at once and keep two
// more bits, which is closer; fused multiply-adds one by one are off by 2⁻²⁴ of each sum. The
// kernels' steps are of the same products in tiles, so that their partial sums are those here
// but for where a tile begins.
type tensorSum struct {
	group, n     int
	sum          float64
	largest      float64 // addend of this step
	partial, off float64 // sum over the steps of the partial sums, and of the largest addends
}

// add continues with n products of values that lie step apart.
func (s *tensorSum) add(a, b []float32, n, stepA, stepB int) {
	for i := range n {
		v := float64(a[i*stepA]) * float64(b[i*stepB])
		s.sum += v
		if v = math.Abs(v); v > s.largest {
			s.largest = v
		}
		if s.n++; s.n == s.group {
			s.step()
		}
	}
}

func (s *tensorSum) step() {
	sum := math.Abs(s.sum)
	s.partial += sum
	s.off += s.largest
	s.largest, s.n = sum, 0
}

// bound is the most that the result may be off.
func (s *tensorSum) bound() float64 {
	s.step()
	return 0x1p-23 * (float64(s.group+1)/2*s.off + s.partial)
}

// tensorSums gives y, dx and dw of a convolution without bias, of inputs that are rounded
// already, element by element.
func (c twinConv) tensorSums(group int, x, w, dy []float32, visit [3]func(i int, s *tensorSum)) {
	ho, wo := c.p.Out(c.h, c.kh), c.p.Out(c.w, c.kw)
	// across splits rows over the processors.
	across := func(rows int, run func(row int)) {
		var all sync.WaitGroup
		for k := range runtime.GOMAXPROCS(0) {
			all.Go(func() {
				for r := k; r < rows; r += runtime.GOMAXPROCS(0) {
					run(r)
				}
			})
		}
		all.Wait()
	}
	taps := c.kh * c.kw
	across(c.b*ho*wo, func(row int) {
		b, oy, ox := row/(ho*wo), row/wo%ho, row%wo
		for k := range c.co {
			s := tensorSum{group: group}
			for tap := range taps {
				if iy, ix, ok := c.reads(oy, ox, tap); ok {
					s.add(x[((b*c.h+iy)*c.w+ix)*c.ci:], w[(k*taps+tap)*c.ci:], c.ci, 1, 1)
				}
			}
			visit[0](row*c.co+k, &s)
		}
	})
	across(c.b*c.h*c.w, func(row int) {
		b, iy, ix := row/(c.h*c.w), row/c.w%c.h, row%c.w
		for k := range c.ci {
			s := tensorSum{group: group}
			for tap := taps - 1; tap >= 0; tap-- {
				if oy, ox, ok := c.readBy(iy, ix, tap); ok {
					s.add(dy[((b*ho+oy)*wo+ox)*c.co:], w[tap*c.ci+k:], c.co, 1, taps*c.ci)
				}
			}
			visit[1](row*c.ci+k, &s)
		}
	})
	across(c.co, func(k int) {
		for tap := range taps {
			for channel := range c.ci {
				s := tensorSum{group: group}
				for row := range c.b * ho {
					first, last := wo, -1 // a row of positions whose tap lies in the image
					var at int
					for ox := range wo {
						if iy, ix, ok := c.reads(row%ho, ox, tap); ok {
							if last < 0 {
								first, at = ox, ((row/ho*c.h+iy)*c.w+ix)*c.ci+channel
							}
							last = ox
						}
					}
					if last >= 0 {
						s.add(x[at:], dy[(row*wo+first)*c.co+k:], last-first+1, c.p.Stride*c.ci, c.co)
					}
				}
				visit[2]((k*taps+tap)*c.ci+channel, &s)
			}
		}
	})
}

// reads tells which pixel a tap of an output position reads.
func (c twinConv) reads(oy, ox, tap int) (iy, ix int, ok bool) {
	iy, ix = oy*c.p.Stride-c.p.Pad+tap/c.kw*c.p.Dilation, ox*c.p.Stride-c.p.Pad+tap%c.kw*c.p.Dilation
	return iy, ix, iy >= 0 && iy < c.h && ix >= 0 && ix < c.w
}

// readBy tells which output position reads a pixel by a tap.
func (c twinConv) readBy(iy, ix, tap int) (oy, ox int, ok bool) {
	y, x := iy+c.p.Pad-tap/c.kw*c.p.Dilation, ix+c.p.Pad-tap%c.kw*c.p.Dilation
	oy, ox = y/c.p.Stride, x/c.p.Stride
	return oy, ox, y >= 0 && x >= 0 && y%c.p.Stride == 0 && x%c.p.Stride == 0 && oy < c.p.Out(c.h, c.kh) && ox < c.p.Out(c.w, c.kw)
}
