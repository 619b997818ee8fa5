package experiment

import (
	"fmt"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
)

// shardTraining gives a loader its process's part of an epoch of whole batches and returns
// how many of them the whole epoch has. The base stage takes as many in every process at a
// time, because its batch norms are over all of them.
func shardTraining(o *data.LoaderOptions, p dist.Place) (batches int, err error) {
	images := len(o.Index.Images)
	if batches = images / o.Batch; batches < p.Size {
		return 0, fmt.Errorf("%d pictures are too few for a batch of %d in each of %d processes; use a smaller batch or fewer processes", images, o.Batch, p.Size)
	}
	if o.Stage == data.Base {
		batches -= batches % p.Size
	}
	o.Episodes = batches * o.Batch
	shard(o, p.Shard(o.Batch))
	return batches, nil
}

// shard leaves a loader its process's part of its episodes.
func shard(o *data.LoaderOptions, part dist.Shard) {
	if part.Size > 1 {
		o.Episodes, o.Place = part.Len(o.Episodes), part.Position
	}
}
