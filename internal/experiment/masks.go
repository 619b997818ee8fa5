package experiment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"hdmnet/internal/data"
	"hdmnet/internal/dist"
)

// ReadTogether lets the processes of a link share the reading of masks: each mask is read by
// one of them. From then on they must call Index, IndexTraining and GFSSIndex at the same
// time, with the same lists.
func (d *Dataset) ReadTogether(l dist.Link) { d.link = l }

// countTogether is data.CountAreas by all processes: each reads its part, and tells the others
// what it has counted. An error in one is an error in all.
func (d *Dataset) countTogether(ctx context.Context, src data.Source, workers int, progress func(done, total int)) (data.Areas, error) {
	place := d.link.Place()
	if place.Size == 1 {
		return data.CountAreas(ctx, src, workers, progress)
	}
	if err := sameList(d.link, src); err != nil {
		return nil, err
	}
	n := src.Len()
	mine, err := data.CountAreas(ctx, &partOf{src, place.Shard(1)}, workers, func(done, _ int) {
		if progress != nil {
			progress(min(done*place.Size, n), n) // the others are about as far
		}
	})
	if err := dist.Agree(d.link, err); err != nil {
		return nil, err
	}
	return dist.Collect(d.link, n, mine)
}

// sameList fails, in all processes, where one has other pictures than process 0.
func sameList(l dist.Link, src data.Source) error {
	h := sha256.New()
	for i := range src.Len() {
		h.Write([]byte(src.Name(i) + "\n"))
	}
	all, err := l.Gather(h.Sum(nil))
	if err != nil {
		return err
	}
	for rank, sum := range all {
		if !bytes.Equal(sum, all[0]) {
			return dist.Agreed(fmt.Errorf("process %d reads another list of pictures than process 0: the lists must hold the same pictures in the same order on all machines", rank))
		}
	}
	return nil
}

// partOf is the pictures of a source that a process reads.
type partOf struct {
	src  data.Source
	part dist.Shard
}

func (p *partOf) Len() int                        { return p.part.Len(p.src.Len()) }
func (p *partOf) Name(i int) string               { return p.src.Name(p.part.Position(i)) }
func (p *partOf) Load(i int) (*data.Scene, error) { return p.src.Load(p.part.Position(i)) }
func (p *partOf) LoadMask(i int) ([]uint8, error) {
	if m, ok := p.src.(data.MaskSource); ok {
		return m.LoadMask(p.part.Position(i))
	}
	scene, err := p.Load(i)
	if err != nil {
		return nil, err
	}
	return scene.Mask, nil
}
