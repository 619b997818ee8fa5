//go:build cuda

package cuda

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"hdmnet/internal/op"
	"hdmnet/kernels"
)

// roundedHalf is v as a half.
func roundedHalf(v float32) float32 {
	const most, least = 65504, 1.0 / (1 << 14) // of the normal halves
	switch a := math.Abs(float64(v)); {
	case a > most:
		return float32(math.Copysign(most, float64(v)))
	case a < least:
		return float32(math.RoundToEven(float64(v)*(1<<24)) / (1 << 24))
	}
	fraction, exponent := math.Frexp(float64(v))
	return float32(math.Ldexp(math.RoundToEven(fraction*(1<<11)), exponent-11))
}

// wide is a half's value.
func wide(bits uint16) float32 {
	sign, exponent, fraction := 1-2*float64(bits>>15), int(bits>>10&31), float64(bits&1023)
	switch {
	case exponent == 0:
		return float32(sign * fraction / (1 << 24))
	case exponent == 31 && fraction > 0:
		return float32(math.NaN())
	}
	return float32(math.Ldexp(sign*(1024+fraction), exponent-25))
}

// halves hands out maps of halves: rounded float32s on a device without them.
type halves struct {
	*operands
	gpu *Device // nil: the device without
}

// of returns x in halves.
func (h halves) of(x op.Tensor) op.Tensor {
	if h.gpu == nil {
		v := make([]float32, op.Len(x))
		h.dev.Download(v, x)
		for i := range v {
			v[i] = roundedHalf(v[i])
		}
		h.dev.Upload(x, v)
		return x
	}
	y := h.arena.Half(x.Shape()...)
	rows, c := matrixRows(x)
	h.gpu.roundHalf(address(y), address(x), rows, c, c)
	return y
}

// empty returns a map of halves to be written.
func (h halves) empty(shape ...int) op.Tensor {
	if h.gpu == nil {
		return h.arena.Float32(shape...)
	}
	return h.arena.Half(shape...)
}

