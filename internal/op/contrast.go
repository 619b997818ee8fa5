package op

// Contrast tells how much more a position resembles the foreground of a support than its
// background: the cosines with both means, each spread over [0,1], and their difference.
//
//	c_n = (x_n·p)/(|x_n||p| + 1e-7)                  for p = fg and for p = bg
//	r_n = (c_n − min c)/(max c − min c)              over the positions of a sample
//	similarity_n = r^fg_n        difference_n = r^fg_n − r^bg_n
//
// x [B,...,C] with N positions a sample; fg, bg [B·K,C], the means of K shots a sample;
// similarity, difference [B·K,N]. cosines [B·K,N,2] and extremes [B·K,4] = (min c^fg,
// max c^fg, min c^bg, max c^bg) are saved for the gradient. Where max c = min c, as of the mean
// of no position, r is 0 and has no gradient. Of equal extremes the first position has the
// gradient. There is nothing small in the second denominator, so that a position which is the
// largest for both means has a difference of exactly 0, not of a sign by chance. AENet (Xu et al., ECCV 2024), sections 3.2 and 3.3.
type Contrast interface {
	// Contrast computes similarity (nil: not wanted), difference, cosines and extremes.
	Contrast(similarity, difference, cosines, extremes, x, fg, bg Tensor)
	// ContrastGrad adds the gradients of x, fg and bg from that of the difference, ddiff;
	// each may be nil. The similarity has none.
	ContrastGrad(dx, dfg, dbg, ddiff, cosines, extremes, x, fg, bg Tensor)
	// ContrastPrior merges the contrasts of two layers, a and b, to a prior of two channels:
	//
	//	y[b,n] = mean_k (similarity, max(0, difference))[b,k,n]
	//
	// of the layer whose largest cosine with the foreground is larger in shot k, a where they
	// are equal. y [B,...,2] with N positions a sample. It has no gradient.
	ContrastPrior(y, similarityA, differenceA, extremesA, similarityB, differenceB, extremesB Tensor)
}

// ContrastSizes are the extents of a contrast: N positions of C channels, K shots.
type ContrastSizes struct{ B, K, N, C int }

// CheckContrast panics unless the operands fit the contract.
func CheckContrast(similarity, difference, cosines, extremes, x, fg, bg Tensor) ContrastSizes {
	const name = "Contrast"
	s := checkContrast(name, cosines, extremes, x, fg, bg)
	shapedOrNil(name, "similarity", similarity, s.B*s.K, s.N)
	shaped(name, "difference", difference, s.B*s.K, s.N)
	return s
}

// CheckContrastGrad is CheckContrast for the gradients.
func CheckContrastGrad(dx, dfg, dbg, ddiff, cosines, extremes, x, fg, bg Tensor) ContrastSizes {
	const name = "ContrastGrad"
	s := checkContrast(name, cosines, extremes, x, fg, bg)
	sizedOrNil(name, "dx", dx, s.B*s.N*s.C)
	shapedOrNil(name, "dfg", dfg, s.B*s.K, s.C)
	shapedOrNil(name, "dbg", dbg, s.B*s.K, s.C)
	shaped(name, "ddiff", ddiff, s.B*s.K, s.N)
	return s
}

func checkContrast(operator string, cosines, extremes, x, fg, bg Tensor) ContrastSizes {
	rows, c := rowsOf(operator, "x", x)
	batch := x.Shape()[0]
	shaped(operator, "fg", fg, -1, c)
	images := fg.Shape()[0]
	if images%batch != 0 {
		shaped(operator, "fg", fg, batch, c)
	}
	shaped(operator, "bg", bg, images, c)
	shaped(operator, "cosines", cosines, images, rows/batch, 2)
	shaped(operator, "extremes", extremes, images, 4)
	return ContrastSizes{B: batch, K: images / batch, N: rows / batch, C: c}
}

// CheckContrastPrior panics unless the operands fit the contract. It returns B, K and the
// positions of a sample.
func CheckContrastPrior(y, similarityA, differenceA, extremesA, similarityB, differenceB, extremesB Tensor) (batch, shots, n int) {
	const name = "ContrastPrior"
	rows, _ := rowsOf(name, "y", y)
	batch = y.Shape()[0]
	n = rows / batch
	shaped(name, "similarityA", similarityA, -1, n)
	images := similarityA.Shape()[0]
	if images%batch != 0 {
		shaped(name, "similarityA", similarityA, batch, n)
	}
	sized(name, "y", y, rows*2)
	shaped(name, "differenceA", differenceA, images, n)
	shaped(name, "extremesA", extremesA, images, 4)
	shaped(name, "similarityB", similarityB, images, n)
	shaped(name, "differenceB", differenceB, images, n)
	shaped(name, "extremesB", extremesB, images, 4)
	return batch, images / batch, n
}
