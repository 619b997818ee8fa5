package cpu

import "hdmnet/internal/op"

// Contrast implements op.Contrast.
func (d *Device) Contrast(similarity, difference, cosines, extremes, x, fg, bg op.Tensor) {
	s := op.CheckContrast(similarity, difference, cosines, extremes, x, fg, bg)
	var w scratch
	defer w.free()
	a := newContrastArgs(s, &w, x, fg, bg)
	a.cosines = f32(cosines)
	contrastCosines.run(s.B*s.N, rowGrain(2*s.K*s.C), a)
	a.extremes, a.similarity, a.difference = f32(extremes), f32(similarity), f32(difference)
	contrastSpreads.run(s.B*s.K, rowGrain(s.N), a)
}

// ContrastGrad implements op.Contrast. With w = max c − min c, g the gradient of r,
// S = Σ g and T = Σ g·(c − min c):
//
//	dc_n = g_n/w, −S/w + T/w² more where c is least, −T/w² more where it is largest
//	dx_n += dc_n/D·(p − c_n·|p|·x_n/|x_n|)    dp += Σ_n dc_n/D·(x_n − c_n·|x_n|·p/|p|)
//
// D = |x_n||p| + 1e-7.
func (d *Device) ContrastGrad(dx, dfg, dbg, ddiff, cosines, extremes, x, fg, bg op.Tensor) {
	s := op.CheckContrastGrad(dx, dfg, dbg, ddiff, cosines, extremes, x, fg, bg)
	var w scratch
	defer w.free()
	a := newContrastArgs(s, &w, x, fg, bg)
	a.cosines, a.extremes, a.difference = f32(cosines), f32(extremes), f32(ddiff)
	a.slopes = w.floats(s.B * s.K * s.N * 2)
	contrastSlopes.run(s.B*s.K, rowGrain(s.N), a)
	for p, to := range [2]op.Tensor{dfg, dbg} {
		if to == nil {
			continue
		}
		for i := range s.B * s.K {
			a.image, a.mean = i, p
			sums := contrastMeanSums.run(s.N, rowGrain(s.C), s.C+1, a)
			g, along := sample(f32(to), i, s.B*s.K), float32(0)
			mean, norm := a.means(i, p)
			if norm > 0 {
				along = -sums[s.C] / norm
			}
			addRow(g, sums[:s.C])
			addScaledRow(g, mean, along)
			freeScratchOf(sums)
		}
	}
	if dx != nil {
		a.dx = f32(dx)
		contrastPositions.run(s.B*s.N, rowGrain(2*s.K*s.C), a)
	}
}

// contrastArgs are x [B,N,C] with the norms [B·N] of its rows, both means [B·K,C] with
// theirs [2,B·K], and what is made of them; slopes [B·K,N,2] are the gradients of the cosines.
type contrastArgs struct {
	op.ContrastSizes
	x, fg, bg, xNorms, norms           []float32
	cosines, extremes                  []float32
	similarity, difference, slopes, dx []float32
	image, mean                        int // for contrastMeanSums
}

// newContrastArgs takes the norms of the means; those of x come with contrastCosines.
func newContrastArgs(s op.ContrastSizes, w *scratch, x, fg, bg op.Tensor) contrastArgs {
	a := contrastArgs{ContrastSizes: s, x: f32(x), fg: f32(fg), bg: f32(bg), xNorms: w.floats(s.B * s.N), norms: w.floats(2 * s.B * s.K)}
	rowNorms(a.norms[:s.B*s.K], a.fg, s.C)
	rowNorms(a.norms[s.B*s.K:], a.bg, s.C)
	rowNorms(a.xNorms, a.x, s.C)
	return a
}

// means returns the mean of an image's foreground (0) or background (1), and its norm.
func (a *contrastArgs) means(image, p int) (mean []float32, norm float32) {
	all := a.fg
	if p == 1 {
		all = a.bg
	}
	return all[image*a.C : (image+1)*a.C], a.norms[p*a.B*a.K+image]
}

