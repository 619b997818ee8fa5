package cpu

import "hdmnet/internal/op"

// queryChunk is about how many queries one task of the gradient takes.
const queryChunk = 896

// SelfAttentionGrad implements op.SelfAttention. The weights are made again from lse,
// block by block; every block gives its share of all three gradients:
//
//	D_i = dy_i·y_i       ds_ij = a_ij (dy_i·v_j − D_i)
//	dv_j = Σ_i a_ij dy_i       dk_j = scale·Σ_i ds_ij q_i       dq_i = scale·Σ_j ds_ij k_j
//
// A task takes a chunk of the queries of one head. What it finds for dk and dv is kept
// and added in the order of the chunks.
func (dev *Device) SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v op.Tensor, heads int) {
	a := newAttention(op.CheckSelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v, heads))
	var w scratch
	defer w.free()
	g := attentionGrad{attention: a, dq: f32(dq), dk: f32(dk), dv: f32(dv),
		dy: f32(dy), y: f32(y), lse: f32(lse), q: f32(q), k: f32(k), v: f32(v)}
	chunks := (a.n + queryChunk - 1) / queryChunk
	g.chunk = roundUp((a.n+chunks-1)/chunks, a.rows)
	g.chunks = (a.n + g.chunk - 1) / g.chunk
	g.nkRows = roundUp(a.cols, a.isa.mr)
	g.kPanels, g.vPanels = w.floats(a.units()*a.nk*a.d), w.floats(a.units()*a.nk*a.d)
	if len(g.dq) > 0 {
		g.kColumns = w.floats(a.units() * a.nk * a.width(a.d))
	}
	size := a.units() * g.chunks * a.nk / a.cols * g.nkRows * a.width(a.d)
	if len(g.dk) > 0 {
		g.dkParts = w.floats(size)
	}
	if len(g.dv) > 0 {
		g.dvParts = w.floats(size)
	}
	attentionGradKeys.run(a.units(), 1, g)
	attentionGradChunks.run(a.units()*g.chunks, 1, g)
	attentionGradSums.run(a.units(), 1, g)
}

// attentionGrad is the operands of SelfAttentionGrad, the keys' in the layouts of tiling,
// and the shares of dk and dv: [heads of all samples][chunks][blocks
// of keys][nkRows][width].
type attentionGrad struct {
	attention
	dq, dk, dv, dy, y, lse, q, k, v []float32

	kPanels, vPanels, kColumns []float32
	dkParts, dvParts           []float32
	chunk, chunks              int // queries of a chunk, chunks of a head
	nkRows                     int // cols padded to whole tiles
}

var (
	attentionGradKeys = newLoop(func(g *attentionGrad, lo, hi int) {
		for u := lo; u < hi; u++ {
			g.keyPanels(part(g.kPanels, u, g.units()), g.head(g.k, u))
			g.keyPanels(part(g.vPanels, u, g.units()), g.head(g.v, u))
			if len(g.dq) > 0 {
				g.columns(part(g.kColumns, u, g.units()), g.head(g.k, u), g.m, g.nk)
			}
		}
	})
	attentionGradChunks = newLoop(func(g *attentionGrad, lo, hi int) {
		for t := lo; t < hi; t++ {
			first := t % g.chunks * g.chunk
			for i := first; i < min(first+g.chunk, g.n); i += g.rows {
				g.queryBlock(t/g.chunks, i, part(g.dkParts, t, g.units()*g.chunks), part(g.dvParts, t, g.units()*g.chunks), i > first)
			}
		}
	})
	attentionGradSums = newLoop(func(g *attentionGrad, lo, hi int) {
		for u := lo; u < hi; u++ {
			if len(g.dk) > 0 {
				g.addParts(g.head(g.dk, u), part(g.dkParts, u, g.units()))
			}
			if len(g.dv) > 0 {
				g.addParts(g.head(g.dv, u), part(g.dvParts, u, g.units()))
			}
		}
	})
)

// queryBlock adds dq of the queries from i of head u and their share of dk and dv, which
// overwrites what is there unless accumulate.
func (g *attentionGrad) queryBlock(u, i int, dk, dv []float32, accumulate bool) {
	var w scratch
	defer w.free()
	d, width := g.d, g.width(g.d)
	qRows, dyRows := w.floats(g.rows*d), w.floats(g.rows*d)
	// The transposed products read whole tiles of their rows, past the last one too.
	s, p := w.floats(g.rows*g.cols+g.nkRows-g.cols), w.floats(g.rows*g.cols+g.nkRows-g.cols)
	dq, shift := w.floats(g.rows*width), w.floats(g.rows)
	valid := g.queries(qRows, g.head(g.q, u), i)
	scaleRow(qRows, g.scale)
	g.queries(dyRows, g.head(g.dy, u), i)
	y := g.head(g.y, u)
	for r := range valid {
		shift[r] = dotProduct(dyRows[r*d:(r+1)*d], y[(i+r)*g.channels:])
	}
	qColumns, dyColumns := qRows, dyRows
	if d != g.isa.nr { // else they are the same
		qColumns, dyColumns = w.floats(g.rows*width), w.floats(g.rows*width)
		columnsOf(qColumns, qRows, g.rows, d, g.isa.nr)
		columnsOf(dyColumns, dyRows, g.rows, d, g.isa.nr)
	}
	lse := g.lse[u*g.n+i:]
	kPanels, vPanels := part(g.kPanels, u, g.units()), part(g.vPanels, u, g.units())
	for j := 0; j < g.m; j += g.cols {
		g.scores(s, qRows, 0, kPanels, j, d)
		g.scores(p, dyRows, 0, vPanels, j, d)
		keys := min(g.cols, g.m-j)
		for r := range valid {
			a := s[r*g.cols : r*g.cols+keys]
			expTo(a, a, lse[r])
			weigh(p[r*g.cols:r*g.cols+keys], a, shift[r]) // padded keys have v = 0, and keep p = 0
		}
		at := j / g.cols * g.nkRows * width
		if len(dv) > 0 {
			g.transposed(dv[at:], s, g.nkRows, dyColumns, valid, d, accumulate)
		}
		if len(dk) > 0 {
			g.transposed(dk[at:], p, g.nkRows, qColumns, valid, d, accumulate)
		}
		if len(g.dq) > 0 {
			g.sums(dq, p, part(g.kColumns, u, g.units()), g.nk, j, d)
		}
	}
	if len(g.dq) == 0 {
		return
	}
	to := g.head(g.dq, u)
	for r := range valid {
		at := (i + r) * g.channels
		addScaledRow(to[at:at+d], dq[r*width:], g.scale)
	}
}

// addParts adds the sum of the chunks' shares of one head to dx.
func (g *attentionGrad) addParts(dx, parts []float32) {
	width := g.width(g.d)
	sum := part(parts, 0, g.chunks)
	for c := 1; c < g.chunks; c++ {
		addRow(sum, part(parts, c, g.chunks))
	}
	for j := range g.m {
		at := (j/g.cols*g.nkRows + j%g.cols) * width
		addScaledRow(dx[j*g.channels:j*g.channels+g.d], sum[at:], 1)
	}
}
