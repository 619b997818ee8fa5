//go:build cuda

package cuda

import "hdmnet/internal/op"

// correlationArgs is CorrelationArgs of kernels/masked_correlation.cuh.
type correlationArgs struct {
	out, own, ownPair, walk, walkPair pointer
	ownCount, walkCount               pointer
	lse, shift                        pointer
	ownRows, walkRows, heads, _       int32
}

// correlationRowsArgs is CorrelationRowsArgs of kernels/correlation_rows.cu.
type correlationRowsArgs struct {
	x, list, count, colSum, parts, out, lse, shift, dv, v pointer
	batch                                                 int
	n, heads, d, dp, splits                               int32
	round                                                 int32
}

// unitRowsArgs is UnitRowsArgs.
type unitRowsArgs struct {
	rows, tf32, inv, x, list, count pointer
	batch                           int
	n, heads, d, dp                 int32
	scale                           float32
	_                               int32
}

// unitRowsGradArgs is UnitRowsGradArgs.
type unitRowsGradArgs struct {
	dx, parts, rows, inv, sum, weight, list, count, foreground pointer
	batch                                                      int
	n, heads, d, dp, splits                                    int32
	scale                                                      float32
}

// correlationPerThread is how many rows a thread of correlation_totals_<dp> and
// correlation_sums_<dp> owns.
var correlationPerThread = map[int]int{8: 1, 16: 2, 32: 2, 64: 1}

const invTemperature = 10 // 1/0.1

// Threads wanted of kernels whose owners are queries, and of those whose owners are
// supports, of which usually few are foreground.
const (
	queryThreads   = 1 << 17
	supportThreads = 1 << 18
)

// correlation is one call's operands: q̂ and 10k̂ as packed rows, the latter of the
// foreground only.
type correlation struct {
	headScratch
	*Device
	queries, keys          headShape
	list, count            pointer
	qRows, kRows           pointer
	qRounded, kRounded     pointer // to tf32, as the tensor cores take them; 0 in fp32
	qInv, kInv             pointer // 0 in the forward
	querySplits, keySplits int     // of the walks of query and support owners
	round                  int32   // 1 where the rows of values are rounded so too
}

func (d *Device) correlation(operator string, s op.AttentionSizes, q, k, mask op.Tensor, gradient bool) *correlation {
	c := &correlation{Device: d}
	c.queries, c.keys = headShapes(operator, s)
	groups := s.B * s.Heads
	c.querySplits = rowSplits(groups*c.queries.n, c.keys.n, queryThreads)
	c.keySplits = rowSplits(groups*c.keys.n, c.queries.n, supportThreads)
	c.list, c.count = d.foregroundList(address(mask), c.keys.batch, c.keys.n)
	c.headScratch = append(c.headScratch, c.list)
	c.qRows, c.kRows = c.padded(d, c.queries), c.padded(d, c.keys)
	if d.precision != fp32 {
		c.qRounded, c.kRounded, c.round = c.padded(d, c.queries), c.padded(d, c.keys), 1
	}
	if gradient {
		c.qInv, c.kInv = c.floats(d, groups*c.queries.n), c.floats(d, groups*c.keys.n)
	}
	both := unitRowsPair{
		first:  unitRowsArgs{rows: c.qRows, tf32: c.qRounded, inv: c.qInv, x: address(q), scale: 1}.of(c.queries),
		second: unitRowsArgs{rows: c.kRows, tf32: c.kRounded, inv: c.kInv, x: address(k), list: c.list, count: c.count, scale: invTemperature}.of(c.keys),
	}
	grid := c.queries.grid()
	both.secondBlock = int32(grid.grid[0])
	grid.grid[0] += c.keys.grid().grid[0]
	d.launch("unit_rows", grid, &both)
	return c
}

// of returns the arguments for rows of a shape.
func (a unitRowsArgs) of(s headShape) unitRowsArgs {
	a.batch, a.n, a.heads, a.d, a.dp = s.batch, int32(s.n), int32(s.heads), int32(s.d), int32(s.dp)
	return a
}

