//go:build cuda

package cuda

import "hdmnet/internal/op"

// Concat copies every part to its channels of y; a part with one row per sample is
// repeated at every position.
func (d *Device) Concat(y op.Tensor, parts ...op.Tensor) {
	rows, c := op.CheckConcat(y, parts)
	at := 0
	for _, part := range parts {
		ci := op.Last(part)
		to := offset(address(y), at)
		four := quads(ci, to, address(part)) && c%4 == 0
		if repeat := op.ConcatRepeat(part, rows); repeat > 1 {
			samples := rows / repeat
			d.launch("concat", d.channelGrid(ci, repeat, samples, four), to, repeat*c, c, part, ci, 0, samples, repeat, ci, four)
		} else {
			d.launch("concat", d.channelGrid(ci, rows, 1, four), to, 0, c, part, 0, ci, 1, rows, ci, four)
		}
		at += ci
	}
}

// ConcatGrad adds to every part's gradient its channels of dy.
func (d *Device) ConcatGrad(dparts []op.Tensor, dy op.Tensor, sizes []int) {
	rows, c := op.CheckConcatGrad(dparts, dy, sizes)
	at := 0
	for i, part := range dparts {
		from, ci := offset(address(dy), at), sizes[i]
		at += ci
		if part == nil {
			continue
		}
		if repeat := op.ConcatRepeat(part, rows); repeat > 1 {
			d.addRepeated(part, from, c, rows/repeat, repeat, ci)
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
