package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"hdmnet/internal/bench"
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/experiment"
	"hdmnet/internal/memlimit"
	"hdmnet/internal/op"
	"hdmnet/internal/picture"
	"hdmnet/internal/serve/engine"
)

// Side of the pictures that are searched, in pixels.
const photoH, photoW = 480, 640

type serveOptions struct {
	*flags.Settings
	config            string
	pictures, queries int
	clients           []int
	json              bool
}

func newServe(io ui.Streams) *cobra.Command {
	o := &serveOptions{}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Time the queue of hdmnet serve",
		Long: `Time the queue of hdmnet serve. An object is looked for in a folder of pictures, JPEG of
640×480: for the first time, when each picture is read and passes the backbone, and again with
another support, when its features are kept in memory. Then clients ask for one picture after
the other, whose features are kept, and each waits for its answer.

Weights and pictures are made up, the same on every machine. What is left out is HTTP and the
files of the project. The features of a picture take 59 MB at 473×473 with resnet50: there must
be memory for --pictures of them.`,
		Example: `  hdmnet bench serve --config pascal5i_resnet50
  hdmnet bench serve --config pascal5i_resnet50 --pictures 20 --clients 1,8 --json`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd.Context(), io, o) },
	}
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	flags.Config(cmd, &o.config)
	f.IntVar(&o.pictures, "pictures", 100, "pictures in the folder")
	f.IntVar(&o.queries, "queries", 64, "queries of all clients together, for each number of clients")
	f.IntSliceVar(&o.clients, "clients", []int{1, 4, 16}, "how many clients ask at a time")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	flags.Shots(o.Settings)
	f.Int("size", 0, "side of the network's square input in pixels")
	flags.Device(o.Settings)
	o.Bind("size", "model.size")
	return cmd
}

// serveReport is the result of `bench serve`.
type serveReport struct {
	Machine  machine   `json:"machine"`
	Backbone string    `json:"backbone"`
	Shots    int       `json:"shots"`
	Size     int       `json:"size"`
	Pictures int       `json:"pictures"`
	First    float64   `json:"first_pictures_per_second"`
	Again    float64   `json:"again_pictures_per_second"`
	Gain     float64   `json:"gain"`
	Latency  []latency `json:"latency"`
	PeakMiB  float64   `json:"peak_mib"`
}

// latency is how long clients wait.
type latency struct {
	Clients int     `json:"clients"`
	P50     float64 `json:"p50_ms"`
	P95     float64 `json:"p95_ms"`
	Rate    float64 `json:"queries_per_second"`
}

