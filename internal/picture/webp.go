package picture

import "image"

// webpToRGB does for the planes of a lossy WebP what libwebp does (src/dsp/yuv.h and
// upsampling.c): values of studio range, 16 to 235, and chroma enlarged by a triangle
// filter. Go's own conversion takes them for JPEG's full range.
func webpToRGB(out []uint8, img *image.YCbCr) {
	b := img.Bounds()
	h, w := b.Dy(), b.Dx()
	cw, ch := (w+1)/2, (h+1)/2
	u, v := make([]int, w), make([]int, w)
	for y := range h {
		own := y / 2
		near := min(max(own-1+2*(y&1), 0), ch-1)
		enlarge(u, img.Cb[own*img.CStride:][:cw], img.Cb[near*img.CStride:][:cw])
		enlarge(v, img.Cr[own*img.CStride:][:cw], img.Cr[near*img.CStride:][:cw])
		row := out[y*w*3:][:3*w]
		for x := range w {
			l := high(int(img.Y[y*img.YStride+x]), 19077)
			row[3*x] = clip6(l + high(v[x], 26149) - 14234)
			row[3*x+1] = clip6(l - high(u[x], 6419) - high(v[x], 13320) + 8708)
			row[3*x+2] = clip6(l + high(u[x], 33050) - 17685)
		}
	}
}

// enlarge writes a row of chroma at full size from the row that holds it and the next
// nearest one, weighing 9 3 3 1 over 16 by nearness, rounded as libwebp does.
func enlarge(out []int, own, near []uint8) {
	n := len(own)
	out[0] = (3*int(own[0]) + int(near[0]) + 2) >> 2
	for i := 1; i < n; i++ {
		a, b, c, d := int(own[i-1]), int(own[i]), int(near[i-1]), int(near[i])
		sum := a + b + c + d + 8
		out[2*i-1] = ((sum+2*(b+c))>>3 + a) >> 1
		if 2*i < len(out) {
			out[2*i] = ((sum+2*(a+d))>>3 + b) >> 1
		}
	}
	if len(out)%2 == 0 {
		out[len(out)-1] = (3*int(own[n-1]) + int(near[n-1]) + 2) >> 2
	}
}

// high multiplies by a factor of 1/256ths.
func high(v, factor int) int { return v * factor >> 8 }

// clip6 drops six bits of fraction.
func clip6(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }
