package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// pairedHead is the least number of channels of a head whose attention is in bf16: that of
// encoders. The heads of the networks that are trained here are smaller.
const pairedHead = 64

// Blocks of attention in bf16: the scores of pairedRows queries and pairedColumns keys, with
// these keys and values, are in the second-level cache; longer rows are softened at less cost.
const (
	pairedRows    = 56
	pairedColumns = 704
)

// inPairs tells whether an attention is computed in bf16: in a device of that precision, where
// no gradient is wanted.
func (d *Device) inPairs(s op.AttentionSizes, lse op.Tensor) bool {
	return d.precision == op.BF16 && lse == nil && s.D >= pairedHead && s.D%splitGroup == 0
}

// pairedAttention is SelfAttention with queries, keys, values and probabilities rounded to
// bf16; sums and the softmax are float32. See gemm_bf16.go.
type pairedAttention struct {
	attention
	y                 attended
	q, k, v           []float32
	kPanels, vColumns []float32 // of pairs: [nk/nr][d/2][nr] and [d/nr][nk/2][nr] of every head
}

func selfAttentionInPairs(s op.AttentionSizes, y attended, q, k, v []float32) {
	isa := isaOf(op.BF16)
	blocks := (s.M + pairedColumns - 1) / pairedColumns
	cols := roundUp((s.M+blocks-1)/blocks, max(isa.nr, splitGroup))
	f := pairedAttention{y: y, q: q, k: k, v: v, attention: attention{
		tiling: tiling{isa: isa, rows: max(1, pairedRows/isa.mr) * isa.mr, cols: cols},
		batch:  s.B, n: s.N, m: s.M, channels: s.C, heads: s.Heads, d: s.D, nk: blocks * cols,
		scale: float32(1 / (math.Sqrt(float64(s.D)) + 1e-9))}}
	var w scratch
	defer w.free()
	f.kPanels, f.vColumns = w.floats(f.units()*f.nk*f.d/2), w.floats(f.units()*f.nk*f.width(f.d)/2)
	pairedKeys.run(f.units(), 1, f)
	pairedQueries.run(f.units()*f.rowBlocks(f.n), 1, f)
}

var (
	pairedKeys = newLoop(func(f *pairedAttention, lo, hi int) {
		for u := lo; u < hi; u++ {
			f.layKeys(u)
			f.layValues(u)
		}
	})
	pairedQueries = newLoop(func(f *pairedAttention, lo, hi int) {
		for t := lo; t < hi; t++ {
			blocks := f.rowBlocks(f.n)
			f.attendBlock(t/blocks, t%blocks*f.rows)
		}
	})
)

// layKeys lays one head of k out as panels.
func (f *pairedAttention) layKeys(u int) {
	var w scratch
	defer w.free()
	pairs, depth, nr := w.floats(f.m*f.d/2), f.d/2, f.isa.nr
	f.isa.alongRows[0](&pairs[0], depth, &f.head(f.k, u)[0], f.channels, f.m, f.d)
	panels := part(f.kPanels, u, f.units())
	for j := 0; j < f.nk; j += nr {
		f.isa.transposePanel(panels[j*depth:(j+nr)*depth], pairs[min(j, f.m-1)*depth:], depth, min(nr, max(0, f.m-j)), depth)
	}
}

// layValues lays one head of v out as columns.
func (f *pairedAttention) layValues(u int) {
	columns, nr := part(f.vColumns, u, f.units()), f.isa.nr
	for c := 0; c < f.d; c += nr {
		panel := columns[c*f.nk/2:][:nr*f.nk/2]
		f.isa.acrossRows[0](&panel[0], nr, &f.head(f.v, u)[c], f.channels, f.m, min(nr, f.d-c))
		clear(panel[(f.m+1)/2*nr:])
	}
}

// attendBlock writes y of head u's row block from i.
func (f *pairedAttention) attendBlock(u, i int) {
	var w scratch
	defer w.free()
	width, depth, pairs := f.width(f.d), f.d/2, f.cols/2
	q := w.floats(f.rows * depth)
	s, p, acc := w.floats(f.rows*f.cols), w.floats(f.rows*pairs), w.floats(f.rows*width)
	top, total := w.floats(f.rows), w.zeros(f.rows)
	valid := min(f.rows, f.n-i)
	f.isa.alongRows[0](&q[0], depth, &f.head(f.q, u)[i*f.channels], f.channels, valid, f.d)
	clear(q[valid*depth:])
	for r := range valid {
		top[r] = float32(math.Inf(-1))
	}
	before, sum := w.floats(f.rows), w.floats(f.rows)
	kPanels, vColumns := part(f.kPanels, u, f.units()), part(f.vColumns, u, f.units())
	for j := 0; j < f.m; j += f.cols {
		keys := min(f.cols, f.m-j)
		f.product(s, f.cols, q, depth, kPanels[j*depth:], f.isa.nr*depth, keys, depth, false)
		copy(before, top)
		f.isa.softmax(&p[0], pairs, &s[0], f.cols, valid, keys, f.scale, &top[0], &sum[0])
		for r := range valid {
			if j > 0 && top[r] != before[r] {
				shrink := exp32((before[r] - top[r]) * f.scale)
				total[r] *= shrink
				scaleRow(acc[r*width:(r+1)*width], shrink)
			}
			total[r] += sum[r]
		}
		f.product(acc, width, p, pairs, vColumns[j/2*f.isa.nr:], f.nk/2*f.isa.nr, f.d, roundUp(keys, 2*f.isa.step)/2, j > 0)
	}
	f.y.store(&f.attention, u, i, acc, total[:valid])
}

// softmaxFunc turns rows of scores into probabilities, as pairs of bf16. Of row r the keys scores
// are s[r·ld:], and top[r] is the largest of those before. It becomes the largest of all, sum[r]
// the sum of e^(scale·(score − top[r])), scale > 0, and p[r·width:] those values, rounded, and 0 up
// to a multiple of 32. NaN in a row makes its sum NaN.
type softmaxFunc func(p *float32, width int, s *float32, ld, rows, keys int, scale float32, top, sum *float32)
