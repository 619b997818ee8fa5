package cpu

import "hdmnet/internal/op"

// Concat joins the parts along the channels; a part with one row per sample is
// repeated at every position.
func (d *Device) Concat(y op.Tensor, parts ...op.Tensor) {
	rows, c := op.CheckConcat(y, parts)
	at := 0
	for _, part := range parts {
		ci := op.Last(part)
		joining.run(rows, rowGrain(c), joinArgs{whole: f32(y), part: f32(part), c: c, ci: ci, at: at, repeat: op.ConcatRepeat(part, rows)})
		at += ci
	}
}

// joinArgs are rows of c channels and of one part's ci, which lie there from at on.
type joinArgs struct {
	whole, part   []float32
	c, ci, at     int
	repeat, first int // rows of whole for one of part; the first row
}

func (a *joinArgs) channels(r int) []float32 { return a.whole[r*a.c+a.at:][:a.ci] }

var (
	joining = newLoop(func(a *joinArgs, lo, hi int) {
		for r := lo; r < hi; r++ {
			copy(a.channels(r), a.part[r/a.repeat*a.ci:])
		}
	})
	splitting = newLoop(func(a *joinArgs, lo, hi int) {
		for r := lo; r < hi; r++ {
			addRow(a.part[r*a.ci:(r+1)*a.ci], a.channels(r))
		}
	})
	splittingSums = newChunkSums(func(a *joinArgs, lo, hi int, acc []float32) {
		for r := a.first + lo; r < a.first+hi; r++ {
			addRow(acc, a.channels(r))
		}
	})
)

// ConcatGrad adds to every part's gradient its channels of dy.
func (d *Device) ConcatGrad(dparts []op.Tensor, dy op.Tensor, sizes []int) {
	rows, c := op.CheckConcatGrad(dparts, dy, sizes)
	g, at := f32(dy), 0
	for i, part := range dparts {
		off, ci := at, sizes[i]
		at += ci
		if part == nil {
			continue
		}
		p := f32(part)
		if repeat := op.ConcatRepeat(part, rows); repeat > 1 {
			for b := range rows / repeat {
				sums := splittingSums.run(repeat, rowGrain(c), ci, joinArgs{whole: g, c: c, ci: ci, at: off, first: b * repeat})
				addRow(p[b*ci:(b+1)*ci], sums)
				freeScratchOf(sums)
			}
			continue
		}
		splitting.run(rows, rowGrain(c), joinArgs{whole: g, part: p, c: c, ci: ci, at: off})
	}
}
