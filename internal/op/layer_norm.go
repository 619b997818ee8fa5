package op

// LayerNorm normalizes every position over its channels (the last axis).
//
//	y = (x − mean(x))/√(var(x) + eps) · w + b        var biased
//
// x, y [..., C]; w, b [C]; mean, rstd [positions] are saved for the gradient.
// PyTorch: nn.LayerNorm(C).
type LayerNorm interface {
	// LayerNorm computes y, mean and rstd = 1/√(var+eps).
	LayerNorm(y, mean, rstd, x, w, b Tensor, eps float32)
	// LayerNormGrad adds the gradients of x, w and b (each may be nil).
	LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd Tensor)
}

// CheckLayerNorm panics unless the operands fit the contract. It returns the positions and
// C.
func CheckLayerNorm(y, mean, rstd, x, w, b Tensor) (rows, c int) {
	const name = "LayerNorm"
	rows, c = checkLayerNorm(name, "y", y, x, w, mean, rstd)
	shaped(name, "b", b, c)
	return rows, c
}

// CheckLayerNormGrad is CheckLayerNorm for the gradients.
func CheckLayerNormGrad(dx, dw, db, dy, x, w, mean, rstd Tensor) (rows, c int) {
	const name = "LayerNormGrad"
	rows, c = checkLayerNorm(name, "dy", dy, x, w, mean, rstd)
	sizedOrNil(name, "dx", dx, rows*c)
	shapedOrNil(name, "dw", dw, c)
	shapedOrNil(name, "db", db, c)
	return rows, c
}

func checkLayerNorm(operator, y string, yt, x, w, mean, rstd Tensor) (rows, c int) {
	rows, c = rowsOf(operator, "x", x)
	sized(operator, y, yt, rows*c)
	shaped(operator, "w", w, c)
	sized(operator, "mean", mean, rows)
	sized(operator, "rstd", rstd, rows)
	return rows, c
}
