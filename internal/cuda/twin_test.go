//go:build cuda

package cuda

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/op"
)

// operands hands out the operands of one run: random values that depend on the order of
// the calls alone, as views that begin shift elements into their memory.
type operands struct {
	dev   op.Device
	arena *op.Arena
	draw  *rand.Rand
	shift int
}

func (o *operands) floats(shape ...int) op.Tensor {
	n := 1
	for _, e := range shape {
		n *= e
	}
	v := make([]float32, n+o.shift)
	for i := range v {
		v[i] = 2*o.draw.Float32() - 1
	}
	t := o.arena.Float32(len(v))
	o.dev.Upload(t, v)
	return op.Span(t, o.shift, shape...)
}

// positive returns values of at least 0.5, for variances.
func (o *operands) positive(n int) op.Tensor {
	v := make([]float32, n+o.shift)
	for i := range v {
		v[i] = 0.5 + o.draw.Float32()
	}
	t := o.arena.Float32(len(v))
	o.dev.Upload(t, v)
	return op.Span(t, o.shift, n)
}

func (o *operands) labels(classes int, shape ...int) op.Tensor {
	t := o.arena.Uint8(shape...)
	v := make([]uint8, op.Len(t))
	for i := range v {
		if v[i] = uint8(o.draw.IntN(classes + 1)); int(v[i]) == classes {
			v[i] = labelmap.Ignore
		}
	}
	o.dev.Upload(t, v)
	return t
}

// twinCases run operators and return what they wrote. The channels are a multiple of
// four, so that aligned operands are read four floats at a time and shifted ones are not.
var twinCases = map[string]func(d op.Device, o *operands) []op.Tensor{
	"elements": func(d op.Device, o *operands) []op.Tensor {
		a, b, y, dx := o.floats(1031), o.floats(1031), o.floats(1031), o.floats(1031)
		d.GELU(y, a)
		d.GELUGrad(dx, b, a)
		d.Add(a, a, b)
		d.AddScaled(b, y, -0.3)
		p, m, v := o.floats(1031), o.floats(1031), o.positive(1031)
		d.AdamW(p, m, v, a, op.AdamWParams{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.01, Step: 3})
		d.SGD(dx, m, b, op.SGDParams{LR: 0.1, Momentum: 0.9, WeightDecay: 1e-3})
		return []op.Tensor{a, b, y, dx, p, m, v}
	},
	"batch norm": func(d op.Device, o *operands) []op.Tensor {
		const c = 72
		x, dy, w, b := o.floats(2, 19, 23, c), o.floats(2, 19, 23, c), o.floats(c), o.floats(c)
		mean, variance, saveMean, saveRstd := o.floats(c), o.positive(c), o.floats(c), o.floats(c)
		y, z, dx := o.floats(2, 19, 23, c), o.floats(2, 19, 23, c), o.floats(2, 19, 23, c)
		dw, db := o.floats(c), o.floats(c)
		d.BatchNormFrozen(y, x, w, b, mean, variance, 1e-5)
		d.BatchNormFrozenGrad(dx, dw, db, dy, x, w, mean, variance, 1e-5)
		d.BatchNormTrain(z, saveMean, saveRstd, mean, variance, x, w, b, 1e-5, 0.1)
		d.BatchNormTrainGrad(dx, dw, db, dy, x, w, saveMean, saveRstd)
		return []op.Tensor{y, z, mean, variance, saveMean, saveRstd, dx, dw, db}
	},
	"dropout": func(d op.Device, o *operands) []op.Tensor {
		x, y, z := o.floats(3, 7, 13, 20), o.floats(3, 7, 13, 20), o.floats(3, 7, 13, 20)
		dx := o.floats(3, 7, 13, 20)
		d.Dropout(y, x, op.DropoutParams{P: 0.3, Seed: 1 << 62})
		d.DropoutGrad(dx, x, op.DropoutParams{P: 0.3, Seed: 1 << 62})
		d.Dropout(z, x, op.DropoutParams{P: 0.5, Seed: 7, Channel: true})
		d.DropoutGrad(dx, y, op.DropoutParams{P: 0.5, Seed: 7, Channel: true})
		return []op.Tensor{y, z, dx}
	},
	"concat": func(d op.Device, o *operands) []op.Tensor {
		y, a, b := o.floats(2, 30, 40, 28), o.floats(2, 30, 40, 16), o.floats(2, 12)
		da, db := o.floats(2, 30, 40, 16), o.floats(2, 12)
		d.Concat(y, a, b)
		d.ConcatGrad([]op.Tensor{da, db}, y, []int{16, 12})
		return []op.Tensor{y, da, db}
	},
	"resize": func(d op.Device, o *operands) []op.Tensor {
		var out []op.Tensor
		for _, s := range [][2]int{{9, 31}, {4, 3}} {
			for _, align := range []bool{true, false} {
				x, y, dx := o.floats(2, 7, 11, 12), o.floats(2, s[0], s[1], 12), o.floats(2, 7, 11, 12)
				d.ResizeBilinear(y, x, align)
				d.ResizeBilinearGrad(dx, y, align)
				near := o.floats(2, s[0], s[1], 12)
				d.ResizeNearest(near, x)
				out = append(out, y, dx, near)
			}
		}
		return out
	},
	"masks and shots": func(d op.Device, o *operands) []op.Tensor {
		mask, x, y := o.floats(2, 9, 5), o.floats(2, 9, 5, 8), o.floats(2, 9, 5, 8)
		d.Foreground(mask, o.labels(3, 2, 9, 5))
		d.MaskImage(y, x, mask)
		shots, mean := o.floats(2, 5, 9, 8), o.floats(2, 9, 8)
		d.ShotMean(mean, shots)
		d.ShotMeanGrad(shots, mean)
		pictures, same := o.floats(2, 11, 7, 3), o.floats(2, 11, 7, 3)
		d.Normalize(same, pictures, [3]float32{1, 2, 3}, [3]float32{4, 5, 6})
		d.Normalize(pictures, pictures, [3]float32{1, 2, 3}, [3]float32{4, 5, 6})
		return []op.Tensor{mask, y, mean, shots, same, pictures}
	},
	"softmax and losses": func(d op.Device, o *operands) []op.Tensor {
		logits, y, dx, loss := o.floats(2, 37, 41, 12), o.floats(2, 37, 41, 12), o.floats(2, 37, 41, 12), o.floats(2)
		label := o.labels(12, 2, 37, 41)
		d.CrossEntropy(loss, logits, label)
		d.CrossEntropyGrad(dx, loss, logits, label, 0.5)
		d.Softmax(y, logits)
		d.SoftmaxGrad(dx, logits, y)
		student, teacher, ds, kl := o.floats(2, 37, 41), o.floats(2, 37, 41), o.floats(2, 37, 41), o.floats(1)
		d.AddScaled(student, student, 30) // so far apart that 1e-12 shows beside the probabilities
		d.Distillation(kl, student, teacher)
		d.DistillationGrad(ds, student, teacher, 3)
		return []op.Tensor{loss, dx, y, kl, ds}
	},
}

