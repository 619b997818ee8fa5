package op

import "fmt"

// BatchNorm normalizes every channel (the last axis) over all other positions.
//
//	y = (x − μ)/√(σ² + eps) · w + b
//
// x, y [..., C]; w, b, mean, variance [C]. PyTorch: nn.BatchNorm2d.
type BatchNorm interface {
	// BatchNormFrozen uses the running statistics as they are (eval mode).
	BatchNormFrozen(y, x, w, b, mean, variance Tensor, eps float32)
	// BatchNormFrozenGrad adds dy·w/√(σ²+eps) to dx, Σ dy·x̂ to dw and Σ dy to db (each may be nil).
	BatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance Tensor, eps float32)
	// BatchNormTrain uses the batch's own statistics (σ² biased), keeps them in
	// saveMean [C] and saveRstd [C] (1/√(σ²+eps)) and moves the running ones:
	// running ← (1−momentum)·running + momentum·batch, with the unbiased variance.
	BatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b Tensor, eps, momentum float32)
	// BatchNormTrainGrad adds the gradients through the batch statistics too.
	BatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd Tensor)
}

// CheckBatchNormFrozen panics unless the operands fit the contract. It returns the
// positions and C.
func CheckBatchNormFrozen(y, x, w, b, mean, variance Tensor) (rows, c int) {
	const name = "BatchNormFrozen"
	rows, c = checkBatchNorm(name, "y", y, x, w)
	shaped(name, "b", b, c)
	shaped(name, "mean", mean, c)
	shaped(name, "variance", variance, c)
	return rows, c
}

// CheckBatchNormFrozenGrad is CheckBatchNormFrozen for the gradients.
func CheckBatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance Tensor) (rows, c int) {
	const name = "BatchNormFrozenGrad"
	rows, c = checkBatchNormGrad(name, dx, dw, db, dy, x, w)
	shaped(name, "mean", mean, c)
	shaped(name, "variance", variance, c)
	return rows, c
}

// CheckBatchNormTrain is CheckBatchNormFrozen for the batch's own statistics. One position
// has no variance.
func CheckBatchNormTrain(y, saveMean, saveRstd, runningMean, runningVar, x, w, b Tensor) (rows, c int) {
	const name = "BatchNormTrain"
	rows, c = checkBatchNorm(name, "y", y, x, w)
	shaped(name, "b", b, c)
	shaped(name, "saveMean", saveMean, c)
	shaped(name, "saveRstd", saveRstd, c)
	shaped(name, "runningMean", runningMean, c)
	shaped(name, "runningVar", runningVar, c)
	if rows < 2 {
		panic(fmt.Sprintf("op: %s: x %v has one position per channel, which has no variance; use a batch of at least 2", name, x.Shape()))
	}
	return rows, c
}

// CheckBatchNormTrainGrad is CheckBatchNormTrain for the gradients.
func CheckBatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd Tensor) (rows, c int) {
	const name = "BatchNormTrainGrad"
	rows, c = checkBatchNormGrad(name, dx, dw, db, dy, x, w)
	shaped(name, "saveMean", saveMean, c)
	shaped(name, "saveRstd", saveRstd, c)
	return rows, c
}

func checkBatchNorm(operator, y string, yt, x, w Tensor) (rows, c int) {
	rows, c = rowsOf(operator, "x", x)
	sized(operator, y, yt, rows*c)
	shaped(operator, "w", w, c)
	return rows, c
}

func checkBatchNormGrad(operator string, dx, dw, db, dy, x, w Tensor) (rows, c int) {
	rows, c = checkBatchNorm(operator, "dy", dy, x, w)
	sizedOrNil(operator, "dx", dx, rows*c)
	shapedOrNil(operator, "dw", dw, c)
	shapedOrNil(operator, "db", db, c)
	return rows, c
}
