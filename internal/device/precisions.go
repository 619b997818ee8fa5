package device

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hdmnet/internal/op"
)

// Timing is how long a device took for work like the network's in a precision.
type Timing struct {
	Precision op.Precision
	Seconds   float64 // the shortest of several runs
}

// timingBudget is about how long MeasurePrecisions measures.
const timingBudget = 1500 * time.Millisecond

// worthwhile is the share of the time of a finer precision that a coarser one must save.
const worthwhile = 0.05

// MeasurePrecisions measures every precision in which the named device opens, from the
// finest to the coarsest, in turns: what else the machine does meanwhile slows all of them.
// It says nothing about a device that opens in one precision only: its time is 0. opened is called
// with the device in each precision, before it computes.
func MeasurePrecisions(ctx context.Context, name string, opened func(op.Device)) (all []Timing, err error) {
	var works []*rehearsal
	defer func() {
		for _, w := range works {
			err = errors.Join(err, w.close(), w.dev.Close())
		}
	}()
	for i := range op.PrecisionNames() {
		dev, _, err := Open(name, op.Precision(i))
		if err != nil {
			if op.Precision(i) == op.FP32 {
				return nil, err // it does not open at all
			}
			continue
		}
		opened(dev)
		w, err := newRehearsal(dev)
		if err != nil {
			return nil, errors.Join(err, dev.Close())
		}
		works = append(works, w)
		all = append(all, Timing{Precision: op.Precision(i)})
	}
	if len(all) < 2 {
		return all, nil
	}
	start := time.Now()
	for round := 0; round < 2 || time.Since(start) < timingBudget; round++ {
		for i, w := range works {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			began := time.Now()
			w.run()
			seconds := time.Since(began).Seconds()
			if round < 2 || seconds < all[i].Seconds { // the first round warms up
				all[i].Seconds = seconds
			}
		}
	}
	return all, nil
}

// Fastest is the precision to choose for speed: the finest one whose time no coarser one
// undercuts by more than a twentieth, so that nothing is rounded for a difference that the
// next measurement may not find.
func Fastest(all []Timing) op.Precision {
	best := all[0]
	for _, t := range all[1:] {
		if t.Seconds < best.Seconds*(1-worthwhile) {
			best = t
		}
	}
	return best.Precision
}

// String is for reports: "bf16 24 ms".
func (t Timing) String() string { return fmt.Sprintf("%v %.3g ms", t.Precision, 1000*t.Seconds) }
