package op

import "gorgonia.org/tensor"

// LayerNorm normalizes every position over its channels (the last axis).
//
//	y = (x − mean(x))/√(var(x) + eps) · w + b        var biased
//
// x, y [..., C]; w, b [C]; mean, rstd [positions] are saved for the gradient.
// PyTorch: nn.LayerNorm(C).
type LayerNorm interface {
	// LayerNorm computes y, mean and rstd = 1/√(var+eps). y may hold halves, rounded, where
	// the device's frozen convolutions read them (FrozenConv.ReadsHalves).
	LayerNorm(y, mean, rstd, x, w, b Tensor, eps float32)
	// LayerNormGrad adds the gradients of x, w and b (each may be nil).
	LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd Tensor)
}

// CheckLayerNorm panics unless the operands fit the contract, y in halves only where the device
// can. It returns the positions and C.
func CheckLayerNorm(y, mean, rstd, x, w, b Tensor, halves bool) (rows, c int) {
	const name = "LayerNorm"
	dt := tensor.Float32
	if halves && IsHalf(y) {
		dt = Half
	}
	rows, c = rowsOf(name, "x", x)
	sizedOf(dt, name, "y", y, rows*c)
	checkLayerNorm(name, rows, c, w, mean, rstd)
	shaped(name, "b", b, c)
	return rows, c
}

// CheckLayerNormGrad is CheckLayerNorm for the gradients.
func CheckLayerNormGrad(dx, dw, db, dy, x, w, mean, rstd Tensor) (rows, c int) {
	const name = "LayerNormGrad"
	rows, c = rowsOf(name, "x", x)
	sized(name, "dy", dy, rows*c)
	checkLayerNorm(name, rows, c, w, mean, rstd)
	sizedOrNil(name, "dx", dx, rows*c)
	shapedOrNil(name, "dw", dw, c)
	shapedOrNil(name, "db", db, c)
	return rows, c
}

func checkLayerNorm(operator string, rows, c int, w, mean, rstd Tensor) {
	shaped(operator, "w", w, c)
	sized(operator, "mean", mean, rows)
	sized(operator, "rstd", rstd, rows)
}
