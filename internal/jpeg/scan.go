package jpeg

// natural is the place in a block, row by row, of the k-th coefficient in the
// file; places behind the end, which damaged data may lead to, are the last.
var natural = [64 + 16]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
	63, 63, 63, 63, 63, 63, 63, 63,
	63, 63, 63, 63, 63, 63, 63, 63,
}

// block decodes one block into its dequantized coefficients, row by row; used
// has bit i set where coefficient i may be other than 0. last is the DC value
// of the block before.
func (b *bits) block(block *[64]int32, dc, ac *huffman, quant *[64]int32, last *int32) (used uint64) {
	clear(block[:])
	b.fill()
	*last += b.value(b.next(dc))
	block[0] = *last * quant[0]
	used = 1
	for k := 1; k < 64; {
		if b.n < 32 { // a code and a value take 32 bits at most
			b.fill()
		}
		e := ac.fast[b.acc>>(64-peek)]
		if n := int(e & 255); n > 0 {
			b.take(n)
		} else {
			e = b.next(ac)
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
			b.bad = true
			k = 63
		}
		at := natural[k] & 63
		block[at] = v * quant[k]
		used |= 1 << at
		k++
	}
	return used
}

// ones is the table that leaves coefficients as they are.
var ones = func() (q [64]int32) {
	for i := range q {
		q[i] = 1
	}
	return q
}()

// collect decodes the scan at hand into coefficients.
func (d *Decoder) collect() {
	decode := d.whole
	if d.progressive {
		switch s := &d.scan; {
		case s.to == 0 && s.high == 0:
			decode = d.firstDC
		case s.to == 0:
			decode = d.moreDC
		case s.high == 0:
			decode = d.firstAC
		default:
			decode = d.moreAC
		}
	}
	if len(d.scan.comps) == 1 { // block by block, without those that fill up units
		c := &d.comp[d.scan.comps[0]]
		for y := range (c.height + 7) / 8 {
			for x := range (c.width + 7) / 8 {
				d.unit(c, decode, y, x)
				d.in.stop()
			}
		}
		return
	}
	for my := range d.down {
		for mx := range d.across {
			d.in.step(d)
			for _, i := range d.scan.comps {
				c := &d.comp[i]
				for b := range c.h * c.v {
					if !d.in.dry {
						decode(c, c.at(my*c.v+b/c.h, mx*c.h+b%c.h))
					}
				}
			}
			d.in.stop()
		}
	}
}

// unit decodes a unit of one block.
func (d *Decoder) unit(c *component, decode func(*component, []int16), y, x int) {
	d.in.step(d)
	if !d.in.dry {
		decode(c, c.at(y, x))
	}
}

// at are the coefficients of a block.
func (c *component) at(y, x int) []int16 {
	return c.coefs[(y*(c.stride/8)+x)*64:][:64]
}

// whole decodes a block of a sequential scan.
func (d *Decoder) whole(c *component, coefs []int16) {
	var block [64]int32
	d.in.block(&block, &d.dc[c.dc], &d.ac[c.ac], &ones, &c.last)
	for i, v := range block {
		coefs[i] = int16(v)
	}
}

// firstDC decodes the upper bits of a DC value.
func (d *Decoder) firstDC(c *component, coefs []int16) {
	d.in.fill()
	c.last += d.in.value(d.in.next(&d.dc[c.dc]))
	coefs[0] = int16(c.last << d.scan.low)
}

// moreDC decodes the next bit of a DC value.
func (d *Decoder) moreDC(_ *component, coefs []int16) {
	if d.in.one() {
		coefs[0] |= 1 << d.scan.low
	}
}

// firstAC decodes the upper bits of a band of AC values.
func (d *Decoder) firstAC(c *component, coefs []int16) {
	b := &d.in
	if b.endless > 0 {
		b.endless--
		return
	}
	for k := d.scan.from; k <= d.scan.to; k++ {
		b.fill()
		e := b.next(&d.ac[c.ac])
		run := int(e >> 8 & 15)
		v := b.value(e)
		switch {
		case v != 0:
			k += run
			coefs[natural[k]] = int16(v << d.scan.low)
		case run == 15:
			k += 15
		default:
			b.endless = b.run(run) - 1
			return
		}
	}
}

// run is the number of blocks of an end-of-band run: 1<<size and size more bits.
func (b *bits) run(size int) int {
	n := 1 << size
	if size > 0 {
		n += int(b.acc >> (64 - size))
		b.take(size)
	}
	return n
}

// moreAC decodes the next bit of a band of AC values. Those that are not 0 yet have a
// bit each; new ones come with the number of zeros before them that stay zeros.
func (d *Decoder) moreAC(c *component, coefs []int16) {
	b := &d.in
	plus := int16(1) << d.scan.low
	refine := func(v *int16) {
		if b.one() && *v&plus == 0 {
			if *v >= 0 {
				*v += plus
			} else {
				*v -= plus
			}
		}
	}
	k := d.scan.from
	if b.endless == 0 {
		for ; k <= d.scan.to; k++ {
			b.fill()
			e := b.next(&d.ac[c.ac])
			run := int(e >> 8 & 15)
			v := int16(0)
			if s := b.value(e); s > 0 {
				v = plus
			} else if s < 0 {
				v = -plus
			} else if run != 15 {
				b.endless = b.run(run)
				break
			}
			for ; k <= d.scan.to; k++ {
				if at := &coefs[natural[k]]; *at != 0 {
					refine(at)
				} else if run--; run < 0 {
					break
				}
			}
			if v != 0 {
				coefs[natural[k]] = v
			}
		}
	}
	if b.endless > 0 {
		for ; k <= d.scan.to; k++ {
			if at := &coefs[natural[k]]; *at != 0 {
				refine(at)
			}
		}
		b.endless--
	}
}