// values returns a map's values.
func (h halves) values(x op.Tensor) []float32 {
	v := make([]float32, op.Len(x))
	if !op.IsHalf(x) {
		h.dev.Download(v, x)
		return v
	}
	raw := make([]byte, 2*len(v))
	h.gpu.fetch(raw, address(x))()
	for i := range v {
		v[i] = wide(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return v
}

// freeze makes a frozen convolution. Its weights are rounded beforehand.
func (h halves) freeze(shape []int, p op.ConvParams) op.FrozenConv {
	n := shape[0] * shape[1] * shape[2] * shape[3]
	w, bias := make([]float32, n), make([]float32, shape[0])
	for i := range w {
		w[i] = roundedHalf(h.draw.Float32() - 0.5)
	}
	for i := range bias {
		bias[i] = h.draw.Float32()
	}
	c, err := h.dev.FreezeConv2D(w, bias, shape, p)
	if err != nil {
		panic(err)
	}
	return c
}

// frozen runs a frozen convolution.
func (h halves) frozen(y, x, residual op.Tensor, shape []int, p op.ConvParams, relu bool) {
	c := h.freeze(shape, p)
	h.dev.FrozenConv2D(y, x, c, residual, op.ReLUIf(relu))
	if err := c.Close(); err != nil {
		panic(err)
	}
}

// halfCases run the operators that take halves; they return what was written.
var halfCases = map[string]func(h halves) []op.Tensor{
	"frozen convolution 1×1": func(h halves) []op.Tensor { // tiles of 128×128
		y := h.empty(1, 120, 140, 128)
		h.frozen(y, h.of(h.floats(1, 120, 140, 24)), h.of(h.floats(1, 120, 140, 128)), []int{128, 1, 1, 24}, op.ConvParams{Stride: 1, Dilation: 1}, true)
		return []op.Tensor{y}
	},
	"frozen convolution 3×3": func(h halves) []op.Tensor { // 128×64, dilated
		y := h.empty(2, 91, 92, 64)
		h.frozen(y, h.of(h.floats(2, 91, 92, 8)), nil, []int{64, 3, 3, 8}, op.ConvParams{Stride: 1, Pad: 2, Dilation: 2}, true)
		return []op.Tensor{y}
	},
	"frozen convolution to float32": func(h halves) []op.Tensor { // 64×64, strides, a residual in float32
		y := h.arena.Float32(2, 9, 7, 72)
		h.frozen(y, h.of(h.floats(2, 17, 13, 40)), h.floats(2, 9, 7, 72), []int{72, 3, 3, 40}, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}, false)
		return []op.Tensor{y}
	},
	"frozen convolution of a picture": func(h halves) []op.Tensor {
		y, x := h.empty(1, 12, 11, 16), h.arena.Float32(1, 23, 21, 3) // which the convolution rounds
		v := make([]float32, op.Len(x))
		for i := range v {
			v[i] = roundedHalf(2*h.draw.Float32() - 1)
		}
		h.dev.Upload(x, v)
		h.frozen(y, x, nil, []int{16, 3, 3, 3}, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}, true)
		return []op.Tensor{y}
	},
	"pools": func(h halves) []op.Tensor {
		x := h.of(h.floats(2, 20, 13, 24))
		y := h.empty(2, 10, 7, 24)
		h.dev.MaxPool(y, nil, x, op.PoolParams{Kernel: 3, Stride: 2, Pad: 1})
		levels := []op.Tensor{h.empty(2, 1, 1, 24), h.empty(2, 2, 2, 24), h.empty(2, 6, 6, 24)}
		h.dev.AdaptiveAvgPoolLevels(levels, x)
		return append(levels, y)
	},
	"pyramid": func(h halves) []op.Tensor {
		y := h.empty(2, 11, 9, 16)
		h.dev.PyramidSpread(y, []op.Tensor{h.floats(2, 1, 1, 9*16), h.floats(2, 3, 3, 9*16)})
		return []op.Tensor{y}
	},
	"elements": func(h halves) []op.Tensor {
		x, y := h.of(h.floats(2, 5, 7, 24)), h.arena.Float32(2, 5, 7, 24)
		h.dev.ReLU(y, x)
		joined := h.arena.Float32(2, 5, 7, 24+16)
		h.dev.Concat(joined, x, h.of(h.floats(2, 5, 7, 16)))
		large := h.empty(2, 9, 8, 24)
		h.dev.ResizeBilinear(large, x, true)
		return []op.Tensor{y, joined, large}
	},
	"prior": func(h halves) []op.Tensor {
		const b, k, c = 2, 2, 72
		y := h.arena.Float32(b, 10, 15)
		h.dev.PriorSimilarity(y, h.of(h.floats(b, 10, 15, c)), h.of(h.floats(b, k, 16, 20, c)), op.Reshape(h.mask(b, k*320), b, k, 16, 20))
		return []op.Tensor{y}
	},
	"gram": func(h halves) []op.Tensor {
		g := h.arena.Float32(2, 136, 136)
		h.dev.Gram(g, h.of(h.floats(2, 300, 136)))
		return []op.Tensor{g}
	},
}

// compareHalves compares with the CPU's values: what is written is rounded, and so are sums.
func compareHalves(t *testing.T, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if e := math.Abs(float64(got[i] - v)); !(e <= 2e-5+math.Ldexp(math.Abs(float64(v)), -11)*1.01) {
			t.Fatalf("element %d is %g, the CPU's %g", i, got[i], v)
		}
	}
}