// TestTwin compares operators with the CPU's on operands at any address.
func TestTwin(t *testing.T) {
	host, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	dev := open(t)
	run := func(f func(op.Device, *operands) []op.Tensor, d op.Device, shift int) [][]float32 {
		o := &operands{dev: d, arena: op.NewArena(d), draw: rand.New(rand.NewPCG(1, 2)), shift: shift}
		defer o.arena.Close()
		var all [][]float32
		for _, x := range f(d, o) {
			v := make([]float32, op.Len(x))
			d.Download(v, x)
			all = append(all, v)
		}
		return all
	}
	for name, f := range twinCases {
		for shift := range 4 {
			t.Run(fmt.Sprint(name, " shifted by ", shift), func(t *testing.T) {
				want, got := run(f, host, shift), run(f, dev, shift)
				for k := range want {
					for i, v := range want[k] {
						if e := math.Abs(float64(got[k][i] - v)); !(e <= 2e-5+2e-5*math.Abs(float64(v))) {
							t.Fatalf("result %d: element %d is %g, the CPU's %g", k, i, got[k][i], v)
						}
					}
				}
			})
		}
	}
}

// TestBatchNormTrainLargeMean: the variance survives a mean far beyond the deviation.
func TestBatchNormTrainLargeMean(t *testing.T) {
	const n, c = 5000, 3
	dev := open(t)
	o := &operands{dev: dev, arena: op.NewArena(dev)}
	v, draw := make([]float32, n*c), rand.New(rand.NewPCG(3, 4))
	for i := range v {
		v[i] = 100 + 0.02*float32(draw.NormFloat64())
	}
	x, y, one := o.arena.Float32(n, c), o.arena.Float32(n, c), o.arena.Float32(c)
	dev.Upload(x, v)
	dev.Upload(one, []float32{1, 1, 1})
	mean, rstd, running, runningVar := o.arena.Zeros(c), o.arena.Zeros(c), o.arena.Zeros(c), o.arena.Zeros(c)
	dev.BatchNormTrain(y, mean, rstd, running, runningVar, x, one, one, 0, 1)
	got := make([]float32, c)
	dev.Download(got, rstd)
	for k := range c {
		sum, squares := 0.0, 0.0
		for i := k; i < n*c; i += c {
			sum += float64(v[i]) / n
		}
		for i := k; i < n*c; i += c {
			squares += (float64(v[i]) - sum) * (float64(v[i]) - sum) / n
		}
		if want := 1 / math.Sqrt(squares); !(math.Abs(float64(got[k])-want) <= 1e-4*want) {
			t.Errorf("channel %d: 1/√σ² is %g, want %g", k, got[k], want)
		}
	}
}

// TestCrossEntropyWrongLabel: a label that is no class shows in the loss and the gradient.
func TestCrossEntropyWrongLabel(t *testing.T) {
	dev := open(t)
	arena := op.NewArena(dev)
	logits, label, loss, dx := arena.Zeros(1, 2, 2, 3), arena.Uint8(1, 2, 2), arena.Zeros(2), arena.Zeros(1, 2, 2, 3)
	dev.Upload(label, []uint8{0, 255, 3, 2})
	dev.CrossEntropy(loss, logits, label)
	dev.CrossEntropyGrad(dx, loss, logits, label, 1)
	got, grad := make([]float32, 2), make([]float32, 12)
	dev.Download(got, loss)
	dev.Download(grad, dx)
	if !math.IsNaN(float64(got[0])) || got[1] != 3 {
		t.Errorf("loss %v, want NaN over 3 pixels", got)
	}
	for i, g := range grad {
		if wrong := i/3 == 2; math.IsNaN(float64(g)) != wrong {
			t.Errorf("gradient %d is %g", i, g)
		}
	}
}
