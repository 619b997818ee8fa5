package eval

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/dist"
	"hdmnet/internal/eval"
	"hdmnet/internal/experiment"
	"hdmnet/internal/op"
)

// tableShots are the numbers of supports of the papers' tables.
var tableShots = []int{1, 5}

// tableReport is the papers' table: every fold and the mean, with 1 and with 5 shots.
type tableReport struct {
	about
	Rows []tableRow `json:"rows"`
}

// tableRow is one number of shots.
type tableRow struct {
	Shots      int    `json:"shots"`
	ShotFusion string `json:"shot_fusion,omitempty"`
	eval.Summary
	Folds []foldReport `json:"folds"`
}

// evalTable scores one network per fold with every number of shots of the papers. What
// cannot be scored with more than one shot, having too few pictures, is left out with a
// warning.
func (o *options) evalTable(ctx context.Context, io ui.Streams, dev op.Device, networks []*experiment.Trained, start time.Time) error {
	r := tableReport{about: o.about(networks, dev)}
	r.Shots = 0
	for _, shots := range tableShots {
		o.fused = ""
		for _, t := range networks {
			t.Model.Shots = shots
		}
		summaries, err := o.evalFolds(ctx, io, dev, networks)
		if err != nil && shots > 1 && !dist.Known(err) { // an end of all processes is none of the shots alone
			io.Warn("not scored with %d shots: %v", shots, err)
			continue
		}
		if err != nil {
			return err
		}
		r.Rows = append(r.Rows, tableRow{shots, o.fused, eval.Average(summaries), perFold(networks, summaries)})
	}
	r.Seconds, r.PeakMemory = time.Since(start).Seconds(), op.PeakMemory(dev)
	if o.json {
		return ui.PrintJSON(io, &r)
	}
	return r.print(io.Out)
}

// print writes the table; scores are in per cent.
func (r *tableReport) print(out io.Writer) error {
	var b bytes.Buffer
	r.head(&b)
	w := ui.NumberTable(&b)
	fmt.Fprint(w, "\t")
	for _, f := range r.Rows[0].Folds {
		fmt.Fprintf(w, "fold %d\t", f.Fold)
	}
	fmt.Fprint(w, "mean\t\n")
	for _, score := range []struct {
		name string
		of   func(*eval.Summary) float64
	}{{"mIoU", func(s *eval.Summary) float64 { return s.MIoU }}, {"FB-IoU", func(s *eval.Summary) float64 { return s.FBIoU }}} {
		for i := range r.Rows {
			row := &r.Rows[i]
			fmt.Fprintf(w, "%s, %s\t", score.name, ui.Count(row.Shots, "shot"))
			for k := range row.Folds {
				fmt.Fprintf(w, "%.2f\t", 100*score.of(&row.Folds[k].Summary))
			}
			fmt.Fprintf(w, "%.2f\t\n", 100*score.of(&row.Summary))
		}
	}
	w.Flush() // into memory: it cannot fail
	_, err := out.Write(b.Bytes())
	return err
}
