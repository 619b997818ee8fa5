package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hdmnet/internal/op"
)

// Product is the matrix product C[M,N] = A[M,K]·B[K,N].
type Product struct{ M, N, K int }

// FLOP is 2·M·N·K.
func (p Product) FLOP() float64 { return 2 * float64(p.M) * float64(p.N) * float64(p.K) }

// Rates are a product's operations per second, in each run.
type Rates struct {
	Linear []float64 // op.Linear: B is a parameter that may have changed since the last call
	Frozen []float64 // op.FrozenConv2D, 1×1: B has been prepared
}

// shortest is the least time of a run: a shorter product is repeated within it.
const shortest = 20 * time.Millisecond

// MeasureProduct times a product.
func MeasureProduct(ctx context.Context, dev op.Device, p Product, runs int) (r Rates, err error) {
	arena := op.NewArena(dev)
	defer func() { err = errors.Join(err, arena.Close()) }()
	a, b, c := arena.Float32(1, p.M, 1, p.K), arena.Float32(p.N, p.K), arena.Float32(1, p.M, 1, p.N)
	weights := ramp(p.N * p.K)
	dev.Upload(a, ramp(p.M*p.K))
	dev.Upload(b, weights)
	frozen, err := dev.FreezeConv2D(weights, nil, []int{p.N, 1, 1, p.K}, op.ConvParams{Stride: 1, Dilation: 1})
	if err != nil {
		return r, fmt.Errorf("%s: no memory for a product of %d×%d×%d: %w", dev.Name(), p.M, p.N, p.K, err)
	}
	defer func() { err = errors.Join(err, frozen.Close()) }()
	finished, one := op.Span(c, 0, 1), make([]float32, 1)
	wait := func() { dev.Download(one, finished) }
	if r.Linear, err = rates(ctx, p, runs, wait, func() { dev.Linear(c, a, b, nil) }); err == nil {
		r.Frozen, err = rates(ctx, p, runs, wait, func() { dev.FrozenConv2D(c, a, frozen, nil, op.NoActivation) })
	}
	return r, err
}

// rates are the operations per second of a product in each run.
func rates(ctx context.Context, p Product, runs int, wait, multiply func()) ([]float64, error) {
	repeat := 0
	for start := time.Now(); time.Since(start) < shortest; repeat++ { // the warm-up too
		multiply()
		wait()
	}
	seconds, err := Measure(ctx, Runs{Runs: runs}, func() error {
		for range repeat {
			multiply()
		}
		wait()
		return nil
	})
	for i, s := range seconds {
		seconds[i] = p.FLOP() * float64(repeat) / s
	}
	return seconds, err
}

// ramp is n small numbers of either sign.
func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i%7-3) / 4
	}
	return v
}
