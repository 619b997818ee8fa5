package device

import (
	"errors"
	"fmt"

	"hdmnet/internal/op"
)

// rehearsal is work like the network's, of a fraction of a second: of a 60×60 map the
// convolutions of one block of layer3, those of layer2 and layer4 of the same kind, and a
// prior. The shares of their times are about those in an evaluation.
type rehearsal struct {
	dev    op.Device
	arena  *op.Arena
	layers []rehearsedLayer
	prior  [4]op.Tensor // y, q, s, mask
}

// rehearsedLayer is y = relu(conv(x) + residual?), computed times times.
type rehearsedLayer struct {
	conv           op.FrozenConv
	y, x, residual op.Tensor
	times          int
}

const (
	rehearsedSide  = 60
	rehearsedPrior = 30 // rows of the map, and of the foreground's half of them
)

// newRehearsal prepares the work on dev.
func newRehearsal(dev op.Device) (_ *rehearsal, err error) {
	r := &rehearsal{dev: dev, arena: op.NewArena(dev)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	channels := map[int]op.Tensor{}
	for _, c := range []int{256, 512, 1024} {
		channels[c] = r.arena.Float32(1, rehearsedSide, rehearsedSide, c)
		dev.Upload(channels[c], sawtooth(op.Len(channels[c])))
	}
	for _, l := range []struct {
		in, out, kernel, dilation, times int
		residual                         bool
	}{
		{1024, 256, 1, 1, 1, false},
		{256, 256, 3, 2, 3, false},
		{256, 1024, 1, 1, 1, true},
		{1024, 512, 1, 1, 1, false},
	} {
		shape := []int{l.out, l.kernel, l.kernel, l.in}
		w := sawtooth(l.out * l.kernel * l.kernel * l.in)
		conv, err := dev.FreezeConv2D(w, nil, shape, op.ConvParams{Stride: 1, Pad: l.dilation * (l.kernel / 2), Dilation: l.dilation})
		if err != nil {
			return nil, fmt.Errorf("%s: no memory to measure a convolution: %w", dev.Name(), err)
		}
		layer := rehearsedLayer{conv: conv, x: channels[l.in], y: r.arena.Float32(1, rehearsedSide, rehearsedSide, l.out), times: l.times}
		if l.residual {
			layer.residual = channels[l.out]
		}
		r.layers = append(r.layers, layer)
	}
	mask := r.arena.Zeros(1, 1, rehearsedSide, rehearsedSide)
	foreground := make([]float32, op.Len(mask))
	for i := range rehearsedPrior / 2 * rehearsedSide {
		foreground[i] = 1
	}
	dev.Upload(mask, foreground)
	features := channels[512]
	r.prior = [4]op.Tensor{r.arena.Float32(1, rehearsedPrior, rehearsedSide), op.Span(features, 0, 1, rehearsedPrior, rehearsedSide, 512),
		op.Reshape(features, 1, 1, rehearsedSide, rehearsedSide, 512), mask}
	return r, nil
}

// run does the work and waits for it.
func (r *rehearsal) run() {
	for _, l := range r.layers {
		for range l.times {
			r.dev.FrozenConv2D(l.y, l.x, l.conv, l.residual, op.ReLUActivation)
		}
	}
	r.dev.PriorSimilarity(r.prior[0], r.prior[1], r.prior[2], r.prior[3])
	r.dev.Download(make([]float32, op.Len(r.prior[0])), r.prior[0])
}

// close gives the memory back.
func (r *rehearsal) close() error {
	var err error
	for _, l := range r.layers {
		err = errors.Join(err, l.conv.Close())
	}
	return errors.Join(err, r.arena.Close())
}

// sawtooth is n numbers of either sign, none of them rounded by any precision.
func sawtooth(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i%7-3) / 64
	}
	return v
}
