package cpu

//go:generate go run asm/elements.go asm/isa.go -out elements_amd64.s -stubs elements_amd64.go -pkg cpu
//go:generate go run asm/channels.go asm/isa.go -out channels_amd64.s -stubs channels_amd64.go -pkg cpu

// loopLanes is what the assembly loops take a multiple of, in elements or channels.
const loopLanes = 16

// vectorLoops are the inner loops of an instruction set; the operators' Go loops do
// what they leave over, and everything where they are nil. The names of the arguments
// are those of the declarations of the assembly.
type vectorLoops struct {
	// over n elements
	add                  func(dst, a, b *float32, n int)
	addScaled            func(y, x *float32, n int, alpha float32)
	scale                func(x *float32, n int, alpha float32)
	mix                  func(dst, a, b *float32, n int, u, v float32)
	relu                 func(y, x *float32, n int)
	reluGrad             func(dx, dy, y *float32, n int)
	weigh                func(x, a *float32, n int, shift float32)
	weighEach            func(x, a, shift *float32, n int)
	rotate               func(a, b, c, s *float32, n int)
	cosines              func(x, norms *float32, n int, norm, eps float32)
	dropout, dropoutGrad func(dst, src *float32, n int, z, limit uint64, scale float32)
	sgd                  func(p, m, grad *float32, n int, lr, momentum, decay float32)
	adamW                func(p, m, v, grad *float32, n int, b1, beta2, b2, decay, step, root, eps float32)

	// over rows of c channels
	normalize      func(y, x, mean, scale, shift *float32, c, rows int)
	scaleGrad      func(dx, dy, scale *float32, c, rows int)
	batchNormGrad  func(dx, dy, x, mean, a, p, q *float32, c, rows int)
	channelSums    func(sum *float64, x *float32, c, ld, rows int)
	channelSquares func(sum *float64, x, mean *float32, c, ld, rows int)
	channelDots    func(dot, sum *float64, dy, x, mean *float32, c, ld, rows int)
	layerNorm      func(y, mean, rstd, x, w, b *float32, c, rows int, share, eps float32)
	layerNormGrad  func(dx, dw, db, dy, x, w, mean, rstd *float32, c, rows int, share float32)
}

// noLoops is what an instruction set without assembly has.
var noLoops vectorLoops

// loopsFor returns the loops of the instruction set in use, and how many of n elements
// they take.
func loopsFor(n int) (*vectorLoops, int) {
	n &^= loopLanes - 1
	if n == 0 {
		return &noLoops, 0
	}
	return &currentISA().loops, n
}

// rowLoops returns the loops for rows of c channels: none unless they take all of them.
func rowLoops(c int) *vectorLoops {
	loops, n := loopsFor(c)
	if n != c {
		return &noLoops
	}
	return loops
}
