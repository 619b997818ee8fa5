package cpu

// gather reads a convolution's patches off an NHWC image as the rows of a
// matrix that is never stored. Row m = (b·gh + gy)·gw + gx is the patch at grid
// position (gy, gx); column (ty·nx + tx)·c + ch is channel ch of the pixel
// (gy·stride + oy + ty·stepY, gx·stride + ox + tx·stepX), 0 outside the image.
//
// As operand A of a product its inner dimension is the patch, for a forward
// convolution or the gradient of its input; as operand B the inner dimension is
// the grid, for the gradient of its weight.
type gather struct {
	image        []float32
	h, w, c      int
	gh, gw       int
	stride       int
	oy, ox       int
	ny, nx       int
	stepY, stepX int
}

// run returns how many columns come from one stretch of the image row: all
// taps of a kernel row if they are neighbors, else one.
func (g *gather) run() int {
	if g.stepX == 1 {
		return g.nx * g.c
	}
	return g.c
}

// packA splits the rows by lines of the grid and the columns by runs: in such a piece
// the sources are equally far apart, and those at its ends may be cut by the image's edge.
func (g *gather) packA(isa *instructionSet, dst []float32, m0, m1, k0, k1 int) (rs, ks int) {
	stride, run, step, line := kStride(k1-k0), g.run(), g.stride*g.c, g.w*g.c
	perRow := 1 // runs in a row of the kernel
	if g.stepX != 1 {
		perRow = g.nx
	}
	for m := m0; m < m1; {
		gx, gy, b := m%g.gw, m/g.gw%g.gh, m/(g.gw*g.gh)
		n := min(g.gw-gx, m1-m)
		for k := k0; k < k1; {
			tap, at := k/run, k%run
			width := min(run-at, k1-k)
			to := dst[(m-m0)*stride+k-k0:]
			k += width
			y := gy*g.stride + g.oy + tap/perRow*g.stepY
			if uint(y) >= uint(g.h) {
				for i := range n {
					clear(to[i*stride:][:width])
				}
				continue
			}
			src := g.image[(b*g.h+y)*line:][:line]
			from := (gx*g.stride+g.ox+tap%perRow*g.stepX)*g.c + at
			first := min(max(0, ceilDiv(-from, step)), n) // whole runs: first ≤ i < last
			last := min(max(first, ceilDiv(line-width-from+1, step)), n)
			for i := range first {
				copyClipped(to[i*stride:][:width], src, from+i*step)
			}
			if first < last {
				isa.copyBlock(to[first*stride:], stride, src[from+first*step:], step, last-first, width)
			}
			for i := last; i < n; i++ {
				copyClipped(to[i*stride:][:width], src, from+i*step)
			}
		}
		m += n
	}
	return stride, 1
}

// packB splits the panel's columns by taps and the rows by lines of the grid:
// in such a piece the sources are equally far apart, first some outside the
// image on the left, then some inside, then some outside on the right.
func (g *gather) packB(isa *instructionSet, dst []float32, n0, n1, k0, k1 int) {
	nr := isa.nr
	for n := n0; n < n1; {
		tap, ch := n/g.c, n%g.c
		width := min(g.c-ch, n1-n)
		dy, dx := g.oy+tap/g.nx*g.stepY, g.ox+tap%g.nx*g.stepX
		for k := k0; k < k1; {
			gx, gy, b := k%g.gw, k/g.gw%g.gh, k/(g.gw*g.gh)
			end := min(gx+k1-k, g.gw) // of this piece of the grid line
			first, last := end, end   // what lies inside the image
			if y := gy*g.stride + dy; uint(y) < uint(g.h) {
				first = min(max(gx, ceilDiv(-dx, g.stride)), end)
				last = min(max(first, ceilDiv(g.w-dx, g.stride)), end)
				if first < last {
					at := ((b*g.h+y)*g.w+first*g.stride+dx)*g.c + ch
					isa.copyPanel(dst[(k-k0+first-gx)*nr+n-n0:], nr, g.image[at:], g.stride*g.c, last-first, width, width)
				}
			}
			isa.copyPanel(dst[(k-k0)*nr+n-n0:], nr, nil, 0, first-gx, 0, width)
			if last < end {
				isa.copyPanel(dst[(k-k0+last-gx)*nr+n-n0:], nr, nil, 0, end-last, 0, width)
			}
			k += end - gx
		}
		n += width
	}
	isa.copyPanel(dst[n1-n0:], nr, nil, 0, k1-k0, 0, nr-(n1-n0))
}

// ceilDiv returns ⌈a/b⌉ for b > 0.
func ceilDiv(a, b int) int {
	if a > 0 {
		return (a + b - 1) / b
	}
	return -(-a / b)
}

// copyClipped copies line[from:] to dst; what lies outside the line is 0.
func copyClipped(dst, line []float32, from int) {
	if from < 0 {
		n := min(-from, len(dst))
		clear(dst[:n])
		dst = dst[n:]
		from = 0
	}
	n := max(0, min(len(dst), len(line)-from))
	if n > 0 {
		copy(dst[:n], line[from:])
	}
	clear(dst[n:])
}
