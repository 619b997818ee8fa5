package jpeg

// The inverse DCT is libjpeg's accurate integer one: Loeffler, Ligtenberg and
// Moschytz' 11 multiplications along each axis, columns first, in 13-bit fixed
// point with 2 extra bits between the passes. Its rounding is part of what a
// decoded picture is, so the order of the operations matters.
const (
	c0_298631336 = 2446
	c0_390180644 = 3196
	c0_541196100 = 4433
	c0_765366865 = 6270
	c0_899976223 = 7373
	c1_175875602 = 9633
	c1_501321110 = 12299
	c1_847759065 = 15137
	c1_961570560 = 16069
	c2_053119869 = 16819
	c2_562915447 = 20995
	c3_072711026 = 25172

	fraction = 13
	extra    = 2
)

// inverseDCT writes the 8×8 samples of a block (changed by it) to dst, whose
// rows are stride apart; used has a bit for each coefficient that may not be 0.
func inverseDCT(dst []uint8, stride int, block *[64]int32, used uint64) {
	if used == 1 {
		v := clip((block[0]+4)>>3 + 128)
		w := uint64(v) * 0x0101010101010101
		for y := range 8 {
			row := dst[y*stride:][:8]
			row[0], row[1], row[2], row[3] = byte(w), byte(w), byte(w), byte(w)
			row[4], row[5], row[6], row[7] = byte(w), byte(w), byte(w), byte(w)
		}
		return
	}
	const column = 0x0101010101010101
	for x := range 8 {
		mask := used & (column << x)
		if mask>>8 == 0 {
			if mask != 0 { // constant along the column
				v := block[x] << extra
				block[x], block[8+x], block[16+x], block[24+x] = v, v, v, v
				block[32+x], block[40+x], block[48+x], block[56+x] = v, v, v, v
			}
			continue
		}
		const round, shift = 1 << (fraction - extra - 1), fraction - extra
		e0, e1, e2, e3 := even(block[x], block[16+x], block[32+x], block[48+x])
		o0, o1, o2, o3 := odd(block[8+x], block[24+x], block[40+x], block[56+x])
		block[x], block[56+x] = (e0+o0+round)>>shift, (e0-o0+round)>>shift
		block[8+x], block[48+x] = (e1+o1+round)>>shift, (e1-o1+round)>>shift
		block[16+x], block[40+x] = (e2+o2+round)>>shift, (e2-o2+round)>>shift
		block[24+x], block[32+x] = (e3+o3+round)>>shift, (e3-o3+round)>>shift
	}
	// The level shift of 128 and the rounding go in with the constant term.
	const shift = fraction + extra + 3
	const bias = 128<<(extra+3) + 1<<(extra+2)
	for y := range 8 {
		r := block[8*y:][:8]
		out := dst[y*stride:][:8]
		e0, e1, e2, e3 := even(r[0]+bias, r[2], r[4], r[6])
		o0, o1, o2, o3 := odd(r[1], r[3], r[5], r[7])
		out[0], out[7] = clip((e0+o0)>>shift), clip((e0-o0)>>shift)
		out[1], out[6] = clip((e1+o1)>>shift), clip((e1-o1)>>shift)
		out[2], out[5] = clip((e2+o2)>>shift), clip((e2-o2)>>shift)
		out[3], out[4] = clip((e3+o3)>>shift), clip((e3-o3)>>shift)
	}
}

// even is the part of the transform that the even coefficients make.
func even(a, b, c, d int32) (e0, e1, e2, e3 int32) {
	z := (b + d) * c0_541196100
	t2, t3 := z-d*c1_847759065, z+b*c0_765366865
	t0, t1 := (a+c)<<fraction, (a-c)<<fraction
	return t0 + t3, t1 + t2, t1 - t2, t0 - t3
}

// odd is the part that the odd coefficients make.
func odd(a, b, c, d int32) (o0, o1, o2, o3 int32) {
	z5 := (a + b + c + d) * c1_175875602
	z3, z4 := z5-(d+b)*c1_961570560, z5-(c+a)*c0_390180644
	z1, z2 := (d+a)*c0_899976223, (c+b)*c2_562915447
	return a*c1_501321110 - z1 + z4,
		b*c3_072711026 - z2 + z3,
		c*c2_053119869 - z2 + z4,
		d*c0_298631336 - z1 + z3
}

func clip(v int32) uint8 { return uint8(min(max(v, 0), 255)) }
