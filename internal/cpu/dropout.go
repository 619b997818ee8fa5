package cpu

import (
	"fmt"
	"math"

	"hdmnet/internal/op"
)

// Dropout computes y = x/(1−P) where the draw keeps the element, else 0.
func (d *Device) Dropout(y, x op.Tensor, p op.DropoutParams) {
	op.SameSize("Dropout", y, x)
	yv, xv := f32(y), f32(x)
	if p.Channel {
		scaleChannels(x, p, func(lo, hi int, scale []float32) {
			y, x, scale := yv[lo:hi], xv[lo:hi], scale[:hi-lo]
			for i := range y {
				y[i] = x[i] * scale[i]
			}
		})
		return
	}
	limit, scale := dropLimit(p)
	parallelFor(len(yv), elementGrain, func(lo, hi int) {
		y, x := yv[lo:hi], xv[lo:hi]
		if loops, n := loopsFor(len(x)); loops.dropout != nil {
			loops.dropout(&y[0], &x[0], n, drawState(p.Seed, lo), uint64(limit), scale)
			y, x = y[n:], x[n:]
			lo += n
		}
		y = y[:len(x)]
		for i, v := range x {
			y[i] = math.Float32frombits(math.Float32bits(v*scale) & keepMask(p.Seed, lo+i, limit))
		}
	})
}

// DropoutGrad adds dy, dropped and scaled the same way, to dx.
func (d *Device) DropoutGrad(dx, dy op.Tensor, p op.DropoutParams) {
	op.SameSize("DropoutGrad", dx, dy)
	dxv, gv := f32(dx), f32(dy)
	if p.Channel {
		scaleChannels(dy, p, func(lo, hi int, scale []float32) {
			addScaledRows(dxv[lo:hi], gv[lo:hi], scale)
		})
		return
	}
	limit, scale := dropLimit(p)
	parallelFor(len(dxv), elementGrain, func(lo, hi int) {
		dx, g := dxv[lo:hi], gv[lo:hi]
		if loops, n := loopsFor(len(g)); loops.dropoutGrad != nil {
			loops.dropoutGrad(&dx[0], &g[0], n, drawState(p.Seed, lo), uint64(limit), scale)
			dx, g = dx[n:], g[n:]
			lo += n
		}
		dx = dx[:len(g)]
		for i, v := range g {
			dx[i] += math.Float32frombits(math.Float32bits(v*scale) & keepMask(p.Seed, lo+i, limit))
		}
	})
}

// dropLimit turns P into the first 24-bit draw that is kept and the scale of what is
// kept. DropoutParams.Keep compares with P·2²⁴ in float32, which rounding up makes an
// integer comparison.
func dropLimit(p op.DropoutParams) (limit int64, scale float32) {
	if !(p.P >= 0 && p.P < 1) {
		panic(fmt.Sprintf("op: Dropout: P is %g, want it in [0,1)", p.P))
	}
	return int64(math.Ceil(float64(p.P * (1 << 24)))), 1 / (1 - p.P)
}

// drawState is SplitMix64's state at draw i.
func drawState(seed uint64, i int) uint64 { return seed + (uint64(i)+1)*0x9E3779B97F4A7C15 }

// keepMask is all ones where DropoutParams.Keep(i) holds and 0 where it does not,
// without a branch.
func keepMask(seed uint64, i int, limit int64) uint32 {
	z := drawState(seed, i)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return ^uint32((int64(z>>40) - limit) >> 63)
}

// scaleChannels calls f with every position of t [B,...,C] and the scales, 0 or
// 1/(1−P), of its sample's channels.
func scaleChannels(t op.Tensor, p op.DropoutParams, f func(lo, hi int, scale []float32)) {
	c, samples := op.Last(t), t.Shape()[0]
	positions := op.Len(t) / c / samples
	limit, keep := dropLimit(p)
	scale := borrow(samples * c)
	for i := range scale {
		scale[i] = math.Float32frombits(math.Float32bits(keep) & keepMask(p.Seed, i, limit))
	}
	parallelFor(samples*positions, rowGrain(c), func(lo, hi int) {
		for r := lo; r < hi; r++ {
			b := r / positions
			f(r*c, (r+1)*c, scale[b*c:(b+1)*c])
		}
	})
	giveBack(scale)
}
