package cpu

// The loops that several operators share.

// addTo computes dst = a + b; dst may be a or b.
func addTo(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	loops, n := loopsFor(len(dst))
	if loops.add != nil {
		loops.add(&dst[0], &a[0], &b[0], n)
		dst, a, b = dst[n:], a[n:], b[n:]
	}
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// addRow adds x to y.
func addRow(y, x []float32) { addTo(y, y, x) }

// addScaledRow adds by·x to sum.
func addScaledRow(sum, x []float32, by float32) {
	x = x[:len(sum)]
	loops, n := loopsFor(len(sum))
	if loops.addScaled != nil {
		loops.addScaled(&sum[0], &x[0], n, by)
		sum, x = sum[n:], x[n:]
	}
	for i := range sum {
		sum[i] += by * x[i]
	}
}

// scaleRow computes x = by·x.
func scaleRow(x []float32, by float32) {
	loops, n := loopsFor(len(x))
	if loops.scale != nil {
		loops.scale(&x[0], n, by)
		x = x[n:]
	}
	for i := range x {
		x[i] *= by
	}
}

// mix computes dst = a + t·(b−a) = (1−t)·a + t·b.
func mix(dst, a, b []float32, t float32) {
	loops, n := loopsFor(len(dst))
	loops.mixTo(dst, a, b, n, t)
}

// mixTo is mix with the first n elements for the assembly.
func (loops *vectorLoops) mixTo(dst, a, b []float32, n int, t float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	s := 1 - t
	if loops.mix != nil {
		loops.mix(&dst[0], &a[0], &b[0], n, s, t)
		dst, a, b = dst[n:], a[n:], b[n:]
	}
	for i := range dst {
		dst[i] = s*a[i] + t*b[i]
	}
}

// weigh computes x = a·(x − shift): the gradient of scores from that of weights a.
func weigh(x, a []float32, shift float32) {
	a = a[:len(x)]
	loops, n := loopsFor(len(x))
	if loops.weigh != nil {
		loops.weigh(&x[0], &a[0], n, shift)
		x, a = x[n:], a[n:]
	}
	for i, v := range x {
		x[i] = a[i] * (v - shift)
	}
}

// weighEach is weigh with a shift for every element.
func weighEach(x, a, shift []float32) {
	a, shift = a[:len(x)], shift[:len(x)]
	loops, n := loopsFor(len(x))
	if loops.weighEach != nil {
		loops.weighEach(&x[0], &a[0], &shift[0], n)
		x, a, shift = x[n:], a[n:], shift[n:]
	}
	for i, v := range x {
		x[i] = a[i] * (v - shift[i])
	}
}
