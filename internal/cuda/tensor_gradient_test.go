//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"hdmnet/internal/op"
)

// tensorGradients computes a convolution and its gradients by the kernels for tensor cores,
// in p also where layer would choose another: y, dx, dw, and what they are of: x, w, dy.
func (c twinConv) tensorGradients(p precision) func(op.Device, *operands) []op.Tensor {
	return func(d op.Device, o *operands) []op.Tensor {
		gpu := d.(*Device)
		ho, wo := c.p.Out(c.h, c.kh), c.p.Out(c.w, c.kw)
		x, w, dy := o.floats(c.b, c.h, c.w, c.ci), o.floats(c.co, c.kh, c.kw, c.ci), o.floats(c.b, ho, wo, c.co)
		y, dx, dw := o.arena.Zeros(c.b, ho, wo, c.co), o.arena.Zeros(c.b, c.h, c.w, c.ci), o.arena.Zeros(c.co, c.kh, c.kw, c.ci)
		args := func(out, a, b op.Tensor) convArgs {
			g := newConvArgs(x.Shape(), w.Shape(), c.p)
			g.out, g.a, g.b = address(out), address(a), address(b)
			return g
		}
		gpu.roundedConv(p, args(y, x, w))
		gi, gw := args(dx, dy, w), args(dw, dy, x)
		gw.accumulate = 1
		if ci, co := c.ci, c.co; gi.pointwise() {
			gpu.ownGemm(p, "nn", gemmArgs{c: gi.out, a: gi.a, b: gi.b, m: gi.inputs(), n: ci, k: co, lda: co, ldb: ci, ldc: ci, accumulate: 1}, nil)
			gpu.ownGemm(p, "tn", gemmArgs{c: gw.out, a: gw.a, b: gw.b, m: co, n: ci, k: gw.positions(), lda: co, ldb: ci, ldc: ci, accumulate: 1}, nil)
		} else {
			gpu.ownConvGradInput(p, gi)
			gpu.ownConvGradWeight(p, gw, nil)
		}
		return []op.Tensor{y, dx, dw, x, w, dy}
	}
}

