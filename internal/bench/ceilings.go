package bench

import (
	"context"
	"errors"
	"slices"

	"hdmnet/internal/op"
)

// Ceilings are the highest rates that a device reached: what no part of the network can
// go beyond.
type Ceilings struct {
	Product      float64 // floating-point operations a second of a large matrix product
	Copy         float64 // bytes a second of a large copy on the device, those read and those written
	HostToDevice float64 // bytes a second
	DeviceToHost float64
}

// largestCopy is the bytes of the tensors that Copy is measured with: beyond all caches.
const largestCopy = 1 << 30

// MeasureCeilings measures a device's ceilings.
func MeasureCeilings(ctx context.Context, dev op.Device) (c Ceilings, err error) {
	if c.Product, err = Peak(ctx, dev); err != nil {
		return c, err
	}
	return c, c.MeasureCopies(ctx, dev)
}

// Peak is the highest rate, in operations per second, of any run of square products: of
// 64³ to 8192³, as long as one takes less than a quarter of a second.
func Peak(ctx context.Context, dev op.Device) (float64, error) {
	best := 0.0
	for n := 64; n <= 8192; n *= 2 {
		p := Product{n, n, n}
		r, err := MeasureProduct(ctx, dev, p, 3)
		if err != nil {
			return 0, err
		}
		best = max(best, slices.Max(r.Frozen), slices.Max(r.Linear))
		if 8*p.FLOP()/best > 0.25 {
			break
		}
	}
	return best, nil
}

// MeasureCopies measures copies of larger and larger tensors, as long as one takes less than
// a fortieth of a second; the largest counts.
func (c *Ceilings) MeasureCopies(ctx context.Context, dev op.Device) (err error) {
	arena := op.NewArena(dev)
	defer func() { err = errors.Join(err, arena.Close()) }()
	one := make([]float32, 1)
	for bytes := 1 << 22; bytes <= largestCopy; bytes *= 4 {
		arena.Reset()
		a, b, host := arena.Zeros(bytes/4), arena.Zeros(bytes/4), ramp(bytes/4)
		slowest := 0.0
		rate := func(factor float64, f func()) (float64, error) {
			seconds, err := Measure(ctx, Runs{Warmup: 1, Runs: 5}, func() error {
				f()
				dev.Download(one, op.Span(b, 0, 1)) // waits for all copies
				return nil
			})
			if err != nil {
				return 0, err
			}
			slowest = max(slowest, slices.Min(seconds))
			return factor * float64(bytes) / slices.Min(seconds), nil
		}
		if c.HostToDevice, err = rate(1, func() { dev.Upload(b, host) }); err != nil {
			return err
		}
		if c.DeviceToHost, err = rate(1, func() { dev.Download(host, b) }); err != nil {
			return err
		}
		const repeat = 4
		if c.Copy, err = rate(2*repeat, func() {
			for range repeat / 2 {
				dev.Copy(b, a)
				dev.Copy(a, b)
			}
		}); err != nil {
			return err
		}
		if slowest > 0.025 {
			break
		}
	}
	return nil
}
