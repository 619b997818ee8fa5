package jpeg

import "image"

// natural is the place in a block, row by row, of the k-th coefficient in the
// file.
var natural = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// scan decodes the entropy-coded data into d.planes, which are as large as
// whole MCUs.
func (d *Decoder) scan() bool {
	h, v := d.comp[0].h, d.comp[0].v
	across, down := (d.w+8*h-1)/(8*h), (d.h+8*v-1)/(8*v)
	if across*down*len(d.comp)/4 > len(d.content) { // a block takes two bits at least
		return false
	}
	d.allocate(across, down)
	planes := [3][]uint8{d.planes.Y, d.planes.Cb, d.planes.Cr}
	strides := [3]int{d.planes.YStride, d.planes.CStride, d.planes.CStride}
	in := bits{content: d.content, at: d.at}
	var block [64]int32
	left, next := d.restart, byte(0)
	for i := range d.comp {
		d.comp[i].last = 0
	}
	for my := range down {
		for mx := range across {
			if d.restart > 0 {
				if left == 0 {
					if !in.passRestart(next) {
						return false
					}
					left, next = d.restart, (next+1)&7
					for i := range d.comp {
						d.comp[i].last = 0
					}
				}
				left--
			}
			for i := range d.comp {
				c := &d.comp[i]
				dc, ac, quant := &d.dc[c.dc], &d.ac[c.ac], &d.quant[c.quant]
				for b := range c.h * c.v {
					x, y := mx*c.h+b%c.h, my*c.v+b/c.h
					used, ok := in.block(&block, dc, ac, quant, &c.last)
					if !ok {
						return false
					}
					inverseDCT(planes[i][8*(y*strides[i]+x):], strides[i], &block, used)
				}
			}
		}
	}
	d.at = in.at
	return in.n >= in.missing && d.nextMarker()
}

// allocate lays out planes of across×down MCUs.
func (d *Decoder) allocate(across, down int) {
	h, v := d.comp[0].h, d.comp[0].v
	p := &d.planes
	p.Rect = image.Rect(0, 0, d.w, d.h)
	p.YStride, p.CStride = 8*h*across, 8*across
	p.Y = sized(p.Y, p.YStride*8*v*down)
	p.Cb, p.Cr = p.Cb[:0], p.Cr[:0]
	if len(d.comp) == 3 {
		p.Cb, p.Cr = sized(p.Cb, p.CStride*8*down), sized(p.Cr, p.CStride*8*down)
	}
	p.SubsampleRatio = [2][2]image.YCbCrSubsampleRatio{
		{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio440},
		{image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420},
	}[h-1][v-1]
}

// nextMarker goes to the marker that ends the scan, over bytes that belong to
// nothing and restart markers.
func (d *Decoder) nextMarker() bool {
	for ; d.at+1 < len(d.content); d.at++ {
		if d.content[d.at] == 0xFF && d.content[d.at+1] != 0 && d.content[d.at+1]&^7 != rst0 {
			return true
		}
	}
	return false
}

// passRestart goes over restart marker 0..7, which must be next.
func (b *bits) passRestart(number byte) bool {
	over := b.n - b.missing // bits that fill up the last byte
	if over < 0 || over >= 8 || b.at+1 >= len(b.content) || b.content[b.at] != 0xFF || b.content[b.at+1] != rst0+number {
		return false
	}
	b.at += 2
	b.acc, b.n, b.missing = 0, 0, 0
	return true
}

// block decodes one block into its dequantized coefficients, row by row; used
// has bit i set where coefficient i may be other than 0. last is the DC value
// of the block before. False where the data is damaged.
func (b *bits) block(block *[64]int32, dc, ac *huffman, quant *[64]int32, last *int32) (used uint64, ok bool) {
	clear(block[:])
	b.fill()
	e, ok := b.next(dc)
	if !ok {
		return 0, false
	}
	if e>>8&15 != 0 { // a DC value has no run: its size would be above 15
		return 0, false
	}
	*last += b.value(e)
	block[0] = *last * quant[0]
	used = 1
	for k := 1; k < 64; {
		if b.n < 32 { // a code and a value take 31 bits at most
			b.fill()
		}
		e := ac.fast[b.acc>>(64-peek)]
		if n := int(e & 255); n > 0 {
			b.take(n)
		} else if e, ok = b.next(ac); !ok {
			return 0, false
		}
		k += int(e >> 8 & 15)
		v := int32(e) >> 16
		if e>>12&15 != 0 {
			v = b.value(e)
		} else if v == 0 {
			if e>>8&15 != 15 {
				break // end of block
			}
			k++
			continue
		}
		if k > 63 {
			return 0, false
		}
		at := natural[k] & 63
		block[at] = v * quant[k]
		used |= 1 << at
		k++
	}
	return used, true
}

// next decodes a code to an entry as in huffman.fast.
func (b *bits) next(t *huffman) (entry uint32, ok bool) {
	e := t.fast[b.acc>>(64-peek)]
	if n := int(e & 255); n > 0 {
		b.take(n)
		return e, true
	}
	symbol, n := t.slow(uint32(b.acc >> 48))
	if n > 16 {
		return 0, false
	}
	b.take(n)
	return uint32(symbol>>4)<<8 | uint32(symbol&15)<<12, true
}

// value gives an entry's value, reading its bits where they are still to come.
func (b *bits) value(entry uint32) int32 {
	size := int(entry >> 12 & 15)
	if size == 0 {
		return int32(entry) >> 16
	}
	v := extend(int(b.acc>>(64-size)), size)
	b.take(size)
	return int32(v)
}
