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
