//go:build ignore

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// geluEnd is where Φ is taken to be 0 or 1; Φ(−4.4) is 5.4e-6.
const geluEnd = 4.4

// geluSeries are the coefficients, from the highest on, of P(u) with Φ(x) ≈ ½ + x·P(2x²/geluEnd²−1)
// on |x| ≤ geluEnd: the least maximum error, 5.7e-6, of those that are 3e-7 below 0 at −geluEnd.
var geluSeries = []float32{0.0007171510369516909, -0.0017576742684468627, 0.002379158977419138, -0.004847065545618534,
	0.01028179470449686, -0.01765388995409012, 0.02734905108809471, -0.039765797555446625, 0.055154770612716675,
	-0.07862775772809982, 0.160406693816185}

// gelu generates GELU of rows, rounded to pairs of bf16 along them. Φ is a polynomial, max(0, …)
// makes it 0 below −geluEnd. x·Φ(x) is off by a share of 6e-5 for x > −2.5 and of 1.2e-3 down to
// −3.5, where the rounding to bf16 is off by up to 2⁻⁸. NaN stays NaN.
func gelu() {
	const name = "rowGELUBF16"
	var end, slope, one, half, zero, series = Z16, Z17, Z18, Z19, Z20, []VecPhysical{Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31}
	prepare := func() {
		table := GLOBL(name+"_constants", RODATA|NOPTR)
		at := 0
		put := func(c float32, z VecPhysical) {
			DATA(at, U32(math.Float32bits(c)))
			VBROADCASTSS(table.Offset(at), z)
			at += 4
		}
		put(geluEnd, end)
		put(2/geluEnd/geluEnd, slope)
		put(1, one)
		put(0.5, half)
		for i, c := range geluSeries {
			put(c, series[i])
		}
		VPXORD(zero, zero, zero)
	}
	round := func(low, high VecPhysical) {
		xs, limited, us, sums := []VecPhysical{low, high}, []VecPhysical{Z3, Z4}, []VecPhysical{Z5, Z6}, []VecPhysical{Z7, Z8}
		for i, x := range xs {
			const smallerMagnitude = 2 // with the sign of x
			VRANGEPS(Imm(smallerMagnitude), end, x, limited[i])
			VMULPS(slope, limited[i], us[i])
			VFMSUB213PS(one, limited[i], us[i])
			VMOVAPS(series[0], sums[i])
		}
		for _, c := range series[1:] {
			for i := range xs {
				VFMADD213PS(c, us[i], sums[i])
			}
		}
		for i, x := range xs {
			VFMADD213PS(half, limited[i], sums[i])
			VMAXPS(zero, sums[i], sums[i])
			VMULPS(sums[i], x, x)
		}
		vcvtne2ps2bf16(low, high, Z2)
	}
	alongRows(name, "x·Φ(x) rounded to bf16", prepare, round)
}
