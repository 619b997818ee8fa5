package cpu

// erfEnd is where erf rounds to 1 in float32.
const erfEnd = 3.95

// erf64 returns the error function with a relative error below 2e-9, NaN included.
//
// erf(x) = x·P(x²)/Q(x²) with P and Q of degrees 6 and 5, the least maximum relative
// error on |x| ≤ erfEnd; beyond it the result is ±1. In scalar code float64 costs no more
// than float32 and spares the rounding of the two polynomials.
func erf64(x float64) float64 {
	if x > erfEnd {
		return 1
	}
	if x < -erfEnd {
		return -1
	}
	t := x * x
	t2 := t * t
	p := (1.12837916924730347 + 0.185167937224455925*t) +
		t2*((0.0542749941898280665+0.00384337291552073256*t)+
			t2*((0.00037795213845433163+4.64086918753988252e-6*t)-t2*1.29692222342551333e-8))
	q := (1 + 0.497434221203217728*t) +
		t2*((0.113910869511248479+0.0154437775107688342*t)+
			t2*(0.00130408353178154874+0.0000626966217686619491*t))
	return x * p / q
}
