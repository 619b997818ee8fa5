package op

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
