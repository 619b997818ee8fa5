//go:build cuda

package cuda

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

// selfAttentionArgs is SelfAttentionArgs of kernels/self_attention.cuh.
type selfAttentionArgs struct {
	y, q, k, v  headRows
	lse         pointer
	n, m, heads int32
	scale       float32
}

// selfAttentionGradArgs is SelfAttentionGradArgs.
type selfAttentionGradArgs struct {
	dq, dk, dv, dy, q, k, v headRows
	lse, shift              pointer
	split                   int
	n, m, heads             int32
	scale                   float32
}

// selfAttentionRows is how many queries a thread of self_attention_<dp> has; the same for
// its gradient.
var selfAttentionRows, selfAttentionGradRows = map[int]int{8: 1, 16: 2, 32: 2, 64: 1}, map[int]int{8: 1, 16: 2, 32: 1, 64: 1}

const attentionThreads = 128 // of a block of kernels/attention.cuh

// rowKernel returns the kernel for rows of dp channels in a precision, and how many rows a
// block of it owns: perThread a thread in fp32; on tensor cores a warp has 32, or 16 of 64
// channels (kernels/attention_tensor.cuh).
func (p precision) rowKernel(name string, dp, perThread int) (kernel string, perBlock int) {
	if p == fp32 {
		return fmt.Sprint(name, "_", dp), perThread * attentionThreads
	}
	if dp > 32 {
		return fmt.Sprint(name, "_", p, "_", dp), attentionThreads / 2
	}
	return fmt.Sprint(name, "_", p, "_", dp), attentionThreads
}

// ownRows is a launch for rows rows of every sample and head, perBlock a block.
func ownRows(rows, perBlock, batchHeads, splits int) size {
	return size{grid: [3]int{ceil(rows, perBlock), batchHeads, splits}, block: [3]int{attentionThreads, 1, 1}}
}

// SelfAttention computes y and lse in one launch, where heads have 8, 16, 32 or 64
// channels; others are padded first. In tf32 and bf16 rows and probabilities are rounded
// to tf32 before they are multiplied; the softmax is float32.
func (d *Device) SelfAttention(y, lse, q, k, v op.Tensor, heads int) {
	rows, keys := headShapes("SelfAttention", op.CheckSelfAttention(y, lse, q, k, v, heads, false))
	var scratch headScratch
	defer scratch.free(d)
	a := selfAttentionArgs{q: scratch.rows(d, rows, q), k: scratch.rows(d, keys, k), v: scratch.rows(d, keys, v),
		lse: address(lse), n: int32(rows.n), m: int32(keys.n), heads: int32(heads), scale: scoreScale(rows.d)}
	var direct bool
	if a.y, direct = rows.direct(y); !direct {
		a.y = rows.packed(scratch.padded(d, rows))
	}
	kernel, perBlock := d.precision.similarity().rowKernel("self_attention", rows.dp, selfAttentionRows[rows.dp])
	d.launch(kernel, ownRows(rows.n, perBlock, rows.batch*heads, 1), &a)
	if !direct {
		d.unpack(rows, y, a.y.x, 1, false)
	}
}

// SelfAttentionGrad adds the gradients of q, k and v. Blocks of queries make dq, blocks of
// keys dk and dv; there are few keys, so these go through the queries in splits that are
// added up after.
func (d *Device) SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v op.Tensor, heads int) {
	rows, keys := headShapes("SelfAttentionGrad", op.CheckSelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v, heads))
	var scratch headScratch
	defer scratch.free(d)
	addKeys, addValues := dk != nil && !d.fresh(dk), dv != nil && !d.fresh(dv) // dq is added to
	shift := scratch.floats(d, rows.batch*heads*rows.n)
	d.launch("row_dots", rows.grid(), shift, dy, y, rows.batch, rows.n, heads, rows.d, rows.dp)
	a := selfAttentionGradArgs{dy: scratch.rows(d, rows, dy), q: scratch.rows(d, rows, q), k: scratch.rows(d, keys, k), v: scratch.rows(d, keys, v),
		lse: address(lse), shift: shift, n: int32(rows.n), m: int32(keys.n), heads: int32(heads), scale: scoreScale(rows.d)}
	if dq != nil {
		var direct bool
		if a.dq, direct = rows.direct(dq); !direct {
			a.dq = rows.packed(scratch.padded(d, rows))
			d.zero(a.dq.x, int64(rows.len())*4)
		}
		kernel, perBlock := d.precision.similarity().rowKernel("self_attention_dq", rows.dp, selfAttentionGradRows[rows.dp])
		d.launch(kernel, ownRows(rows.n, perBlock, rows.batch*heads, 1), &a)
		if !direct {
			d.unpack(rows, dq, a.dq.x, 1, true)
		}
	}
	if dk == nil && dv == nil {
		return
	}
	splits := rowSplits(rows.batch*heads*keys.n, rows.n, 1<<17)
	a.split = keys.len()
	a.dk, a.dv = keys.packed(scratch.floats(d, splits*a.split)), keys.packed(scratch.floats(d, splits*a.split))
	for _, name := range selfAttentionKeyGrad(rows.dp) {
		kernel, perBlock := d.precision.similarity().rowKernel(name, rows.dp, 1)
		d.launch(kernel, ownRows(keys.n, perBlock, rows.batch*heads, splits), &a)
	}
	d.unpackBoth(keys, [2]op.Tensor{dk, dv}, [2]pointer{a.dk.x, a.dv.x}, splits, [2]bool{addKeys, addValues})
}

// selfAttentionKeyGrad names the kernels that make dk and dv.
func selfAttentionKeyGrad(dp int) []string {
	if dp == maxHeadChannels {
		return []string{"self_attention_dk", "self_attention_dv"}
	}
	return []string{"self_attention_dkv"}
}

// scoreScale is 1/(√d + 1e-9) of heads of d channels.
func scoreScale(d int) float32 { return float32(1 / (math.Sqrt(float64(d)) + 1e-9)) }

// headScratch is the scratch memory of one call.
type headScratch []pointer

func (s *headScratch) floats(d *Device, n int) pointer {
	p := d.scratch(n)
	*s = append(*s, p)
	return p
}

// padded returns memory for the padded rows of a tensor.
func (s *headScratch) padded(d *Device, shape headShape) pointer { return s.floats(d, shape.len()) }

// rows returns the rows of t, padded where that is needed.
func (s *headScratch) rows(d *Device, shape headShape, t op.Tensor) headRows {
	if rows, ok := shape.direct(t); ok {
		return rows
	}
	p := s.padded(d, shape)
	d.pack(shape, packArgs{rows: p, x: address(t)})
	return shape.packed(p)
}

func (s *headScratch) free(d *Device) {
	for _, p := range *s {
		d.freeScratch(p)
	}
}
