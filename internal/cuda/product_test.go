//go:build cuda

package cuda

import (
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

func openCPU(t testing.TB) op.Device {
	t.Helper()
	host, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	return host
}

// results runs f on d and downloads what it returns.
func results(d op.Device, f func(op.Device, *operands) []op.Tensor) [][]float32 {
	o := &operands{dev: d, arena: op.NewArena(d), draw: rand.New(rand.NewPCG(5, 6))}
	defer o.arena.Close()
	var all [][]float32
	for _, x := range f(d, o) {
		v := make([]float32, op.Len(x))
		d.Download(v, x)
		all = append(all, v)
	}
	return all
}

// ran tells whether d has launched a kernel, or the one that does the same with fewer stages.
func ran(d *Device, name string) bool {
	fewer := d.kernels[name+"_fewer"]
	return d.kernels[name].loaded || fewer != nil && fewer.loaded
}

// TestLargeTiles: products with so many results that the large tiles compute them.
func TestLargeTiles(t *testing.T) {
	forward := func(h, co int) func(op.Device, *operands) []op.Tensor {
		return func(d op.Device, o *operands) []op.Tensor {
			x, w, y := o.floats(1, h, h, 8), o.floats(co, 2, 2, 8), o.floats(1, h+1, h+1, co)
			d.Conv2D(y, x, w, o.floats(co), o.floats(1, h+1, h+1, co), op.ConvParams{Stride: 1, Pad: 1, Dilation: 1, ReLU: true})
			return []op.Tensor{y}
		}
	}
	gradInput := func(h, ci int) func(op.Device, *operands) []op.Tensor {
		return func(d op.Device, o *operands) []op.Tensor {
			dy, w, dx := o.floats(1, h+1, h+1, 8), o.floats(8, 2, 2, ci), o.floats(1, h, h, ci)
			d.Conv2DGradInput(dx, dy, w, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1})
			return []op.Tensor{dx}
		}
	}
	gradWeight := func(ci, co int) func(op.Device, *operands) []op.Tensor {
		return func(d op.Device, o *operands) []op.Tensor {
			x, dy, dw := o.floats(1, 3, 4, ci), o.floats(1, 3, 4, co), o.floats(co, 3, 3, ci)
			d.Conv2DGradWeight(dw, nil, x, dy, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1})
			return []op.Tensor{dw}
		}
	}
	linear := func(rows, n int) func(op.Device, *operands) []op.Tensor {
		return func(d op.Device, o *operands) []op.Tensor {
			x, w, y := o.floats(rows, 20), o.floats(n, 20), o.floats(rows, n)
			d.Linear(y, x, w, o.floats(n))
			dy, v, dx := o.floats(rows, 20), o.floats(20, n), o.floats(rows, n)
			d.LinearGradInput(dx, dy, v)
			return []op.Tensor{y, dx}
		}
	}
	linearGradWeight := func(in, out int) func(op.Device, *operands) []op.Tensor {
		return func(d op.Device, o *operands) []op.Tensor {
			x, dy, dw := o.floats(20, in), o.floats(20, out), o.floats(out, in)
			d.LinearGradWeight(dw, nil, x, dy)
			return []op.Tensor{dw}
		}
	}
	for name, f := range map[string]func(op.Device, *operands) []op.Tensor{
		"conv2d_128":                    forward(130, 132),
		"conv2d_128x64":                 forward(181, 36),
		"conv2d_grad_input_128":         gradInput(130, 132),
		"conv2d_grad_input_128x64":      gradInput(182, 36),
		"conv2d_grad_weight_128":        gradWeight(516, 1020),
		"conv2d_grad_weight_128x64":     gradWeight(228, 1020),
		"gemm_nt_128 gemm_nn_128":       linear(16400, 132),
		"gemm_nt_128x64 gemm_nn_128x64": linear(32800, 36),
		"gemm_tn_128":                   linearGradWeight(2044, 2052),
		"gemm_tn_128x64":                linearGradWeight(1900, 1028),
	} {
		t.Run(name, func(t *testing.T) {
			want := results(openCPU(t), f)
			t.Setenv(librariesVariable, librariesOff)
			dev := open(t)
			got := results(dev, f)
			for k := range want {
				for i, v := range want[k] {
					if e := math.Abs(float64(got[k][i] - v)); !(e <= 2e-5+2e-5*math.Abs(float64(v))) {
						t.Fatalf("result %d: element %d is %g, the CPU's %g", k, i, got[k][i], v)
					}
				}
			}
			for _, kernel := range strings.Fields(name) {
				if !ran(dev, kernel) {
					t.Errorf("%s did not run", kernel)
				}
			}
		})
	}
}

