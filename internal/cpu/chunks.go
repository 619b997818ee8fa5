package cpu

// elementGrain is how many elements of a cheap loop one chunk holds: enough to hide
// the cost of handing it out.
const elementGrain = 1 << 14

// rowGrain is how many rows of c elements make up about elementGrain elements.
func rowGrain(c int) int { return max(1, elementGrain/c) }

// chunkSums sums rows in parallel, in accumulators of F. Chunks are cut by the number of
// rows and the grain alone, at most 64 of them, and are added in order, in float64: the
// sums do not depend on the number of workers.
type chunkSums[A any, F float32 | float64] struct {
	loop *loop[chunkArgs[A, F]]
}

type chunkArgs[A any, F float32 | float64] struct {
	args         A
	part         []F // [chunks][width]
	grain, width int
}

// newChunkSums returns the sums whose body adds rows [lo,hi) to acc, which starts as zeros
// and belongs to the chunk.
func newChunkSums[A any, F float32 | float64](body func(a *A, lo, hi int, acc []F)) *chunkSums[A, F] {
	return &chunkSums[A, F]{newLoop(func(c *chunkArgs[A, F], lo, hi int) {
		acc := c.part[lo/c.grain*c.width:][:c.width]
		clear(acc)
		body(&c.args, lo, hi, acc)
	})}
}

// run returns the width sums over n rows, in chunks of at least grain. The caller gives
// them back with freeScratchOf.
func (s *chunkSums[A, F]) run(n, grain, width int, args A) []F {
	grain = max(1, grain, (n+63)/64)
	chunks := (n + grain - 1) / grain
	part := takeScratchOf[F](chunks * width)
	s.loop.run(n, grain, chunkArgs[A, F]{args, part, grain, width})
	sums := takeScratchOf[F](width)
	for j := range sums {
		total := 0.0
		for i := j; i < len(part); i += width {
			total += float64(part[i])
		}
		sums[j] = F(total)
	}
	freeScratchOf(part)
	return sums
}
