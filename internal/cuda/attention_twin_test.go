//go:build cuda

package cuda

import (
	"fmt"
	"strings"
	"testing"

	"hdmnet/internal/op"
)

// Heads of 8, 16 and 32 channels are read as they lie where the operands are aligned;
// others, and 12 channels, are padded first.
func init() {
	twinCases["self attention"] = func(d op.Device, o *operands) []op.Tensor {
		var out []op.Tensor
		for _, heads := range []int{1, 2, 4, 8} {
			const b, n, m = 2, 300, 70
			c := 64
			if heads == 1 {
				c = 12
			}
			q, k, v, dy := o.floats(b, n, c), o.floats(b, m, c), o.floats(b, m, c), o.floats(b, n, c)
			y, lse := o.floats(b, n, c), o.floats(b, heads, n)
			dq, dk, dv := o.floats(b, n, c), o.floats(b, m, c), o.floats(b, m, c)
			d.SelfAttention(y, lse, q, k, v, heads)
			d.SelfAttentionGrad(dq, dk, dv, dy, y, lse, q, k, v, heads)
			out = append(out, y, lse, dq, dk, dv)
		}
		return out
	}
	twinCases["masked correlation"] = func(d op.Device, o *operands) []op.Tensor {
		var out []op.Tensor
		for _, heads := range []int{1, 2} {
			const b, n, m = 2, 150, 290
			c := 64
			if heads == 1 {
				c = 12
			}
			q, k, v, dy, dcorr := o.floats(b, n, c), o.floats(b, m, c), o.floats(b, m, c), o.floats(b, n, c), o.floats(b, n)
			mask := o.mask(b, m)
			y, corr, colSum := o.floats(b, n, c), o.floats(b, n), o.floats(b, heads, m)
			dq, dk, dv := o.floats(b, n, c), o.floats(b, m, c), o.floats(b, m, c)
			d.MaskedCorrelation(y, corr, colSum, q, k, v, mask, heads)
			d.MaskedCorrelationGrad(dq, dk, dv, dy, dcorr, colSum, q, k, v, mask, heads)
			out = append(out, y, corr, dq, dk, dv)
		}
		return out
	}
}

// mask returns zeros and ones, the second sample's empty.
func (o *operands) mask(b, n int) op.Tensor {
	t := o.arena.Float32(b, n)
	v := make([]float32, b*n)
	for i := range n {
		v[i] = float32(o.draw.IntN(2))
	}
	o.dev.Upload(t, v)
	return t
}

// TestWideHeads: heads that the kernels have no code for are refused by name.
func TestWideHeads(t *testing.T) {
	dev := open(t)
	arena := op.NewArena(dev)
	x := arena.Zeros(1, 3, 130)
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "SelfAttention: heads of 65 channels") {
			t.Errorf("got %q", got)
		}
	}()
	dev.SelfAttention(x, nil, x, x, x, 2)
}