// TestChooseSplit: products of gradients of weights have large tiles and blocks enough, whatever
// the GPU, by cutting their sums; no part is too short.
func TestChooseSplit(t *testing.T) {
	for _, c := range []struct {
		rows, columns, terms int
		tile                 string
		blocks, parts        int
	}{
		{256, 1536, 38400, "_128", 24, 10},
		{256, 2304, 38400, "_128", 36, 7},
		{64, 64, 38400, "_64", 1, 75},
		{64, 576, 153600, "_64", 9, 28},
		{512, 4608, 2400, "_128x64", 288, 1},
		{2048, 2048, 600, "_128", 256, 1},
		{256, 256, 600, "_64", 16, 1},
	} {
		tile, blocks, length := chooseSplit(c.rows, c.columns, c.terms, true)
		if parts := ceil(c.terms, length); tile.name != c.tile || blocks != c.blocks || parts != c.parts {
			t.Errorf("%d×%d of %d terms: %s, %d blocks, %d parts, want %s, %d, %d", c.rows, c.columns, c.terms, tile.name, blocks, parts, c.tile, c.blocks, c.parts)
		}
	}
}

// TestFewerStages: a GPU with 100 KiB of shared memory a multiprocessor takes kernels of which
// two blocks fit, with the same bits.
func TestFewerStages(t *testing.T) {
	for _, p := range []precision{tf32, bf16} {
		checkFewerStages(t, p, []string{"conv2d_tf32_raw_128", "prior_" + p.String()}, func(d op.Device, o *operands) []op.Tensor {
			y := o.floats(16400, 132)
			d.Linear(y, o.floats(16400, 20), o.floats(132, 20), nil)
			prior := o.floats(1, 10, 13)
			d.PriorSimilarity(prior, o.floats(1, 10, 13, 20), o.floats(1, 1, 10, 14, 20), op.Reshape(o.positive(140), 1, 1, 10, 14))
			return []op.Tensor{y, prior}
		})
	}
}

// checkFewerStages runs f on emulated GPUs: those with 100 KiB of shared memory a multiprocessor take
// the kernels with fewer stages, others those with more, and all give the same bits.
func checkFewerStages(t *testing.T, p precision, kernels []string, f func(op.Device, *operands) []op.Tensor) {
	t.Helper()
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" {
		t.Skip("needs the emulated driver (make test-cuda)")
	}
	t.Setenv(librariesVariable, librariesOff)
	var first [][]float32
	for _, capability := range []string{"80", "90", "86", "120"} {
		t.Setenv("HDMNET_EMU_CC", capability)
		dev := openIn(t, p)
		launched := map[string]bool{}
		dev.TraceLaunches(func(l op.Launch) { launched[l.Name] = true })
		got := results(dev, f)
		fewer := capability == "86" || capability == "120"
		for _, name := range kernels {
			if launched[name] == fewer || launched[name+"_fewer"] != fewer {
				t.Errorf("compute capability %s, %v: the kernels %v", capability, p, slices.Sorted(maps.Keys(launched)))
			}
		}
		if first == nil {
			first = got
		}
		for k := range got {
			if !slices.ContainsFunc(got[k], func(v float32) bool { return v != 0 }) {
				t.Errorf("compute capability %s, %v: result %d is 0", capability, p, k)
			}
			if !slices.Equal(got[k], first[k]) {
				t.Errorf("compute capability %s, %v: result %d has other bits", capability, p, k)
			}
		}
	}
}

