package data

// Mean and Std are ImageNet's channel statistics, RGB, for values in 0..1.
var (
	Mean = [3]float32{0.485, 0.456, 0.406}
	Std  = [3]float32{0.229, 0.224, 0.225}
)

// Normalize maps 0..255 to the network's range in place:
// x[·,c] = (x[·,c] - 255·Mean[c]) / (255·Std[c]). x is [...,3] RGB.
// PyTorch: torchvision.transforms.Normalize with mean and std times 255.
func Normalize(x []float32) {
	for c := range 3 {
		mean, inv := 255*Mean[c], 1/(255*Std[c])
		for i := c; i < len(x); i += 3 {
			x[i] = (x[i] - mean) * inv
		}
	}
}

// Preprocess is the whole validation path of one picture: image [h,w,3] RGB
// 0..255 → resized to dst [size,size,3] (see ResizeImage; the aspect is not
// kept) → normalised.
func Preprocess(dst []float32, size int, image []uint8, h, w int) {
	ResizeImage(dst, size, size, toFloat(nil, image), h, w)
	Normalize(dst)
}

func toFloat(dst []float32, src []uint8) []float32 {
	dst = grow(dst, len(src))
	for i, v := range src {
		dst[i] = float32(v)
	}
	return dst
}

// grow gives a slice of n elements, in the old memory where it suffices. The contents are unspecified.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// ResizeImage resizes src [h,w,3] to dst [dh,dw,3], bilinear, half-pixel
// centres, borders repeated, no antialiasing: OpenCV's resize INTER_LINEAR on
// float32, PyTorch's interpolate(mode="bilinear", align_corners=False).
func ResizeImage(dst []float32, dh, dw int, src []float32, h, w int) {
	resizeImage(dst, dh, dw, src, h, w, ratio(dh, h), ratio(dw, w))
}

// ratio is source pixels per destination pixel, computed in OpenCV's two
// steps so that coordinates round alike.
func ratio(dst, src int) float64 { return 1 / (float64(dst) / float64(src)) }

// tap is one output coordinate: source places a and b, b's share f.
type tap struct {
	a, b int
	f    float32
}

func taps(dst, src int, scale float64) []tap {
	t := make([]tap, dst)
	for i := range t {
		at := float32((float64(i)+0.5)*scale - 0.5)
		a := floor32(at)
		f := at - a
		switch k := int(a); {
		case k < 0:
			t[i] = tap{0, 0, 0}
		case k >= src-1:
			t[i] = tap{src - 1, src - 1, 0}
		default:
			t[i] = tap{k, k + 1, f}
		}
	}
	return t
}

// resizeImage is ResizeImage with the ratios sy, sx (source per destination) given.
func resizeImage(dst []float32, dh, dw int, src []float32, h, w int, sy, sx float64) {
	xs, ys := taps(dw, w, sx), taps(dh, h, sy)
	// Two source rows, resized along x: rows[k] holds source row at[k].
	rows := [2][]float32{make([]float32, dw*3), make([]float32, dw*3)}
	at := [2]int{-1, -1}
	row := func(y, keep int) []float32 {
		for k := range at {
			if at[k] == y {
				return rows[k]
			}
		}
		k := 0
		if at[0] == keep {
			k = 1
		}
		at[k] = y
		line := src[y*w*3 : (y+1)*w*3]
		out := rows[k]
		for i, t := range xs {
			a, b, o := line[t.a*3:][:3], line[t.b*3:][:3], out[i*3:][:3]
			g := 1 - t.f
			o[0] = a[0]*g + b[0]*t.f
			o[1] = a[1]*g + b[1]*t.f
			o[2] = a[2]*g + b[2]*t.f
		}
		return out
	}
	for y, t := range ys {
		top := row(t.a, t.b)
		bottom := row(t.b, t.a)
		g := 1 - t.f
		out := dst[y*dw*3 : (y+1)*dw*3]
		for i := range out {
			out[i] = top[i]*g + bottom[i]*t.f
		}
	}
}

// ResizeLabel resizes src [h,w] to dst [dh,dw], nearest: source place
// floor(x·scale). OpenCV's INTER_NEAREST, PyTorch's interpolate(mode="nearest").
func ResizeLabel(dst []uint8, dh, dw int, src []uint8, h, w int) {
	resizeLabel(dst, dh, dw, src, h, w, ratio(dh, h), ratio(dw, w))
}

func resizeLabel(dst []uint8, dh, dw int, src []uint8, h, w int, sy, sx float64) {
	xs := make([]int, dw)
	for x := range xs {
		xs[x] = min(int(float64(x)*sx), w-1)
	}
	for y := range dh {
		line := src[min(int(float64(y)*sy), h-1)*w:][:w]
		out := dst[y*dw : (y+1)*dw]
		for x, k := range xs {
			out[x] = line[k]
		}
	}
}
