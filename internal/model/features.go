package model

import (
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// features are the frozen maps of a batch: the B queries first, then the B·K supports.
type features struct {
	f2, f3, f4, f5 *nn.Var
}

// chunkPositions bounds how many feature positions pass the backbone at a time: enough
// to fill the matrix products, few enough that five shots need no more memory than one.
const chunkPositions = 8192

// features runs the backbone and the head on queries and masked supports, which share
// all weights, as one list of images.
func (n *HDMNet) features(t *nn.Tape, in Input, mask op.Tensor) features {
	qs, ss := in.Query.Shape(), in.Support.Shape()
	b, bk, h, w := qs[0], ss[0]*ss[1], qs[1], qs[2]
	support := op.Reshape(in.Support, bk, h, w, 3)
	total, chunk := b+bk, max(1, chunkPositions/(((h+7)/8)*((w+7)/8)))

	var all features
	for lo := 0; lo < total; lo += chunk {
		hi := min(lo+chunk, total)
		x := t.Arena.Float32(hi-lo, h, w, 3)
		if q := min(hi, b); lo < q {
			t.Dev.Copy(op.Rows(x, 0, q-lo), op.Rows(in.Query, lo, q))
		}
		if s := max(lo, b); s < hi {
			t.Dev.MaskImage(op.Rows(x, s-lo, hi-lo), op.Rows(support, s-b, hi-b), op.Reshape(op.Rows(mask, s-b, hi-b), hi-s, h, w))
		}
		f2, f3, f4 := n.Base.Backbone.features(t, t.Const(x))
		t.Arena.Free(x)
		f5 := n.Base.head(t, f4)
		for _, m := range []struct {
			to   **nn.Var
			part *nn.Var
		}{{&all.f2, f2}, {&all.f3, f3}, {&all.f4, f4}, {&all.f5, f5}} {
			keep(t, m.to, m.part, lo, total)
		}
	}
	return all
}

// keep copies a chunk's map to its rows of the whole batch's.
func keep(t *nn.Tape, to **nn.Var, part *nn.Var, lo, total int) {
	s := part.Value.Shape()
	if s[0] == total {
		*to = part
		return
	}
	if *to == nil {
		*to = t.Const(t.Arena.Float32(append([]int{total}, s[1:]...)...))
	}
	t.Dev.Copy(op.Rows((*to).Value, lo, lo+s[0]), part.Value)
	t.Free(part)
}
