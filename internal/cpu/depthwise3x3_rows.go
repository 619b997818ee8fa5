package cpu

import "hdmnet/internal/op"

// taps are the nine factors of one 3×3 window, row by row, each a slice of C values.
type taps [9][]float32

// tapRows are the three rows that a run of positions reads, from the left neighbor of
// the first position on.
type tapRows [3][]float32

// tapsOfRows returns the window of position p of the run.
func tapsOfRows(rows *tapRows, p, c int) (t taps) {
	for k := range t {
		at := (p + k%3) * c
		t[k] = rows[k/3][at : at+c]
	}
	return t
}

// tapImage gives the 3×3 neighborhoods of images [B,H,W,C], with zeros outside. One
// goroutine uses it.
type tapImage struct {
	x            []float32
	h, w, c      int
	zeros        []float32 // one row
	edge         []float32 // [3,3,C]: the window of a position at the edge
	rows, window tapRows
}

var tapImages freeList[tapImage]

func newTapImage(x op.Tensor) *tapImage {
	s, t := x.Shape(), tapImages.get()
	t.x, t.h, t.w, t.c = f32(x), s[1], s[2], s[3]
	t.zeros, t.edge = takeScratch(t.w*t.c), takeScratch(9*t.c)
	clear(t.zeros)
	return t
}

func (t *tapImage) release() {
	freeScratch(t.zeros)
	freeScratch(t.edge)
	t.x, t.zeros, t.edge, t.rows, t.window = nil, nil, nil, tapRows{}, tapRows{}
	tapImages.put(t)
}

// eachRun calls f for the runs of positions of one row whose windows are consecutive in
// memory: the first position, those between, and the last one. [lo,hi) are the run's
// elements of x.
func (t *tapImage) eachRun(row int, f func(lo, hi int, rows *tapRows)) {
	line := t.w * t.c
	for k := range t.rows {
		t.rows[k] = t.zeros
		if r := row%t.h + k - 1; r >= 0 && r < t.h {
			at := (row + k - 1) * line
			t.rows[k] = t.x[at : at+line]
		}
	}
	begin := row * line
	t.runAtEdge(0, begin, f)
	if t.w > 2 {
		f(begin+t.c, begin+line-t.c, &t.rows)
	}
	if t.w > 1 {
		t.runAtEdge(t.w-1, begin, f)
	}
}

// runAtEdge calls f for position j alone, with its window copied beside zeros.
func (t *tapImage) runAtEdge(j, begin int, f func(lo, hi int, rows *tapRows)) {
	clear(t.edge)
	for k := range t.window {
		t.window[k] = t.edge[3*k*t.c : 3*(k+1)*t.c]
		from, to := max(0, j-1), min(t.w, j+2)
		copy(t.window[k][(from-j+1)*t.c:], t.rows[k][from*t.c:to*t.c])
	}
	f(begin+j*t.c, begin+(j+1)*t.c, &t.window)
}
