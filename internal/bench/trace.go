package bench

import (
	"context"
	"errors"
	"fmt"

	"hdmnet/internal/op"
	"hdmnet/internal/profile"
)

// TraceLaunches runs the work twice and returns what the device gave to its driver in the
// second run: by then weights are prepared, and memory is there.
func TraceLaunches(ctx context.Context, dev op.Device, o Options) (entries []profile.LaunchEntry, err error) {
	tracer := dev.Capabilities().Launches
	if tracer == nil {
		return nil, fmt.Errorf("%s launches no kernels that could be counted", dev.Name())
	}
	d := profile.NewLaunches(dev)
	defer tracer.TraceLaunches(nil)
	w, err := New(d, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	_, err = Measure(ctx, Runs{Warmup: 1, Runs: 1}, func() error {
		d.Reset()
		return w.Run()
	})
	if err != nil {
		return nil, err
	}
	entries = d.Entries()
	return entries, w.Finish()
}
