package nn

import (
	"hdmnet/internal/op"
)

// Var is a value on the tape and, once something flows back, its gradient. It belongs to
// the tape's pass: after the next Begin it stands for another value.
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
// the layers' forward passes. What it needs for a pass it keeps for the next one: once
// warm, a pass like those before allocates nothing.
type Tape struct {
	Arena *op.Arena
	Dev   op.Device

	Training   bool // dropout drops
	BatchStats bool // batch norm uses and moves the statistics of the batch while recording
	// Together is the processes whose batches count as one with BatchStats; nil: this one.
	Together *Together
	// Halves: folded convolutions give maps of halves where the device has them; until the next Begin.
	Halves bool

	recording bool
	steps     []step
	seed      uint64
	dropouts  uint64

	vars    pool[Var]
	lists   pool[*Var]
	tensors pool[op.Tensor]
	sizes   pool[int]
}

// step is one recorded operator: what back, which captures nothing, needs to know.
type step struct {
	back func(t *Tape, s *step, dy op.Tensor)

	y, z    *Var    // its results: back runs if one has a gradient, and always without a y
	in      [3]*Var // its operands
	list    []*Var  // more of them
	saved   [3]op.Tensor
	layer   [2]any // pointers
	n       int
	scale   float32
	flag    bool
	conv    op.ConvParams
	dropout op.DropoutParams
}

// NewTape returns a tape that does not record, over an arena of its own.
func NewTape(dev op.Device) *Tape { return &Tape{Arena: op.NewArena(dev), Dev: dev} }

// Begin starts a new pass: everything of the last one is released. seed decides all
// dropouts of the pass.
func (t *Tape) Begin(record bool, seed uint64) {
	t.Arena.Reset()
	t.forget()
	t.vars.reset()
	t.lists.reset()
	t.tensors.reset()
	t.sizes.reset()
	t.recording, t.seed, t.dropouts, t.Halves = record, seed, 0, false
}

// NoGrad runs f without recording: for the frozen part of a network.
func (t *Tape) NoGrad(f func()) {
	was := t.recording
	t.recording = false
	f()
	t.recording = was
}

// Branches calls first and then second, neither of which needs anything of the other, nor
// frees what it reads; a GPU does them side by side. urgent is the one of small work. See op.Brancher.
func (t *Tape) Branches(urgent op.Branch, first, second func()) {
	if t.Together != nil { // which has one order of sums over processes
		first()
		second()
		return
	}
	t.Arena.Branches(urgent, first, second)
}

// Recording tells whether gradients are wanted.
func (t *Tape) Recording() bool { return t.recording }

// Backward runs the gradients of everything recorded, last first.
func (t *Tape) Backward() {
	for i := len(t.steps) - 1; i >= 0; i-- {
		t.steps[i].run(t)
	}
	t.forget()
}

func (t *Tape) forget() {
	clear(t.steps)
	t.steps = t.steps[:0]
}

// run goes back one step, unless its results have got no gradient; after it they need
// none any more.
func (s *step) run(t *Tape) {
	var dy op.Tensor
	if s.y != nil {
		if dy = s.y.grad; dy == nil && (s.z == nil || s.z.grad == nil) {
			return
		}
	}
	s.back(t, s, dy)
	t.freeGrad(s.y)
	t.freeGrad(s.z)
}

func (t *Tape) freeGrad(v *Var) {
	if v != nil && v.grad != nil {
		t.Arena.Free(v.grad)
		v.grad = nil
	}
}

// record remembers how to go back.
func (t *Tape) record(s step) {
	if t.recording {
		t.steps = append(t.steps, s)
	}
}

// value returns a new Var of the pass.
func (t *Tape) value(v Var) *Var {
	p := &t.vars.take(1)[0]
	*p = v
	return p
}

// List returns n values to be filled in; it belongs to the pass.
func (t *Tape) List(n int) []*Var { return t.lists.take(n) }

// Const wraps a tensor that needs no gradient.
func (t *Tape) Const(v op.Tensor) *Var { return t.value(Var{Value: v, fixed: true}) }

// param returns a parameter as a value of the tape, nil of nil; the gradient that the
// value collects is the parameter's own.
func (t *Tape) param(p *Param) *Var {
	if p == nil {
		return nil
	}
	return t.value(Var{Value: p.Value, grad: p.Grad, fixed: p.Grad == nil})
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
	return t.value(Var{Value: t.Arena.Float32(shape...), fixed: !t.recording})
}

// of returns a new value of x's type.
func (t *Tape) of(x *Var, shape ...int) *Var {
	return t.value(Var{Value: t.Arena.Of(x.Value, shape...), fixed: !t.recording})
}

// channels returns a new value of x's shape but for the number of channels.
func (t *Tape) channels(x *Var, c int) *Var {
	var buf [8]int
	shape := append(buf[:0], x.Value.Shape()...)
	shape[len(shape)-1] = c
	return t.out(shape...)
}

// rows returns a new value of x's shape but for the extent of the first axis.
func (t *Tape) rows(x *Var, n int) *Var {
	var buf [8]int
	shape := append(buf[:0], x.Value.Shape()...)
	shape[0] = n
	return t.out(shape...)
}

func (t *Tape) like(x *Var) *Var { return t.out(x.Value.Shape()...) }

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

// newGrad returns the tensor that is to hold all of x's gradient, undefined, where x has got
// none before, or nil.
func (t *Tape) newGrad(x *Var) op.Tensor {
	switch {
	case x.fixed || x.grad != nil:
		return nil
	case x.parent == nil:
		x.grad = t.Arena.Float32(x.Value.Shape()...)
		return x.grad
	case op.Len(x.Value) != op.Len(x.parent.Value):
		return nil
	}
	if g := t.newGrad(x.parent); g != nil {
		return t.Arena.Reshape(g, x.Value.Shape()...)
	}
	return nil
}

// addGrad adds g to x's gradient, which has the same shape.
func (t *Tape) addGrad(x *Var, g op.Tensor) {
	switch {
	case x.fixed:
	case x.parent == nil && x.grad == nil:
		x.grad = t.Arena.Float32(x.Value.Shape()...)
		t.Dev.Copy(x.grad, g)
	default:
		t.Dev.AddScaled(t.Grad(x), g, 1)
	}
}

// grads returns the gradients of some values; the list is the pass's.
func (t *Tape) grads(vs []*Var) []op.Tensor {
	list := t.tensors.take(len(vs))
	for i, v := range vs {
		list[i] = t.Grad(v)
	}
	return list
}

// Reshape returns a view of x with another shape; its gradient is x's.
func (t *Tape) Reshape(x *Var, shape ...int) *Var {
	return t.value(Var{Value: t.Arena.Reshape(x.Value, shape...), parent: x, fixed: x.fixed})
}

// Rows returns the view x[lo:hi] along the first axis; its gradient is that part of x's.
func (t *Tape) Rows(x *Var, lo, hi int) *Var {
	per := op.Len(x.Value) / x.Value.Shape()[0]
	return t.value(Var{Value: t.Arena.Rows(x.Value, lo, hi), parent: x, lo: lo * per, fixed: x.fixed})
}

// drawn is dropout by element while training, and one that drops nothing otherwise.
func (t *Tape) drawn(p float32) op.DropoutParams {
	if !t.Training || p == 0 {
		return op.DropoutParams{}
	}
	return t.dropout(p, false)
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

func (v *Var) tensor() op.Tensor {
	if v == nil {
		return nil
	}
	return v.Value
}
