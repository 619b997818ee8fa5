// Package synth makes weights and inputs of networks that are functions of a name: those
// that the golden files were computed from, and those that are timed, here and in other
// programs that know the same formulae.
//
// FNV-1a (64 bit) of the name seeds SplitMix64, whose k-th output z_k gives
// u_k = (z_k >> 11) / 2^53 in [0, 1). All arithmetic is float64, rounded to float32 once
// at the end.
package synth

import (
	"fmt"
	"math"
	"strings"

	"hdmnet/internal/splitmix"
)

// Uniform returns u_1 … u_n of name, each in [0, 1).
func Uniform(name string, n int) []float64 {
	u, next := make([]float64, n), uniform(name)
	for i := range u {
		u[i] = next()
	}
	return u
}

// uniform returns a function that gives u_1, u_2, … of name, one a call.
func uniform(name string) func() float64 {
	seed := uint64(0xcbf29ce484222325)
	for i := range len(name) {
		seed = (seed ^ uint64(name[i])) * 0x100000001b3
	}
	return func() float64 {
		seed += splitmix.Step
		return float64(splitmix.Mix(seed)>>11) / (1 << 53)
	}
}

// Param returns the values of a network parameter or buffer in PyTorch's layout
// (convolutions [out, in, kh, kw]), from its name and shape:
//
//	two dimensions or more  U(−b, b), b = √(6/fan_in), fan_in = product of dims after the first
//	…running_var            1 + 0.25(2u−1)
//	…weight                 0.76 + 0.25(2u−1)
//	…num_batches_tracked    0
//	any other               0.05(2u−1)
func Param(name string, shape []int) []float32 {
	n := 1
	for _, d := range shape {
		n *= d
	}
	values := make([]float32, n)
	FillParam(values, name, shape)
	return values
}

// FillParam is Param to memory of the caller.
func FillParam(values []float32, name string, shape []int) {
	fanIn := 1
	for _, d := range shape[min(1, len(shape)):] {
		fanIn *= d
	}
	var offset, scale float64
	switch {
	case strings.HasSuffix(name, "num_batches_tracked"):
		clear(values)
		return
	case len(shape) >= 2:
		scale = math.Sqrt(6 / float64(fanIn))
	case strings.HasSuffix(name, "running_var"):
		offset, scale = 1, 0.25
	case strings.HasSuffix(name, ".weight"):
		offset, scale = 0.76, 0.25
	default:
		scale = 0.05
	}
	next := uniform(name)
	for i := range values {
		values[i] = float32(offset + float64(scale*(2*next()-1)))
	}
}

// Image returns a normalized image [channels, height, width]: two low-frequency
// waves per channel plus uniform noise of ±0.25, about unit variance.
func Image(name string, channels, height, width int) []float32 {
	phase := Uniform(name+"/phase", 4*channels)
	noise := uniform(name)
	out := make([]float32, channels*height*width)
	// The conversions to float64 keep a compiler from fusing a product and a sum,
	// which would round differently from one machine to the next.
	for c := range channels {
		a, b, d, e := phase[4*c], phase[4*c+1], phase[4*c+2], phase[4*c+3]
		for i := range height {
			y := float64(i) / float64(height)
			for j := range width {
				x := float64(j) / float64(width)
				slow := float64((1+float64(3*a))*x) + float64((1+float64(3*b))*y) + d
				fast := float64((5+float64(4*e))*x) - float64((2+float64(5*a))*y) + b
				k := (c*height+i)*width + j
				wave := math.Sin(2*math.Pi*slow) + float64(0.7*math.Cos(2*math.Pi*fast))
				out[k] = float32(wave + float64(0.5*(noise()-0.5)))
			}
		}
	}
	return out
}

// Mask returns a mask [height, width]: 1 in an ellipse, 255 in a band around it, 0
// elsewhere.
func Mask(name string, height, width int) []uint8 {
	u := Uniform(name, 4)
	h, w := float64(height), float64(width)
	cy, cx := (0.35+float64(0.3*u[0]))*h, (0.35+float64(0.3*u[1]))*w
	ry, rx := (0.15+float64(0.2*u[2]))*h, (0.15+float64(0.2*u[3]))*w
	out := make([]uint8, height*width)
	for i := range height {
		dy := (float64(i) - cy) / ry
		for j := range width {
			dx := (float64(j) - cx) / rx
			switch r := float64(dy*dy) + float64(dx*dx); {
			case r < 1:
				out[i*width+j] = 1
			case r < 1.1:
				out[i*width+j] = 255
			}
		}
	}
	return out
}

// labelCell is the side of labelMap's squares in pixels.
const labelCell = 16

// labelMap returns a label map [height, width] of 16-pixel squares, each a class of
// 0 … classes−1 or, seldom, 255.
func labelMap(name string, height, width, classes int) []uint8 {
	rows, cols := (height+labelCell-1)/labelCell, (width+labelCell-1)/labelCell
	cells := make([]uint8, rows*cols)
	for i, u := range Uniform(name, rows*cols) {
		cells[i] = uint8(u * (float64(classes) + 0.999))
		if int(cells[i]) >= classes {
			cells[i] = 255
		}
	}
	out := make([]uint8, height*width)
	for i := range out {
		y, x := i/width, i%width
		out[i] = cells[y/labelCell*cols+x/labelCell]
	}
	return out
}

// Episodes is the input of one step: B episodes of K shots at size×size.
type Episodes struct {
	Query       []float32 // [B, 3, size, size]
	Support     []float32 // [B, K, 3, size, size]
	SupportMask []uint8   // [B, K, size, size]
	QueryMask   []uint8   // [B, size, size]
	BaseLabel   []uint8   // [B, size, size], values 0 … classes−1 and 255
	Class       []int64   // [B], index of the episode's class among the base classes
}

// MakeEpisodes returns the input that the golden cases use under tag: the case's
// name for an eval_* case, "<case>/step<n>" with n = 1, 2, … for a train_*shot case.
// classes counts the base classes and the background (16 PASCAL-5i, 61 COCO-20i).
func MakeEpisodes(tag string, batch, shots, size, classes int) Episodes {
	var e Episodes
	for b := range batch {
		e.Query = append(e.Query, Image(fmt.Sprintf("%s/query/%d", tag, b), 3, size, size)...)
		for k := range shots {
			e.Support = append(e.Support, Image(fmt.Sprintf("%s/support/%d/%d", tag, b, k), 3, size, size)...)
			e.SupportMask = append(e.SupportMask, Mask(fmt.Sprintf("%s/support_mask/%d/%d", tag, b, k), size, size)...)
		}
		e.QueryMask = append(e.QueryMask, Mask(fmt.Sprintf("%s/query_mask/%d", tag, b), size, size)...)
		e.BaseLabel = append(e.BaseLabel, labelMap(fmt.Sprintf("%s/base_label/%d", tag, b), size, size, classes)...)
		e.Class = append(e.Class, int64(Uniform(fmt.Sprintf("%s/cat/%d", tag, b), 1)[0]*float64(classes-1)))
	}
	return e
}

// MakeBaseBatch returns the input of a train_base_* case under tag "<case>/step<n>":
// images [B, 3, size, size] and labels [B, size, size].
func MakeBaseBatch(tag string, batch, size, classes int) (images []float32, labels []uint8) {
	for b := range batch {
		images = append(images, Image(fmt.Sprintf("%s/image/%d", tag, b), 3, size, size)...)
		labels = append(labels, labelMap(fmt.Sprintf("%s/label/%d", tag, b), size, size, classes)...)
	}
	return images, labels
}
