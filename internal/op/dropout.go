package op

import (
	"fmt"

	"hdmnet/internal/splitmix"
)

// DropoutParams name the elements that one dropout drops: a pure function of Seed and
// the element's index, so that the gradient needs nothing saved.
type DropoutParams struct {
	P       float32 // probability of dropping, [0,1)
	Seed    uint64  // differs for every dropout of every step
	Channel bool    // whole channels of a sample ([B,...,C]: one draw per b,c)
}

// Keep tells whether draw i is kept: SplitMix64 of Seed at i, top 24 bits against P.
func (p DropoutParams) Keep(i int) bool {
	z := splitmix.Mix(p.Seed + (uint64(i)+1)*splitmix.Step)
	return float32(z>>40) >= p.P*(1<<24)
}

// After are the parameters whose draw i is draw n+i of p: those of elements that follow n
// others.
func (p DropoutParams) After(n int) DropoutParams {
	p.Seed += uint64(n) * splitmix.Step
	return p
}

// Dropout zeroes elements with probability P and scales the rest by 1/(1−P).
//
// x, y [B,...,C]; the draw of element (b,…,c) is its flat index, or b·C+c with
// Channel. PyTorch: nn.Dropout, nn.Dropout2d in training mode (its draws differ).
type Dropout interface {
	// Dropout computes y; y may be x.
	Dropout(y, x Tensor, p DropoutParams)
	// DropoutGrad adds dy, dropped and scaled the same way, to dx.
	DropoutGrad(dx, dy Tensor, p DropoutParams)
}

// CheckDropout panics unless the operands fit the contract. It returns their elements.
func CheckDropout(y, x Tensor, p DropoutParams) int {
	return checkDropout("Dropout", "y", y, "x", x, p)
}

// CheckDropoutGrad is CheckDropout for the gradient.
func CheckDropoutGrad(dx, dy Tensor, p DropoutParams) int {
	return checkDropout("DropoutGrad", "dx", dx, "dy", dy, p)
}

func checkDropout(operator, y string, yt Tensor, x string, xt Tensor, p DropoutParams) int {
	if !(p.P >= 0 && p.P < 1) {
		panic(fmt.Sprintf("op: %s: P is %g, want it in [0,1)", operator, p.P))
	}
	return elements2(operator, y, yt, x, xt)
}
