package picture

// Shrink averages pix [h,w,3] over boxes of pixels so that the longer side has at most side
// pixels; a picture that is not longer is given back as it is.
func Shrink(pix []uint8, h, w, side int) (small []uint8, sh, sw int) {
	if max(h, w) <= side {
		return pix, h, w
	}
	longer := max(h, w)
	sh, sw = max(1, (h*side+longer/2)/longer), max(1, (w*side+longer/2)/longer)
	small = make([]uint8, sh*sw*3)
	sums := make([]uint32, sw*3)
	edge := make([]int, sw+1) // of the columns
	for x := range edge {
		edge[x] = x * w / sw
	}
	for y := range sh {
		clear(sums)
		from, to := y*h/sh, (y+1)*h/sh
		for row := from; row < to; row++ {
			line := pix[row*w*3:][:w*3]
			for x := range sw {
				var r, g, b uint32
				box := line[edge[x]*3 : edge[x+1]*3]
				for len(box) >= 3 {
					r += uint32(box[0])
					g += uint32(box[1])
					b += uint32(box[2])
					box = box[3:]
				}
				s := sums[3*x:][:3]
				s[0] += r
				s[1] += g
				s[2] += b
			}
		}
		out := small[y*sw*3:]
		for x := range sw {
			n := uint32((to - from) * (edge[x+1] - edge[x]))
			for k := range 3 {
				out[3*x+k] = uint8((sums[3*x+k] + n/2) / n)
			}
		}
	}
	return small, sh, sw
}
