package jpeg

import "encoding/binary"

// upsample gives row y of a component at full size: the component's own row where it has
// that size, else c.line. As in libjpeg (jdsample.c) planes of half the width, the height
// or both are enlarged by a triangle filter, but not those of one or two columns, and all
// others by repeating samples; also those whose size is no whole part of the picture's,
// which libjpeg refuses.
func (d *Decoder) upsample(c *component, y int) []uint8 {
	halfX, halfY := 2*c.h == d.maxH, 2*c.v == d.maxV
	sameX, sameY := c.h == d.maxH, c.v == d.maxV
	own := c.row(y * c.v / d.maxV)
	next := own // the nearest but one
	if halfY {
		next = c.row(y/2 - 1 + 2*(y&1))
	}
	switch {
	case sameX && sameY:
		return own
	case sameX && halfY:
		downward(c.line, own, next, y)
	case halfX && sameY && c.width > 2:
		across(c.line, own)
	case halfX && halfY && c.width > 2:
		d.both(c.line, own, next)
	case halfX:
		for x, v := range own {
			c.line[2*x], c.line[2*x+1] = v, v
		}
	default:
		for x := range d.w {
			c.line[x] = own[x*c.h/d.maxH]
		}
	}
	return c.line
}

// row are the samples of row y; beyond the first and last these are repeated.
func (c *component) row(y int) []uint8 {
	y = min(max(y, 0), c.height-1)
	return c.plane[(y/(8*c.v)%3*8*c.v+y%(8*c.v))*c.stride:][:c.width]
}

// both (4:2:0) writes full-size row y of a chroma plane from the row that holds
// it and the next nearest one, weighing 9 3 3 1 over 16 by nearness.
func (d *Decoder) both(row, own, next []uint8) {
	n := len(own)
	// The sums 3·own + next with the first and last repeated, 16 bits each.
	d.sums = sized(d.sums, 2*n+16)
	sums, next := d.sums, next[:n]
	put := func(i, sum int) { binary.LittleEndian.PutUint16(sums[2*i:], uint16(sum)) }
	x := 0
	for ; x+4 <= n; x += 4 {
		four := 3*spread(binary.LittleEndian.Uint32(own[x:])) + spread(binary.LittleEndian.Uint32(next[x:]))
		binary.LittleEndian.PutUint64(sums[2*x+2:], four)
	}
	for ; x < n; x++ {
		put(x+1, 3*int(own[x])+int(next[x]))
	}
	put(0, 3*int(own[0])+int(next[0]))
	put(n+1, 3*int(own[n-1])+int(next[n-1]))

	// Four samples give eight pixels. The rounding terms differ so that errors
	// do not all go one way.
	const lanes, low = 0x0001000100010001, 0x00FF00FF00FF00FF
	for x = 0; x+4 <= n; x += 4 {
		before := binary.LittleEndian.Uint64(sums[2*x:])
		this := 3 * binary.LittleEndian.Uint64(sums[2*x+2:])
		after := binary.LittleEndian.Uint64(sums[2*x+4:])
		even, odd := (this+before+8*lanes)>>4&low, (this+after+7*lanes)>>4&low
		binary.LittleEndian.PutUint64(row[2*x:], even|odd<<8)
	}
	for ; x < n; x++ {
		sum := func(i int) int { return int(binary.LittleEndian.Uint16(sums[2*i:])) }
		row[2*x] = uint8((3*sum(x+1) + sum(x) + 8) >> 4)
		row[2*x+1] = uint8((3*sum(x+1) + sum(x+2) + 7) >> 4)
	}
}

// spread gives every byte 16 bits.
func spread(four uint32) uint64 {
	v := uint64(four)
	v = (v | v<<16) & 0x0000FFFF0000FFFF
	return (v | v<<8) & 0x00FF00FF00FF00FF
}

// across (4:2:2) weighs 3 1 over 4 along the row.
func across(row, own []uint8) {
	n := len(own)
	for x, v := range own {
		row[2*x] = uint8((3*int(v) + int(own[max(x-1, 0)]) + 1) >> 2)
		row[2*x+1] = uint8((3*int(v) + int(own[min(x+1, n-1)]) + 2) >> 2)
	}
}

// downward (4:4:0) weighs 3 1 over 4 along the column.
func downward(row, own, next []uint8, y int) {
	round := 1 + y&1
	for x, v := range own {
		row[x] = uint8((3*int(v) + int(next[x]) + round) >> 2)
	}
}
