package cpu

import (
	"math"
	"unsafe"
)

//go:generate go run asm/vecmath.go -out vecmath_kernels_amd64.s -stubs vecmath_kernels_amd64.go -pkg cpu

// Constants of the reduction x = n·ln2 + r. ln2Hi has few enough bits that n·ln2Hi is
// exact for every n that occurs; ln2Lo is the rest.
const (
	log2e    = 1.4426950408889634
	ln2Hi    = 0.693359375
	ln2Lo    = -2.12194440054690583e-4
	roundBit = 3 << 22 // adding it to |t| < 2²² leaves round(t) in the low bits
)

// exp32 returns eˣ with an error below 2 units in the last place, denormal results,
// 0, +Inf and NaN included.
//
// r = x − n·ln2 lies in ±ln2/2, where the Taylor polynomial of degree 7 is off by
// 5e-9. The factor 2ⁿ is applied in two halves, each a normal number.
func exp32(x float32) float32 {
	if x > 89 {
		return float32(math.Inf(1))
	}
	if x < -104 {
		return 0
	}
	t := x*log2e + roundBit
	n := int32(math.Float32bits(t)) - int32(math.Float32bits(roundBit))
	t -= roundBit
	r := (x - t*ln2Hi) - t*ln2Lo
	p := (((((r*(1./5040)+1./720)*r+1./120)*r+1./24)*r+1./6)*r+0.5)*(r*r) + r + 1
	half := n >> 1
	return p * math.Float32frombits(uint32(half+127)<<23) * math.Float32frombits(uint32(n-half+127)<<23)
}

// expTo computes dst = exp(src − shift), element by element; dst may be src. The error
// is that of exp32.
func expTo(dst, src []float32, shift float32) { expSum(dst, src, shift) }

// expSum is expTo and returns Σ dst, added in an order that depends on the length alone.
func expSum(dst, src []float32, shift float32) float32 {
	dst = dst[:len(src)]
	whole := len(src) &^ (vecLanes - 1)
	var sum float32
	if whole > 0 {
		sum = expKernel(&dst[0], &src[0], whole, shift)
	}
	if whole < len(src) {
		var tail [vecLanes]float32
		for i := copy(tail[:], src[whole:]); i < vecLanes; i++ {
			tail[i] = float32(math.Inf(-1)) // exp gives 0
		}
		sum += expKernel(&tail[0], &tail[0], vecLanes, shift)
		copy(dst[whole:], tail[:])
	}
	return sum
}

// vecLanes divides the lengths that the kernels take: 16 floats are 64 bytes.
const vecLanes = 16

// expGo is the kernel of expSum in plain Go.
func expGo(dst, src *float32, n int, shift float32) float32 {
	x, y := unsafe.Slice(src, n), unsafe.Slice(dst, n)
	for i, v := range x {
		y[i] = exp32(v - shift)
	}
	return rowSum(y)
}

// rowMax is the largest element of x, −Inf without any. What it gives for a slice with
// NaN is not defined.
func rowMax(x []float32) float32 {
	top := float32(math.Inf(-1))
	whole := len(x) &^ (vecLanes - 1)
	if whole > 0 {
		top = maxKernel(&x[0], whole)
	}
	for _, v := range x[whole:] {
		if v > top {
			top = v
		}
	}
	return top
}

// maxGo is the kernel of rowMax in plain Go.
func maxGo(src *float32, n int) float32 {
	top := *src
	for _, v := range unsafe.Slice(src, n) {
		if v > top {
			top = v
		}
	}
	return top
}

// log32 returns the natural logarithm with an error below 2 units in the last place:
// −Inf for 0, NaN below it.
//
// x = 2ᵏ·(1+f) with 1+f in [√½, √2); with s = f/(2+f), log(1+f) = 2·atanh(s)
// = f − s·(f − 2(s²/3 + s⁴/5 + …)), where the terms after s⁸/9 are below 2e-9.
func log32(x float32) float32 {
	var k int32
	switch {
	case x < 0 || x != x:
		return float32(math.NaN())
	case x == 0:
		return float32(math.Inf(-1))
	case x > math.MaxFloat32:
		return x
	case x < 0x1p-126: // denormal
		x *= 1 << 23
		k = -23
	}
	const sqrtHalf = 0x3f3504f3 // bits of √½
	b := int32(math.Float32bits(x)) - sqrtHalf
	k += b >> 23
	f := math.Float32frombits(uint32(b&0x7fffff+sqrtHalf)) - 1
	s := f / (2 + f)
	z := s * s
	r := (((z*(2./9)+2./7)*z+2./5)*z + 2./3) * z
	n := float32(k)
	return n*ln2Hi + (f - (s*(f-r) - n*ln2Lo))
}
