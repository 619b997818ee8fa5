package data

import "image"

// ycbcrToRGB turns a decoded JPEG into RGB [h,w,3] as libjpeg does, and with it
// OpenCV and Pillow: chroma planes of half size are enlarged by a triangle
// filter ("fancy upsampling") where Go's own conversion repeats their pixels,
// and the colour transform rounds to nearest. Pictures then differ from the
// release's by a grey level here and there at most.
func ycbcrToRGB(pix []uint8, img *image.YCbCr) {
	b := img.Bounds()
	h, w := b.Dy(), b.Dx()
	cw, ch := w, h
	var up upsampler
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		cw, ch, up = (w+1)/2, (h+1)/2, upsampleBoth
	case image.YCbCrSubsampleRatio422:
		cw, up = (w+1)/2, upsampleAcross
	case image.YCbCrSubsampleRatio440:
		ch, up = (h+1)/2, upsampleDown
	}
	plane := func(p []uint8) func(y int) []uint8 {
		if up == nil || cw <= 2 && cw < w {
			// Full size, one of the rare ratios, or too narrow for the filter: repeat.
			row := make([]uint8, w)
			return func(y int) []uint8 {
				for x := range row {
					row[x] = p[img.COffset(b.Min.X+x, b.Min.Y+y)]
				}
				return row
			}
		}
		row := make([]uint8, 2*cw)
		at := func(y int) []uint8 { return p[min(max(y, 0), ch-1)*img.CStride:][:cw] }
		return func(y int) []uint8 {
			up(row, at, y)
			return row
		}
	}
	cb, cr := plane(img.Cb), plane(img.Cr)
	for y := range h {
		luma := img.Y[y*img.YStride:][:w]
		u, v := cb(y), cr(y)
		for x, l := range luma {
			p := pix[(y*w+x)*3:][:3]
			p[0], p[1], p[2] = colour(int32(l), int32(u[x])-128, int32(v[x])-128)
		}
	}
}

// colour is the JFIF transform in 16-bit fixed point:
// R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb.
func colour(y, cb, cr int32) (r, g, b uint8) {
	const half = 1 << 15
	return clip(y + (91881*cr+half)>>16), clip(y + (-22554*cb-46802*cr+half)>>16), clip(y + (116130*cb+half)>>16)
}

func clip(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// upsampler writes one full-size row y of a chroma plane; at gives the plane's
// rows, repeated beyond the first and last.
type upsampler func(row []uint8, at func(y int) []uint8, y int)

// nearer gives the chroma row that holds full-size row y and the next nearest one.
func nearer(y int) (own, next int) {
	if y%2 == 0 {
		return y / 2, y/2 - 1
	}
	return y / 2, y/2 + 1
}

// upsampleBoth (4:2:0) weighs 9 3 3 1 over 16 by nearness.
func upsampleBoth(row []uint8, at func(y int) []uint8, y int) {
	i, j := nearer(y)
	own, next := at(i), at(j)
	sum := func(x int) int { return 3*int(own[x]) + int(next[x]) }
	n := len(own)
	last, this := sum(0), sum(0)
	for x := range n {
		after := this
		if x+1 < n {
			after = sum(x + 1)
		}
		// The rounding terms differ so that errors do not all go one way.
		row[2*x] = uint8((3*this + last + 8) >> 4)
		row[2*x+1] = uint8((3*this + after + 7) >> 4)
		last, this = this, after
	}
}

// upsampleAcross (4:2:2) weighs 3 1 over 4 along the row.
func upsampleAcross(row []uint8, at func(y int) []uint8, y int) {
	own := at(y)
	n := len(own)
	for x := range n {
		this := 3 * int(own[x])
		row[2*x] = uint8((this + int(own[max(x-1, 0)]) + 1) >> 2)
		row[2*x+1] = uint8((this + int(own[min(x+1, n-1)]) + 2) >> 2)
	}
}

// upsampleDown (4:4:0) weighs 3 1 over 4 along the column.
func upsampleDown(row []uint8, at func(y int) []uint8, y int) {
	i, j := nearer(y)
	own, next := at(i), at(j)
	round := 1 + y%2
	for x := range own {
		row[x] = uint8((3*int(own[x]) + int(next[x]) + round) >> 2)
	}
}
