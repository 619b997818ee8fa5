package cpu

import "hdmnet/internal/op"

// MaskedCorrelationGrad implements op.MaskedCorrelation. The scores are made again,
// block by block. With e_ij = exp(s_ij), P_ij = dy_i·v_j and Z_j = colSum:
//
//	dv_j = Σ_i e_ij dy_i / Z_j        D_j = v_j·dv_j
//	ds_ij = e_ij (P_ij − D_j)/Z_j + w·dcorr_i        w = 1/(heads·(n+1e-9))
//	dq̂_i = 10 Σ_j ds_ij k̂_j          dk̂_j = 10 Σ_i ds_ij q̂_i
//	dq   = (dq̂ − q̂(q̂·dq̂))/|q|, or dq̂/1e-12 where |q| < 1e-12
//
// Support positions are rows of the first pass, query positions of the second; D_j is
// known only after the first, so there Σ e P q̂ and Σ e q̂ are kept apart. What dy has in
// common over the queries cancels in P − D; it is taken out first, or its rounding would
// drown the rest.
func (dev *Device) MaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask op.Tensor, heads int) {
	c, batch := newCorrelation(op.CheckMaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask, heads))
	for b := range batch {
		g := correlationGrad{correlation: c,
			dq: sample(f32(dq), b, batch), dk: sample(f32(dk), b, batch), dv: sample(f32(dv), b, batch),
			dy: sample(f32(dy), b, batch), dcorr: sample(f32(dcorr), b, batch), colSum: sample(f32(colSum), b, batch)}
		g.run(sample(f32(q), b, batch), sample(f32(k), b, batch), sample(f32(v), b, batch), sample(f32(mask), b, batch))
	}
}

// correlationGrad is the gradient of one sample: its operands, then, for every head,
// what the two passes read, in the layouts of tiling. k̂ is kept times 10.
type correlationGrad struct {
	correlation
	dq, dk, dv, dy, dcorr, colSum, q, k, v []float32

	fg                                          []int32
	nq, nk                                      int
	qRows, qPanels, qColumns, invQ, qSum        []float32 // qSum = Σ_i dcorr_i q̂_i
	kRows, kPanels, kColumns, invK, kSum        []float32 // kSum = Σ_j 10 k̂_j
	vRows, vPanels, dyRows, dyPanels, dyColumns []float32 // vPanels hold v_j/Z_j
	shift                                       []float32 // D_j/Z_j
	dyMean                                      []float32 // over the queries; the other forms of dy are without it
}

func (g *correlationGrad) run(q, k, v, mask []float32) {
	var w scratch
	defer w.free()
	g.fg = foregroundPositions(w.ints(g.m), mask)
	if len(g.fg) == 0 || len(g.dy) == 0 && len(g.dcorr) == 0 {
		return
	}
	g.nq, g.nk = g.extent(g.n), g.extent(len(g.fg))
	h, width := g.heads, g.width(g.d)
	g.qRows, g.kRows = w.floats(h*g.nq*g.d), w.floats(h*g.nk*g.d)
	g.invQ, g.invK = w.floats(h*g.n), w.floats(h*len(g.fg))
	g.qSum, g.kSum = w.zeros(g.channels), w.zeros(g.channels)
	if len(g.dy) > 0 {
		g.qPanels, g.kPanels = w.floats(h*g.nq*g.d), w.floats(h*g.nk*g.d)
		g.dyRows, g.vRows = w.floats(h*g.nq*g.d), w.floats(h*g.nk*g.d)
		g.dyPanels, g.vPanels = w.floats(h*g.nq*g.d), w.floats(h*g.nk*g.d)
		g.qColumns, g.kColumns = w.floats(h*g.nq*width), w.floats(h*g.nk*width)
		g.dyColumns = w.floats(h * g.nq * width)
		g.shift, g.dyMean = w.zeros(h*g.nk), w.floats(g.channels)
	}
	g.q, g.k, g.v = q, k, v
	correlationGradLayout.run(h, 1, *g)
	correlationGradSupports.run(h*g.rowBlocks(len(g.fg)), 1, *g)
	if len(g.dq) > 0 {
		correlationGradQueries.run(h*g.rowBlocks(g.n), 1, *g)
	}
}

