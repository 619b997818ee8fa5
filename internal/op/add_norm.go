package op

import "fmt"

// AddNorm ends a branch of a residual network: the branch is dropped, added to what it
// branched off, and the sum is normalized over its channels for the next branch.
//
//	z = x + Dropout(o)
//	y = (z − mean(z))/√(var(z) + eps) · w + b        LayerNorm
//
// x, o, z, y [..., C]; w, b [C]; mean, rstd [positions] are saved for the gradient. Without
// w there is no y: y, mean, rstd and b are nil as well. The draws are those of Dropout for
// P > 0; they are not by channel. PyTorch: nn.LayerNorm(C)(x + nn.Dropout(p)(o)).
type AddNorm interface {
	// AddNorm computes z, and unless w is nil y, mean and rstd.
	AddNorm(z, y, mean, rstd, x, o, w, b Tensor, p DropoutParams, eps float32)
	// AddNormGrad adds the gradient of z through y to dz, which holds that of all other uses
	// of z, then dz dropped to do, and the gradients of w and b. dz is then that of x. do, dw
	// and db may be nil, and dy, with w, mean and rstd, where y has no gradient.
	AddNormGrad(dz, do, dw, db, dy, z, w, mean, rstd Tensor, p DropoutParams)
}

// CheckAddNorm panics unless the operands fit the contract. It returns the positions and C.
func CheckAddNorm(z, y, mean, rstd, x, o, w, b Tensor, p DropoutParams) (rows, c int) {
	const name = "AddNorm"
	checkDropout(name, "z", z, "o", o, p)
	rows, c = rowsOf(name, "z", z)
	sized(name, "x", x, rows*c)
	if p.Channel {
		panic(fmt.Sprintf("op: %s: draws by channel, want them by element", name))
	}
	if w != nil {
		sized(name, "y", y, rows*c)
		checkLayerNorm(name, rows, c, w, mean, rstd)
		shaped(name, "b", b, c)
	}
	return rows, c
}

// CheckAddNormGrad is CheckAddNorm for the gradients.
func CheckAddNormGrad(dz, do, dw, db, dy, z, w, mean, rstd Tensor, p DropoutParams) (rows, c int) {
	const name = "AddNormGrad"
	rows, c = rowsOf(name, "dz", dz)
	if do != nil {
		checkDropout(name, "do", do, "dz", dz, p)
	}
	if dy != nil {
		sized(name, "z", z, rows*c)
		sized(name, "dy", dy, rows*c)
		checkLayerNorm(name, rows, c, w, mean, rstd)
		shapedOrNil(name, "dw", dw, c)
		shapedOrNil(name, "db", db, c)
	}
	return rows, c
}