func runServe(ctx context.Context, io ui.Streams, o *serveOptions) (err error) {
	if o.pictures < 1 || o.queries < 1 || len(o.clients) == 0 || slices.Min(o.clients) < 1 {
		return ui.Usagef("--pictures %d, --queries %d, --clients %v: expected numbers from 1", o.pictures, o.queries, o.clients)
	}
	c, err := o.Load(io, o.config)
	if err != nil {
		return err
	}
	dev, err := flags.OpenDevice(ctx, io, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	r := &serveReport{Backbone: c.Model.Backbone, Shots: c.Model.Shots, Size: c.Model.Size, Pictures: o.pictures}
	if r.Machine, err = thisMachine(dev); err != nil {
		return err
	}
	if err := o.measure(ctx, io, dev, c, r); err != nil {
		return err
	}
	r.PeakMiB = float64(peakMemory()) / mib
	if o.json {
		return ui.PrintJSON(io, r)
	}
	_, err = io.Out.Write(r.text())
	return err
}

// measure fills the report.
func (o *serveOptions) measure(ctx context.Context, io ui.Streams, dev op.Device, c *config.Config, r *serveReport) (err error) {
	set, err := experiment.Open(&c.Dataset, 0)
	if err != nil {
		return err
	}
	net, err := bench.NewNetwork(dev, c, set.Fold)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	left, _ := memlimit.Left()
	if err := net.CacheFeatures(net.Tape, left*3/4); err != nil {
		return err
	}
	e := engine.New(net, net.Tape, engine.Options{Size: c.Model.Size, Batch: engine.Batch(dev, c.Model.Size), Panicked: func(text string) { io.Warn("%s", text) }})
	defer e.Close()
	queries, err := o.photos()
	if err != nil {
		return err
	}
	var sets []*engine.Supports
	for i := range 3 { // one to warm up with, and two to compare
		s, err := supports(ctx, e, i, c.Model.Shots)
		if err != nil {
			return err
		}
		sets = append(sets, s)
	}
	warm, err := query("warm")
	if err != nil {
		return err
	}
	if _, err := e.Find(ctx, sets[0], warm); err != nil {
		return err
	}
	if r.First, err = o.folder(ctx, io, "first pass", e, sets[1], queries); err != nil {
		return err
	}
	if r.Again, err = o.folder(ctx, io, "another support", e, sets[2], queries); err != nil {
		return err
	}
	r.Gain = r.Again / r.First
	if kept := e.Stats().Kept; kept < o.pictures {
		io.Warn("the features of %d of %d pictures were kept: memory is short; measure with fewer --pictures", kept, o.pictures)
	}
	for _, n := range o.clients {
		l, err := o.wait(ctx, e, sets[2], queries, n)
		if err != nil {
			return err
		}
		r.Latency = append(r.Latency, l)
	}
	return nil
}

// query is a made-up picture.
func query(name string) (engine.Query, error) {
	content, err := bench.Photo(name, photoH, photoW)
	reader := picture.Reader{}
	return engine.Query{Name: name, Load: func(context.Context) (*picture.Photo, error) { return reader.Photo(content, name) }}, err
}

func (o *serveOptions) photos() ([]engine.Query, error) {
	var all []engine.Query
	for i := range o.pictures {
		q, err := query(fmt.Sprintf("query %d", i))
		if err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// supports are k pictures with an object.
func supports(ctx context.Context, e *engine.Engine, number, k int) (*engine.Supports, error) {
	s := &engine.Supports{Key: fmt.Sprint(number)}
	for i := range k {
		name := fmt.Sprintf("support %d of %d", i, number)
		q, err := query(name)
		if err != nil {
			return nil, err
		}
		p, err := q.Load(ctx)
		if err != nil {
			return nil, err
		}
		s.Examples = append(s.Examples, e.Example(name, p, bench.PhotoMask(name, photoH, photoW)))
	}
	return s, nil
}

// folder looks for an object in all pictures, as a job does, and gives the pictures a second.
func (o *serveOptions) folder(ctx context.Context, io ui.Streams, label string, e *engine.Engine, s *engine.Supports, queries []engine.Query) (float64, error) {
	bar := ui.NewProgress(io, label, "pictures")
	defer bar.Finish()
	start := time.Now()
	var under []*engine.Task
	for i := range len(queries) + e.Ahead() {
		if i < len(queries) {
			under = append(under, e.Submit(ctx, s, queries[i]))
		}
		if done := i - e.Ahead(); done >= 0 && done < len(queries) {
			if _, err := under[done].Wait(); err != nil {
				return 0, err
			}
			bar.Update(done+1, len(queries), "")
		}
	}
	return float64(len(queries)) / time.Since(start).Seconds(), nil
}

// wait lets n clients ask, each for one picture after the other.
func (o *serveOptions) wait(ctx context.Context, e *engine.Engine, s *engine.Supports, queries []engine.Query, n int) (latency, error) {
	var mu sync.Mutex
	var ms []float64
	var failed error
	var group sync.WaitGroup
	start := time.Now()
	for client := range n {
		group.Go(func() {
			for i := client; i < max(o.queries, n); i += n {
				asked := time.Now()
				_, err := e.Find(ctx, s, queries[i%len(queries)])
				mu.Lock()
				ms = append(ms, 1000*time.Since(asked).Seconds())
				failed = errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if failed != nil {
		return latency{}, failed
	}
	slices.Sort(ms)
	at := func(share float64) float64 { return ms[min(len(ms)-1, int(share*float64(len(ms))))] }
	return latency{n, at(0.5), at(0.95), float64(len(ms)) / time.Since(start).Seconds()}, nil
}

func (r *serveReport) text() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v\n%s, %d-shot, %d×%d; %d pictures of %d×%d, JPEG\n\n", r.Machine, r.Backbone, r.Shots, r.Size, r.Size, r.Pictures, photoW, photoH)
	fmt.Fprintf(&b, "first pass       %.3g pictures a second\nanother support  %.3g pictures a second, %.1f times the first pass\n\n", r.First, r.Again, r.Gain)
	w := ui.NumberTable(&b)
	fmt.Fprintf(w, "clients\tp50 ms\tp95 ms\tqueries/s\t\n")
	for _, l := range r.Latency {
		fmt.Fprintf(w, "%d\t%.1f\t%.1f\t%.3g\t\n", l.Clients, l.P50, l.P95, l.Rate)
	}
	w.Flush() // into memory: it cannot fail
	fmt.Fprintf(&b, "\npeak memory %.0f MiB\n", r.PeakMiB)
	return b.Bytes()
}
