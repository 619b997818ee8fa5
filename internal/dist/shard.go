package dist

// Shard is one process's part of an epoch: of its blocks of positions every Size-th, from
// the Rank-th on, so that the blocks that all processes take at a time follow each other. The zero value is all of it.
type Shard struct {
	Rank, Size int // of the process, of its group
	Block      int // positions, a batch for instance
}

// Len is how many of n positions are this process's. Only the end of an epoch may have
// blocks for some processes and not for others.
func (s Shard) Len(n int) int {
	round := s.Block * s.Size
	return n/round*s.Block + min(max(n%round-s.Rank*s.Block, 0), s.Block)
}

// Position is the place in the whole epoch of what this process takes as its local-th.
func (s Shard) Position(local int) int {
	return (local/s.Block*s.Size+s.Rank)*s.Block + local%s.Block
}

// Shard is the part of this process in blocks of so many positions.
func (p Place) Shard(block int) Shard { return Shard{Rank: p.Rank, Size: p.Size, Block: block} }
