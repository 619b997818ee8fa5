package op

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Half is the type of tensors of halves, 16 bits for a value, for maps that need no gradient;
// channels are then divisible by HalfChannels. On a device with HalfMaps they are float16 (11
// bits, up to 65504; larger values are kept at that), for every operator whose contract names
// them. On the CPU they are bf16 (8 bits), and only frozen convolutions take them: see
// FrozenConv.
var Half = tensor.Uint16

// HalfChannels divides the number of channels of every tensor of halves.
const HalfChannels = 8

// IsHalf tells whether t holds halves.
func IsHalf(t Tensor) bool { return t != nil && t.Dtype() == Half }

// frozenPresent panics unless there is a tensor of float32 or halves.
func frozenPresent(operator, operand string, t Tensor) {
	if !IsHalf(t) {
		present(operator, operand, t, tensor.Float32)
	}
}

// frozenShaped is shaped for a tensor of float32 or halves.
func frozenShaped(operator, operand string, t Tensor, want ...int) {
	dt := tensor.Float32
	if IsHalf(t) {
		dt = Half
	}
	shapedOf(dt, operator, operand, t, want...)
}

// frozenMap is ranked for a map of float32 or halves.
func frozenMap(operator, operand string, t Tensor, layout string) tensor.Shape {
	frozenPresent(operator, operand, t)
	s := t.Shape()
	if len(s) != 4 {
		panic(fmt.Sprintf("op: %s: %s has shape %v, want %s", operator, operand, slices.Clone(s), layout))
	}
	return s
}

// alike panics unless a and b are of the same type.
func alike(operator, a string, at Tensor, b string, bt Tensor) {
	if at.Dtype() != bt.Dtype() {
		panic(fmt.Sprintf("op: %s: %s holds %v, %s %v, want the same", operator, a, at.Dtype(), b, bt.Dtype()))
	}
}
