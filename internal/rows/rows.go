// Package rows holds the inner loops over rows of pixels: what resizing,
// rotating, blurring and color conversion spend their time in.
//
// Every function is defined by its Go loop. On amd64 with AVX2 assembly does
// the bulk of it, with the same operations in the same order, so that the bits
// are the same.
package rows

//go:generate go run asm/gen.go -out vector_amd64.s -stubs vector_amd64.go -pkg rows

// Lerp is out = a·g + b·f. a and b are as long as out.
func Lerp(out, a, b []float32, g, f float32) {
	n := mixVector(out, a[:len(out)], b[:len(out)], g, f)
	out, a, b = out[n:], a[n:], b[n:]
	for i := range out {
		out[i] = a[i]*g + b[i]*f
	}
}

// Binomial is out = a/16 + b·4/16 + c·6/16 + d·4/16 + e/16, summed as
// (a+e)/16 + (b+d)·4/16 + c·6/16. All are as long as out.
func Binomial(out, a, b, c, d, e []float32) {
	k := len(out)
	a, b, c, d, e = a[:k], b[:k], c[:k], d[:k], e[:k]
	for i := binomialVector(out, a, b, c, d, e); i < k; i++ {
		out[i] = (a[i]+e[i])*(1.0/16) + (b[i]+d[i])*(4.0/16) + c[i]*(6.0/16)
	}
}

// Float is out = in. out is as long as in.
func Float(out []float32, in []uint8) {
	out = out[:len(in)]
	for i := floatVector(out, in); i < len(in); i++ {
		out[i] = float32(in[i])
	}
}

// Tap is where an output pixel comes from: the input values from places A and
// B on, with the shares G and F.
type Tap struct {
	A, B int32
	F, G float32
}

// Gather is out[3i+c] = in[A+c]·G + in[B+c]·F for tap i and c = 0..2. The
// places of the taps do not fall.
func Gather(out, in []float32, taps []Tap) {
	n := gatherVector(out, in, taps)
	out = out[3*n:]
	for _, t := range taps[n:] {
		a, b, o := in[t.A:t.A+3:t.A+3], in[t.B:t.B+3:t.B+3], out[:3:3]
		o[0] = a[0]*t.G + b[0]*t.F
		o[1] = a[1]*t.G + b[1]*t.F
		o[2] = a[2]*t.G + b[2]*t.F
		out = out[3:]
	}
}

// Shares are the weights of the pixels at (0,0), (1,0), (0,1) and (1,1) for a
// place between them, by the 32nds of its y and its x.
var Shares = func() (t [32][32][4]float32) {
	for y := range t {
		for x := range t[y] {
			fy, fx := float32(y)/32, float32(x)/32
			t[y][x] = [4]float32{(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy}
		}
	}
	return t
}()

// Remap takes out's pixels, three values each, from the image in, whose rows
// have width pixels: pixel i bilinearly from the place (x+xs[i], y+ys[i]), in
// 1024ths of a pixel, of which the whole 32nds count. All places must be in the
// image, with two columns and one row more to their right and below them; xs
// and ys rise or fall throughout.
func Remap(out, in []float32, width int, xs, ys []int32, x, y int32) {
	ys = ys[:len(xs)]
	n := turnVector(out, in, width, xs, ys, x, y)
	for i := n; i < len(xs); i++ {
		qx, qy := (x+xs[i])>>5, (y+ys[i])>>5
		k := &Shares[qy&31][qx&31]
		at := (int(qy>>5)*width + int(qx>>5)) * 3
		p, q := in[at:at+6:at+6], in[at+3*width:at+3*width+6:at+3*width+6]
		o := out[3*i : 3*i+3 : 3*i+3]
		o[0] = p[0]*k[0] + p[3]*k[1] + q[0]*k[2] + q[3]*k[3]
		o[1] = p[1]*k[0] + p[4]*k[1] + q[1]*k[2] + q[4]*k[3]
		o[2] = p[2]*k[0] + p[5]*k[1] + q[2]*k[2] + q[5]*k[3]
	}
}

// Color is the JFIF transform of a row to RGB in 16-bit fixed point, rounded
// as libjpeg does:
// R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb.
// cb and cr are as long as luma, rgb three times that.
func Color(rgb, luma, cb, cr []uint8) {
	const half = 1 << 15
	k := len(luma)
	rgb, cb, cr = rgb[:3*k], cb[:k], cr[:k]
	for i := colorVector(rgb, luma, cb, cr); i < k; i++ {
		y, u, v := int32(luma[i]), int32(cb[i])-128, int32(cr[i])-128
		p := rgb[3*i : 3*i+3 : 3*i+3]
		p[0] = clip(y + (91881*v+half)>>16)
		p[1] = clip(y + (-22554*u-46802*v+half)>>16)
		p[2] = clip(y + (116130*u+half)>>16)
	}
}

func clip(v int32) uint8 { return uint8(min(max(v, 0), 255)) }
