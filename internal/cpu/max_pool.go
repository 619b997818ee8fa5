package cpu

import (
	"math"

	"hdmnet/internal/op"
)

// MaxPool computes the maximum of every window and where it is.
func (d *Device) MaxPool(y, argmax, x op.Tensor, p op.PoolParams) {
	s := op.CheckMaxPool(y, argmax, x, p)
	a := maxPoolArgs{y: f32(y), x: f32(x), h: s.H, w: s.W, c: s.C, ho: s.OutH, wo: s.OutW, pool: p}
	if argmax != nil {
		a.argmax = argmax.Int32s()
	}
	maxPooling.run(s.B*s.OutH, max(1, elementGrain/(s.OutW*s.C*p.Kernel)), a)
}

type maxPoolArgs struct {
	y, x            []float32
	argmax          []int32 // or nil
	h, w, c, ho, wo int
	pool            op.PoolParams
}

var maxPooling = newLoop(func(a *maxPoolArgs, lo, hi int) {
	h, w, c, ho, wo, p := a.h, a.w, a.c, a.ho, a.wo, a.pool
	for row := lo; row < hi; row++ {
		n, i := row/ho, row%ho
		y0, y1 := max(0, i*p.Stride-p.Pad), min(h, i*p.Stride-p.Pad+p.Kernel)
		image := a.x[n*h*w*c : (n+1)*h*w*c]
		for j := range wo {
			x0, x1 := max(0, j*p.Stride-p.Pad), min(w, j*p.Stride-p.Pad+p.Kernel)
			out := a.y[(row*wo+j)*c:][:c]
			var at []int32
			if a.argmax != nil {
				at = a.argmax[(row*wo+j)*c:][:c]
			}
			first := y0*w + x0
			if maxWindowVector(out, at, image[first*c:], y1-y0, x1-x0, w, first) {
				continue
			}
			for k := range out {
				out[k] = float32(math.Inf(-1))
			}
			if at == nil {
				maxWindow(out, image, y0, y1, x0, x1, w)
			} else {
				maxWindowAt(out, at, image, y0, y1, x0, x1, w)
			}
		}
	}
})

// maxWindow keeps the maximum over rows [y0,y1) and columns [x0,x1) of image [·,w,c].
func maxWindow(out, image []float32, y0, y1, x0, x1, w int) {
	c := len(out)
	for yy := y0; yy < y1; yy++ {
		for xx := x0; xx < x1; xx++ {
			in := image[(yy*w+xx)*c:][:c]
			for k, v := range in {
				out[k] = max(out[k], v)
			}
		}
	}
}

// maxWindowAt is maxWindow that also keeps the first position of each maximum.
func maxWindowAt(out []float32, at []int32, image []float32, y0, y1, x0, x1, w int) {
	c := len(out)
	at = at[:c]
	for k := range at {
		at[k] = int32(y0*w + x0)
	}
	for yy := y0; yy < y1; yy++ {
		for xx := x0; xx < x1; xx++ {
			pos := int32(yy*w + xx)
			in := image[int(pos)*c:][:c]
			for k, v := range in {
				if v > out[k] || v != v { // NaN wins, as in PyTorch
					out[k], at[k] = v, pos
				}
			}
		}
	}
}

// MaxPoolGrad adds dy to dx at the winners. Windows overlap, so a worker takes whole
// samples and a range of channels.
func (d *Device) MaxPoolGrad(dx, dy, argmax op.Tensor) {
	s := op.CheckMaxPoolGrad(dx, dy, argmax)
	const channels = 64
	blocks := (s.C + channels - 1) / channels
	maxPoolGrads.run(s.B*blocks, 1, maxPoolGradArgs{f32(dx), f32(dy), argmax.Int32s(), s.C, channels, s.H * s.W, s.OutH * s.OutW})
}

type maxPoolGradArgs struct {
	dx, dy                          []float32
	argmax                          []int32
	c, channels, positions, outputs int
}

var maxPoolGrads = newLoop(func(a *maxPoolGradArgs, lo, hi int) {
	c, blocks := a.c, (a.c+a.channels-1)/a.channels
	for task := lo; task < hi; task++ {
		n, c0 := task/blocks, task%blocks*a.channels
		c1 := min(c, c0+a.channels)
		to := a.dx[n*a.positions*c+c0 : (n+1)*a.positions*c]
		for o := n * a.outputs; o < (n+1)*a.outputs; o++ {
			g := a.dy[o*c+c0 : o*c+c1]
			for k, at := range a.argmax[o*c+c0:][:len(g)] {
				to[int(at)*c+k] += g[k]
			}
		}
	}
})
