//go:build cuda

package cuda

/*
#include "library.h"
*/
import "C"

import "fmt"

// convKey is everything that cuDNN's candidates for a convolution depend on.
type convKey struct {
	what                  convWhat
	precision             precision
	batch, h, w, ci       int32
	ho, wo, co            int32
	kh, kw                int32
	stride, pad, dilation int32
	bias, residual, relu  bool
	inPlace               bool // the result replaces the residual
}

// roundingPays is the number of products per element of the input from which on it pays to
// round the input to bf16 in memory for a library: hdmnet's kernels round as they read. An
// estimate; HDMNET_CUDA_TUNE measures.
const roundingPays = 512

type convWhat int32

const (
	forward    convWhat = C.HDM_FORWARD
	fused      convWhat = C.HDM_FUSED
	gradInput  convWhat = C.HDM_GRAD_INPUT
	gradWeight convWhat = C.HDM_GRAD_WEIGHT
)

func newConvKey(what convWhat, g convArgs, p precision) convKey {
	return convKey{what: what, precision: p, batch: g.batch, h: g.h, w: g.w, ci: g.ci, ho: g.ho, wo: g.wo, co: g.co,
		kh: g.kh, kw: g.kw, stride: g.stride, pad: g.pad, dilation: g.dilation}
}

func (k convKey) name() string {
	s := fmt.Sprintf("%s %s %d×%d×%d×%d by %d×%d×%d stride %d pad %d dilation %d", k.precision,
		map[convWhat]string{forward: "convolution", gradInput: "gradient of the input", gradWeight: "gradient of the weights"}[k.what],
		k.batch, k.h, k.w, k.ci, k.co, k.kh, k.kw, k.stride, k.pad, k.dilation)
	for _, x := range []struct {
		is   bool
		word string
	}{{k.bias, " bias"}, {k.residual, " residual"}, {k.relu, " relu"}, {k.inPlace, " in place"}} {
		if x.is {
			s += x.word
		}
	}
	return s
}

// dnnTakes tells whether cuDNN may be asked: its kernels read 16 bytes at a time.
func (d *Device) dnnTakes(g convArgs) bool {
	return d.libraries.dnn != nil && g.ho > 0 && g.wo > 0 && aligned16(g.out, g.a, g.b, g.bias, g.residual)
}

// convByLibrary queues a convolution in p by cuDNN, or returns false. In fp32 and tf32 the
// weights g.b are float32 [Co,KH,KW,Ci]; in bf16 they are bf16 and have channels of them,
// the last ones 0. own computes the convolution instead.
func (d *Device) convByLibrary(p precision, g convArgs, channels int, own func(convArgs)) bool {
	if !d.dnnTakes(g) {
		return false
	}
	key := newConvKey(forward, g, p)
	key.bias, key.residual, key.relu, key.inPlace = g.bias != 0, g.residual != 0, g.relu != 0, g.residual == g.out
	if p == bf16 {
		key.ci = int32(channels)
	}
	if made := d.libraries.plans[key]; made != nil && made.settled && made.chosen == nil {
		return false
	}
	n := g.positions() * int(g.co)
	j := job{
		key:    key,
		build:  func() (*plan, error) { return d.convPlan(key) },
		floats: n,
		out:    g.out,
		at:     func(out pointer) [5]pointer { return [5]pointer{g.a, g.b, out, g.residual, g.bias} },
		after:  func(out pointer) { d.finishConv("finish_conv", out, out, g) },
		own: func(out pointer) {
			other := g
			other.out = out
			own(other)
		},
	}
	if p == bf16 {
		x, y := d.scratch(ceil(g.inputs()*channels, 2)), d.scratch(ceil(n, 2))
		defer d.freeScratch(x)
		defer d.freeScratch(y)
		j.before = func() { d.roundRows(x, g.a, g.inputs(), int(g.ci), channels) }
		j.at = func(pointer) [5]pointer { return [5]pointer{x, g.b, y, 0, 0} }
		j.after = func(out pointer) { d.finishConv("finish_conv_bf16", out, y, g) }
	}
	return d.byLibrary(j)
}

// convGradInputByLibrary adds the gradient of x to g.out, or returns false.
func (d *Device) convGradInputByLibrary(p precision, g convArgs, own func(convArgs)) bool {
	at := func(out pointer) [5]pointer { return [5]pointer{out, g.b, g.a} }
	return d.convGradByLibrary(p, gradInput, g, g.inputs()*int(g.ci), at, own)
}

// convGradWeightByLibrary adds the gradient of w to g.out, or returns false.
func (d *Device) convGradWeightByLibrary(p precision, g convArgs, own func(convArgs)) bool {
	at := func(out pointer) [5]pointer { return [5]pointer{g.b, out, g.a} }
	return d.convGradByLibrary(p, gradWeight, g, int(g.co)*g.terms(), at, own)
}

// convGradByLibrary leaves bf16 to the kernels here, which round as they read.
func (d *Device) convGradByLibrary(p precision, what convWhat, g convArgs, floats int, at func(pointer) [5]pointer, own func(convArgs)) bool {
	if p == bf16 || !d.dnnTakes(g) {
		return false
	}
	key := newConvKey(what, g, p)
	return d.byLibrary(job{
		key:    key,
		build:  func() (*plan, error) { return d.convPlan(key) },
		floats: floats,
		out:    g.out,
		at:     at,
		own: func(out pointer) {
			other := g
			other.out = out
			own(other)
		},
	})
}

