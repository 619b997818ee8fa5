package foundation

import (
	"math"
	"slices"
)

// input brings pictures and masks to the encoder's square input as INSID3's program does: pictures by
// Pillow's bilinear resize (of versions up to 12: 13 begins along y where that is less work, which changes
// values by one gray level), masks by PyTorch's nearest.
type input struct{}

// Picture resizes an image [h,w,3] to dst [size,size,3], gray levels. Where it shrinks, every pixel of
// the source counts (a triangle as wide as the ratio); first along x, then along y, in fixed point, rounded
// to bytes after each, as Image.resize(…, BILINEAR).
func (input) Picture(dst []float32, size int, image []uint8, h, w int) {
	across := make([]uint8, h*size*3)
	for x, t := range triangles(w, size) {
		for y := range h {
			for c := range 3 {
				across[(y*size+x)*3+c] = t.sum(image[y*w*3+c:], 3)
			}
		}
	}
	for y, t := range triangles(h, size) {
		for i := range size * 3 {
			dst[y*size*3+i] = float32(t.sum(across[i:], size*3))
		}
	}
}

// fraction is the bits behind the point of Pillow's weights.
const fraction = 32 - 8 - 2

// triangle is the weights of the places from first on, in fixed point.
type triangle struct {
	first   int
	weights []int32
}

// triangles are the weights of every one of out places over in places.
func triangles(in, out int) []triangle {
	scale := float64(in) / float64(out)
	reach := max(scale, 1)
	all := make([]triangle, out)
	for i := range all {
		center := (float64(i) + 0.5) * scale
		lo := max(int(center-reach+0.5), 0)
		hi := min(int(center+reach+0.5), in)
		w, sum := make([]float64, hi-lo), 0.0
		for k := range w {
			w[k] = max(1-math.Abs((float64(lo+k)-center+0.5)*(1/reach)), 0)
			sum += w[k]
		}
		all[i] = triangle{lo, make([]int32, hi-lo)}
		for k, v := range w {
			all[i].weights[k] = int32(v/sum*(1<<fraction) + 0.5)
		}
	}
	return all
}

// sum is the weighted mean of values a step apart.
func (t *triangle) sum(values []uint8, step int) uint8 {
	s, at := int32(1<<(fraction-1)), t.first*step
	for _, w := range t.weights {
		s += w * int32(values[at])
		at += step
	}
	return uint8(min(s>>fraction, 255))
}

// Label resizes a mask [h,w] to dst [size,size]: the source's place is ⌊i·(h/size)⌋, in float32.
func (input) Label(dst []uint8, size int, mask []uint8, h, w int) {
	nearest(dst, size, size, mask, h, w)
}

func nearest(dst []uint8, dh, dw int, src []uint8, h, w int) {
	sy, sx := float32(h)/float32(dh), float32(w)/float32(dw)
	for y := range dh {
		line := src[min(int(float32(y)*sy), h-1)*w:]
		for x := range dw {
			dst[y*dw+x] = line[min(int(float32(x)*sx), w-1)]
		}
	}
}

// Bilinear resizes src [h,w] to [dh,dw] with half-pixel centers and no antialiasing, in float32:
// PyTorch's interpolate(mode="bilinear", align_corners=False).
func Bilinear(src []float32, h, w, dh, dw int) []float32 {
	out := make([]float32, dh*dw)
	ys, xs := taps(h, dh), taps(w, dw)
	for y, v := range ys {
		top, bottom := src[v.a*w:], src[v.b*w:]
		for x, u := range xs {
			out[y*dw+x] = float32(v.wa*(float32(u.wa*top[u.a])+float32(u.wb*top[u.b]))) +
				float32(v.wb*(float32(u.wa*bottom[u.a])+float32(u.wb*bottom[u.b])))
		}
	}
	return out
}

// tap is two places and their weights.
type tap struct {
	a, b   int
	wa, wb float32
}

func taps(in, out int) []tap {
	scale := float32(in) / float32(out)
	all := make([]tap, out)
	for i := range all {
		at := max(float32(scale*(float32(i)+0.5))-0.5, 0)
		a := min(int(at), in-1)
		f := at - float32(a)
		all[i] = tap{a, min(a+1, in-1), 1 - f, f}
	}
	return all
}

// Patches is which of side×side patches show the object of a mask [size,size], where it is 1: those where it
// is above 1/2, resized bilinearly; where none is, resized to the nearest; where none is then, the patch of
// its centroid. None does where nothing of the mask is 1.
func Patches(mask []uint8, size, side int) []bool {
	object := make([]float32, len(mask))
	bits := make([]uint8, len(mask))
	sx, sy, n := 0, 0, 0
	for i, v := range mask {
		if v == 1 {
			object[i], bits[i] = 1, 1
			sy, sx, n = sy+i/size, sx+i%size, n+1
		}
	}
	out := make([]bool, side*side)
	if n == 0 {
		return out
	}
	for i, v := range Bilinear(object, size, size, side, side) {
		out[i] = v > 0.5
	}
	if slices.Contains(out, true) {
		return out
	}
	small := make([]uint8, side*side)
	nearest(small, side, side, bits, size, size)
	for i, v := range small {
		out[i] = v == 1
	}
	if !slices.Contains(out, true) {
		patch := float64(size / side)
		y, x := int(float64(sy)/float64(n)/patch), int(float64(sx)/float64(n)/patch)
		out[min(y, side-1)*side+min(x, side-1)] = true
	}
	return out
}