// TestHalves: operators on maps of halves give what the CPU gives of the rounded values, but
// for float32's rounding of sums and the rounding of what is written.
func TestHalves(t *testing.T) {
	host, dev := openCPU(t), openIn(t, bf16)
	if dev.Capabilities().HalfMaps != true || openIn(t, tf32).Capabilities().HalfMaps {
		t.Fatal("halves belong to bf16")
	}
	for name, f := range halfCases {
		t.Run(name, func(t *testing.T) {
			run := func(d op.Device, gpu *Device) (all [][]float32) {
				h := halves{&operands{dev: d, arena: op.NewArena(d), draw: rand.New(rand.NewPCG(7, 8))}, gpu}
				defer h.arena.Close()
				for _, y := range f(h) {
					all = append(all, h.values(y))
				}
				return all
			}
			want, got := run(host, nil), run(dev, dev)
			for k := range want {
				compareHalves(t, got[k], want[k])
			}
		})
	}
}

// TestHalfTiles: a convolution in tiles of every size gives what the CPU gives of the rounded values,
// whether tiles stick out of the positions and channels, sums end within a panel, or are shorter
// than the panels under way.
func TestHalfTiles(t *testing.T) {
	host, dev := openCPU(t), openIn(t, bf16)
	for _, c := range []struct {
		name     string
		x        []int
		w        []int
		p        op.ConvParams
		residual bool
	}{
		{"3×3 dilated", []int{2, 13, 11, 72}, []int{200, 3, 3, 72}, op.ConvParams{Stride: 1, Pad: 2, Dilation: 2}, true},
		{"1×1 stride", []int{1, 9, 17, 136}, []int{40, 1, 1, 136}, op.ConvParams{Stride: 2, Dilation: 1}, false},
		{"3×3 small", []int{1, 3, 5, 8}, []int{8, 3, 3, 8}, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}, true},
	} {
		run := func(d op.Device, gpu *Device, tile productTile) []float32 {
			h := halves{&operands{dev: d, arena: op.NewArena(d), draw: rand.New(rand.NewPCG(9, 10))}, gpu}
			defer h.arena.Close()
			ho, wo := c.p.Out(c.x[1], c.w[1]), c.p.Out(c.x[2], c.w[2])
			y, x := h.empty(c.x[0], ho, wo, c.w[0]), h.of(h.floats(c.x...))
			var residual op.Tensor
			if c.residual {
				residual = h.of(h.floats(c.x[0], ho, wo, c.w[0]))
			}
			f := h.freeze(c.w, c.p)
			if gpu == nil {
				d.FrozenConv2D(y, x, f, residual, op.ReLUActivation)
			} else {
				frozen, g := f.(*frozenConv), newConvArgs(c.x, c.w, c.p)
				g.out, g.a, g.b, g.bias, g.residual, g.relu = address(y), address(x), frozen.weights, frozen.bias, address(residual), 1
				gpu.halfConvTile(tile, &halfConvArgs{convArgs: g, halfOut: 1, halfResidual: 1})
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			return h.values(y)
		}
		want := run(host, nil, productTile{})
		tiles := productTiles[:len(productTiles)-1]
		if dev.target == kernels.SM90a {
			tiles = append(slices.Clone(tiles), wideTile)
		}
		for _, tile := range tiles {
			t.Run(c.name+tile.name, func(t *testing.T) {
				compareHalves(t, run(dev, dev, tile), want)
			})
		}
	}
}

// TestHalfRange: values beyond the largest half stay at it, small ones keep what halves have of
// them, and NaN shows.
func TestHalfRange(t *testing.T) {
	dev := openIn(t, bf16)
	h := halves{&operands{dev: dev, arena: op.NewArena(dev)}, dev}
	x := h.arena.Float32(1, 8)
	nan := float32(math.NaN())
	dev.Upload(x, []float32{1e9, -65520, 65503, 1e-6, -3e-8, 0, nan, 1 + 1.0/2048})
	want := []float32{65504, -65504, 65504, roundedHalf(1e-6), roundedHalf(-3e-8), 0, nan, 1}
	for i, v := range h.values(h.of(x)) {
		if w := want[i]; v != w && !(v != v && w != w) {
			t.Errorf("element %d is %g, want %g", i, v, w)
		}
	}
}