// attempts are the ways to have a convolution computed, the best first. cuDNN has two
// algorithms for NHWC forward and one deterministic one for each gradient. Where it does
// not fuse (without ReLU only the first algorithm does, and never without a bias), or
// would round the sum with the residual, finishConv does the rest.
func (k convKey) attempts() []C.hdm_conv_call {
	const first, second = C.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM, C.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM
	switch k.what {
	case gradInput:
		return []C.hdm_conv_call{{what: C.HDM_GRAD_INPUT, algo: C.CUDNN_CONVOLUTION_BWD_DATA_ALGO_1, accumulate: 1}}
	case gradWeight:
		return []C.hdm_conv_call{{what: C.HDM_GRAD_WEIGHT, algo: C.CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1, accumulate: 1}}
	}
	var all []C.hdm_conv_call
	if k.precision != bf16 && k.bias {
		all = append(all, C.hdm_conv_call{what: C.HDM_FUSED, algo: first})
		if k.relu {
			all = append(all, C.hdm_conv_call{what: C.HDM_FUSED, algo: second})
		}
	}
	if k.precision == bf16 || !k.inPlace {
		all = append(all, C.hdm_conv_call{what: C.HDM_FORWARD, algo: first}, C.hdm_conv_call{what: C.HDM_FORWARD, algo: second})
	}
	for i := range all {
		if k.relu {
			all[i].relu = 1
		}
	}
	return all
}

// partial tells whether finishConv completes what a call of cuDNN computes.
func (k convKey) partial(what convWhat) bool {
	return what == forward && (k.precision == bf16 || k.bias || k.residual || k.relu)
}

// convPlan asks cuDNN which attempts it supports; on the queue's thread.
func (d *Device) convPlan(k convKey) (*plan, error) {
	l := &d.libraries
	c := C.hdm_conv{batch: C.int32_t(k.batch), h: C.int32_t(k.h), w: C.int32_t(k.w), ci: C.int32_t(k.ci),
		ho: C.int32_t(k.ho), wo: C.int32_t(k.wo), co: C.int32_t(k.co), kh: C.int32_t(k.kh), kw: C.int32_t(k.kw),
		stride: C.int32_t(k.stride), pad: C.int32_t(k.pad), dilation: C.int32_t(k.dilation)}
	switch k.precision {
	case fp32:
		c._type, c.math = C.CUDNN_DATA_FLOAT, C.CUDNN_FMA_MATH
	case tf32:
		c._type, c.math = C.CUDNN_DATA_FLOAT, C.CUDNN_DEFAULT_MATH
	case bf16:
		c._type, c.math = C.CUDNN_DATA_BFLOAT16, C.CUDNN_TENSOR_OP_MATH
	}
	made := &plan{name: k.name(), vendor: convLibrary}
	held := new(C.hdm_conv_plan)
	made.free = func() { C.hdm_conv_free(l.dnn, held) }
	if err := l.dnnError(C.hdm_conv_new(l.dnn, &c, held), "describe the convolution"); err != nil {
		return made, made.leave(err)
	}
	for _, call := range k.attempts() {
		var bytes C.size_t
		if err := l.dnnError(C.hdm_conv_workspace(l.dnn, held, &call, &bytes), "ask for the workspace"); err != nil {
			if err := made.leave(err); err != nil {
				made.free()
				return nil, err
			}
			continue
		}
		if bytes > convWorkspace {
			made.why = fmt.Sprintf("cuDNN needs a workspace of %d bytes, hdmnet gives %d", int64(bytes), convWorkspace)
			continue
		}
		call.workspace_bytes = C.uint64_t(bytes)
		made.candidates = append(made.candidates, candidate{
			workspace: int64(bytes),
			partial:   k.partial(convWhat(call.what)),
			run: func(at [5]pointer, workspace pointer) error {
				c := call
				for i, to := range []*C.CUdeviceptr{&c.x, &c.w, &c.y, &c.residual, &c.bias} {
					*to = C.CUdeviceptr(at[i])
				}
				c.workspace = C.CUdeviceptr(workspace)
				return l.dnnError(C.hdm_conv_run(l.dnn, held, &c), made.name)
			},
		})
	}
	return made, nil
}

// roundRows rounds rows of c float32s to bf16, with zeros up to padded ones (even).
func (d *Device) roundRows(to, from pointer, rows, c, padded int) {
	d.launch("round_rows_bf16", d.perElement(rows*padded/4), to, from, rows, c, padded, c%4 == 0 && padded%4 == 0 && aligned16(from))
}

// finishConv adds bias and residual to the convolution t and applies ReLU; t may be y.
func (d *Device) finishConv(kernel string, y, t pointer, g convArgs) {
	n := g.positions() * int(g.co)
	d.launch(kernel, d.perElement(ceil(n, 4)), y, t, g.bias, g.residual, g.positions(), int(g.co), g.relu != 0,
		g.co%4 == 0 && aligned16(y, t, g.bias, g.residual))
}

// tensorConvByLibrary queues a convolution with weights g.b rounded to p, or unrounded in
// tf32, whose channels are padded to some number, by cuDNN, or where it is a plain product, which is never in bf16, by
// cuBLASLt, or returns false.
func (d *Device) tensorConvByLibrary(p precision, g convArgs, padded int, own func(convArgs)) bool {
	ci := int(g.ci)
	switch {
	case p == bf16 && d.libraries.choices == nil && int(g.kh*g.kw*g.co) < roundingPays:
		return false
	case !g.pointwise():
		return (p == bf16 || ci == padded) && d.convByLibrary(p, g, padded, own)
	case d.libraries.blas == nil:
		return false
	}
	a := gemmArgs{c: g.out, a: g.a, b: g.b, bias: g.bias, residual: g.residual, relu: g.relu,
		m: g.positions(), n: int(g.co), k: ci, lda: ci, ldb: padded, ldc: int(g.co)}
	ownProduct := func(a gemmArgs) {
		other := g
		other.out = a.c
		own(other)
	}
	return d.productByLibrary("nt", a, tf32, ownProduct)
}
