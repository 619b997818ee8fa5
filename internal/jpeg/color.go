package jpeg

import "hdmnet/internal/rows"

// model is what the components are.
type model int

const (
	gray model = iota
	ycc
	rgb
	cmyk // inverted
	ycck // ycc of inverted CMY, and K
)

// model follows the rules of libjpeg (jdapimin.c): JFIF's marker, then Adobe's, then the
// components' names.
func (d *Decoder) model() model {
	switch c := d.comp; {
	case len(c) == 1:
		return gray
	case len(c) == 4 && d.adobe > 0:
		return ycck
	case len(c) == 4:
		return cmyk
	case d.jfif:
		return ycc
	case d.adobe == 0, d.adobe < 0 && c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B':
		return rgb
	}
	return ycc
}

// emit gives the rows of unit row m. The unit row below must be there.
func (d *Decoder) emit(m int, into func(y int) []byte) {
	model := d.model()
	var full [4][]uint8
	for y := 8 * d.maxV * m; y < min(8*d.maxV*(m+1), d.h); y++ {
		for i := range d.comp {
			full[i] = d.upsample(&d.comp[i], y)[:d.w]
		}
		out := into(y)[:3*d.w]
		switch a, b, c := full[0], full[1], full[2]; model {
		case gray:
			for x, v := range a {
				out[3*x], out[3*x+1], out[3*x+2] = v, v, v
			}
		case ycc:
			rows.Color(out, a, b, c)
		case rgb:
			for x, v := range a {
				out[3*x], out[3*x+1], out[3*x+2] = v, b[x], c[x]
			}
		case cmyk:
			for x, k := range full[3] {
				out[3*x], out[3*x+1], out[3*x+2] = overBlack(a[x], k), overBlack(b[x], k), overBlack(c[x], k)
			}
		case ycck:
			rows.Color(out, a, b, c)
			for x, k := range full[3] {
				for i, v := range out[3*x:][:3] {
					out[3*x+i] = overBlack(^v, k)
				}
			}
		}
	}
}

// overBlack is what OpenCV makes of an inverted ink and inverted black.
func overBlack(ink, black uint8) uint8 {
	return uint8(int(black) - int(^ink)*int(black)>>8)
}
