package cpu

import (
	"math"

	"hdmnet/internal/op"
)

const (
	invTemperature = 10    // 1/0.1
	minNorm        = 1e-12 // F.normalize
	countEps       = 1e-9  // of the correlation map's mean
)

// correlation is the geometry of one sample: n query positions, m support positions,
// channels = heads·d.
type correlation struct {
	tiling
	n, m, channels, heads, d int
}

func newCorrelation(s op.AttentionSizes) (c correlation, batch int) {
	return correlation{tiling: newTiling(), n: s.N, m: s.M, channels: s.C, heads: s.Heads, d: s.D}, s.B
}

// MaskedCorrelation implements op.MaskedCorrelation. Only the foreground positions are
// touched: softmax over the queries makes every support position independent. Scores
// lie in ±10, so the exponentials need no running maximum.
func (dev *Device) MaskedCorrelation(y, corr, colSum, q, k, v, mask op.Tensor, heads int) {
	c, batch := newCorrelation(op.CheckMaskedCorrelation(y, corr, colSum, q, k, v, mask, heads))
	for b := range batch {
		c.forward(sample(f32(y), b, batch), sample(f32(corr), b, batch), sample(f32(colSum), b, batch),
			sample(f32(q), b, batch), sample(f32(k), b, batch), sample(f32(v), b, batch), sample(f32(mask), b, batch))
	}
}

// sample returns the part of x that belongs to sample b; nil stays nil.
func sample(x []float32, b, batch int) []float32 {
	n := len(x) / batch
	return x[b*n : b*n+n : b*n+n]
}

// foregroundPositions lists the positions where mask is not 0, in list's memory.
func foregroundPositions(list []int32, mask []float32) []int32 {
	list = list[:0]
	for j, m := range mask {
		if m != 0 {
			list = append(list, int32(j))
		}
	}
	return list
}

func (c *correlation) forward(y, corr, colSum, q, k, v, mask []float32) {
	var w scratch
	defer w.free()
	fg := foregroundPositions(w.ints(c.m), mask)
	if len(fg) == 0 {
		clear(y)
		clear(corr)
		return
	}
	f := correlationForward{correlation: *c, y: y, corr: corr, colSum: colSum, q: q, k: k, v: v,
		fg: fg, nq: c.extent(c.n), nk: c.extent(len(fg))}
	f.qRows, f.qPanels = w.floats(c.heads*f.nq*c.d), w.floats(c.heads*f.nq*c.d)
	f.kRows, f.kPanels = w.floats(c.heads*f.nk*c.d), w.floats(c.heads*f.nk*c.d)
	f.vColumns, f.mapSum = w.floats(c.heads*f.nk*c.width(c.d)), w.floats(c.channels)
	correlationLayout.run(c.heads, 1, f)
	correlationColumns.run(c.heads*c.rowBlocks(len(fg)), 1, f)
	correlationValues.run(c.heads, 1, f)
	correlationQueries.run(c.heads*c.rowBlocks(c.n), 1, f)

	// The map is linear: c_i = q̂_i · Σ_j k̂_j / (0.1·(n+1e-9)), mean over heads.
	for h := range c.heads {
		panelSums(f.mapSum[h*c.d:(h+1)*c.d], part(f.kPanels, h, c.heads), c.isa.nr)
	}
	scaleRow(f.mapSum, c.mapWeight(len(fg)))
	correlationMaps.run(c.n, 256, f)
}

// correlationForward is the operands of one sample, then, for every head, what the passes
// read, in the layouts of tiling. k̂ is kept divided by 0.1.
type correlationForward struct {
	correlation
	y, corr, colSum, q, k, v []float32

	fg             []int32
	nq, nk         int
	qRows, qPanels []float32
	kRows, kPanels []float32
	vColumns       []float32 // of v'_j = v_j/Z_j
	mapSum         []float32 // Σ_j k̂_j, weighted for the correlation map
}

