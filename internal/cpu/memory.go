package cpu

// memoryGrain is how many elements one chunk of a loop clears or copies.
const memoryGrain = 1 << 15

var (
	zeros = newLoop(func(v *[]float32, lo, hi int) { clear((*v)[lo:hi]) })
	moves = newLoop(func(m *move, lo, hi int) { copy(m.dst[lo:hi], m.src[lo:hi]) })
)

// move is floats on their way from src to dst.
type move struct{ dst, src []float32 }

// copyFloats copies src to dst, which is as long.
func copyFloats(dst, src []float32) { moves.run(len(dst), memoryGrain, move{dst, src}) }
