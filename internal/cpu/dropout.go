package cpu

import (
	"math"

	"hdmnet/internal/op"
	"hdmnet/internal/splitmix"
)

// Dropout computes y = x/(1−P) where the draw keeps the element, else 0.
func (d *Device) Dropout(y, x op.Tensor, p op.DropoutParams) {
	n := op.CheckDropout(y, x, p)
	if p.Channel {
		scaleChannels(channelDropping, y, x, p)
		return
	}
	limit, scale := dropLimit(p)
	dropping.run(n, elementGrain, dropArgs{f32(y), f32(x), p.Seed, limit, scale})
}

// dropArgs are elements dst of src, scaled where their draw is at least limit.
type dropArgs struct {
	dst, src []float32
	seed     uint64
	limit    int64
	scale    float32
}

var (
	dropping = newLoop(func(a *dropArgs, lo, hi int) {
		y, x := a.dst[lo:hi], a.src[lo:hi]
		if loops, n := loopsFor(len(x)); loops.dropout != nil {
			loops.dropout(&y[0], &x[0], n, drawState(a.seed, lo), uint64(a.limit), a.scale)
			y, x = y[n:], x[n:]
			lo += n
		}
		y = y[:len(x)]
		for i, v := range x {
			y[i] = math.Float32frombits(math.Float32bits(v*a.scale) & keepMask(a.seed, lo+i, a.limit))
		}
	})
	droppingGrad = newLoop(func(a *dropArgs, lo, hi int) {
		dx, g := a.dst[lo:hi], a.src[lo:hi]
		if loops, n := loopsFor(len(g)); loops.dropoutGrad != nil {
			loops.dropoutGrad(&dx[0], &g[0], n, drawState(a.seed, lo), uint64(a.limit), a.scale)
			dx, g = dx[n:], g[n:]
			lo += n
		}
		dx = dx[:len(g)]
		for i, v := range g {
			dx[i] += math.Float32frombits(math.Float32bits(v*a.scale) & keepMask(a.seed, lo+i, a.limit))
		}
	})
)

// DropoutGrad adds dy, dropped and scaled the same way, to dx.
func (d *Device) DropoutGrad(dx, dy op.Tensor, p op.DropoutParams) {
	n := op.CheckDropoutGrad(dx, dy, p)
	if p.Channel {
		scaleChannels(channelDroppingGrad, dx, dy, p)
		return
	}
	limit, scale := dropLimit(p)
	droppingGrad.run(n, elementGrain, dropArgs{f32(dx), f32(dy), p.Seed, limit, scale})
}

// dropLimit turns P into the first 24-bit draw that is kept and the scale of what is
// kept. DropoutParams.Keep compares with P·2²⁴ in float32, which rounding up makes an
// integer comparison.
func dropLimit(p op.DropoutParams) (limit int64, scale float32) {
	return int64(math.Ceil(float64(p.P * (1 << 24)))), 1 / (1 - p.P)
}

// drawState is SplitMix64's state at draw i.
func drawState(seed uint64, i int) uint64 { return seed + (uint64(i)+1)*splitmix.Step }

// keepMask is all ones where DropoutParams.Keep(i) holds and 0 where it does not,
// without a branch.
func keepMask(seed uint64, i int, limit int64) uint32 {
	z := splitmix.Mix(drawState(seed, i))
	return ^uint32((int64(z>>40) - limit) >> 63)
}

// scaleArgs are positions dst of src [samples,positions,c] and the scales [samples,c], 0
// or 1/(1−P), of the channels.
type scaleArgs struct {
	dst, src, scale []float32
	c, positions    int
}

// row returns position r, counted over the samples, and its scales.
func (a *scaleArgs) row(r int) (dst, src, scale []float32) {
	return a.dst[r*a.c:][:a.c], a.src[r*a.c:][:a.c], a.scale[r/a.positions*a.c:][:a.c]
}

var (
	channelDropping = newLoop(func(a *scaleArgs, lo, hi int) {
		for r := lo; r < hi; r++ {
			y, x, scale := a.row(r)
			for i := range y {
				y[i] = x[i] * scale[i]
			}
		}
	})
	channelDroppingGrad = newLoop(func(a *scaleArgs, lo, hi int) {
		for r := lo; r < hi; r++ {
			addScaledRows(a.row(r))
		}
	})
)

// scaleChannels runs a loop over the positions of src [B,...,C].
func scaleChannels(l *loop[scaleArgs], dst, src op.Tensor, p op.DropoutParams) {
	c, samples := op.Last(src), src.Shape()[0]
	positions := op.Len(src) / c / samples
	limit, keep := dropLimit(p)
	scale := takeScratch(samples * c)
	for i := range scale {
		scale[i] = math.Float32frombits(math.Float32bits(keep) & keepMask(p.Seed, i, limit))
	}
	l.run(samples*positions, rowGrain(c), scaleArgs{f32(dst), f32(src), scale, c, positions})
	freeScratch(scale)
}
