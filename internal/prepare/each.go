package prepare

import (
	"context"
	"sync"
)

// each calls f for 0..n-1 on several goroutines and tells Progress under the name of the
// stage. It stops handing out work at the first error or when ctx ends, waits for what
// has begun, and returns the error of the lowest index, so that the message does not
// depend on the number of workers; or the context's.
func each(ctx context.Context, opt Options, stage string, n int, f func(i int) error) error {
	var (
		mu         sync.Mutex
		next, done int
		failed     = n
		first      error
		wg         sync.WaitGroup
	)
	// Work is handed out in order: when one piece fails, all before it have begun too.
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == n || first != nil || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	finish := func(i int, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil && i < failed {
			failed, first = i, err
		}
		done++
		if opt.Progress != nil {
			opt.Progress(stage, done, n)
		}
	}
	for range min(opt.workers(), n) {
		wg.Go(func() {
			for i, ok := take(); ok; i, ok = take() {
				finish(i, f(i))
			}
		})
	}
	wg.Wait()
	if first != nil {
		return first
	}
	return ctx.Err()
}
