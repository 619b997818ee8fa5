package cpu

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

// attention is the geometry of one sample: n queries, m keys, channels = heads·d.
type attention struct {
	tiling
	n, m, channels, heads, d int
	scale                    float32 // 1/(√d + 1e-9)
}

func newAttention(operator string, q, k, v op.Tensor, heads int) (a attention, batch int) {
	qs, ks := q.Shape(), k.Shape()
	if len(qs) != 3 || len(ks) != 3 || heads < 1 || qs[2]%heads != 0 {
		panic(fmt.Sprintf("op: %s: q %v, k %v in %d heads", operator, qs, ks, heads))
	}
	op.Shape(operator, "k", k, qs[0], -1, qs[2])
	op.Shape(operator, "v", v, ks...)
	d := qs[2] / heads
	return attention{tiling: newTiling(), n: qs[1], m: ks[1], channels: qs[2], heads: heads, d: d,
		scale: float32(1 / (math.Sqrt(float64(d)) + 1e-9))}, qs[0]
}

// SelfAttention implements op.SelfAttention: a block of queries meets the keys block by
// block with a running maximum and a running sum.
func (dev *Device) SelfAttention(y, lse, q, k, v op.Tensor, heads int) {
	const name = "SelfAttention"
	a, batch := newAttention(name, q, k, v, heads)
	op.Shape(name, "y", y, q.Shape()...)
	op.Shape(name, "lse", lse, batch, heads, a.n)
	for b := range batch {
		a.forward(sample(f32(y), b, batch), sample(f32(lse), b, batch),
			sample(f32(q), b, batch), sample(f32(k), b, batch), sample(f32(v), b, batch))
	}
}

func (a *attention) forward(y, lse, q, k, v []float32) {
	var w lease
	defer w.end()
	nq, nk := a.extent(a.n), a.extent(a.m)
	width := a.width(a.d)
	qRows := w.floats(a.heads * nq * a.d)
	kPanels, vColumns := w.floats(a.heads*nk*a.d), w.floats(a.heads*nk*width)
	rows := w.floats(a.heads * nk * a.d)
	parallelFor(a.heads, 1, func(lo, hi int) {
		for h := lo; h < hi; h++ {
			a.scaledRows(part(qRows, h, a.heads), q[h*a.d:])
			rows := part(rows, h, a.heads)
			gatherRows(rows, k[h*a.d:], a.channels, nil, a.m, a.d)
			a.panelsOf(part(kPanels, h, a.heads), rows, a.d)
			gatherRows(rows, v[h*a.d:], a.channels, nil, a.m, a.d)
			columnsOf(part(vColumns, h, a.heads), rows, nk, a.d, a.isa.nr)
		}
	})
	blocks := a.rowBlocks(a.n)
	parallelFor(a.heads*blocks, 1, func(lo, hi int) {
		for u := lo; u < hi; u++ {
			h, i := u/blocks, u%blocks*a.rows
			var norm []float32
			if len(lse) > 0 {
				norm = part(lse, h, a.heads)
			}
			a.attendBlock(y[h*a.d:], norm, i, part(qRows, h, a.heads), part(kPanels, h, a.heads), part(vColumns, h, a.heads), nk)
		}
	})
}

// scaledRows fills rows with one head of q times the scale of the scores.
func (a *attention) scaledRows(rows, q []float32) {
	gatherRows(rows, q, a.channels, nil, a.n, a.d)
	scaleRow(rows[:a.n*a.d], a.scale)
}

// attendBlock writes y and lse (which may be nil) of the row block from i.
func (a *attention) attendBlock(y, lse []float32, i int, qRows, kPanels, vColumns []float32, nk int) {
	var w lease
	defer w.end()
	width := a.width(a.d)
	s, acc := w.floats(a.rows*a.cols), w.floats(a.rows*width)
	top, total := w.floats(a.rows), w.zeros(a.rows)
	valid := min(a.rows, a.n-i)
	for r := range valid {
		top[r] = float32(math.Inf(-1))
	}
	for j := 0; j < a.m; j += a.cols {
		a.scores(s, qRows, i, kPanels, j, a.d)
		keys := min(a.cols, a.m-j)
		for r := range valid {
			row := s[r*a.cols : (r+1)*a.cols]
			if m := rowMax(row[:keys]); m > top[r] {
				if j > 0 {
					shrink := exp32(top[r] - m)
					total[r] *= shrink
					scaleRow(acc[r*width:(r+1)*width], shrink)
				}
				top[r] = m
			}
			total[r] += expSum(row[:keys], row[:keys], top[r])
			clear(row[keys:])
		}
		a.sums(acc, s, vColumns, nk, j, width)
	}
	for r := range valid {
		out := y[(i+r)*a.channels : (i+r)*a.channels+a.d]
		copy(out, acc[r*width:])
		scaleRow(out, 1/total[r])
		if lse != nil {
			lse[i+r] = top[r] + log32(total[r])
		}
	}
}