var (
	contrastCosines = newLoop(func(a *contrastArgs, lo, hi int) {
		for r := lo; r < hi; r++ {
			x, b, n := a.x[r*a.C:(r+1)*a.C], r/a.N, r%a.N
			for i := b * a.K; i < (b+1)*a.K; i++ {
				for p := range 2 {
					mean, norm := a.means(i, p)
					a.cosines[(i*a.N+n)*2+p] = dotProduct(x, mean) / (a.xNorms[r]*norm + cosineEps)
				}
			}
		}
	})
	contrastSpreads = newLoop(func(a *contrastArgs, lo, hi int) {
		for i := lo; i < hi; i++ {
			c, e := a.cosines[i*a.N*2:][:a.N*2], a.extremes[i*4:][:4]
			for p := range 2 {
				least, most := c[p], c[p]
				for at := p; at < len(c); at += 2 {
					least, most = min(least, c[at]), max(most, c[at])
				}
				e[2*p], e[2*p+1] = least, most
			}
			width := [2]float32{e[1] - e[0], e[3] - e[2]}
			for p, w := range width {
				if w == 0 {
					width[p] = 1 // of equal cosines
				}
			}
			for n := range a.N {
				r := (c[2*n] - e[0]) / width[0]
				a.difference[i*a.N+n] = r - (c[2*n+1]-e[2])/width[1]
				if a.similarity != nil {
					a.similarity[i*a.N+n] = r
				}
			}
		}
	})
	// contrastSlopes writes dc of both cosines, over D.
	contrastSlopes = newLoop(func(a *contrastArgs, lo, hi int) {
		for i := lo; i < hi; i++ {
			g, c, slopes, e := a.difference[i*a.N:][:a.N], a.cosines[i*a.N*2:][:a.N*2], a.slopes[i*a.N*2:][:a.N*2], a.extremes[i*4:][:4]
			for p := range 2 {
				least, most := e[2*p], e[2*p+1]
				width, sign := float64(most-least), float64(1-2*p)
				if least == most {
					width, sign = 1, 0
				}
				leastAt, mostAt, sum, weighted := -1, -1, 0.0, 0.0
				for n, v := range g {
					x := c[2*n+p]
					sum += float64(v)
					weighted += float64(v) * float64(x-least)
					slopes[2*n+p] = float32(sign * float64(v) / width)
					if x == least && leastAt < 0 {
						leastAt = n
					}
					if x == most && mostAt < 0 {
						mostAt = n
					}
				}
				slopes[2*leastAt+p] += float32(sign * (weighted/width - sum) / width)
				slopes[2*mostAt+p] -= float32(sign * weighted / width / width)
				_, norm := a.means(i, p)
				for n := range g {
					slopes[2*n+p] /= a.xNorms[i/a.K*a.N+n]*norm + cosineEps
				}
			}
		}
	})
	// contrastMeanSums makes Σ dc/D·x [C] and, behind it, Σ dc/D·c·|x|.
	contrastMeanSums = newChunkSums(func(a *contrastArgs, lo, hi int, acc []float32) {
		first := a.image / a.K * a.N
		for n := lo; n < hi; n++ {
			at := (a.image*a.N+n)*2 + a.mean
			slope := a.slopes[at]
			addScaledRow(acc[:a.C], a.x[(first+n)*a.C:], slope)
			acc[a.C] += slope * a.cosines[at] * a.xNorms[first+n]
		}
	})
	contrastPositions = newLoop(func(a *contrastArgs, lo, hi int) {
		for r := lo; r < hi; r++ {
			x, dx, b, n, along := a.x[r*a.C:(r+1)*a.C], a.dx[r*a.C:(r+1)*a.C], r/a.N, r%a.N, float32(0)
			for i := b * a.K; i < (b+1)*a.K; i++ {
				for p := range 2 {
					mean, norm := a.means(i, p)
					at := (i*a.N+n)*2 + p
					addScaledRow(dx, mean, a.slopes[at])
					along += a.slopes[at] * a.cosines[at] * norm
				}
			}
			if a.xNorms[r] > 0 {
				addScaledRow(dx, x, -along/a.xNorms[r])
			}
		}
	})
)

// ContrastPrior implements op.Contrast.
func (d *Device) ContrastPrior(y, similarityA, differenceA, extremesA, similarityB, differenceB, extremesB op.Tensor) {
	batch, shots, n := op.CheckContrastPrior(y, similarityA, differenceA, extremesA, similarityB, differenceB, extremesB)
	out := f32(y)
	clear(out)
	scale := float32(1 / float64(shots))
	for i := range batch * shots {
		s, diff := similarityA, differenceA
		if f32(extremesB)[4*i+1] > f32(extremesA)[4*i+1] {
			s, diff = similarityB, differenceB
		}
		to, from, more := sample(out, i/shots, batch), f32(s)[i*n:(i+1)*n], f32(diff)[i*n:(i+1)*n]
		for p, v := range from {
			to[2*p] += v * scale
			to[2*p+1] += max(0, more[p]) * scale
		}
	}
}
