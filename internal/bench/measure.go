package bench

import (
	"cmp"
	"context"
	"slices"
	"time"

	"hdmnet/internal/profile"
)

// Runs say how often something is run.
type Runs struct {
	Warmup, Runs int
	// Progress is told after every run, those of the warm-up not counted, how many are done
	// and how long the last one took; nil: nobody is told.
	Progress func(done, total int, seconds float64)
}

// Measure runs f, at first Warmup times, and returns the seconds of each of the other Runs.
// It stops at the first error, and between two runs when ctx ends.
func Measure(ctx context.Context, r Runs, f func() error) ([]float64, error) {
	var seconds []float64
	for i := range r.Warmup + r.Runs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		if i < r.Warmup {
			continue
		}
		seconds = append(seconds, time.Since(start).Seconds())
		if r.Progress != nil {
			r.Progress(len(seconds), r.Runs, seconds[len(seconds)-1])
		}
	}
	return seconds, nil
}

// Profile is what the operators took in several runs of the same work.
type Profile struct {
	Seconds []float64 // of each run, the noting of times included
	runs    [][]profile.Entry
}

// MeasureOperators runs f, whose network is on d, like Measure and notes every operator.
func MeasureOperators(ctx context.Context, d *profile.Timed, r Runs, f func() error) (*Profile, error) {
	p := &Profile{}
	if _, err := Measure(ctx, Runs{Warmup: r.Warmup}, f); err != nil {
		return nil, err
	}
	var err error
	p.Seconds, err = Measure(ctx, Runs{Runs: r.Runs, Progress: r.Progress}, func() error {
		d.Reset()
		err := f()
		p.runs = append(p.runs, d.Entries())
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Operator is one operator's part of a run.
type Operator struct {
	Name        string
	Calls       int
	Seconds     []float64 // of all its calls, one a run
	FLOP, Bytes float64   // of all its calls; see profile.Entry
}

// Operators are those that were called in every run.
func (p *Profile) Operators() []Operator {
	at := map[string]int{}
	var all []Operator
	for run, entries := range p.runs {
		for i := range entries {
			e := &entries[i]
			k, ok := at[e.Operator]
			if !ok {
				k = len(all)
				at[e.Operator] = k
				all = append(all, Operator{Name: e.Operator, Seconds: make([]float64, len(p.runs))})
			}
			o := &all[k]
			o.Seconds[run] += e.Total()
			if run == 0 {
				o.Calls += e.Calls()
				o.FLOP += e.FLOP * float64(e.Calls())
				o.Bytes += e.Bytes * float64(e.Calls())
			}
		}
	}
	return all
}

// Shapes are the calls of one operator on the same shapes: the entry's Seconds are of all
// runs, and PerRun is how many of them a run makes.
type Shapes struct {
	profile.Entry
	PerRun int
}

// Shapes are the operators by the shapes they were called on, as the first run met them.
func (p *Profile) Shapes() []Shapes {
	type key struct{ operator, shapes string }
	at := map[key]int{}
	var all []Shapes
	for run, entries := range p.runs {
		for _, e := range entries {
			k := key{e.Operator, e.Shapes}
			i, ok := at[k]
			switch {
			case !ok && run == 0:
				at[k] = len(all)
				all = append(all, Shapes{Entry: e, PerRun: e.Calls()})
			case ok:
				all[i].Seconds = append(all[i].Seconds, e.Seconds...)
				if run == 0 { // in another part of the network
					all[i].PerRun += e.Calls()
				}
			}
		}
	}
	return all
}

// Products are the matrix products among the forward operators with weights, each once,
// the largest first: those of Linear and of the convolutions.
func (p *Profile) Products() []Product {
	var all []Product
	for _, s := range p.Shapes() {
		switch s.Operator {
		case "Linear", "Conv2D", "FrozenConv2D":
			if q := (Product{s.M, s.N, s.K}); !slices.Contains(all, q) {
				all = append(all, q)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Product) int { return cmp.Compare(b.FLOP(), a.FLOP()) })
	return all
}
