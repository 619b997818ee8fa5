package profile

import (
	"fmt"

	"hdmnet/internal/op"
	"hdmnet/internal/trace"
)

// Work is what one call computes as the operator's contract defines it, whatever
// shortcut the device takes: 2 operations for each product that is summed. Operators that
// are no sums of products have none.
type Work struct {
	FLOP    float64
	M, N, K int // extents of the matrix product that it is, C[M,N] = Σ_K; 0 where it is none

	geometry string // of a convolution
}

// work is that of a call.
func work(c trace.Call) Work {
	t := c.Tensors
	switch c.Operator {
	case "Conv2D":
		return convolution(t[0], t[2].Shape(), c.Params[0].(op.ConvParams), forward)
	case "Conv2DGradInput":
		return convolution(t[1], t[2].Shape(), c.Params[0].(op.ConvParams), gradInput)
	case "Conv2DGradWeight":
		return convolutionGradWeight(t[0], t[3], c.Params[0].(op.ConvParams))
	case "FrozenConv2D":
		frozen := c.Params[0].(op.FrozenConv)
		return convolution(t[0], frozen.Shape(), frozen.Params(), forward)
	case "Linear":
		return product(rows(t[1]), op.Last(t[0]), op.Last(t[1]))
	case "LinearGradInput":
		return product(rows(t[1]), op.Last(t[0]), op.Last(t[1]))
	case "LinearGrad":
		return Work{FLOP: product(rows(t[3]), op.Last(t[0]), op.Last(t[3])).FLOP + linearGradWeight(t[1], t[4], t[3]).FLOP}
	case "LinearGradWeight":
		return linearGradWeight(t[0], t[2], t[3])
	case "Depthwise3x3":
		return each(18, t[0])
	case "Depthwise3x3Grad":
		return perTensor(18, t[3], t[0], t[1])
	case "SelfAttention":
		return attention(2, t[2], t[3])
	case "SelfAttentionGrad":
		return attention(4, t[6], t[7])
	case "MaskedCorrelation":
		return attention(2, t[3], t[4])
	case "MaskedCorrelationGrad":
		return attention(4, t[6], t[7])
	case "PriorSimilarity":
		return each(2*float64(op.Len(t[3])/t[3].Shape()[0]), t[1])
	case "Gram":
		return each(2*float64(op.Last(t[1])), t[1])
	}
	return Work{}
}

func product(m, n, k int) Work {
	return Work{FLOP: 2 * float64(m) * float64(n) * float64(k), M: m, N: n, K: k}
}

// rows is the number of positions of t.
func rows(t op.Tensor) int { return op.Len(t) / op.Last(t) }

// convolution is the work of one of the three products of a convolution with a kernel of
// shape [Co,KH,KW,Ci]; y has the shape of its output.
func convolution(y op.Tensor, kernel []int, p op.ConvParams, kind convolutionKind) Work {
	positions, out, in := rows(y), kernel[0], kernel[1]*kernel[2]*kernel[3]
	var w Work
	switch kind {
	case forward:
		w = product(positions, out, in)
	case gradInput:
		w = product(positions, in, out)
	case gradWeight:
		w = product(out, in, positions)
	}
	w.geometry = fmt.Sprintf("kernel %d×%d stride %d dilation %d", kernel[1], kernel[2], p.Stride, p.Dilation)
	return w
}

type convolutionKind int

const (
	forward convolutionKind = iota
	gradInput
	gradWeight
)

// convolutionGradWeight has no work but a bias's sums where no kernel's gradient is wanted.
func convolutionGradWeight(dw, dy op.Tensor, p op.ConvParams) Work {
	if dw == nil {
		return Work{}
	}
	return convolution(dy, dw.Shape(), p, gradWeight)
}

// linearGradWeight, likewise.
func linearGradWeight(dw, x, dy op.Tensor) Work {
	if dw == nil {
		return Work{}
	}
	return product(op.Last(dy), op.Last(x), rows(dy))
}

// attention is the work of products of N queries with M keys: q [B,N,C], k [B,M,C].
func attention(products float64, q, k op.Tensor) Work {
	return Work{FLOP: 2 * products * float64(op.Len(q)) * float64(k.Shape()[1])}
}

// each is the work of n operations for every element of t.
func each(n float64, t op.Tensor) Work { return Work{FLOP: n * float64(op.Len(t))} }

// perTensor is n operations for every element of x, once for each of the wanted gradients.
func perTensor(n float64, x op.Tensor, wanted ...op.Tensor) Work {
	w := Work{}
	for _, t := range wanted {
		if t != nil {
			w.FLOP += n * float64(op.Len(x))
		}
	}
	return w
}
