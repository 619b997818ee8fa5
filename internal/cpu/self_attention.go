package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// attention is the geometry of a batch: n queries, m keys, channels = heads·d. Keys are
// padded with zeros to nk, a whole number of blocks.
type attention struct {
	tiling
	batch, n, m, channels, heads, d int
	nk                              int
	scale                           float32 // 1/(√d + 1e-9)
}

// Blocks of attention: few queries meet many keys, so that the loops over a row of
// scores are long while the scores stay in the first-level cache.
const (
	queryRows  = 28
	keyColumns = 256
)

func newAttention(s op.AttentionSizes) attention {
	isa := currentISA()
	blocks := (s.M + keyColumns - 1) / keyColumns
	cols := roundUp((s.M+blocks-1)/blocks, isa.nr)
	return attention{tiling: tiling{isa: isa, rows: queryRows / isa.mr * isa.mr, cols: cols},
		batch: s.B, n: s.N, m: s.M, channels: s.C, heads: s.Heads, d: s.D, nk: blocks * cols,
		scale: float32(1 / (math.Sqrt(float64(s.D)) + 1e-9))}
}

// units is how many heads there are in all samples.
func (a *attention) units() int { return a.batch * a.heads }

// head is the part of x [batch, positions, channels] from the first channel of unit u on:
// its positions are a.channels apart.
func (a *attention) head(x []float32, u int) []float32 {
	return sample(x, u/a.heads, a.batch)[u%a.heads*a.d:]
}

// keyPanels lays one head of k, or v, out as panels, from which scores are made.
func (a *attention) keyPanels(panels, x []float32) {
	nr := a.isa.nr
	for j := 0; j < a.nk; j += nr {
		a.isa.transposePanel(panels[j*a.d:(j+nr)*a.d], x[min(j, a.m-1)*a.channels:], a.channels, min(nr, max(0, a.m-j)), a.d)
	}
}

// columns lays n positions of one head out as columns of extent positions.
func (a *attention) columns(columns, x []float32, n, extent int) {
	nr := a.isa.nr
	for c := 0; c < a.d; c += nr {
		panel := columns[c*extent : (c+nr)*extent]
		a.isa.copyPanel(panel, nr, x[c:], a.channels, n, min(nr, a.d-c), nr)
		clear(panel[n*nr:])
	}
}

// queries copies the rows of a block of queries from i of one head and returns how many
// there are; the rows after them are zeros.
func (a *attention) queries(rows, x []float32, i int) (valid int) {
	valid = min(a.rows, a.n-i)
	a.isa.copyBlock(rows, a.d, x[i*a.channels:], a.channels, valid, a.d)
	clear(rows[valid*a.d:])
	return valid
}

// SelfAttention implements op.SelfAttention: a block of queries meets the keys block by
// block with a running maximum and a running sum.
func (dev *Device) SelfAttention(y, lse, q, k, v op.Tensor, heads int) {
	sizes := op.CheckSelfAttention(y, lse, q, k, v, heads, dev.readsHalves())
	to := attended{f32(y), op.IsHalf(y)}
	if dev.inPairs(sizes, lse) {
		selfAttentionInPairs(sizes, to, f32(q), f32(k), f32(v))
		return
	}
	a := newAttention(sizes)
	var w scratch
	defer w.free()
	f := attentionForward{attention: a, y: to, lse: f32(lse), q: f32(q), k: f32(k), v: f32(v),
		kPanels: w.floats(a.units() * a.nk * a.d), vColumns: w.floats(a.units() * a.nk * a.width(a.d))}
	attentionKeys.run(a.units(), 1, f)
	attentionQueries.run(a.units()*a.rowBlocks(a.n), 1, f)
}

// attentionForward is the operands of SelfAttention, the keys' in the layouts of tiling.
type attentionForward struct {
	attention
	y                 attended
	lse, q, k, v      []float32
	kPanels, vColumns []float32
}

var (
	attentionKeys = newLoop(func(f *attentionForward, lo, hi int) {
		for u := lo; u < hi; u++ {
			f.keyPanels(part(f.kPanels, u, f.units()), f.head(f.k, u))
			f.columns(part(f.vColumns, u, f.units()), f.head(f.v, u), f.m, f.nk)
		}
	})
	attentionQueries = newLoop(func(f *attentionForward, lo, hi int) {
		for t := lo; t < hi; t++ {
			blocks := f.rowBlocks(f.n)
			f.attendBlock(t/blocks, t%blocks*f.rows)
		}
	})
)

// attendBlock writes y and lse (which may be nil) of head u's row block from i.
func (f *attentionForward) attendBlock(u, i int) {
	var w scratch
	defer w.free()
	width := f.width(f.d)
	rows, s, acc := w.floats(f.rows*f.d), w.floats(f.rows*f.cols), w.floats(f.rows*width)
	top, total := w.floats(f.rows), w.zeros(f.rows)
	valid := f.queries(rows, f.head(f.q, u), i)
	scaleRow(rows, f.scale)
	for r := range valid {
		top[r] = float32(math.Inf(-1))
	}
	kPanels, vColumns := part(f.kPanels, u, f.units()), part(f.vColumns, u, f.units())
	for j := 0; j < f.m; j += f.cols {
		keys := min(f.cols, f.m-j)
		f.product(s, f.cols, rows, f.d, kPanels[j*f.d:], f.isa.nr*f.d, keys, f.d, false)
		for r := range valid {
			f.soften(s[r*f.cols:(r+1)*f.cols], acc[r*width:(r+1)*width], &top[r], &total[r], keys, j > 0)
		}
		f.product(acc, width, s, f.cols, vColumns[j*f.isa.nr:], f.nk*f.isa.nr, f.d, keys, j > 0)
	}
	f.y.store(&f.attention, u, i, acc, total[:valid])
	if len(f.lse) > 0 {
		for r := range valid {
			f.lse[u*f.n+i+r] = top[r] + log32(total[r])
		}
	}
}

// attended is the result of an attention [batch, n, channels]; of halves two are one element.
type attended struct {
	y    []float32
	half bool
}

// store writes the rows from i on of head u: the sums acc, as far apart as whole panels of d
// channels, divided by total. It changes acc.
func (t attended) store(a *attention, u, i int, acc, total []float32) {
	width := a.width(a.d)
	for r, sum := range total {
		scaleRow(acc[r*width:r*width+a.d], 1/sum)
	}
	values := 1 // of an element
	if t.half {
		values = 2
	}
	to, apart := sample(t.y, u/a.heads, a.batch)[(u%a.heads*a.d+i*a.channels)/values:], a.channels/values
	if t.half {
		isaOf(op.BF16).pairRows(rounded.a, to, apart, acc, width, len(total), a.d)
		return
	}
	a.isa.copyBlock(to, apart, acc, width, len(total), a.d)
}

// soften turns one query's scores with a block of keys into exp(score − top) and adds them to
// total. A score above top becomes the new one; sum and total, of the blocks before, shrink.
func (a *attention) soften(row, sum []float32, top, total *float32, keys int, before bool) {
	if m := rowMax(row[:keys]); m > *top {
		if before {
			shrink := exp32(*top - m)
			*total *= shrink
			scaleRow(sum, shrink)
		}
		*top = m
	}
	*total += expSum(row[:keys], row[:keys], *top)
}
