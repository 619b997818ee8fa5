package bench

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"hdmnet/internal/bench"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/model"
	"hdmnet/internal/op"
)

// stagesReport is what the parts of the network took, and what the device's ceilings allow.
type stagesReport struct {
	copyRates
	// Needed is the 10⁹ operations of a batch that are left after the exact shortcuts, as
	// the operators were called; Floor is the seconds of these at the rate of large
	// products, Share that of the median time of a batch.
	Needed float64 `json:"needed_gflop"`
	Floor  float64 `json:"floor_seconds"`
	Share  float64 `json:"share_of_floor"`
	// OnDevice is the seconds of all parts but the copies from and to the host.
	OnDevice float64     `json:"on_device_seconds"`
	Parts    []stageTime `json:"parts"`
}

// stageTime is one part of the network in a batch.
type stageTime struct {
	Name    string  `json:"name"`
	MS      float64 `json:"ms"`
	ApartMS float64 `json:"apart_ms"` // with every operator given to the device by itself; 0 where that is the only way
	GFLOP   float64 `json:"gflop"`    // without masked-out positions
	GB      float64 `json:"gb"`       // every operator's tensors passing the memory once
	FloorMS float64 `json:"floor_ms"` // at the ceilings, operator by operator
	Share   float64 `json:"share"`    // FloorMS of MS; above 1 where operators do with less than they are defined by
}

// newStagesReport measures the ceilings and, in runs of their own, the parts. r has been
// timed, p is its operators.
func newStagesReport(ctx context.Context, io ui.Streams, dev op.Device, o *modelOptions, r *modelReport, p *bench.Profile) (*stagesReport, error) {
	c := bench.Ceilings{Product: r.PeakGFLOPS * giga}
	if err := c.MeasureCopies(ctx, dev); err != nil {
		return nil, err
	}
	s := &stagesReport{copyRates: newCopyRates(c)}
	runs, bar := o.count(io, "timing the parts")
	defer bar.Finish()
	whole, err := bench.MeasureRegions(ctx, dev, r.options, runs, true)
	if err != nil {
		return nil, err
	}
	var apart []bench.Region
	if dev.Capabilities().Graphs != nil {
		if apart, err = bench.MeasureRegions(ctx, dev, r.options, runs, false); err != nil {
			return nil, err
		}
	}
	shares := p.Shares(c)
	for i, part := range whole {
		q := stageTime{Name: part.Name, MS: 1000 * median(part.Seconds)}
		if apart != nil {
			q.ApartMS = 1000 * median(apart[i].Seconds)
		}
		if k := slices.IndexFunc(shares, func(s bench.Share) bool { return s.Name == part.Name }); k >= 0 {
			q.GFLOP, q.GB, q.FloorMS = shares[k].FLOP/giga, shares[k].Bytes/giga, 1000*shares[k].Seconds
		}
		q.Share = q.FloorMS / q.MS
		s.Needed += q.GFLOP
		if q.Name != model.RegionUpload && q.Name != model.RegionResults {
			s.OnDevice += q.MS / 1000
		}
		s.Parts = append(s.Parts, q)
	}
	s.Floor = s.Needed / r.PeakGFLOPS
	s.Share = s.Floor / r.Seconds.Median
	return s, nil
}

func (s *stagesReport) print(b *bytes.Buffer) {
	fmt.Fprintf(b, "floor        %.4g GF are left after the exact shortcuts: %.2f ms at the rate of large products, %.0f%% of the time\n",
		s.Needed, 1000*s.Floor, 100*s.Share)
	fmt.Fprintf(b, "copies       %v\n", s.copyRates)
	fmt.Fprintf(b, "\nparts of a batch: %.2f ms without the copies from and to the host\n\n", 1000*s.OnDevice)
	w := ui.NumberTable(b)
	fmt.Fprintf(w, "part\tms\tapart ms\tGF\tGB\tfloor ms\tshare\t\n")
	for _, p := range s.Parts {
		apart := "-"
		if p.ApartMS > 0 {
			apart = fmt.Sprintf("%.2f", p.ApartMS)
		}
		fmt.Fprintf(w, "%s\t%.2f\t%s\t%s\t%.3g\t%.2f\t%.0f%%\t\n", p.Name, p.MS, apart, amount(p.GFLOP), p.GB, p.FloorMS, 100*p.Share)
	}
	w.Flush() // into memory: it cannot fail
}
