package nn

import (
	"hdmnet/internal/op"
)

// Var is a value on the tape and, once something flows back, its gradient.
type Var struct {
	Value op.Tensor
	grad  op.Tensor
	fixed bool // needs no gradient
	freed bool

	parent *Var // of a view: whose gradient this one's is a part of
	lo     int  // first element of the view in the parent
}

// Tape runs operators and, while recording, remembers how to take their gradients. The
// operators themselves live on the device; the tape only orders them. Its methods are
// the layers' forward passes.
type Tape struct {
	Arena *op.Arena
	Dev   op.Device

	Training   bool // dropout drops
	BatchStats bool // batch norm uses and moves the statistics of the batch while recording

	recording bool
	backward  []func()
	seed      uint64
	dropouts  uint64
}

// NewTape returns a tape that does not record, over an arena of its own.
func NewTape(dev op.Device) *Tape { return &Tape{Arena: op.NewArena(dev), Dev: dev} }

// Begin starts a new pass: everything of the last one is released. seed decides all
// dropouts of the pass.
func (t *Tape) Begin(record bool, seed uint64) {
	t.Arena.Reset()
	clear(t.backward)
	t.backward = t.backward[:0]
	t.recording, t.seed, t.dropouts = record, seed, 0
}

// NoGrad runs f without recording: for the frozen part of a network.
func (t *Tape) NoGrad(f func()) {
	was := t.recording
	t.recording = false
	f()
	t.recording = was
}

// Recording tells whether gradients are wanted.
func (t *Tape) Recording() bool { return t.recording }

// Backward runs the gradients of everything recorded, last first.
func (t *Tape) Backward() {
	for i := len(t.backward) - 1; i >= 0; i-- {
		t.backward[i]()
	}
	clear(t.backward)
	t.backward = t.backward[:0]
}

// Const wraps a tensor that needs no gradient.
func (t *Tape) Const(v op.Tensor) *Var { return &Var{Value: v, fixed: true} }

// param returns a parameter as a value of the tape, nil of nil; the gradient that the
// value collects is the parameter's own.
func (t *Tape) param(p *Param) *Var {
	if p == nil {
		return nil
	}
	return &Var{Value: p.Value, grad: p.Grad, fixed: p.Grad == nil}
}

// Free gives the memory of values back that nothing reads any more; a value may be
// named twice. While recording the gradients still need them, and it does nothing.
func (t *Tape) Free(vs ...*Var) {
	if t.recording {
		return
	}
	for _, v := range vs {
		if !v.freed {
			v.freed = true
			t.Arena.Free(v.Value)
		}
	}
}

// out returns a new value of the given shape.
func (t *Tape) out(shape ...int) *Var {
	return &Var{Value: t.Arena.Float32(shape...), fixed: !t.recording}
}

func (t *Tape) like(x *Var) *Var { return t.out(x.Value.Shape()...) }

// record remembers how to go back from y. When y has got no gradient f is skipped;
// after f its gradient is no longer needed.
func (t *Tape) record(y *Var, f func(dy op.Tensor)) {
	if !t.recording {
		return
	}
	t.backward = append(t.backward, func() {
		if y.grad == nil {
			return
		}
		f(y.grad)
		t.Arena.Free(y.grad)
		y.grad = nil
	})
}

// Grad returns the tensor that collects x's gradient, zeros at first, or nil when x
// needs none.
func (t *Tape) Grad(x *Var) op.Tensor {
	switch {
	case x == nil || x.fixed:
		return nil
	case x.parent != nil:
		return t.Arena.Span(t.Grad(x.parent), x.lo, x.Value.Shape()...)
	case x.grad == nil:
		x.grad = t.Arena.Zeros(x.Value.Shape()...)
	}
	return x.grad
}

// Reshape returns a view of x with another shape; its gradient is x's.
func (t *Tape) Reshape(x *Var, shape ...int) *Var {
	return &Var{Value: t.Arena.Reshape(x.Value, shape...), parent: x, fixed: x.fixed}
}

// Rows returns the view x[lo:hi] along the first axis; its gradient is that part of x's.
func (t *Tape) Rows(x *Var, lo, hi int) *Var {
	s := x.Value.Shape()
	per := op.Len(x.Value) / s[0]
	v := t.Arena.Span(x.Value, lo*per, append([]int{hi - lo}, s[1:]...)...)
	return &Var{Value: v, parent: x, lo: lo * per, fixed: x.fixed}
}

// dropout returns the parameters of the pass's next dropout.
func (t *Tape) dropout(p float32, channel bool) op.DropoutParams {
	t.dropouts++
	z := t.seed + t.dropouts*0xD1B54A32D192ED03
	z = (z ^ z>>32) * 0xDABA0B6EB09322E3
	return op.DropoutParams{P: p, Channel: channel, Seed: z ^ z>>32}
}

func (p *Param) value() op.Tensor {
	if p == nil {
		return nil
	}
	return p.Value
}

func (p *Param) grad() op.Tensor {
	if p == nil {
		return nil
	}
	return p.Grad
}
