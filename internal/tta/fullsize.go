package tta

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// Full is logits at the size of a picture, in memory of the tape's pass.
type Full struct {
	Logits op.Tensor // [n,H,W,C]
	block  op.Tensor
}

// FullSize resizes rows [lo,hi) of logits [n,a,a,C] to H×W, bilinearly with aligned
// corners. With between > 0 they are resized to between×between first, as the released
// program does with the side of its input.
func FullSize(t *nn.Tape, logits op.Tensor, lo, hi, h, w, between int) Full {
	n, c, rows := hi-lo, op.Last(logits), op.Rows(logits, lo, hi)
	if between > 0 {
		mid := resize(t, rows, n, between, between, c)
		defer mid.Free(t)
		rows = mid.Logits
	}
	return resize(t, rows, n, h, w, c)
}

// resize takes memory in few sizes: pictures come in hundreds of them, and one a little
// larger than all before would need new memory beside that of the others.
func resize(t *nn.Tape, x op.Tensor, n, h, w, c int) Full {
	block := t.Arena.Float32(RoundUp(n * h * w * c))
	f := Full{op.Span(block, 0, n, h, w, c), block}
	t.Dev.ResizeBilinear(f.Logits, x, true)
	return f
}

// RoundUp is the next of 2^k and 3·2^k that is at least n.
func RoundUp(n int) int {
	size := 1
	for size < n {
		size *= 2
	}
	if n <= size/4*3 {
		size = size / 4 * 3
	}
	return size
}

// Free gives the memory back.
func (f Full) Free(t *nn.Tape) { t.Arena.Free(f.block) }

// Accumulate adds to sum [H,W,C] weight times the softmax over C of each of the n maps,
// a flipped view turned back. The logits are lost.
func (f Full) Accumulate(t *nn.Tape, sum []float32, flip bool, weight float32) {
	s := f.Logits.Shape()
	t.Dev.Softmax(f.Logits, f.Logits)
	v := make([]float32, op.Len(f.Logits))
	t.Dev.Download(v, f.Logits)
	if flip {
		mirror(v, s[2], s[3])
	}
	for i, p := range v {
		sum[i%len(sum)] += weight * p
	}
}
