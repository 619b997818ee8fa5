package cpu

import (
	"fmt"

	"hdmnet/internal/op"
)

// Concat joins the parts along the channels; a part with one row per sample is
// repeated at every position.
func (d *Device) Concat(y op.Tensor, parts ...op.Tensor) {
	yv, c, samples := f32(y), op.Last(y), y.Shape()[0]
	rows := len(yv) / c
	at := 0
	for _, part := range parts {
		p, ci := f32(part), op.Last(part)
		if at+ci > c {
			panic(fmt.Sprintf("op: Concat: part %v does not fit in y %v after %d channels", part.Shape(), y.Shape(), at))
		}
		repeat := concatRepeat("Concat", part, rows, samples)
		joining.run(rows, rowGrain(c), joinArgs{whole: yv, part: p, c: c, ci: ci, at: at, repeat: repeat})
		at += ci
	}
	if at != c {
		panic(fmt.Sprintf("op: Concat: the parts have %d channels, y %v", at, y.Shape()))
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
	g, c, samples := f32(dy), op.Last(dy), dy.Shape()[0]
	rows := len(g) / c
	if len(dparts) != len(sizes) {
		panic(fmt.Sprintf("op: ConcatGrad: %d gradients, %d sizes", len(dparts), len(sizes)))
	}
	at := 0
	for i, part := range dparts {
		off, ci := at, sizes[i]
		at += ci
		if at > c {
			panic(fmt.Sprintf("op: ConcatGrad: sizes %v for dy %v", sizes, dy.Shape()))
		}
		if part == nil {
			continue
		}
		if op.Last(part) != ci {
			panic(fmt.Sprintf("op: ConcatGrad: gradient %v, want %d channels", part.Shape(), ci))
		}
		p := f32(part)
		if repeat := concatRepeat("ConcatGrad", part, rows, samples); repeat > 1 {
			for b := range samples {
				sums := splittingSums.run(repeat, rowGrain(c), ci, joinArgs{whole: g, c: c, ci: ci, at: off, first: b * repeat})
				addRow(p[b*ci:(b+1)*ci], sums)
				freeScratchOf(sums)
			}
			continue
		}
		splitting.run(rows, rowGrain(c), joinArgs{whole: g, part: p, c: c, ci: ci, at: off})
	}
}

// concatRepeat returns how many positions share one row of a part: 1 for a map, all of
// a sample's for a vector per sample.
func concatRepeat(operator string, part op.Tensor, rows, samples int) int {
	switch op.Len(part) / op.Last(part) {
	case rows:
		return 1
	case samples:
		return rows / samples
	}
	panic(fmt.Sprintf("op: %s: part %v, want %d rows or one for each of %d samples", operator, part.Shape(), rows, samples))
}
