package cpu

import "hdmnet/internal/op"

// pyramidLevel is one small map of n×n cells and where its cells land.
type pyramidLevel struct {
	q          []float32 // [B,n,n,9·Co]
	n, first   int       // first: its first row in the line of products
	rows, cols *resizeAxis
}

// PyramidSpread works by lines of y: first the taps' rows are summed for the line, which
// leaves 3·n vectors of Co per level, one for every column of cells and tap; then one
// product with the columns' weights [w, 3·Σn] gives the line.
func (d *Device) PyramidSpread(y op.Tensor, q []op.Tensor) {
	op.CheckPyramidSpread(y, q)
	s := y.Shape()
	batch, h, w, co := s[0], s[1], s[2], s[3]
	var levels []pyramidLevel
	k := 0
	for _, t := range q {
		n := t.Shape()[1]
		levels = append(levels, pyramidLevel{f32(t), n, k, newResizeAxis(n, h, true), newResizeAxis(n, w, true)})
		k += 3 * n
	}
	columns := borrow(w * k)
	clear(columns)
	for _, l := range levels {
		for j := range w {
			l.columns(columns[j*k:(j+1)*k], j, w)
		}
	}
	parallelFor(batch*h, 1, func(lo, hi int) {
		line := borrow(k * co)
		for r := lo; r < hi; r++ {
			clear(line)
			for _, l := range levels {
				l.sumRows(line[l.first*co:], r/h, r%h, h, co)
			}
			gemm(false, false, w, co, k, columns, k, line, co, false, f32(y)[r*w*co:(r+1)*w*co], co, epilogue{})
		}
		giveBack(line)
	})
	giveBack(columns)
	for _, l := range levels {
		l.rows.release()
		l.cols.release()
	}
}

// columns sets the weights of the level's vectors in column j of w.
func (l *pyramidLevel) columns(weights []float32, j, w int) {
	for kx := range 3 {
		at := j + kx - 1
		if at < 0 || at >= w {
			continue
		}
		near, far := int(l.cols.near[at]), l.cols.far[at]
		weights[l.first+3*near+kx] += 1 - far
		weights[l.first+3*l.cols.next(at)+kx] += far
	}
}

// sumRows adds to line [n,3,Co] what line i of h of picture b reads: the tap's rows,
// weighted.
func (l *pyramidLevel) sumRows(line []float32, b, i, h, co int) {
	for ky := range 3 {
		at := i + ky - 1
		if at < 0 || at >= h {
			continue
		}
		near, far := int(l.rows.near[at]), l.rows.far[at]
		for v := range l.n {
			to := line[3*v*co : 3*(v+1)*co]
			addScaledRow(to, l.cell(b, near, v, ky, co), 1-far)
			if far != 0 {
				addScaledRow(to, l.cell(b, near+1, v, ky, co), far)
			}
		}
	}
}

// cell is the products [3,Co] of cell (u,v) with the taps of row ky.
func (l *pyramidLevel) cell(b, u, v, ky, co int) []float32 {
	at := (((b*l.n+u)*l.n+v)*3 + ky) * 3 * co
	return l.q[at : at+3*co]
}