var (
	correlationGradLayout = newLoop(func(g *correlationGrad, lo, hi int) {
		for h := lo; h < hi; h++ {
			g.layOut(h, g.q[h*g.d:], g.k[h*g.d:], g.v[h*g.d:])
		}
	})
	correlationGradSupports = newLoop(func(g *correlationGrad, lo, hi int) {
		for u := lo; u < hi; u++ {
			blocks := g.rowBlocks(len(g.fg))
			g.supportBlock(u/blocks, u%blocks*g.rows)
		}
	})
	correlationGradQueries = newLoop(func(g *correlationGrad, lo, hi int) {
		for u := lo; u < hi; u++ {
			blocks := g.rowBlocks(g.n)
			g.queryBlock(u/blocks, u%blocks*g.rows)
		}
	})
)

// layOut fills head h's operands; q, k and v start at its first channel.
func (g *correlationGrad) layOut(h int, q, k, v []float32) {
	nr, n := g.isa.nr, len(g.fg)
	qRows, kRows := part(g.qRows, h, g.heads), part(g.kRows, h, g.heads)
	g.unitRows(qRows, part(g.invQ, h, g.heads), q, nil, g.n, 1)
	g.unitRows(kRows, part(g.invK, h, g.heads), k, g.fg, n, invTemperature)
	if len(g.dcorr) > 0 {
		for i, dc := range g.dcorr {
			addScaledRow(part(g.qSum, h, g.heads), qRows[i*g.d:], dc)
		}
		for j := range n {
			addScaledRow(part(g.kSum, h, g.heads), kRows[j*g.d:], 1)
		}
	}
	if len(g.dy) == 0 {
		return
	}
	dyRows, vRows := part(g.dyRows, h, g.heads), part(g.vRows, h, g.heads)
	gatherRows(dyRows, g.dy[h*g.d:], g.channels, nil, g.n, g.d)
	centerRows(dyRows[:g.n*g.d], part(g.dyMean, h, g.heads))
	g.panelsOf(part(g.qPanels, h, g.heads), qRows, g.d)
	g.panelsOf(part(g.dyPanels, h, g.heads), dyRows, g.d)
	columnsOf(part(g.qColumns, h, g.heads), qRows, g.nq, g.d, nr)
	columnsOf(part(g.dyColumns, h, g.heads), dyRows, g.nq, g.d, nr)
	g.panelsOf(part(g.kPanels, h, g.heads), kRows, g.d)
	columnsOf(part(g.kColumns, h, g.heads), kRows, g.nk, g.d, nr)
	gatherRows(vRows, v, g.channels, g.fg, n, g.d)
	for j, at := range g.fg {
		scaleRow(vRows[j*g.d:j*g.d+g.d], 1/g.colSum[h*g.m+int(at)])
	}
	g.panelsOf(part(g.vPanels, h, g.heads), vRows, g.d)
	gatherRows(vRows, v, g.channels, g.fg, n, g.d)
}

// centerRows takes the rows' mean, which it writes, out of every row.
func centerRows(rows, mean []float32) {
	d := len(mean)
	for c := range mean {
		total := 0.0
		for i := c; i < len(rows); i += d {
			total += float64(rows[i])
		}
		mean[c] = float32(total / float64(len(rows)/d))
		for i := c; i < len(rows); i += d {
			rows[i] -= mean[c]
		}
	}
}

