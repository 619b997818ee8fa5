package cpu

// The loops of batch norm over rows of len(mean) or len(scale) channels.

// normalizeRows computes y = (x − mean)·scale + shift.
func normalizeRows(y, x, mean, scale, shift []float32) {
	c := len(scale)
	mean, shift, x = mean[:c], shift[:c], x[:len(y)]
	if f := rowLoops(c).normalize; f != nil && len(y) > 0 {
		f(&y[0], &x[0], &mean[0], &scale[0], &shift[0], c, len(y)/c)
		return
	}
	for r := 0; r < len(y); r += c {
		x, y := x[r:r+c], y[r:r+c]
		x, m, scale, shift := x[:len(y)], mean[:len(y)], scale[:len(y)], shift[:len(y)]
		for i := range y {
			y[i] = (x[i]-m[i])*scale[i] + shift[i]
		}
	}
}

// addScaledRows adds g·scale to dx.
func addScaledRows(dx, g, scale []float32) {
	c := len(scale)
	g = g[:len(dx)]
	if f := rowLoops(c).scaleGrad; f != nil && len(dx) > 0 {
		f(&dx[0], &g[0], &scale[0], c, len(dx)/c)
		return
	}
	for r := 0; r < len(dx); r += c {
		dx, g := dx[r:r+c], g[r:r+c]
		scale, g := scale[:len(dx)], g[:len(dx)]
		for i := range dx {
			dx[i] += g[i] * scale[i]
		}
	}
}

// addBatchNormGrad adds a·g + p·(x − mean) + q to dx.
func addBatchNormGrad(dx, g, x, mean, a, p, q []float32) {
	c := len(mean)
	g, x, a, p, q = g[:len(dx)], x[:len(dx)], a[:c], p[:c], q[:c]
	if f := rowLoops(c).batchNormGrad; f != nil && len(dx) > 0 {
		f(&dx[0], &g[0], &x[0], &mean[0], &a[0], &p[0], &q[0], c, len(dx)/c)
		return
	}
	for r := 0; r < len(dx); r += c {
		dx, g, x := dx[r:r+c], g[r:r+c], x[r:r+c]
		g, x, m, a, p, q := g[:len(dx)], x[:len(dx)], mean[:len(dx)], a[:len(dx)], p[:len(dx)], q[:len(dx)]
		for i := range dx {
			dx[i] += a[i]*g[i] + (p[i]*(x[i]-m[i]) + q[i])
		}
	}
}
