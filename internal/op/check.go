package op

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// The checks of the operators' contracts. Every operator X has one, CheckX beside its
// contract, which all devices call first: operands that do not fit panic with the names of
// the operator and the operand, the same on every device. It returns the sizes that devices
// go on with, and allocates nothing unless it panics.

// present panics unless there is a tensor of the type.
func present(operator, operand string, t Tensor, dt tensor.Dtype) {
	if t == nil {
		panic(fmt.Sprintf("op: %s: %s is nil", operator, operand))
	}
	if t.Dtype() != dt {
		panic(fmt.Sprintf("op: %s: %s holds %v, want %v", operator, operand, t.Dtype(), dt))
	}
}

// shaped panics unless there is a float32 tensor of the wanted shape; −1 matches any extent.
func shaped(operator, operand string, t Tensor, want ...int) {
	shapedOf(tensor.Float32, operator, operand, t, want...)
}

// shapedOrNil is shaped for an operand that may be left out.
func shapedOrNil(operator, operand string, t Tensor, want ...int) {
	if t != nil {
		shapedOf(tensor.Float32, operator, operand, t, want...)
	}
}

// shapedOf is shaped for another type.
func shapedOf(dt tensor.Dtype, operator, operand string, t Tensor, want ...int) {
	present(operator, operand, t, dt)
	got := t.Shape()
	ok := len(got) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = want[i] < 0 || want[i] == got[i]
	}
	if !ok {
		// A copy: the callers' shapes stay on their stacks.
		panic(fmt.Sprintf("op: %s: %s has shape %v, want %v", operator, operand, got, slices.Clone(want)))
	}
}

// sized panics unless there is a float32 tensor of n elements, whatever its shape.
func sized(operator, operand string, t Tensor, n int) {
	sizedOf(tensor.Float32, operator, operand, t, n)
}

// sizedOrNil is sized for an operand that may be left out.
func sizedOrNil(operator, operand string, t Tensor, n int) {
	if t != nil {
		sized(operator, operand, t, n)
	}
}

// sizedOf is sized for another type.
func sizedOf(dt tensor.Dtype, operator, operand string, t Tensor, n int) {
	present(operator, operand, t, dt)
	if Len(t) != n {
		panic(fmt.Sprintf("op: %s: %s has %d elements, shape %v, want %d", operator, operand, Len(t), t.Shape(), n))
	}
}

// ranked returns the shape of a float32 tensor with n axes, and panics unless it has as
// many; layout names them.
func ranked(operator, operand string, t Tensor, n int, layout string) tensor.Shape {
	present(operator, operand, t, tensor.Float32)
	s := t.Shape()
	if len(s) != n {
		panic(fmt.Sprintf("op: %s: %s has shape %v, want %s", operator, operand, s, layout))
	}
	return s
}

// rowsOf returns the positions and the channels of a float32 tensor [...,C].
func rowsOf(operator, operand string, t Tensor) (rows, c int) {
	present(operator, operand, t, tensor.Float32)
	c = Last(t)
	return Len(t) / c, c
}

// elements2 returns the number of elements of two float32 tensors and panics unless they
// have as many.
func elements2(operator, y string, yt Tensor, x string, xt Tensor) int {
	present(operator, y, yt, tensor.Float32)
	sized(operator, x, xt, Len(yt))
	return Len(yt)
}

// elements3 is elements2 for three.
func elements3(operator, y string, yt Tensor, a string, at Tensor, b string, bt Tensor) int {
	sized(operator, b, bt, elements2(operator, y, yt, a, at))
	return Len(yt)
}

// spatialSizes are the extents of an operator from maps [B,H,W,C] to maps [B,OutH,OutW,C].
type spatialSizes struct{ B, H, W, OutH, OutW, C int }

// checkSpatial panics unless x and y are maps that agree in all but height and width.
func checkSpatial(operator, y string, yt Tensor, x string, xt Tensor) spatialSizes {
	s := ranked(operator, x, xt, 4, "[B,H,W,C]")
	shaped(operator, y, yt, s[0], -1, -1, s[3])
	t := yt.Shape()
	return spatialSizes{B: s[0], H: s[1], W: s[2], OutH: t[1], OutW: t[2], C: s[3]}
}

// checkFrozenSpatial is checkSpatial for two maps of float32 or two of halves.
func checkFrozenSpatial(operator, y string, yt Tensor, x string, xt Tensor) spatialSizes {
	s := frozenMap(operator, x, xt, "[B,H,W,C]")
	frozenShaped(operator, y, yt, s[0], -1, -1, s[3])
	alike(operator, y, yt, x, xt)
	t := yt.Shape()
	return spatialSizes{B: s[0], H: s[1], W: s[2], OutH: t[1], OutW: t[2], C: s[3]}
}

// CheckCopy panics unless dst and src have as many elements of the same type.
func CheckCopy(dst, src Tensor) {
	const name = "Copy"
	if dst == nil {
		panic(fmt.Sprintf("op: %s: dst is nil", name))
	}
	sizedOf(dst.Dtype(), name, "src", src, Len(dst))
}

// CheckUpload panics unless src is a slice of dst's type, as long.
func CheckUpload(dst Tensor, src any) { checkTransfer("Upload", "dst", dst, "src", src) }

// CheckDownload panics unless dst is a slice of src's type, as long.
func CheckDownload(dst any, src Tensor) { checkTransfer("Download", "src", src, "dst", dst) }

// checkTransfer panics unless t holds what the slice on the host does.
func checkTransfer(operator, operand string, t Tensor, host string, slice any) {
	switch v := slice.(type) {
	case []float32:
		sizedOf(tensor.Float32, operator, operand, t, len(v))
	case []uint8:
		sizedOf(tensor.Uint8, operator, operand, t, len(v))
	case []int32:
		sizedOf(tensor.Int32, operator, operand, t, len(v))
	default:
		panic(fmt.Sprintf("op: %s: %s is a %T, want []float32, []uint8 or []int32", operator, host, slice))
	}
}