// unitRowsPair is UnitRowsPair.
type unitRowsPair struct {
	first, second  unitRowsArgs
	secondBlock, _ int32
}

// scored are the rows that scores are made of. The map and what is divided by norms take the others.
func (c *correlation) scored() (queries, keys pointer) {
	if c.qRounded == 0 {
		return c.qRows, c.kRows
	}
	return c.qRounded, c.kRounded
}

// ownQueries launches a kernel whose owners are the queries; the supports walk.
func (c *correlation) ownQueries(kernel string, perThread int, a correlationArgs) {
	a.own, a.walk = c.scored()
	a.walkCount = c.count
	a.ownRows, a.walkRows, a.heads = int32(c.queries.n), int32(c.keys.n), int32(c.keys.heads)
	kernel, perBlock := c.precision.similarity().rowKernel(kernel, c.keys.dp, perThread)
	c.launch(kernel, ownRows(c.queries.n, perBlock, c.keys.batch*c.keys.heads, c.querySplits), &a)
}

// ownSupports launches a kernel whose owners are the supports; the queries walk.
func (c *correlation) ownSupports(kernel string, perThread int, a correlationArgs) {
	a.walk, a.own = c.scored()
	a.ownCount = c.count
	a.ownRows, a.walkRows, a.heads = int32(c.keys.n), int32(c.queries.n), int32(c.keys.heads)
	kernel, perBlock := c.precision.similarity().rowKernel(kernel, c.keys.dp, perThread)
	c.launch(kernel, ownRows(c.keys.n, perBlock, c.keys.batch*c.keys.heads, c.keySplits), &a)
}

// supports launches a kernel of correlation_rows.cu for the foreground supports.
func (c *correlation) supports(kernel string, a correlationRowsArgs) {
	s := c.keys
	a.list, a.count, a.batch = c.list, c.count, s.batch
	a.n, a.heads, a.d, a.dp, a.splits = int32(s.n), int32(s.heads), int32(s.d), int32(s.dp), int32(c.keySplits)
	a.round = c.round
	c.launch(kernel, s.grid(), &a)
}

// rowSums returns scratch memory [B,heads,dp]: sums over packed rows.
func (c *correlation) rowSums(s headShape, rows, weights, count pointer) pointer {
	out := c.floats(c.Device, s.batch*s.heads*s.dp)
	w := weightedSums{x: rows, weights: weights, count: count, groups: s.batch * s.heads, rows: s.n, cols: s.dp, perSample: s.heads, scale: 1}
	w.run(c.Device, out)
	return out
}

// MaskedCorrelation computes y, corr and colSum: Z_j of the foreground in one pass over the
// queries, then y_i = Σ_j e^{s_ij} v_j/Z_j in one over the foreground. The map is linear in
// the scores: c_i = w·Σ_h q̂_i·Σ_j 10k̂_j.
func (d *Device) MaskedCorrelation(y, corr, colSum, q, k, v, mask op.Tensor, heads int) {
	s := op.CheckMaskedCorrelation(y, corr, colSum, q, k, v, mask, heads)
	c := d.correlation("MaskedCorrelation", s, q, k, mask, false)
	defer func() { c.free(d) }()
	perThread := correlationPerThread[c.keys.dp]
	totals := c.floats(d, c.keySplits*c.keys.batch*heads*c.keys.n)
	c.ownSupports("correlation_totals", perThread, correlationArgs{out: totals})
	values := c.padded(d, c.keys)
	c.supports("correlation_values", correlationRowsArgs{x: address(v), colSum: address(colSum), parts: totals, out: values})
	parts := c.floats(d, c.querySplits*c.queries.len())
	c.ownQueries("correlation_sums", perThread, correlationArgs{out: parts, walkPair: values})
	d.unpack(c.queries, y, parts, c.querySplits, false)

	sum := c.rowSums(c.keys, c.kRows, 0, c.count)
	d.launch("correlation_map", d.perElement(c.queries.batch*c.queries.n), corr, c.qRows, sum, c.count, c.queries.batch, c.queries.n, heads, c.keys.dp)
}

