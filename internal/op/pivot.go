package op

// Pivot is a vector between the supports' foreground and the parts of the query that
// resemble it: the more alike the two are, the closer it is to the supports'.
//
//	a_n = softmax over the positions of s_n − 100·[s_n < 0]
//	q   = Σ_n a_n v_n
//	t   = (1 + (q·fg)/(|q||fg| + 1e-7))/2
//	y   = t·fg + (1 − t)·q
//
// s [B,N], the Contrast of the query; v [B,N,C]; fg, y [B,C]. weights [B,N] holds a and
// region [B,C] holds q, saved for the gradient. The cosine with zeros
// is 0 and has no gradient. AENet (Xu et al., ECCV 2024), section 3.3.
type Pivot interface {
	// Pivot computes y, weights and region.
	Pivot(y, weights, region, s, v, fg Tensor)
	// PivotGrad adds the gradients of s, v and fg; each may be nil.
	PivotGrad(ds, dv, dfg, dy, weights, region, v, fg Tensor)
}

// CheckPivot panics unless the operands fit the contract. It returns B, N and C.
func CheckPivot(y, weights, region, s, v, fg Tensor) (batch, n, c int) {
	const name = "Pivot"
	batch, n, c = checkPivot(name, weights, region, v, fg)
	shaped(name, "y", y, batch, c)
	shaped(name, "s", s, batch, n)
	return batch, n, c
}

// CheckPivotGrad is CheckPivot for the gradients.
func CheckPivotGrad(ds, dv, dfg, dy, weights, region, v, fg Tensor) (batch, n, c int) {
	const name = "PivotGrad"
	batch, n, c = checkPivot(name, weights, region, v, fg)
	shapedOrNil(name, "ds", ds, batch, n)
	shapedOrNil(name, "dv", dv, batch, n, c)
	shapedOrNil(name, "dfg", dfg, batch, c)
	shaped(name, "dy", dy, batch, c)
	return batch, n, c
}

func checkPivot(operator string, weights, region, v, fg Tensor) (batch, n, c int) {
	s := ranked(operator, "v", v, 3, "[B,N,C]")
	shaped(operator, "weights", weights, s[0], s[1])
	shaped(operator, "region", region, s[0], s[2])
	shaped(operator, "fg", fg, s[0], s[2])
	return s[0], s[1], s[2]
}
