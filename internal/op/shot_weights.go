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
