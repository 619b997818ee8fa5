package nn

import (
	"fmt"

	"hdmnet/internal/op"
)

// Together is the processes whose batches batch norm takes as one, in the order of ranks and
// each as long as the others (PyTorch: SyncBatchNorm). Dropout draws as if they were one, too.
type Together struct {
	Processes int
	Rank      int                     // of this process among them
	Sum       func(t op.Tensor) error // replaces t by its sum over the processes, in order with the device's work
}

// BatchNorm normalizes the channels of x, with the batch's statistics when the tape
// records and asks for them, else with the running ones.
func (t *Tape) BatchNorm(x *Var, l *BatchNorm) *Var {
	y := t.like(x)
	w, b := l.Weight, l.Bias
	switch {
	case t.recording && t.BatchStats && t.Together != nil:
		t.batchNormTogether(y, x, l)
	case t.recording && t.BatchStats:
		mean, rstd := t.Arena.Float32(w.Shape...), t.Arena.Float32(w.Shape...)
		t.Dev.BatchNormTrain(y.Value, mean, rstd, l.Mean.Value, l.Var.Value, x.Value, w.Value, b.Value, batchNormEps, batchNormMomentum)
		l.Batches.N++
		t.record(step{y: y, in: [3]*Var{x}, layer: [2]any{l}, saved: [3]op.Tensor{mean, rstd}, back: func(t *Tape, s *step, dy op.Tensor) {
			x, l := s.in[0], s.layer[0].(*BatchNorm)
			t.Dev.BatchNormTrainGrad(t.Grad(x), l.Weight.Grad, l.Bias.Grad, dy, x.Value, l.Weight.Value, s.saved[0], s.saved[1])
		}})
	default:
		t.Dev.BatchNormFrozen(y.Value, x.Value, w.Value, b.Value, l.Mean.Value, l.Var.Value, batchNormEps)
		t.record(step{y: y, in: [3]*Var{x}, layer: [2]any{l}, back: func(t *Tape, s *step, dy op.Tensor) {
			x, l := s.in[0], s.layer[0].(*BatchNorm)
			t.Dev.BatchNormFrozenGrad(t.Grad(x), l.Weight.Grad, l.Bias.Grad, dy, x.Value, l.Weight.Value, l.Mean.Value, l.Var.Value, batchNormEps)
		}})
	}
	return y
}

// batchNormTogether is BatchNorm with the statistics of all processes' batches, and
// batchNormTogetherGrad its gradient, made of the operators of frozen batch norm:
//
//	frozen(x; w, b, μ, σ²)      = (x − μ)·w·rstd + b           rstd = 1/√(σ² + eps)
//	its gradients of dy         : dx += dy·w·rstd, dw += Σ dy·(x − μ)·rstd, db += Σ dy
//
// The mean is Σx/n, by db of dy = x; the variance is Σ(x − μ)²/n in a second pass, by dw of
// dy = x − μ. With a variance of 1 − eps rstd is 1.
func (t *Tape) batchNormTogether(y, x *Var, l *BatchNorm) {
	w := l.Weight
	n := float32(op.Len(x.Value) / w.Len() * t.Together.Processes)
	one, zero := t.constant(w, 1), t.Arena.Zeros(w.Shape...)
	unit := t.constant(w, 1-batchNormEps)
	sums, mean, variance := t.Arena.Zeros(w.Shape...), t.Arena.Zeros(w.Shape...), t.Arena.Zeros(w.Shape...)

	t.Dev.BatchNormFrozenGrad(nil, nil, sums, x.Value, x.Value, one, zero, unit, batchNormEps)
	t.sum(sums)
	t.Dev.AddScaled(mean, sums, 1/n)

	t.Dev.BatchNormFrozen(y.Value, x.Value, one, zero, mean, unit, batchNormEps) // x − μ, until it is y
	t.Dev.Zero(sums)
	t.Dev.BatchNormFrozenGrad(nil, sums, nil, y.Value, x.Value, one, mean, unit, batchNormEps)
	t.sum(sums)
	t.Dev.AddScaled(variance, sums, 1/n)

	t.Dev.BatchNormFrozen(y.Value, x.Value, w.Value, l.Bias.Value, mean, variance, batchNormEps)
	t.move(l.Mean, mean, 1)
	t.move(l.Var, variance, n/(n-1)) // the running one is unbiased
	l.Batches.N++
	for _, v := range []op.Tensor{one, zero, unit, sums} {
		t.Arena.Free(v)
	}
	t.record(step{y: y, in: [3]*Var{x}, layer: [2]any{l}, saved: [3]op.Tensor{mean, variance}, back: batchNormTogetherGrad})
}

