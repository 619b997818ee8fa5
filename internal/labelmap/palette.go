package labelmap

import "image/color"

// Palette is PASCAL VOC's: the bits of the value, taken three at a time from the lowest,
// are the highest bits of red, green and blue. So value 255 is (224,224,192).
var Palette = func() color.Palette {
	p := make(color.Palette, 256)
	for i := range p {
		var c [3]uint8
		for bit := range 8 {
			c[bit%3] |= uint8(i>>bit&1) << (7 - bit/3)
		}
		p[i] = color.RGBA{c[0], c[1], c[2], 255}
	}
	return p
}()
