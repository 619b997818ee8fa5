package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"hdmnet/internal/bench"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/op"
	"hdmnet/internal/profile"
)

// traceReport is the result of `bench model --trace`.
type traceReport struct {
	workload
	Precision string        `json:"precision"`
	Total     traceCount    `json:"total"`
	Parts     []traceCount  `json:"parts"`   // in the order of the network
	Kernels   []traceCount  `json:"kernels"` // those that move most first
	Details   []traceDetail `json:"details"` // in the order of the first launch
}

// traceCount is what a batch, or a part of it, gives to the driver.
type traceCount struct {
	Name     string  `json:"name,omitempty"`
	Launches int     `json:"launches"` // of kernels and of libraries
	Few      int     `json:"few"`      // those of kernels in fewer than many blocks
	Zeroings int     `json:"zeroings"`
	Copies   int     `json:"copies"`  // on the device
	Host     int     `json:"uploads"` // copies from and to the host
	GB       float64 `json:"gb"`      // of the operands of all of these
}

// many is how many blocks give each multiprocessor of an H100 or H200 one.
const many = 132

// traceDetail is the launches of one kernel in as many blocks by one operator in one part.
type traceDetail struct {
	Part     string  `json:"part"`
	Operator string  `json:"operator"`
	Kernel   string  `json:"kernel"`
	Blocks   int     `json:"blocks"`
	Count    int     `json:"count"`
	GB       float64 `json:"gb"`
}

func (c *traceCount) add(e *profile.LaunchEntry) {
	switch e.Kind {
	case op.LaunchKernel, op.LaunchLibrary:
		c.Launches += e.Count
		if e.Kind == op.LaunchKernel && e.Blocks < many {
			c.Few += e.Count
		}
	case op.LaunchZero:
		c.Zeroings += e.Count
	case op.LaunchCopy:
		c.Copies += e.Count
	case op.LaunchUpload, op.LaunchDownload:
		c.Host += e.Count
	}
	c.GB += float64(e.Bytes) / giga
}

func runTrace(ctx context.Context, io ui.Streams, o *modelOptions, dev op.Device, w *workload) error {
	if dev.Capabilities().Launches == nil {
		return ui.Usagef("--trace counts the launches of a GPU, and %s has none: choose --device cuda (a build with CUDA)", dev.Name())
	}
	entries, err := bench.TraceLaunches(ctx, dev, w.options)
	if err != nil {
		return err
	}
	r := &traceReport{workload: *w, Precision: w.options.Config.Precision}
	for i := range entries {
		e := &entries[i]
		r.Total.add(e)
		named(&r.Parts, e.Region).add(e)
		named(&r.Kernels, e.Name).add(e)
		r.Details = append(r.Details, traceDetail{e.Region, e.Operator, e.Name, e.Blocks, e.Count, float64(e.Bytes) / giga})
	}
	slices.SortStableFunc(r.Kernels, func(a, b traceCount) int { return cmp.Compare(b.GB, a.GB) })
	if o.json {
		return ui.PrintJSON(io, r)
	}
	return r.print(io.Out)
}

// named returns the count of a name, a new one where there is none.
func named(all *[]traceCount, name string) *traceCount {
	i := slices.IndexFunc(*all, func(c traceCount) bool { return c.Name == name })
	if i < 0 {
		i = len(*all)
		*all = append(*all, traceCount{Name: name})
	}
	return &(*all)[i]
}

func (r *traceReport) print(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v, %s\n\n", &r.workload, r.Precision)
	fmt.Fprintf(&b, "%d launches of kernels, %d of them in fewer than %d blocks (few), %d zeroings, %d copies on the device, %d from or to the host; %.2f GB of operands\n",
		r.Total.Launches, r.Total.Few, many, r.Total.Zeroings, r.Total.Copies, r.Total.Host, r.Total.GB)
	for _, table := range []struct {
		name string
		rows []traceCount
	}{{"part", r.Parts}, {"kernel", r.Kernels}} {
		b.WriteByte('\n')
		w := ui.NumberTable(&b)
		fmt.Fprintf(w, "%s\tlaunches\tfew\tzeroings\tcopies\thost\tGB\tshare\t\n", table.name)
		for _, c := range table.rows {
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%.3f\t%.1f%%\t\n", c.Name, c.Launches, c.Few, c.Zeroings, c.Copies, c.Host, c.GB, 100*c.GB/r.Total.GB)
		}
		w.Flush() // into memory: it cannot fail
	}
	_, err := out.Write(b.Bytes())
	return err
}
