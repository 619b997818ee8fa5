package op

// ShotMean averages over the shots: x [B,K,n...] to y [B,n...].
type ShotMean interface {
	// ShotMean computes y; K is the ratio of the sizes, B the first extent of y.
	ShotMean(y, x Tensor)
	// ShotMeanGrad adds dy/K to every shot of dx.
	ShotMeanGrad(dx, dy Tensor)
}