// SelfAttentionGrad implements op.SelfAttention. The weights are made again from lse,
// block by block: once with keys as rows for dk and dv, once with queries as rows for dq.
//
//	D_i = dy_i·y_i       ds_ij = a_ij (dy_i·v_j − D_i)
//	dv_j = Σ_i a_ij dy_i       dk_j = scale·Σ_i ds_ij q_i       dq_i = scale·Σ_j ds_ij k_j
func (dev *Device) SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v op.Tensor, heads int) {
	const name = "SelfAttentionGrad"
	a, batch := newAttention(name, q, k, v, heads)
	op.Shape(name, "dq", dq, q.Shape()...)
	op.Shape(name, "dk", dk, k.Shape()...)
	op.Shape(name, "dv", dv, v.Shape()...)
	op.Shape(name, "dy", dy, q.Shape()...)
	op.Shape(name, "y", y, q.Shape()...)
	op.Shape(name, "lse", lse, batch, heads, a.n)
	for b := range batch {
		g := attentionGrad{attention: a,
			dq: sample(f32(dq), b, batch), dk: sample(f32(dk), b, batch), dv: sample(f32(dv), b, batch)}
		g.run(sample(f32(dy), b, batch), sample(f32(y), b, batch), sample(f32(lse), b, batch),
			sample(f32(q), b, batch), sample(f32(k), b, batch), sample(f32(v), b, batch))
	}
}

// attentionGrad is the gradient of one sample: what the two passes write and read, every
// head in the layouts of tiling. q is kept times the scale.
type attentionGrad struct {
	attention
	dq, dk, dv []float32

	nq, nk                          int
	qRows, qPanels, qColumns        []float32
	dyRows, dyPanels, dyColumns     []float32
	kRows, kPanels, kColumns, vRows []float32
	vPanels, lse, shift             []float32 // shift holds D; both are 0 in the padding
}

func (g *attentionGrad) run(dy, y, lse, q, k, v []float32) {
	var w lease
	defer w.end()
	h, width := g.heads, g.width(g.d)
	g.nq, g.nk = g.extent(g.n), g.extent(g.m)
	g.qRows, g.qPanels, g.qColumns = w.floats(h*g.nq*g.d), w.floats(h*g.nq*g.d), w.floats(h*g.nq*width)
	g.dyRows, g.dyPanels, g.dyColumns = w.floats(h*g.nq*g.d), w.floats(h*g.nq*g.d), w.floats(h*g.nq*width)
	g.kRows, g.kPanels, g.kColumns = w.floats(h*g.nk*g.d), w.floats(h*g.nk*g.d), w.floats(h*g.nk*width)
	g.vRows, g.vPanels = w.floats(h*g.nk*g.d), w.floats(h*g.nk*g.d)
	g.lse, g.shift = w.zeros(h*g.nq), w.zeros(h*g.nq)
	parallelFor(h, 1, func(lo, hi int) {
		for h := lo; h < hi; h++ {
			g.layOut(h, dy[h*g.d:], y[h*g.d:], part(lse, h, g.heads), q[h*g.d:], k[h*g.d:], v[h*g.d:])
		}
	})
	if len(g.dk) > 0 || len(g.dv) > 0 {
		blocks := g.rowBlocks(g.m)
		parallelFor(h*blocks, 1, func(lo, hi int) {
			for u := lo; u < hi; u++ {
				g.keyBlock(u/blocks, u%blocks*g.rows)
			}
		})
	}
	if len(g.dq) > 0 {
		blocks := g.rowBlocks(g.n)
		parallelFor(h*blocks, 1, func(lo, hi int) {
			for u := lo; u < hi; u++ {
				g.queryBlock(u/blocks, u%blocks*g.rows)
			}
		})
	}
}

