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
	p := pyramids.get()
	*p = pyramid{y: f32(y), h: h, w: w, co: co, levels: p.levels[:0]}
	for _, t := range q {
		n := t.Shape()[1]
		p.levels = append(p.levels, pyramidLevel{f32(t), n, p.k, newResizeAxis(n, h, true), newResizeAxis(n, w, true)})
		p.k += 3 * n
	}
	p.columns = takeScratch(w * p.k)
	clear(p.columns)
	for _, l := range p.levels {
		for j := range w {
			l.columns(p.columns[j*p.k:(j+1)*p.k], j, w)
		}
	}
	pyramidLines.run(batch*h, 1, p)
	freeScratch(p.columns)
	for _, l := range p.levels {
		l.rows.release()
		l.cols.release()
	}
	clear(p.levels)
	pyramids.put(p)
}

// pyramid is one call of PyramidSpread.
type pyramid struct {
	y           []float32
	h, w, co, k int // k = 3·Σn
	levels      []pyramidLevel
	columns     []float32 // [w,k]
}

var (
	pyramids     freeList[pyramid]
	pyramidLines = newLoop(func(at **pyramid, lo, hi int) {
		p := *at
		line := takeScratch(p.k * p.co)
		for r := lo; r < hi; r++ {
			clear(line)
			for _, l := range p.levels {
				l.sumRows(line[l.first*p.co:], r/p.h, r%p.h, p.h, p.co)
			}
			gemm(op.FP32, false, false, p.w, p.co, p.k, p.columns, p.k, line, p.co, false, p.y[r*p.w*p.co:(r+1)*p.w*p.co], p.co, epilogue{})
		}
		freeScratch(line)
	})
)

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
