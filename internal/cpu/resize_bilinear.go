package cpu

import "hdmnet/internal/op"

// ResizeBilinear resamples in two passes for every output row: the two source rows are
// mixed into one, whose columns are then mixed.
func (d *Device) ResizeBilinear(y, x op.Tensor, alignCorners bool) {
	s := op.CheckResizeBilinear(y, x)
	yv, xv := f32(y), f32(x)
	if s.H == s.OutH && s.W == s.OutW {
		copy(yv, xv)
		return
	}
	rows, cols := newResizeAxis(s.H, s.OutH, alignCorners), newResizeAxis(s.W, s.OutW, alignCorners)
	bilinearRows.run(s.B*s.OutH, rowGrain(s.OutW*s.C), resizeArgs{yv, xv, s.H, s.W, s.OutH, s.OutW, s.C, rows, cols})
	rows.release()
	cols.release()
}

// resizeArgs are maps x [B,h,w,C] and y [B,oh,ow,C], or their gradients.
type resizeArgs struct {
	y, x            []float32
	h, w, oh, ow, c int
	rows, cols      *resizeAxis
}

var (
	bilinearRows = newLoop(func(a *resizeArgs, lo, hi int) {
		h, w, oh, ow, c, rows, cols := a.h, a.w, a.oh, a.ow, a.c, a.rows, a.cols
		mixed := takeScratch(w * c)
		for r := lo; r < hi; r++ {
			sample, i := a.x[r/oh*h*w*c:][:h*w*c], r%oh
			line := sample[int(rows.near[i])*w*c:][:w*c]
			if t := rows.far[i]; t != 0 {
				mix(mixed, line, sample[rows.next(i)*w*c:], t)
				line = mixed
			}
			resizeRow(a.y[r*ow*c:(r+1)*ow*c], line, cols, c)
		}
		freeScratch(mixed)
	})
	bilinearGradRows = newLoop(func(a *resizeArgs, lo, hi int) {
		h, w, oh, ow, c, rows, cols := a.h, a.w, a.oh, a.ow, a.c, a.rows, a.cols
		sum := takeScratch(ow * c)
		for r := lo; r < hi; r++ {
			sample, p := a.y[r/h*oh*ow*c:][:oh*ow*c], r%h
			clear(sum)
			from, to := rows.readers(p)
			for i := from; i < to; i++ {
				t := rows.far[i]
				if int(rows.near[i]) == p {
					t = 1 - t
				}
				if t == 0 {
					continue
				}
				addScaledRow(sum, sample[i*ow*c:], t)
			}
			spreadRow(a.x[r*w*c:(r+1)*w*c], sum, cols, c)
		}
		freeScratch(sum)
	})
)

// ResizeBilinearGrad gathers, for every source row, what the output rows that read it
// send back, and spreads that over the columns.
func (d *Device) ResizeBilinearGrad(dx, dy op.Tensor, alignCorners bool) {
	s := op.CheckResizeBilinearGrad(dx, dy)
	if s.H == s.OutH && s.W == s.OutW {
		d.AddScaled(dx, dy, 1)
		return
	}
	rows, cols := newResizeAxis(s.H, s.OutH, alignCorners), newResizeAxis(s.W, s.OutW, alignCorners)
	bilinearGradRows.run(s.B*s.H, rowGrain(max(1, s.OutH/s.H)*s.OutW*s.C), resizeArgs{f32(dy), f32(dx), s.H, s.W, s.OutH, s.OutW, s.C, rows, cols})
	rows.release()
	cols.release()
}

// resizeRow resamples the columns of one row, x [W,C] to y [w,C].
func resizeRow(y, x []float32, cols *resizeAxis, c int) {
	switch c {
	case 1:
		for j, near := range cols.near {
			t := cols.far[j]
			y[j] = (1-t)*x[near] + t*x[cols.next(j)]
		}
	case 2:
		for j, near := range cols.near {
			t, a, b := cols.far[j], x[2*near:], x[2*cols.next(j):]
			y[2*j] = (1-t)*a[0] + t*b[0]
			y[2*j+1] = (1-t)*a[1] + t*b[1]
		}
	default:
		loops, n := loopsFor(c)
		for j, near := range cols.near {
			loops.mixTo(y[j*c:(j+1)*c], x[int(near)*c:], x[cols.next(j)*c:], n, cols.far[j])
		}
	}
}

// spreadRow is the transpose of resizeRow: it adds the gradient g [w,C] of one row's
// outputs to dx [W,C].
func spreadRow(dx, g []float32, cols *resizeAxis, c int) {
	for j, near := range cols.near {
		t := cols.far[j]
		s, g := 1-t, g[j*c:(j+1)*c]
		a, b := dx[int(near)*c:][:len(g)], dx[cols.next(j)*c:][:len(g)]
		switch {
		case t == 0:
			addRow(a, g)
		case c < loopLanes:
			for k, v := range g {
				a[k] += s * v
				b[k] += t * v
			}
		default:
			addScaledRow(a, g, s)
			addScaledRow(b, g, t)
		}
	}
}
