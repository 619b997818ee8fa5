package data

import "hdmnet/internal/rows"

// Mean and Std are ImageNet's channel statistics, RGB, of gray levels 0..255: what the
// networks take off their pictures and divide them by (op.Normalize), and the color of
// what is outside a picture, which so becomes 0.
var (
	Mean = grayLevels(0.485, 0.456, 0.406)
	Std  = grayLevels(0.229, 0.224, 0.225)
)

// grayLevels are values of 0..1 times 255, rounded to float32 before and after.
func grayLevels(r, g, b float32) [3]float32 { return [3]float32{255 * r, 255 * g, 255 * b} }

// Preprocess is the whole validation path of one picture: image [h,w,3] RGB
// 0..255 → resized to dst [size,size,3], gray levels again, bilinear, half-pixel
// centers, borders repeated, no antialiasing (the aspect is not kept). The resizing
// is OpenCV's INTER_LINEAR on float32, PyTorch's
// interpolate(mode="bilinear", align_corners=False). The device normalizes.
func Preprocess(dst []float32, size int, image []uint8, h, w int) {
	var r resizer
	r.resize(dst, size, size, raster{bytes: image, h: h, w: w}, ratio(size, h), ratio(size, w))
}

// ResizePicture resizes src [from,from,3] gray levels to dst [to,to,3] as Preprocess does.
func ResizePicture(dst []float32, to int, src []float32, from int) {
	var r resizer
	r.resize(dst, to, to, raster{floats: src, h: from, w: from}, ratio(to, from), ratio(to, from))
}

func toFloat(dst []float32, src []uint8) []float32 {
	dst = grow(dst, len(src))
	rows.Float(dst, src)
	return dst
}

// grow gives a slice of n elements, in the old memory where it suffices. The contents are unspecified.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// ratio is source pixels per destination pixel, computed in OpenCV's two
// steps so that coordinates round alike.
func ratio(dst, src int) float64 { return 1 / (float64(dst) / float64(src)) }

// taps are those of dst coordinates over src ones, the places in steps of step.
func taps(t []rows.Tap, dst, src, step int, scale float64) []rows.Tap {
	t = grow(t, dst)
	for i := range t {
		at := float32((float64(i)+0.5)*scale - 0.5)
		a := floor32(at)
		f := at - a
		switch k := int(a); {
		case k < 0:
			t[i] = rows.Tap{A: 0, B: 0, F: 0, G: 1}
		case k >= src-1:
			last := int32((src - 1) * step)
			t[i] = rows.Tap{A: last, B: last, F: 0, G: 1}
		default:
			t[i] = rows.Tap{A: int32(k * step), B: int32((k + 1) * step), F: f, G: 1 - f}
		}
	}
	return t
}

// raster is an image [h,w,3], 0..255, in bytes or in floats.
type raster struct {
	bytes  []uint8
	floats []float32
	h, w   int
}

// resizer resizes pictures and keeps its memory from one to the next.
type resizer struct {
	xs, ys  []rows.Tap
	source  []float32    // a row of bytes as floats
	lines   [2][]float32 // source rows resized along x
	columns []int32      // of a label
}

// resize resizes src to dst [dh,dw,3] as Preprocess does, with the ratios sy, sx
// (source per destination) given.
func (r *resizer) resize(dst []float32, dh, dw int, src raster, sy, sx float64) {
	r.xs, r.ys = taps(r.xs, dw, src.w, 3, sx), taps(r.ys, dh, src.h, 1, sy)
	r.lines[0], r.lines[1] = grow(r.lines[0], dw*3), grow(r.lines[1], dw*3)
	held := [2]int32{-1, -1} // source rows in r.lines
	row := func(y, keep int32) []float32 {
		switch y {
		case held[0]:
			return r.lines[0]
		case held[1]:
			return r.lines[1]
		}
		k := 0
		if held[0] == keep {
			k = 1
		}
		held[k] = y
		r.along(r.lines[k], src, int(y))
		return r.lines[k]
	}
	for y, t := range r.ys {
		top := row(t.A, t.B)
		bottom := row(t.B, t.A)
		rows.Lerp(dst[y*dw*3:(y+1)*dw*3], top, bottom, t.G, t.F)
	}
}

// along resizes row y along x.
func (r *resizer) along(out []float32, src raster, y int) {
	if src.bytes == nil {
		rows.Gather(out, src.floats[y*src.w*3:(y+1)*src.w*3], r.xs)
		return
	}
	r.source = toFloat(r.source, src.bytes[y*src.w*3:(y+1)*src.w*3])
	rows.Gather(out, r.source, r.xs)
}

// ResizeLabel resizes src [h,w] to dst [dh,dw], nearest: source place
// floor(x·scale). OpenCV's INTER_NEAREST, PyTorch's interpolate(mode="nearest").
func ResizeLabel(dst []uint8, dh, dw int, src []uint8, h, w int) {
	var r resizer
	r.label(dst, dh, dw, src, h, w, ratio(dh, h), ratio(dw, w))
}

// label is ResizeLabel with the ratios given.
func (r *resizer) label(dst []uint8, dh, dw int, src []uint8, h, w int, sy, sx float64) {
	r.columns = grow(r.columns, dw)
	xs := r.columns
	for x := range xs {
		xs[x] = int32(min(int(float64(x)*sx), w-1))
	}
	from := -1 // source row of the last row written
	for y := range dh {
		k := min(int(float64(y)*sy), h-1)
		out := dst[y*dw : (y+1)*dw]
		if k == from {
			copy(out, dst[(y-1)*dw:y*dw])
			continue
		}
		from = k
		line := src[k*w:][:w]
		for x, k := range xs {
			out[x] = line[k]
		}
	}
}