var (
	correlationLayout = newLoop(func(f *correlationForward, lo, hi int) {
		for h := lo; h < hi; h++ {
			f.unitRows(part(f.qRows, h, f.heads), nil, f.q[h*f.d:], nil, f.n, 1)
			f.panelsOf(part(f.qPanels, h, f.heads), part(f.qRows, h, f.heads), f.d)
			f.unitRows(part(f.kRows, h, f.heads), nil, f.k[h*f.d:], f.fg, len(f.fg), invTemperature)
			f.panelsOf(part(f.kPanels, h, f.heads), part(f.kRows, h, f.heads), f.d)
		}
	})
	// Z_j, one block of support positions at a time.
	correlationColumns = newLoop(func(f *correlationForward, lo, hi int) {
		for u := lo; u < hi; u++ {
			blocks := f.rowBlocks(len(f.fg))
			h, j := u/blocks, u%blocks*f.rows
			f.columnSums(f.colSum[h*f.m:], f.fg[j:min(j+f.rows, len(f.fg))], part(f.kRows, h, f.heads), j, part(f.qPanels, h, f.heads))
		}
	})
	// v'_j takes the softmax's denominator out of the second pass.
	correlationValues = newLoop(func(f *correlationForward, lo, hi int) {
		for h := lo; h < hi; h++ {
			rows := part(f.kRows, h, f.heads) // their use is over
			gatherRows(rows, f.v[h*f.d:], f.channels, f.fg, len(f.fg), f.d)
			for j, at := range f.fg {
				scaleRow(rows[j*f.d:j*f.d+f.d], 1/f.colSum[h*f.m+int(at)])
			}
			columnsOf(part(f.vColumns, h, f.heads), rows, f.nk, f.d, f.isa.nr)
		}
	})
	correlationQueries = newLoop(func(f *correlationForward, lo, hi int) {
		for u := lo; u < hi; u++ {
			blocks := f.rowBlocks(f.n)
			h, i := u/blocks, u%blocks*f.rows
			f.matchBlock(f.y[h*f.d:], i, len(f.fg), part(f.qRows, h, f.heads), part(f.kPanels, h, f.heads), part(f.vColumns, h, f.heads), f.nk)
		}
	})
	correlationMaps = newLoop(func(f *correlationForward, lo, hi int) {
		for i := lo; i < hi; i++ {
			var total float32
			for h := range f.heads {
				at := (h*f.nq + i) * f.d
				total += dotProduct(f.qRows[at:at+f.d], f.mapSum[h*f.d:])
			}
			f.corr[i] = total
		}
	})
)

// part is head h's share of x.
func part(x []float32, h, heads int) []float32 { return sample(x, h, heads) }

// unitRows fills rows with the head's vectors divided by their norm and times scale;
// inv, when not nil, receives 1/max(norm, 1e-12).
func (c *correlation) unitRows(rows, inv, x []float32, positions []int32, n int, scale float32) {
	gatherRows(rows, x, c.channels, positions, n, c.d)
	for i := range n {
		row := rows[i*c.d : i*c.d+c.d]
		r := 1 / max(float32(math.Sqrt(float64(dotProduct(row, row)))), minNorm)
		scaleRow(row, r*scale)
		if inv != nil {
			inv[i] = r
		}
	}
}

// columnSums writes colSum[position] = Σ_i exp(s_ij) for the support positions that the
// row block from j holds.
func (c *correlation) columnSums(colSum []float32, positions []int32, kRows []float32, j int, qPanels []float32) {
	var w scratch
	defer w.free()
	s, total := w.floats(c.rows*c.cols), w.zeros(c.rows)
	for i := 0; i < c.n; i += c.cols {
		c.scores(s, kRows, j, qPanels, i, c.d)
		valid := min(c.cols, c.n-i)
		for r := range positions {
			row := s[r*c.cols : r*c.cols+valid]
			total[r] += expSum(row, row, 0)
		}
	}
	for r, at := range positions {
		colSum[at] = total[r]
	}
}

// matchBlock writes y_i = Σ_j exp(s_ij) v'_j for the row block from i. Padded columns
// have v' = 0.
func (c *correlation) matchBlock(y []float32, i, fg int, qRows, kPanels, vColumns []float32, nk int) {
	var w scratch
	defer w.free()
	width := c.width(c.d)
	s, acc := w.floats(c.rows*c.cols), w.floats(c.rows*width)
	for j := 0; j < fg; j += c.cols {
		c.scores(s, qRows, i, kPanels, j, c.d)
		expTo(s, s, 0)
		c.sums(acc, s, vColumns, nk, j, c.d)
	}
	for r := range min(c.rows, c.n-i) {
		copy(y[(i+r)*c.channels:(i+r)*c.channels+c.d], acc[r*width:])
	}
}

// panelSums adds up all positions of panels, whose padding is 0.
func panelSums(sum, panels []float32, nr int) {
	d := len(sum)
	for ch := range sum {
		var total float64
		for at := ch * nr; at < len(panels); at += d * nr {
			total += float64(rowSum(panels[at : at+nr]))
		}
		sum[ch] = float32(total)
	}
}

// mapWeight is the factor of the scores' sum in the correlation map.
func (c *correlation) mapWeight(fg int) float32 {
	return float32(1 / (float64(c.heads) * (float64(fg) + countEps)))
}
