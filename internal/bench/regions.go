package bench

import (
	"context"
	"errors"

	"hdmnet/internal/op"
	"hdmnet/internal/profile"
)

// Region is one part of the network in several runs of the same work.
type Region struct {
	Name    string
	Seconds []float64 // one a run
}

// MeasureRegions runs the work like Measure, on a device of its own over dev, and returns
// the time of every part of the network on the device, between marks in its own order of
// work. graphs says whether the device gets what is captured (op.CaptureGraph) in one piece.
func MeasureRegions(ctx context.Context, dev op.Device, o Options, r Runs, graphs bool) (regions []Region, err error) {
	d := profile.NewRegions(dev)
	d.NoGraphs = !graphs
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
				regions = append(regions, Region{Name: s.Name})
			}
			regions[k].Seconds = append(regions[k].Seconds, s.Seconds)
		}
	}
	return regions, nil
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
		k, ok := at[e.Region]
		if !ok {
			k = len(all)
			at[e.Region] = k
			all = append(all, Share{Name: e.Region})
		}
		s, bytes := &all[k], e.Bytes*float64(e.Calls())
		s.FLOP += e.Needed
		s.Bytes += bytes
		s.Seconds += max(e.Needed/c.Product, bytes/c.Copy)
	}
	return all
}
