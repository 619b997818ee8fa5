package eval

import (
	"context"
	"fmt"

	"hdmnet/internal/data"
	"hdmnet/internal/metric"
	"hdmnet/internal/nn"
)

// Finder finds the objects of episodes at the size of their queries; those of package foundation do.
type Finder interface {
	// Find returns the object's probability for every pixel of the query, [e.H,e.W].
	Find(e *data.Episode) ([]float32, error)
}

// Find scores a Finder on the episodes of src as Meta scores the final output of HDMNet: a pixel
// is the object where its probability is above 1/2. Views and Loss are not used.
//
// Errors: those of the source and of the finder, with the episode's query; a picture that the
// device's memory cannot hold (*nn.MemoryError).
func Find(ctx context.Context, f Finder, tape *nn.Tape, src Source, o Options) ([]*Result, error) {
	all := results(&o, func() *Result { return newFound(&o) })
	err := o.each(ctx, tape, src, func(b *data.Batch) error {
		for _, e := range b.Episodes {
			if err := o.find(f, e, b.Side, all[o.run(e)]); err != nil {
				return fmt.Errorf("episode of %s: %w", e.QueryName, err)
			}
		}
		return nil
	}, func() { o.progress(all) })
	if err != nil {
		return nil, err
	}
	return all, o.combine(len(all), func(i int, t *Together) error { return all[i].combine(t) })
}

// find scores one episode, of inputs of a side.
func (o *Options) find(f Finder, e *data.Episode, side int, r *Result) error {
	p, err := f.Find(e)
	if err != nil {
		return err
	}
	if o.Refine != nil {
		o.Refine.Apply(p, e.Picture, e.H, e.W, side)
	}
	labels := make([]uint8, len(p))
	for i, v := range p {
		if v > 0.5 {
			labels[i] = 1
		}
	}
	r.Final.Add(e.Class, labels, e.Label)
	if r.Boundary != nil {
		r.Boundary.Add(e.Class, metric.Boundary(labels, e.H, e.W, metric.BoundaryRatio), metric.Boundary(e.Label, e.H, e.W, metric.BoundaryRatio))
	}
	if o.Seen == nil {
		return nil
	}
	return o.Seen(&Seen{Episode: e, Run: o.run(e), Final: labels, Object: p, fold: o.Fold})
}

// progress reports the mean of the runs so far.
func (o *Options) progress(all []*Result) {
	done, sum := 0, 0.0
	for _, r := range all {
		done, sum = done+r.Final.Episodes(), sum+r.Final.MIoU()
	}
	o.report(done, sum/float64(len(all)))
}
