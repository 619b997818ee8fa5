package dist

// Shard is one process's part of an epoch: of its batches every Size-th, from the Rank-th
// on, so that the batches that all processes draw in one step follow each other.
type Shard struct {
	Rank, Size int // of the process, of its group
	Batch      int // samples of one batch of one process
}

// Len is how many of the samples of an epoch the process draws: as many as every other, in
// whole batches. 0 means that the epoch is shorter than one batch for each process.
func (s Shard) Len(epoch int) int { return epoch / (s.Batch * s.Size) * s.Batch }

// Position is the place in the whole epoch of the sample that this process draws as its
// local-th.
func (s Shard) Position(local int) int {
	batch := local/s.Batch*s.Size + s.Rank
	return batch*s.Batch + local%s.Batch
}