// supportBlock adds dk and dv of the foreground positions from j in head h and keeps
// D_j/Z_j.
func (g *correlationGrad) supportBlock(h, j int) {
	var w scratch
	defer w.free()
	width := g.width(g.d)
	valid := min(g.rows, len(g.fg)-j)
	weighted, weights, values := w.zeros(g.rows*width), w.zeros(g.rows*width), w.zeros(g.rows*width)
	if len(g.dy) > 0 {
		s, p := w.floats(g.rows*g.cols), w.floats(g.rows*g.cols)
		for i := 0; i < g.n; i += g.cols {
			g.scores(s, part(g.kRows, h, g.heads), j, part(g.qPanels, h, g.heads), i, g.d)
			g.scores(p, part(g.vRows, h, g.heads), j, part(g.dyPanels, h, g.heads), i, g.d)
			expTo(s, s, 0)
			weigh(p, s, 0)
			g.sums(values, s, part(g.dyColumns, h, g.heads), g.nq, i, g.d) // Σ e dy
			g.sums(weights, s, part(g.qColumns, h, g.heads), g.nq, i, g.d) // Σ e q̂
			g.sums(weighted, p, part(g.qColumns, h, g.heads), g.nq, i, g.d)
		}
	}
	toMap := invTemperature * g.mapWeight(len(g.fg))
	for r := range valid {
		at := int(g.fg[j+r])
		dk, dv := weighted[r*width:r*width+g.d], values[r*width:r*width+g.d]
		if len(g.dy) > 0 {
			invZ := 1 / g.colSum[h*g.m+at]
			scaleRow(dv, invZ)
			row := (h*g.nk + j + r) * g.d
			shift := dotProduct(dv, g.vRows[row:row+g.d])
			g.shift[h*g.nk+j+r] = shift * invZ
			addScaledRow(dk, weights[r*width:], -shift)
			scaleRow(dk, invTemperature*invZ)
			addScaledRow(dv, part(g.dyMean, h, g.heads), 1) // Σ_i a_ij = 1
		}
		if len(g.dv) > 0 {
			addScaledRow(g.dv[at*g.channels+h*g.d:][:g.d], dv, 1)
		}
		if len(g.dk) > 0 {
			addScaledRow(dk, part(g.qSum, h, g.heads), toMap)
			g.addUnitGrad(g.dk[at*g.channels+h*g.d:][:g.d], dk, g.kRows[(h*g.nk+j+r)*g.d:], 1./invTemperature, g.invK[h*len(g.fg)+j+r])
		}
	}
}

// queryBlock adds dq of the query positions from i in head h.
func (g *correlationGrad) queryBlock(h, i int) {
	var w scratch
	defer w.free()
	width := g.width(g.d)
	acc := w.zeros(g.rows * width)
	if len(g.dy) > 0 {
		s, p := w.floats(g.rows*g.cols), w.floats(g.rows*g.cols)
		for j := 0; j < len(g.fg); j += g.cols {
			g.scores(s, part(g.qRows, h, g.heads), i, part(g.kPanels, h, g.heads), j, g.d)
			g.scores(p, part(g.dyRows, h, g.heads), i, part(g.vPanels, h, g.heads), j, g.d)
			expTo(s, s, 0)
			shift := g.shift[h*g.nk+j : h*g.nk+j+g.cols]
			for r := 0; r < len(s); r += g.cols {
				weighEach(p[r:r+g.cols], s[r:r+g.cols], shift)
			}
			g.sums(acc, p, part(g.kColumns, h, g.heads), g.nk, j, g.d)
		}
	}
	toMap := g.mapWeight(len(g.fg))
	for r := range min(g.rows, g.n-i) {
		dq := acc[r*width : r*width+g.d]
		if len(g.dcorr) > 0 {
			addScaledRow(dq, part(g.kSum, h, g.heads), toMap*g.dcorr[i+r])
		}
		g.addUnitGrad(g.dq[(i+r)*g.channels+h*g.d:][:g.d], dq, g.qRows[(h*g.nq+i+r)*g.d:], 1, g.invQ[h*g.n+i+r])
	}
}

// addUnitGrad adds to dx the gradient through x̂ = x·inv: inv·(dx̂ − x̂(x̂·dx̂)), without
// the second term where the norm was clamped. x̂ is unit·scale.
func (g *correlationGrad) addUnitGrad(dx, dunit, unit []float32, scale, inv float32) {
	unit = unit[:len(dx)]
	along := dotProduct(unit, dunit) * scale * scale
	if inv >= 1/float32(minNorm) {
		along = 0
	}
	for c := range dx {
		dx[c] += inv * (dunit[c] - unit[c]*along)
	}
}