// MaskedCorrelationGrad adds the gradients of q, k and v; the scores are made again.
//
//	dv_j = Σ_i a_ij dy_i      D_j = v_j·dv_j      ds_ij = a_ij (dy_i·v_j − D_j) + w·dcorr_i
//	dq̂_i = Σ_j ds_ij 10k̂_j    dk̂_j = 10 Σ_i ds_ij q̂_i
//
// in three passes, for dv, dk and dq. What dy has in common over the queries cancels in
// dy_i·v_j − D_j; it is taken out first, or its rounding would drown the rest.
func (d *Device) MaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask op.Tensor, heads int) {
	s := op.CheckMaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask, heads)
	if dy == nil && dcorr == nil {
		return
	}
	c := d.correlation("MaskedCorrelationGrad", s, q, k, mask, true)
	defer func() { c.free(d) }()
	var keyParts, queryParts pointer
	if dy != nil {
		keyParts, queryParts = c.scores(dk, dv, dq, dy, colSum, v)
	}
	if dk != nil {
		a := unitRowsGradArgs{dx: address(dk), parts: keyParts, rows: c.kRows, inv: c.kInv, list: c.list, count: c.count, splits: int32(c.keySplits), scale: invTemperature}
		if dcorr != nil {
			a.sum = c.rowSums(c.queries, c.qRows, address(dcorr), 0)
		}
		c.unitGrad(c.keys, a)
	}
	if dq != nil {
		a := unitRowsGradArgs{dx: address(dq), parts: queryParts, rows: c.qRows, inv: c.qInv, splits: int32(c.querySplits), scale: 1}
		if dcorr != nil {
			a.sum, a.weight = c.rowSums(c.keys, c.kRows, 0, c.count), address(dcorr)
		}
		c.unitGrad(c.queries, a)
	}
}

// scores adds dv, and returns the splits of Σ_i ds_ij q̂_i and Σ_j ds_ij 10k̂_j without the
// map's term; 0 where the gradient is not wanted.
func (c *correlation) scores(dk, dv, dq, dy, colSum, v op.Tensor) (keyParts, queryParts pointer) {
	d, s := c.Device, c.queries
	mean := c.floats(d, s.batch*s.heads*s.d)
	w := weightedSums{x: address(dy), groups: s.batch, rows: s.n, cols: s.heads * s.d, perSample: 1, scale: 1 / float32(s.n)}
	w.run(d, mean)
	dyRows, values := c.padded(d, s), c.padded(d, c.keys)
	d.pack(s, packArgs{rows: dyRows, x: address(dy), mean: mean, round: c.round})
	d.pack(c.keys, packArgs{rows: values, x: address(v), list: c.list, count: c.count, round: c.round})
	parts := c.floats(d, c.keySplits*c.keys.len())
	c.ownSupports("correlation_sums", correlationPerThread[s.dp], correlationArgs{out: parts, walkPair: dyRows})
	stats := c.keys.batch * c.keys.heads * c.keys.n
	lse, shift := c.floats(d, stats), c.floats(d, stats)
	c.supports("correlation_dv", correlationRowsArgs{x: mean, colSum: address(colSum), parts: parts, lse: lse, shift: shift, dv: address(dv), v: values})
	if dk != nil {
		keyParts = parts
		c.ownSupports("correlation_dk", 1, correlationArgs{out: keyParts, ownPair: values, walkPair: dyRows, lse: lse, shift: shift})
	}
	if dq != nil {
		queryParts = c.floats(d, c.querySplits*s.len())
		c.ownQueries("correlation_dq", 1, correlationArgs{out: queryParts, ownPair: dyRows, walkPair: values, lse: lse, shift: shift})
	}
	return keyParts, queryParts
}

func (c *correlation) unitGrad(s headShape, a unitRowsGradArgs) {
	a.foreground = c.count
	a.batch, a.n, a.heads, a.d, a.dp = s.batch, int32(s.n), int32(s.heads), int32(s.d), int32(s.dp)
	c.launch("unit_rows_grad", s.grid(), &a)
}
