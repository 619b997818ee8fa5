package op

import (
	"fmt"

	"gorgonia.org/tensor"
)

// ShotMean averages over the shots: x [B,K,n...] to y [B,n...].
type ShotMean interface {
	// ShotMean computes y; K is the ratio of the sizes, B the first extent of y.
	ShotMean(y, x Tensor)
	// ShotMeanGrad adds dy/K to every shot of dx.
	ShotMeanGrad(dx, dy Tensor)
}

// CheckShotMean panics unless the operands fit the contract. It returns B, K and the
// elements of a shot.
func CheckShotMean(y, x Tensor) (batch, shots, n int) {
	return checkShotMean("ShotMean", "y", y, "x", x)
}

// CheckShotMeanGrad is CheckShotMean for the gradient.
func CheckShotMeanGrad(dx, dy Tensor) (batch, shots, n int) {
	return checkShotMean("ShotMeanGrad", "dy", dy, "dx", dx)
}

func checkShotMean(operator, y string, yt Tensor, x string, xt Tensor) (batch, shots, n int) {
	present(operator, y, yt, tensor.Float32)
	present(operator, x, xt, tensor.Float32)
	batch, shots = yt.Shape()[0], Len(xt)/Len(yt)
	if shots*Len(yt) != Len(xt) {
		panic(fmt.Sprintf("op: %s: %s %v and %s %v, want a whole number of shots", operator, x, xt.Shape(), y, yt.Shape()))
	}
	return batch, shots, Len(yt) / batch
}
