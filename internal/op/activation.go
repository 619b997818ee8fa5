package op

import "fmt"

// Activation is what a frozen convolution does to its result last.
type Activation uint8

// What a frozen convolution can do to its result v last.
const (
	NoActivation   Activation = iota // v
	ReLUActivation                   // max(0, v)
	GELUActivation                   // v·Φ(v), as GELU; of projections only
)

// check panics unless a can follow a convolution with a kernel KH×KW.
func (a Activation) check(operator string, kh, kw int) {
	if a > GELUActivation {
		panic(fmt.Sprintf("op: %s: activation %d is none", operator, a))
	}
	if a == GELUActivation && (kh != 1 || kw != 1) {
		panic(fmt.Sprintf("op: %s: GELU behind a kernel of %d×%d, want 1×1", operator, kh, kw))
	}
}

// ReLUIf is ReLUActivation if relu, else none.
func ReLUIf(relu bool) Activation {
	if relu {
		return ReLUActivation
	}
	return NoActivation
}