// batchNormTogetherGrad adds, with sums and n over all processes,
//
//	dx += dy·w·rstd − [(x − μ)·p·rstd + q]    p = w·rstd·Σ dy·x̂ / n, q = w·rstd·Σ dy / n
//
// and to dw and db the sums of this process, for gradients are summed over all later.
func batchNormTogetherGrad(t *Tape, s *step, dy op.Tensor) {
	x, l := s.in[0], s.layer[0].(*BatchNorm)
	w, mean, variance := l.Weight, s.saved[0], s.saved[1]
	n, c := float32(op.Len(x.Value)/w.Len()*t.Together.Processes), w.Len()
	both := t.Arena.Zeros(2, c)
	dot, sum := t.Arena.Span(both, 0, c), t.Arena.Span(both, c, c)
	t.Dev.BatchNormFrozenGrad(nil, dot, sum, dy, x.Value, w.Value, mean, variance, batchNormEps)
	for p, part := range map[*Param]op.Tensor{w: dot, l.Bias: sum} {
		if p.Grad != nil {
			t.Dev.AddScaled(p.Grad, part, 1)
		}
	}
	t.sum(both)
	if dx := t.Grad(x); dx != nil {
		slope, shift, rest := t.Arena.Zeros(c), t.Arena.Zeros(c), t.like(x)
		t.Dev.BatchNormFrozenGrad(slope, nil, nil, dot, dot, w.Value, mean, variance, batchNormEps) // dot·w·rstd: one row
		t.Dev.BatchNormFrozenGrad(shift, nil, nil, sum, sum, w.Value, mean, variance, batchNormEps)
		t.Dev.BatchNormFrozen(rest.Value, x.Value, slope, shift, mean, variance, batchNormEps)
		t.Dev.AddScaled(dx, rest.Value, -1/n)
		t.Dev.BatchNormFrozenGrad(dx, nil, nil, dy, x.Value, w.Value, mean, variance, batchNormEps)
		for _, v := range []op.Tensor{slope, shift, rest.Value} {
			t.Arena.Free(v)
		}
	}
	t.Arena.Free(both)
}

// sum adds up v over the processes.
func (t *Tape) sum(v op.Tensor) {
	if err := t.Together.Sum(v); err != nil {
		panic(&sumError{fmt.Errorf("batch norm over %d processes: %w", t.Together.Processes, err)})
	}
}

// sumError is the panic of a sum over processes that failed; Fit returns it as an error.
type sumError struct{ error }

func (e *sumError) Unwrap() error { return e.error }

// constant is a tensor like a parameter that holds one value.
func (t *Tape) constant(like *Param, v float32) op.Tensor {
	values := make([]float32, like.Len())
	for i := range values {
		values[i] = v
	}
	c := t.Arena.Float32(like.Shape...)
	t.Dev.Upload(c, values)
	return c
}

// move brings a running statistic nearer to scale times that of a batch.
func (t *Tape) move(running *Param, batch op.Tensor, scale float32) {
	last := t.Arena.Float32(running.Shape...)
	t.Dev.Copy(last, running.Value)
	t.Dev.AddScaled(running.Value, last, -batchNormMomentum)
	t.Dev.AddScaled(running.Value, batch, batchNormMomentum*scale)
	t.Arena.Free(last)
}
