//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// Concat copies every part to its channels of y; a part with one row per sample is
// repeated at every position.
func (d *Device) Concat(y op.Tensor, parts ...op.Tensor) {
	rows, c := matrixRows(y)
	samples, at := y.Shape()[0], 0
	for _, part := range parts {
		ci := op.Last(part)
		if at+ci > c {
			panic(fmt.Sprintf("op: Concat: part %v does not fit in y %v after %d channels", part.Shape(), y.Shape(), at))
		}
		to := offset(address(y), at)
		four := quads(ci, to, address(part)) && c%4 == 0
		if repeat := concatRepeat("Concat", part, rows, samples); repeat > 1 {
			d.launch("concat", d.channelGrid(ci, repeat, samples, four), to, repeat*c, c, part, ci, 0, samples, repeat, ci, four)
		} else {
			d.launch("concat", d.channelGrid(ci, rows, 1, four), to, 0, c, part, 0, ci, 1, rows, ci, four)
		}
		at += ci
	}
	if at != c {
		panic(fmt.Sprintf("op: Concat: the parts have %d channels, y %v", at, y.Shape()))
	}
}

// ConcatGrad adds to every part's gradient its channels of dy.
func (d *Device) ConcatGrad(dparts []op.Tensor, dy op.Tensor, sizes []int) {
	rows, c := matrixRows(dy)
	if len(dparts) != len(sizes) {
		panic(fmt.Sprintf("op: ConcatGrad: %d gradients, %d sizes", len(dparts), len(sizes)))
	}
	at := 0
	for i, part := range dparts {
		from, ci := offset(address(dy), at), sizes[i]
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
		samples := dy.Shape()[0]
		if repeat := concatRepeat("ConcatGrad", part, rows, samples); repeat > 1 {
			d.addRepeated(part, from, c, samples, repeat, ci)
			continue
		}
		four := quads(ci, address(part), from) && c%4 == 0
		d.launch("concat_grad", d.channelGrid(ci, rows, 1, four), part, from, c, rows, ci, four)
	}
}

// addRepeated adds to dpart [samples, ci] the sums over every sample's rows of dy, which
// lie stride apart.
func (d *Device) addRepeated(dpart op.Tensor, dy pointer, stride, samples, rows, ci int) {
	count, chunkRows := chunks(rows)
	partial := d.scratch(count * samples * ci)
	defer d.freeScratch(partial)
	s := columnBlock(ci, count)
	s.grid[2] = min(samples, 65535)
	d.launch("concat_grad_repeated", s, partial, dy, stride, samples, rows, ci, chunkRows)
	d.addPartials(dpart, partial, count, samples*ci)
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
