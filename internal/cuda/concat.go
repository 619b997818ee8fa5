//go:build cuda

package cuda

import "hdmnet/internal/op"

// concatPart is Part of kernels/concat.cu.
type concatPart struct {
	part, whole            pointer
	sample, row            int
	wholeSample, wholeRow  int
	samples, rows          int
	cols, quads, add, half int32
}

const maxParts = 8 // of a launch

// Concat copies every part to its channels of y; a part with one row per sample is
// repeated at every position.
func (d *Device) Concat(y op.Tensor, parts ...op.Tensor) {
	rows, c := op.CheckConcat(y, parts)
	at := 0
	var list []concatPart
	for _, part := range parts {
		ci := op.Last(part)
		p := wholePart(address(part), offset(address(y), at), rows, ci, c)
		if repeat := op.ConcatRepeat(part, rows); repeat > 1 {
			p.samples, p.rows, p.sample, p.row, p.wholeSample = rows/repeat, repeat, ci, 0, repeat*c
		}
		if op.IsHalf(part) {
			p.half = 1
		}
		list = append(list, p)
		at += ci
	}
	d.concat("concat", list)
}

// wholePart is a part of ci channels that has all rows of a whole of c.
func wholePart(part, whole pointer, rows, ci, c int) concatPart {
	p := concatPart{part: part, whole: whole, row: ci, wholeRow: c, samples: 1, rows: rows, cols: int32(ci)}
	if quads(ci, part, whole) && c%4 == 0 {
		p.quads = 1
	}
	return p
}

// concat launches a kernel of concat.cu for the parts, as many at a time as it takes.
func (d *Device) concat(kernel string, parts []concatPart) {
	for len(parts) > 0 {
		var list [maxParts]concatPart
		n := copy(list[:], parts)
		parts = parts[n:]
		samples, rows, columns := 1, 1, 1
		for _, p := range list[:n] {
			c := int(p.cols)
			if p.quads != 0 {
				c /= 4
			}
			samples, rows, columns = max(samples, p.samples), max(rows, p.rows), max(columns, c)
		}
		grid := d.channelGrid(columns, rows, samples, false)
		grid.grid[2] = min(grid.grid[2], 65535/n) * n
		d.launch(kernel, grid, &struct{ parts [maxParts]concatPart }{list}, n)
	}
}

// ConcatGrad adds to every part's gradient its channels of dy.
func (d *Device) ConcatGrad(dparts []op.Tensor, dy op.Tensor, sizes []int) {
	rows, c := op.CheckConcatGrad(dparts, dy, sizes)
	at := 0
	var list []concatPart
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
		p := wholePart(address(part), from, rows, ci, c)
		if !d.fresh(part) {
			p.add = 1
		}
		list = append(list, p)
	}
	d.concat("concat_grad", list)
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
	d.addPartials(address(dpart), partial, count, samples*ci)
}