// rounded returns v in a precision: bf16 to nearest, ties to even; tf32 to nearest, ties
// away from zero.
func (p precision) rounded(v float32) float32 {
	u := math.Float32bits(v)
	switch p {
	case tf32:
		u = (u + 0x1000) &^ 0x1fff
	case bf16:
		u = (u + 0x7fff + u>>16&1) &^ 0xffff
	}
	return math.Float32frombits(u)
}

// TestPrecision compares the products on tensor cores with the CPU's: with those of inputs
// rounded beforehand, to which float32's own rounding is the only difference; and with
// those of the inputs as they are, from which the rounding of both factors by at most u,
// relatively, takes a sum Σ a·b by at most (2u + u²)·Σ|a|·|b|.
func TestPrecision(t *testing.T) {
	for _, opened := range []precision{tf32, bf16} {
		for _, size := range []twinConv{
			{1, 5, 4, 132, 136, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, // bf16 in bf16
			{1, 1, 1, 1, 1, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
			{2, 9, 7, 12, 20, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
			{1, 13, 11, 20, 70, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}},
			{2, 12, 15, 7, 9, 3, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}},
			{1, 11, 13, 64, 33, 3, 3, op.ConvParams{Stride: 1, Pad: 4, Dilation: 4}},
			{1, 130, 131, 20, 132, 2, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, // the largest tile
			{1, 181, 183, 20, 36, 2, 2, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}},  // and the next
		} {
			p := opened.layer(size.kh*size.kw, size.ci, size.co)
			t.Run(opened.String()+" "+size.name(), func(t *testing.T) {
				host, u := openCPU(t), p.unit()
				exact, _ := size.products(host, func(v float32) float32 { return v })
				rounded, names := size.products(host, p.rounded)
				if opened == bf16 && size.co%op.HalfChannels == 0 { // frozen weights are halves
					halves, _ := size.products(host, roundedHalf)
					k := slices.Index(names, "FrozenConv2D")
					rounded[k] = halves[k]
				}
				magnitude, _ := size.products(host, func(v float32) float32 { return float32(math.Abs(float64(v))) })
				t.Setenv(librariesVariable, librariesOff)
				dev := openIn(t, opened)
				if !strings.HasSuffix(dev.Name(), " in "+opened.String()) {
					t.Errorf("the device's name %q lacks the precision", dev.Name())
				}
				got, _ := size.products(dev, func(v float32) float32 { return v })
				for k := range got {
					for i, v := range got[k] {
						scale := 1 + float64(magnitude[k][i])
						if e := math.Abs(float64(v - rounded[k][i])); !(e <= 1e-6*scale) {
							t.Fatalf("%s: element %d is %g, of rounded inputs %g", names[k], i, v, rounded[k][i])
						}
						if e := math.Abs(float64(v - exact[k][i])); !(e <= (2*u+u*u)*scale) {
							t.Fatalf("%s: element %d is %g, exactly %g, magnitude %g", names[k], i, v, exact[k][i], magnitude[k][i])
						}
					}
				}
			})
		}
	}
}

// TestPrecisionSpecialValues: infinities and every kind of NaN go through the roundings.
func TestPrecisionSpecialValues(t *testing.T) {
	for _, p := range []precision{fp32, tf32, bf16} {
		t.Run(p.String(), func(t *testing.T) {
			t.Setenv(librariesVariable, librariesOff)
			dev := openIn(t, p)
			values := []float32{math.Float32frombits(0x7fffffff), math.Float32frombits(0x7fc00000), math.Float32frombits(0xffc00000),
				float32(math.Inf(1)), float32(math.Inf(-1)), 1.5, 0}
			arena := op.NewArena(dev)
			defer arena.Close()
			x, w, y := arena.Float32(len(values), 1), arena.Float32(1, 1), arena.Float32(len(values), 1)
			dev.Upload(x, values)
			dev.Upload(w, []float32{2})
			dev.Linear(y, x, w, nil)
			got := make([]float32, len(values))
			dev.Download(got, y)
			for i, v := range values {
				if want := 2 * v; got[i] != want && (want == want || got[i] == got[i]) {
					t.Errorf("2·%g is %g", v, got[i])
				}
			}
		})
	}
}
