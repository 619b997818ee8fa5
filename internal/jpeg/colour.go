package jpeg

import "image"

// upsampled holds one row of each chroma plane at full size, and a row of sums
// on the way there.
type upsampled struct {
	cb, cr []uint8
	sums   []uint16
}

func greyToRGB(pix, grey []uint8, stride, w, h int) {
	for y := range h {
		row := pix[y*w*3:][:w*3]
		for x, v := range grey[y*stride:][:w] {
			row[3*x], row[3*x+1], row[3*x+2] = v, v, v
		}
	}
}

// ycbcrToRGB turns planes into RGB [h,w,3] as libjpeg does: chroma planes of
// half size are enlarged by a triangle filter, where Go's own conversion
// repeats their pixels, and the colour transform rounds to nearest.
func (s *upsampled) ycbcrToRGB(pix []uint8, img *image.YCbCr) {
	b := img.Bounds()
	h, w := b.Dy(), b.Dx()
	cw, ch := w, h
	var up func(row, own, next []uint8, y int)
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		cw, ch, up = (w+1)/2, (h+1)/2, s.both
	case image.YCbCrSubsampleRatio422:
		cw, up = (w+1)/2, across
	case image.YCbCrSubsampleRatio440:
		ch, up = (h+1)/2, downward
	}
	s.cb, s.cr = sized(s.cb, 2*cw), sized(s.cr, 2*cw)
	for y := range h {
		luma := img.Y[y*img.YStride:][:w]
		cb, cr := s.cb, s.cr
		switch {
		case img.SubsampleRatio == image.YCbCrSubsampleRatio444:
			cb, cr = img.Cb[y*img.CStride:], img.Cr[y*img.CStride:]
		case up == nil || cw <= 2 && cw < w:
			// One of the rare ratios, or too narrow for the filter: repeat.
			for x := range w {
				at := img.COffset(b.Min.X+x, b.Min.Y+y)
				cb[x], cr[x] = img.Cb[at], img.Cr[at]
			}
		default:
			i, j := y, y
			if ch < h { // the chroma row that holds row y, and the next nearest one
				i = y / 2
				j = min(max(i-1+2*(y&1), 0), ch-1)
			}
			i, j = i*img.CStride, j*img.CStride
			up(cb, img.Cb[i:][:cw], img.Cb[j:][:cw], y)
			up(cr, img.Cr[i:][:cw], img.Cr[j:][:cw], y)
		}
		colourRow(pix[y*w*3:][:w*3], luma, cb[:w], cr[:w])
	}
}

// colourRow is the JFIF transform in 16-bit fixed point:
// R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb.
func colourRow(rgb, luma, cb, cr []uint8) {
	const half = 1 << 15
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, l := range luma {
		y, u, v := int32(l), int32(cb[x])-128, int32(cr[x])-128
		p := rgb[3*x : 3*x+3 : 3*x+3]
		p[0] = clip(y + (91881*v+half)>>16)
		p[1] = clip(y + (-22554*u-46802*v+half)>>16)
		p[2] = clip(y + (116130*u+half)>>16)
	}
}

// both (4:2:0) writes full-size row y of a chroma plane from the row that holds
// it and the next nearest one, weighing 9 3 3 1 over 16 by nearness.
func (s *upsampled) both(row, own, next []uint8, _ int) {
	n := len(own)
	s.sums = sized(s.sums, n+2)
	sums := s.sums
	next = next[:n]
	for x, v := range own {
		sums[x+1] = 3*uint16(v) + uint16(next[x])
	}
	sums[0], sums[n+1] = sums[1], sums[n]
	row, before, this, after := row[:2*n], sums[:n], sums[1:][:n], sums[2:][:n]
	for x, v := range this {
		// The rounding terms differ so that errors do not all go one way.
		pair := row[2*x : 2*x+2 : 2*x+2]
		pair[0] = uint8((3*v + before[x] + 8) >> 4)
		pair[1] = uint8((3*v + after[x] + 7) >> 4)
	}
}

// across (4:2:2) weighs 3 1 over 4 along the row.
func across(row, own, _ []uint8, _ int) {
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