// layOut fills head h's operands; all but lse start at its first channel.
func (g *attentionGrad) layOut(h int, dy, y, lse, q, k, v []float32) {
	nr := g.isa.nr
	rows := part(g.qRows, h, g.heads)
	g.scaledRows(rows, q)
	g.panelsOf(part(g.qPanels, h, g.heads), rows, g.d)
	columnsOf(part(g.qColumns, h, g.heads), rows, g.nq, g.d, nr)
	rows = part(g.dyRows, h, g.heads)
	gatherRows(rows, dy, g.channels, nil, g.n, g.d)
	g.panelsOf(part(g.dyPanels, h, g.heads), rows, g.d)
	columnsOf(part(g.dyColumns, h, g.heads), rows, g.nq, g.d, nr)
	shift := part(g.shift, h, g.heads)
	for i := range g.n {
		shift[i] = dotProduct(rows[i*g.d:(i+1)*g.d], y[i*g.channels:])
	}
	copy(part(g.lse, h, g.heads), lse)
	rows = part(g.kRows, h, g.heads)
	gatherRows(rows, k, g.channels, nil, g.m, g.d)
	g.panelsOf(part(g.kPanels, h, g.heads), rows, g.d)
	columnsOf(part(g.kColumns, h, g.heads), rows, g.nk, g.d, nr)
	rows = part(g.vRows, h, g.heads)
	gatherRows(rows, v, g.channels, nil, g.m, g.d)
	g.panelsOf(part(g.vPanels, h, g.heads), rows, g.d)
}

// keyBlock adds dk and dv of the keys from j in head h. Padded queries have q = dy = 0
// and lse = D = 0.
func (g *attentionGrad) keyBlock(h, j int) {
	var w lease
	defer w.end()
	width := g.width(g.d)
	s, p := w.floats(g.rows*g.cols), w.floats(g.rows*g.cols)
	dk, dv := w.floats(g.rows*width), w.floats(g.rows*width)
	for i := 0; i < g.n; i += g.cols {
		g.scores(s, part(g.kRows, h, g.heads), j, part(g.qPanels, h, g.heads), i, g.d)
		g.scores(p, part(g.vRows, h, g.heads), j, part(g.dyPanels, h, g.heads), i, g.d)
		lse, shift := g.lse[h*g.nq+i:][:g.cols], g.shift[h*g.nq+i:][:g.cols]
		for r := 0; r < len(s); r += g.cols {
			a, x := s[r:r+g.cols], p[r:r+g.cols]
			for c, l := range lse {
				a[c] -= l
			}
			expTo(a, a, 0)
			for c, d := range shift {
				x[c] = a[c] * (x[c] - d)
			}
		}
		g.sums(dv, s, part(g.dyColumns, h, g.heads), g.nq, i, width)
		g.sums(dk, p, part(g.qColumns, h, g.heads), g.nq, i, width)
	}
	for r := range min(g.rows, g.m-j) {
		at := (j+r)*g.channels + h*g.d
		if len(g.dk) > 0 {
			addScaledRow(g.dk[at:at+g.d], dk[r*width:], 1)
		}
		if len(g.dv) > 0 {
			addScaledRow(g.dv[at:at+g.d], dv[r*width:], 1)
		}
	}
}

// queryBlock adds dq of the queries from i in head h. Padded keys have v = 0, so their
// product p is 0 and stays so.
func (g *attentionGrad) queryBlock(h, i int) {
	var w lease
	defer w.end()
	width := g.width(g.d)
	s, p, dq := w.floats(g.rows*g.cols), w.floats(g.rows*g.cols), w.floats(g.rows*width)
	valid := min(g.rows, g.n-i)
	for j := 0; j < g.m; j += g.cols {
		g.scores(s, part(g.qRows, h, g.heads), i, part(g.kPanels, h, g.heads), j, g.d)
		g.scores(p, part(g.dyRows, h, g.heads), i, part(g.vPanels, h, g.heads), j, g.d)
		keys := min(g.cols, g.m-j)
		for r := range valid {
			a, x := s[r*g.cols:r*g.cols+keys], p[r*g.cols:r*g.cols+keys]
			expTo(a, a, g.lse[h*g.nq+i+r])
			d := g.shift[h*g.nq+i+r]
			for c, e := range a {
				x[c] = e * (x[c] - d)
			}
		}
		g.sums(dq, p, part(g.kColumns, h, g.heads), g.nk, j, width)
	}
	for r := range valid {
		at := (i+r)*g.channels + h*g.d
		addScaledRow(g.dq[at:at+g.d], dq[r*width:], g.scale)
	}
}
