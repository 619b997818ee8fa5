package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"

	"golang.org/x/image/webp"
)

// decodeWebP decodes a WebP; of a moving one the first picture at its place in the whole,
// which is black elsewhere.
func decodeWebP(content []byte, s Size) (image.Image, error) {
	if len(content) < 30 || string(content[12:16]) != "VP8X" || content[20]&2 == 0 {
		return webp.Decode(bytes.NewReader(content))
	}
	for c := content[12:]; len(c) >= 8; {
		n := int(binary.LittleEndian.Uint32(c[4:]))
		if n > len(c)-8 {
			break
		}
		if string(c[:4]) == "ANMF" && n >= 16 {
			return firstOfWebP(c[8:8+n], s)
		}
		c = c[min(8+n+n&1, len(c)):]
	}
	return nil, errors.New("webp: a moving picture without pictures")
}

// firstOfWebP decodes a frame: its place and size, and chunks as those of a still picture.
func firstOfWebP(frame []byte, s Size) (image.Image, error) {
	number := func(at int) int { return int(frame[at]) | int(frame[at+1])<<8 | int(frame[at+2])<<16 }
	x0, y0, w, h := 2*number(0), 2*number(3), number(6)+1, number(9)+1
	if x0+w > s.W || y0+h > s.H {
		return nil, errors.New("webp: a picture reaches out of the whole")
	}
	still := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00"), frame[6:12]...)
	if bytes.HasPrefix(frame[16:], []byte("ALPH")) {
		still[20] = 0x10
	}
	if bytes.HasPrefix(frame[16:], []byte("VP8")) { // no alpha beside it
		still = still[:12]
	}
	still = append(still, frame[16:]...)
	binary.LittleEndian.PutUint32(still[4:], uint32(len(still)-8))
	img, err := webp.Decode(bytes.NewReader(still))
	if err != nil || img.Bounds().Dx() != w || img.Bounds().Dy() != h {
		return nil, errors.Join(err, errors.New("webp: the first picture cannot be read"))
	}
	if w == s.W && h == s.H {
		return img, nil
	}
	whole := image.NewNRGBA(image.Rect(0, 0, s.W, s.H))
	set := func(i int, c color.NRGBA) { whole.SetNRGBA(x0+i%w, y0+i/w, c) }
	if planes := yuv(img); planes != nil {
		pix := make([]uint8, h*w*3)
		webpToRGB(pix, planes)
		for i := range h * w {
			set(i, color.NRGBA{pix[3*i], pix[3*i+1], pix[3*i+2], 255})
		}
		return whole, nil
	}
	eachColor(img, set)
	return whole, nil
}

// yuv are the planes of a lossy picture; nil for others.
func yuv(img image.Image) *image.YCbCr {
	switch img := img.(type) {
	case *image.YCbCr:
		return img
	case *image.NYCbCrA:
		return &img.YCbCr
	}
	return nil
}

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
