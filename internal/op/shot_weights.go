package op

// ShotWeights merges the style distances of K shots into one estimate.
//
//	e = sort(d) ascending    w = softmax(w1·max(0, w0·e + b0) + b1)    psi = Σ_k w_k · d_k
//
// with w in the order of e against d in shot order, as the release computes it.
// d [B,K]; w0 [2,K]; b0 [2]; w1 [K,2]; b1 [K]; psi [B]. With w0 nil the weights are
// uniform. The release's kshot_rw.
type ShotWeights interface {
	// ShotWeights computes psi.
	ShotWeights(psi, d, w0, b0, w1, b1 Tensor)
	// ShotWeightsGrad adds the gradients of the four parameters; d has none.
	ShotWeightsGrad(dw0, db0, dw1, db1, dpsi, d, w0, b0, w1, b1 Tensor)
}

// CheckShotWeights panics unless the operands fit the contract. It returns B and K.
func CheckShotWeights(psi, d, w0, b0, w1, b1 Tensor) (batch, shots int) {
	return checkShotWeights("ShotWeights", "psi", psi, d, w0, b0, w1, b1)
}

// CheckShotWeightsGrad is CheckShotWeights for the gradients.
func CheckShotWeightsGrad(dw0, db0, dw1, db1, dpsi, d, w0, b0, w1, b1 Tensor) (batch, shots int) {
	const name = "ShotWeightsGrad"
	batch, shots = checkShotWeights(name, "dpsi", dpsi, d, w0, b0, w1, b1)
	shapedOrNil(name, "dw0", dw0, 2, shots)
	shapedOrNil(name, "db0", db0, 2)
	shapedOrNil(name, "dw1", dw1, shots, 2)
	shapedOrNil(name, "db1", db1, shots)
	return batch, shots
}

func checkShotWeights(operator, psi string, psit, d, w0, b0, w1, b1 Tensor) (batch, shots int) {
	s := ranked(operator, "d", d, 2, "[B,K]")
	shaped(operator, psi, psit, s[0])
	if w0 != nil { // all four, or none
		shaped(operator, "w0", w0, 2, s[1])
		shaped(operator, "b0", b0, 2)
		shaped(operator, "w1", w1, s[1], 2)
		shaped(operator, "b1", b1, s[1])
	}
	return s[0], s[1]
}
