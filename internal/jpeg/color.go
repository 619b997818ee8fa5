package jpeg

import (
	"encoding/binary"
	"image"

	"hdmnet/internal/rows"
)

// upsampled holds one row of each chroma plane at full size, and a row of sums
// on the way there.
type upsampled struct {
	cb, cr []uint8
	sums   []byte
}

func grayToRGB(pix, gray []uint8, stride, w, h int) {
	for y := range h {
		row := pix[y*w*3:][:w*3]
		for x, v := range gray[y*stride:][:w] {
			row[3*x], row[3*x+1], row[3*x+2] = v, v, v
		}
	}
}

// ycbcrToRGB turns planes into RGB [h,w,3] as libjpeg does: chroma planes of
// half size are enlarged by a triangle filter, where Go's own conversion
// repeats their pixels, and the color transform rounds to nearest.
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
		rows.Color(pix[y*w*3:][:w*3], luma, cb[:w], cr[:w])
	}
}

// both (4:2:0) writes full-size row y of a chroma plane from the row that holds
// it and the next nearest one, weighing 9 3 3 1 over 16 by nearness.
func (s *upsampled) both(row, own, next []uint8, _ int) {
	n := len(own)
	// The sums 3·own + next with the first and last repeated, 16 bits each.
	s.sums = sized(s.sums, 2*n+16)
	sums, next := s.sums, next[:n]
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
