package op

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Concat joins tensors along the channels, y[b,n,:] = (x_0[b,n,:], x_1[b,n,:], …).
//
// y [B,...,ΣC_i]. A part is [B,...,C_i], or [B,C_i], which is repeated at every
// position (a prototype beside a map). PyTorch: torch.cat(…, 1) of NCHW maps, with
// expand for the repeated parts.
type Concat interface {
	// Concat computes y; a part may hold halves.
	Concat(y Tensor, parts ...Tensor)
	// ConcatGrad adds to every part's gradient (nil: skipped) its channels of dy; a
	// repeated part sums over the positions. sizes holds every part's C_i.
	ConcatGrad(dparts []Tensor, dy Tensor, sizes []int)
}

// CheckConcat panics unless the operands fit the contract. It returns the positions of y
// and its channels.
func CheckConcat(y Tensor, parts []Tensor) (rows, c int) {
	const name = "Concat"
	rows, c = rowsOf(name, "y", y)
	at := 0
	for i, part := range parts {
		checkPart(name, "part", i, part, rows, y.Shape()[0])
		at += Last(part)
	}
	if at != c {
		panic(fmt.Sprintf("op: %s: the parts have %d channels, y %v has %d", name, at, y.Shape(), c))
	}
	return rows, c
}

// CheckConcatGrad is CheckConcat for the gradients.
func CheckConcatGrad(dparts []Tensor, dy Tensor, sizes []int) (rows, c int) {
	const name = "ConcatGrad"
	rows, c = rowsOf(name, "dy", dy)
	if len(dparts) != len(sizes) {
		panic(fmt.Sprintf("op: %s: dparts has %d tensors, sizes %d", name, len(dparts), len(sizes)))
	}
	at := 0
	for i, part := range dparts {
		at += sizes[i]
		if part == nil {
			continue
		}
		checkPart(name, "dpart", i, part, rows, dy.Shape()[0])
		if Last(part) != sizes[i] {
			panic(fmt.Sprintf("op: %s: dpart %d has shape %v, want %d channels", name, i, part.Shape(), sizes[i]))
		}
	}
	if at != c {
		panic(fmt.Sprintf("op: %s: sizes %v are %d channels, dy %v has %d", name, slices.Clone(sizes), at, dy.Shape(), c))
	}
	return rows, c
}

// checkPart panics unless a part has a row for every position or for every sample.
func checkPart(operator, operand string, i int, t Tensor, rows, samples int) {
	if t == nil || t.Dtype() != tensor.Float32 && (operand != "part" || !IsHalf(t)) {
		present(operator, fmt.Sprint(operand, " ", i), t, tensor.Float32)
	}
	if n := Len(t) / Last(t); n != rows && n != samples {
		panic(fmt.Sprintf("op: %s: %s %d has shape %v, want %d rows or one for each of %d samples", operator, operand, i, t.Shape(), rows, samples))
	}
}

// ConcatRepeat returns how many of the rows of the whole share one row of a part: 1 for a
// map, all of a sample's for a vector a sample.
func ConcatRepeat(part Tensor, rows int) int { return rows / (Len(part) / Last(part)) }
