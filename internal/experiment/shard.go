package experiment

import (
	"fmt"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/splitmix"
)

// shardDrawer draws one process's part of the epoch that its Drawer draws.
type shardDrawer struct {
	data.Drawer
	dist.Shard
}

// Draw gives the draw of the position in the whole epoch.
func (d shardDrawer) Draw(epoch, position int) data.Draw {
	return d.Drawer.Draw(epoch, d.Position(position))
}

// shard gives a loader the part of process g.Place().Rank of an epoch; processes augment their
// pictures differently.
func shard(o *data.LoaderOptions, g dist.ProcessGroup) error {
	if g.Place().Size == 1 {
		return nil
	}
	s := dist.Shard{Rank: g.Place().Rank, Size: g.Place().Size, Batch: o.Batch}
	images := len(o.Index.Images)
	if o.Episodes = s.Len(images); o.Episodes == 0 {
		return fmt.Errorf("%d pictures are too few for a batch of %d in each of %d processes; use a smaller batch or fewer processes", images, o.Batch, g.Place().Size)
	}
	if o.Drawer == nil {
		o.Drawer = data.NewDrawer(o.Index, o.Stage, o.Shots, o.Seed)
	}
	o.Drawer = shardDrawer{o.Drawer, s}
	if g.Place().Rank > 0 {
		o.Seed = splitmix.Mix(o.Seed ^ splitmix.Mix(uint64(g.Place().Rank)))
	}
	return nil
}