// TestTensorKernels compares the kernels for tensor cores with exact sums of the products of
// rounded inputs: what tensor cores cut off those sums (tensorSum) is the only difference. The
// comment says which tiles a size is for.
func TestTensorKernels(t *testing.T) {
	one := op.ConvParams{Stride: 1, Dilation: 1}
	for _, c := range []struct {
		twinConv
		kernels string // that must have run
	}{
		{twinConv{1, 1, 1, 1, 1, 1, 1, one}, "conv2d_%_any gemm_nn_%_any gemm_tn_%_any"},
		{twinConv{2, 9, 7, 12, 20, 1, 1, one}, "conv2d_%_64 gemm_nn_%_64 gemm_tn_%_64"},
		{twinConv{1, 40, 33, 7, 9, 1, 1, one}, "gemm_tn_%_any"},
		{twinConv{1, 13, 11, 20, 68, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, "conv2d_grad_input_%_64 conv2d_grad_weight_%_64"},
		{twinConv{2, 12, 15, 7, 9, 3, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}}, "conv2d_%_any conv2d_grad_input_%_any conv2d_grad_weight_%_any"},
		{twinConv{1, 17, 12, 4, 8, 3, 3, op.ConvParams{Stride: 2, Pad: 2, Dilation: 2}}, ""},
		{twinConv{1, 19, 20, 4, 8, 5, 4, op.ConvParams{Stride: 3, Pad: 2, Dilation: 2}}, ""},
		{twinConv{1, 16, 17, 4, 8, 4, 4, op.ConvParams{Stride: 4, Dilation: 1}}, ""},
		{twinConv{1, 40, 30, 4, 8, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, ""}, // dw in several parts
		{twinConv{1, 130, 131, 132, 8, 2, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, "conv2d_grad_input_%_128"},
		{twinConv{1, 181, 183, 36, 8, 2, 2, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, "conv2d_grad_input_%_128x64"},
		{twinConv{1, 130, 131, 20, 132, 2, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, "conv2d_%_128"},
		{twinConv{1, 181, 183, 20, 36, 2, 2, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, "conv2d_%_128x64"},
		{twinConv{1, 3, 4, 516, 1020, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, "conv2d_grad_weight_%_128"},
		{twinConv{1, 3, 4, 228, 1020, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, "conv2d_grad_weight_%_128x64"},
		{twinConv{1, 1, 16400, 132, 20, 1, 1, one}, "gemm_nn_%_128"},
		{twinConv{1, 1, 32800, 36, 20, 1, 1, one}, "gemm_nn_%_128x64"},
		{twinConv{1, 1, 20, 2044, 2052, 1, 1, one}, "gemm_tn_%_128"},
		{twinConv{1, 1, 20, 1900, 1028, 1, 1, one}, "gemm_tn_%_128x64"},
	} {
		for _, p := range []precision{tf32, bf16} {
			if p == bf16 && c.kh*c.kw == 1 {
				continue // plain products are in tf32
			}
			t.Run(p.String()+" "+c.name(), func(t *testing.T) {
				t.Setenv(librariesVariable, librariesOff)
				dev := openIn(t, p)
				all := results(dev, c.tensorGradients(p))
				got, in := all[:3], all[3:]
				for _, v := range in {
					for i := range v {
						v[i] = p.rounded(v[i])
					}
				}
				group := 4
				if p == bf16 {
					group = 8
				}
				var wrong [3]atomic.Pointer[string]
				var visit [3]func(int, *tensorSum)
				for k, name := range []string{"y", "dx", "dw"} {
					visit[k] = func(i int, s *tensorSum) {
						if e, most := math.Abs(float64(got[k][i])-s.sum), s.bound(); !(e <= most) {
							text := fmt.Sprintf("%s: element %d is %g, of rounded inputs %g, off by %.3g, by at most %.3g", name, i, got[k][i], s.sum, e, most)
							wrong[k].Store(&text)
						}
					}
				}
				c.tensorSums(group, in[0], in[1], in[2], visit)
				for k := range wrong {
					if text := wrong[k].Load(); text != nil {
						t.Fatal(*text)
					}
				}
				forward := "conv2d_" + p.String()
				if p == tf32 {
					forward += "_raw" // weights that may change are rounded when they are read
				}
				for _, kernel := range strings.Fields(strings.ReplaceAll(strings.ReplaceAll(c.kernels, "conv2d_%", forward), "%", p.String())) {
					if !ran(dev, kernel) {
						t.Errorf("%s did not run", kernel)
					}
				}
			})
		}
	}
}

// TestFewerStagesOfGradients: as TestFewerStages, for the gradients with tiles of 128×64. Those with
// tiles of 128×128 have no such kernels: three stages leave one block as well. Results are of a few
// tiles, for which the device would take smaller ones; sums have more steps than there are stages.
func TestFewerStagesOfGradients(t *testing.T) {
	tile := productTiles[1]
	const m, n, k = 132, 68, 84
	for _, p := range []precision{tf32, bf16} {
		run := func(d op.Device, kernel string, alongSum bool, rows, columns int, args any) {
			gpu := d.(*Device)
			name, threads, shared := gpu.gradientKernel(p, kernel, alongSum, tile)
			s := grid2(tile.blocks(rows, columns), 1, threads)
			s.shared = shared
			gpu.launch(name, s, args)
		}
		checkFewerStages(t, p, kernelsIn(p, "conv2d_grad_input", "conv2d_grad_weight"), func(d op.Device, o *operands) []op.Tensor {
			x, w, dy := o.floats(1, 13, 12, n), o.floats(m, 3, 3, n), o.floats(1, 13, 12, m)
			dx, dw := o.arena.Zeros(x.Shape()...), o.arena.Zeros(w.Shape()...)
			g := newConvArgs(x.Shape(), w.Shape(), op.ConvParams{Stride: 1, Pad: 1, Dilation: 1})
			g.out, g.a, g.b, g.dk = address(dx), address(dy), address(w), 1
			run(d, "conv2d_grad_input", true, g.inputs(), n, &g)
			g.out, g.a, g.b, g.splitPositions = address(dw), address(dy), address(x), int32(g.positions())
			run(d, "conv2d_grad_weight", false, m, g.terms(), &g)
			return []op.Tensor{dx, dw}
		})
		if p == bf16 {
			continue // plain products are in tf32
		}
		checkFewerStages(t, p, kernelsIn(p, "gemm_nn", "gemm_tn"), func(d op.Device, o *operands) []op.Tensor {
			a, b, nn, tn := o.floats(m*k), o.floats(k, n), o.arena.Zeros(m, n), o.arena.Zeros(m, n)
			g := gemmArgs{c: address(nn), a: address(a), b: address(b), m: m, n: n, k: k, lda: k, ldb: n, ldc: n, splitK: k}
			run(d, "gemm_nn", true, m, n, &g)
			g.c, g.lda = address(tn), m
			run(d, "gemm_tn", false, m, n, &g)
			return []op.Tensor{nn, tn}
		})
		checkFewerStages(t, p, kernelsIn(p, "linear_grad"), func(d op.Device, o *operands) []op.Tensor {
			const rows, in = 32700, 36
			dx, dw, db := o.floats(rows, in), o.floats(k, in), o.floats(k)
			d.LinearGrad(dx, dw, db, o.floats(rows, k), o.floats(rows, in), o.floats(k, in))
			return []op.Tensor{dx, dw, db}
		})
	}
}

// kernelsIn are the names of kernels for gradients with tiles of 128×64 in p.
func kernelsIn(p precision, names ...string) []string {
	for i := range names {
		names[i] += "_" + p.String() + "_128x64"
	}
	return names
}

// TestGradientSums: the gradients of biases that the kernels for gradients of weights make
// beside them.
func TestGradientSums(t *testing.T) {
	t.Setenv(librariesVariable, librariesOff)
	for _, c := range []twinConv{
		{1, 1, 1, 1, 1, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
		{2, 9, 7, 12, 20, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
		{1, 91, 92, 12, 132, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}},
		{2, 12, 15, 7, 9, 3, 3, op.ConvParams{Stride: 2, Pad: 1, Dilation: 1}},
		{1, 60, 61, 20, 132, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}},
	} {
		sums := func(d op.Device, o *operands) []op.Tensor {
			ho, wo := c.p.Out(c.h, c.kh), c.p.Out(c.w, c.kw)
			x, dy := o.floats(c.b, c.h, c.w, c.ci), o.floats(c.b, ho, wo, c.co)
			dw, db := o.arena.Zeros(c.co, c.kh, c.kw, c.ci), o.arena.Zeros(c.co)
			d.Conv2DGradWeight(dw, db, x, dy, c.p)
			return []op.Tensor{db}
		}
		want, got := results(openCPU(t), sums)[0], results(openIn(t, tf32), sums)[0]
		for i, v := range got {
			if e := math.Abs(float64(v - want[i])); !(e <= 1e-6*float64(c.b*c.h*c.w)) { // of as many addends below 1
				t.Fatalf("%s: element %d is %g, want %g", c.name(), i, v, want[i])
			}
		}
	}
}

// TestLinearGrad: both gradients of a Linear from one launch are those of two, added to what
// is there or written over what was cleared.
func TestLinearGrad(t *testing.T) {
	t.Setenv(librariesVariable, librariesOff)
	dev := openIn(t, tf32)
	for _, c := range []struct {
		rows, in, out int
		kernel        string
	}{{70, 20, 12, "linear_grad_tf32_64"}, {33000, 64, 64, "linear_grad_tf32_128x64"}, {33000, 128, 36, "linear_grad_tf32_128"}} {
		run := func(together, cleared bool) [][]float32 {
			return results(dev, func(d op.Device, o *operands) []op.Tensor {
				dx, dw, db := o.floats(c.rows, c.in), o.floats(c.out, c.in), o.floats(c.out)
				dy, x, w := o.floats(c.rows, c.out), o.floats(c.rows, c.in), o.floats(c.out, c.in)
				if cleared {
					d.Zero(dx)
				}
				if together {
					d.LinearGrad(dx, dw, db, dy, x, w)
				} else {
					d.LinearGradInput(dx, dy, w)
					d.LinearGradWeight(dw, db, x, dy)
				}
				return []op.Tensor{dx, dw, db}
			})
		}
		for _, cleared := range []bool{false, true} {
			want, got := run(false, cleared), run(true, cleared)
			for k := range want {
				for i, v := range want[k] {
					if e := math.Abs(float64(got[k][i] - v)); !(e <= 1e-6*float64(c.rows)) {
						t.Fatalf("%v, cleared %t: result %d: element %d is %g, want %g", c, cleared, k, i, got[k][i], v)
					}
				}
			}
		}
		if !ran(dev, c.kernel) {
			t.Errorf("%s did not run", c.kernel)
		}
	}
}

// TestLayerPrecision: which layers bf16 leaves in tf32, and that gradients follow them.
func TestLayerPrecision(t *testing.T) {
	for _, c := range []struct {
		taps, ci, co int
		want         precision
	}{
		{9, 3, 64, tf32}, {9, 128, 512, tf32}, {9, 512, 128, tf32}, {1, 512, 16, tf32}, {1, 1024, 2048, tf32},
		{9, 512, 512, bf16}, {9, 2048, 512, bf16}, {4, 129, 129, bf16},
	} {
		if got := bf16.layer(c.taps, c.ci, c.co); got != c.want {
			t.Errorf("%d taps from %d to %d channels: %v, want %v", c.taps, c.ci, c.co, got, c.want)
		}
		for _, p := range []precision{fp32, tf32} {
			if got := p.layer(c.taps, c.ci, c.co); got != p {
				t.Errorf("%v becomes %v", p, got)
			}
		}
	}
	for _, c := range []struct {
		conv twinConv
		want string
	}{
		{twinConv{1, 3, 4, 132, 132, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, "conv2d_grad_input_bf16_64 conv2d_grad_weight_bf16_64"},
		{twinConv{1, 3, 4, 12, 132, 3, 3, op.ConvParams{Stride: 1, Pad: 1, Dilation: 1}}, "conv2d_grad_input_tf32_64 conv2d_grad_weight_tf32_64"},
		{twinConv{1, 3, 4, 132, 132, 1, 1, op.ConvParams{Stride: 1, Dilation: 1}}, "gemm_nn_tf32_64 gemm_tn_tf32_64"},
	} {
		t.Setenv(librariesVariable, librariesOff)
		dev := openIn(t, bf16)
		results(dev, c.conv.run)
		for _, kernel := range strings.Fields(c.want) {
			if !ran(dev, kernel) {
				t.Errorf("%s: %s did not run", c.conv.name(), kernel)
			}
		}
	}
}
