package nn

// pool hands out short slices that are all given back at once, and used again.
type pool[T any] struct {
	blocks [][]T
	block  int // the one in use
	used   int // elements of it
}

// poolBlock is how many elements a pool allocates at a time.
const poolBlock = 256

// take returns n zero elements, to be used until reset.
func (p *pool[T]) take(n int) []T {
	for ; p.block < len(p.blocks) && p.used+n > len(p.blocks[p.block]); p.block++ {
		p.used = 0
	}
	if p.block == len(p.blocks) {
		p.blocks = append(p.blocks, make([]T, max(n, poolBlock)))
		p.used = 0
	}
	s := p.blocks[p.block][p.used : p.used+n : p.used+n]
	p.used += n
	clear(s)
	return s
}

// reset takes everything back.
func (p *pool[T]) reset() { p.block, p.used = 0, 0 }
