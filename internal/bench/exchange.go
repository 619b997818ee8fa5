package bench

import (
	"context"
	"errors"
	"time"

	"hdmnet/internal/dist"
	"hdmnet/internal/op"
)

// TimeAllReduce returns the seconds that each of some sums of n floats over a group take, in
// this process, after one that is not timed. All processes call it.
func TimeAllReduce(dev op.Device, g dist.ProcessGroup, n, runs int) (seconds []float64, err error) {
	arena := op.NewArena(dev)
	defer func() { err = errors.Join(err, arena.Close()) }()
	t, last := arena.Zeros(n), make([]float32, 1)
	return timed(g, runs, func() error {
		err := g.AllReduce(t, dist.Sum)
		dev.Download(last, arena.Span(t, n-1, 1)) // waits for it
		return err
	})
}

// TimeGather is TimeAllReduce of a few bytes between the hosts: what an agreement takes.
func TimeGather(g dist.ProcessGroup, runs int) (seconds []float64, err error) {
	mine := make([]byte, 8)
	return timed(g, runs, func() error { _, err := g.Gather(mine); return err })
}

// TimeSteps is TimeAllReduce of a work's runs, each to its end.
func TimeSteps(ctx context.Context, g dist.ProcessGroup, runs int, w *Work) (seconds []float64, err error) {
	return timed(g, runs, func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return errors.Join(w.Run(), w.Finish())
	})
}

// timed times runs of f, all processes beginning each at about the same time.
func timed(g dist.ProcessGroup, runs int, f func() error) (seconds []float64, err error) {
	for run := range runs + 1 {
		if err := dist.Barrier(g); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		if run > 0 {
			seconds = append(seconds, time.Since(start).Seconds())
		}
	}
	return seconds, nil
}
