package train

import (
	"fmt"
	"maps"
	"slices"

	"hdmnet/internal/data"
	"hdmnet/internal/op"
)

// Group is the processes that train one network together. Every process holds the whole
// network and draws its own part of each batch; all make the same updates. Process 0
// alone validates and writes the run directory, which the others must be able to read.
// One alone is Solo.
//
// All processes make the same calls in the same order. When one ends with an error, the
// calls that the others wait in must fail.
type Group interface {
	Rank() int // this process, 0 ≤ Rank < Size
	Size() int
	// AllReduce replaces t (float32) in every process by the sum over all of them, the
	// same bits everywhere.
	AllReduce(t op.Tensor) error
	// Broadcast replaces t (float32) in every process by that of process root.
	Broadcast(t op.Tensor, root int) error
	// Barrier returns once every process has called it.
	Barrier() error
}

// Solo is the group of one process.
type Solo struct{}

// Rank is 0.
func (Solo) Rank() int { return 0 }

// Size is 1.
func (Solo) Size() int { return 1 }

// AllReduce leaves t as it is: the sum over one process.
func (Solo) AllReduce(op.Tensor) error { return nil }

// Broadcast leaves t as it is.
func (Solo) Broadcast(op.Tensor, int) error { return nil }

// Barrier returns at once.
func (Solo) Barrier() error { return nil }

// sum replaces v by its sum over the processes of a group.
func sum(g Group, dev op.Device, v []float32) error {
	if g.Size() == 1 {
		return nil
	}
	arena := op.NewArena(dev)
	defer arena.Close()
	t := arena.Float32(len(v))
	dev.Upload(t, v)
	if err := g.AllReduce(t); err != nil {
		return fmt.Errorf("talk to the other processes: %w", err)
	}
	dev.Download(v, t)
	return nil
}

// agree tells whether the flag is up in any process of the group.
func (s *stage) agree(flag bool) (bool, error) {
	v := []float32{0}
	if flag {
		v[0] = 1
	}
	err := sum(s.group, s.dev, v)
	return v[0] > 0, err
}

// share replaces values by their means over the processes. One that is no finite number
// in one process is none in all.
func (s *stage) share(values map[string]float64) error {
	if s.group.Size() == 1 || len(values) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(values))
	v := make([]float32, len(names))
	for i, name := range names {
		v[i] = float32(values[name])
	}
	if err := sum(s.group, s.dev, v); err != nil {
		return err
	}
	for i, name := range names {
		values[name] = float64(v[i]) / float64(s.group.Size())
	}
	return nil
}

// part draws the share of one process: of the batches of an epoch every size-th.
type part struct {
	data.Drawer
	batch, rank, size int
}

// Draw gives the draw of the position in the whole epoch.
func (p part) Draw(epoch, position int) data.Draw {
	batch := position/p.batch*p.size + p.rank
	return p.Drawer.Draw(epoch, batch*p.batch+position%p.batch)
}

// divide gives a loader the part of process g.Rank() of an epoch; processes augment
// their pictures differently.
func divide(o *data.LoaderOptions, g Group) error {
	if g.Size() == 1 {
		return nil
	}
	images := len(o.Index.Images)
	if o.Episodes = images / (o.Batch * g.Size()) * o.Batch; o.Episodes == 0 {
		return fmt.Errorf("%d pictures are too few for a batch of %d in each of %d processes; use a smaller batch or fewer processes", images, o.Batch, g.Size())
	}
	o.Drawer = part{data.NewDrawer(o.Index, o.Stage, o.Shots, o.Seed), o.Batch, g.Rank(), g.Size()}
	if g.Rank() > 0 {
		o.Seed = mix(o.Seed ^ mix(uint64(g.Rank())))
	}
	return nil
}
