package bench

import (
	"context"
	"errors"

	"hdmnet/internal/op"
	"hdmnet/internal/profile"
)

// Stage is one part of the network in several runs of the same work.
type Stage struct {
	Name    string
	Seconds []float64 // one a run
}

// MeasureStages runs the work like Measure, on a device of its own over dev, and returns
// the time of every part of the network on the device, between marks in its own order of
// work. bundles says whether the device gets its bundles (op.Bundle) in one piece.
func MeasureStages(ctx context.Context, dev op.Device, o Options, r Runs, bundles bool) (stages []Stage, err error) {
	d := profile.NewStaged(dev)
	d.NoBundles = !bundles
	w, err := New(d, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if _, err := Measure(ctx, r, w.Run); err != nil {
		return nil, err
	}
	if err := w.Finish(); err != nil {
		return nil, err
	}
	for i, pass := range d.Passes()[r.Warmup:] {
		for k, s := range pass {
			if i == 0 {
				stages = append(stages, Stage{Name: s.Name})
			}
			stages[k].Seconds = append(stages[k].Seconds, s.Seconds)
		}
	}
	return stages, nil
}

// Share is what a part of the network asks of the device in one run.
type Share struct {
	Name    string
	FLOP    float64 // what is left without masked-out positions
	Bytes   float64 // every operator's tensors passing the memory once
	Seconds float64 // at the ceilings: of every operator the longer of its products and its memory
}

// Shares are the parts of the network by what they ask for, as the operators were called.
func (p *Profile) Shares(c Ceilings) []Share {
	at := map[string]int{}
	var all []Share
	for _, e := range p.runs[0] {
		k, ok := at[e.Stage]
		if !ok {
			k = len(all)
			at[e.Stage] = k
			all = append(all, Share{Name: e.Stage})
		}
		s, bytes := &all[k], e.Bytes*float64(e.Calls())
		s.FLOP += e.Needed
		s.Bytes += bytes
		s.Seconds += max(e.Needed/c.Product, bytes/c.Copy)
	}
	return all
}
