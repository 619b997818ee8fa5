package train

import (
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"hdmnet/internal/nn"
	"hdmnet/internal/op"
	"hdmnet/internal/weights"
)

// optimizerPlan holds one stage's rule of updating parameters and its numbers.
type optimizerPlan struct {
	// Kind is "sgd" (momentum and L2 decay: the base stage) or "adamw" (decoupled decay:
	// the meta stage).
	Kind        string
	Momentum    float64 // sgd
	Beta1       float64 // adamw
	Beta2       float64 // adamw
	Eps         float64 // adamw
	WeightDecay float64
	// Multipliers scale the learning rate of the parameter groups, by name; a group that
	// is not named is an error.
	Multipliers map[string]float64
}

// optimizer updates a parameter set. Its moments are blocks of memory as long as the
// block of trained values, element beside element.
type optimizer struct {
	optimizerPlan
	dev     op.Device
	set     *nn.Set
	groups  []span
	rates   []op.PartRate // of the groups in the present step: adamw only
	moments []momentBlock
	kept    op.Tensor // gradients of the step's batches before the last one; nil until they are needed
	memory  []tensor.Memory
}

// span is one learning-rate group: views of its values, gradients and momentum.
type span struct {
	name               string
	hi                 int     // its end among the values
	rate               float64 // multiplier
	value, grad, first op.Tensor
}

type momentBlock struct {
	name string
	t    op.Tensor
}

func newOptimizer(o optimizerPlan, dev op.Device, set *nn.Set) (*optimizer, error) {
	z := &optimizer{optimizerPlan: o, dev: dev, set: set}
	if set.Values == nil {
		return nil, fmt.Errorf("optimizer: the network has no trained parameter")
	}
	names := map[string][]string{"sgd": {"momentum"}, "adamw": {"first_moment", "second_moment"}}[o.Kind]
	if names == nil {
		return nil, fmt.Errorf("optimizer %q does not exist; there are sgd and adamw", o.Kind)
	}
	for _, name := range names {
		t, err := z.block("the optimizer's moments")
		if err != nil {
			return nil, err
		}
		dev.Zero(t)
		z.moments = append(z.moments, momentBlock{momentPrefix + name, t})
	}
	var unknown []string
	for _, g := range set.Groups {
		rate, ok := o.Multipliers[g.Name]
		if !ok {
			unknown = append(unknown, g.Name)
		}
		view := func(t op.Tensor) op.Tensor { return op.Span(t, g.Lo, g.Hi-g.Lo) }
		z.groups = append(z.groups, span{name: g.Name, hi: g.Hi, rate: rate, value: view(set.Values), grad: view(set.Grads), first: view(z.moments[0].t)})
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("optimizer: no learning-rate multiplier for the parameter groups %s", strings.Join(unknown, ", "))
	}
	return z, nil
}

// block returns memory as long as the block of trained values.
func (z *optimizer) block(what string) (op.Tensor, error) {
	n := op.Len(z.set.Values)
	mem, err := z.dev.Alloc(int64(n) * 4)
	if err != nil {
		return nil, fmt.Errorf("%s: no memory for %s of %d parameters: %w; choose a device with more memory, or a smaller backbone", z.dev.Name(), what, n, err)
	}
	z.memory = append(z.memory, mem)
	return op.FromMemory(z.dev, tensor.Float32, mem.Uintptr(), n), nil
}

// keep adds the gradients of the batch that has been collected to those of the step's batches
// before it, which are batches−1, and begins the next one's from zero. So the gradients of two
// batches are added as two processes add theirs, to the last bit.
func (z *optimizer) keep(batches int) error {
	if z.kept == nil {
		t, err := z.block("the gradients of several batches")
		if err != nil {
			return err
		}
		z.kept = t
	}
	if batches == 1 {
		z.dev.Copy(z.kept, z.set.Grads)
	} else {
		z.dev.AddScaled(z.kept, z.set.Grads, 1)
	}
	z.dev.Zero(z.set.Grads)
	return nil
}

// step updates all groups with the gradients that have been collected. lr is the base
// rate of this step; step counts from 1. It returns each group's rate.
func (z *optimizer) step(lr float64, step int) map[string]float64 {
	rates := make(map[string]float64, len(z.groups))
	z.rates = z.rates[:0]
	for i := range z.groups {
		g := &z.groups[i]
		rates[g.name] = lr * g.rate
		if z.Kind == "sgd" {
			z.dev.SGD(g.value, g.first, g.grad, op.SGDParams{
				LR: float32(lr * g.rate), Momentum: float32(z.Momentum), WeightDecay: float32(z.WeightDecay),
			})
			continue
		}
		z.rates = append(z.rates, op.PartRate{End: g.hi, LR: float32(lr * g.rate)})
	}
	if z.Kind == "adamw" {
		z.dev.AdamW(z.set.Values, z.moments[0].t, z.moments[1].t, z.set.Grads, op.AdamWParams{
			Beta1: float32(z.Beta1), Beta2: float32(z.Beta2), Eps: float32(z.Eps), WeightDecay: float32(z.WeightDecay), Step: step, Rates: z.rates,
		})
	}
	return rates
}

// tensors are the moments as they are saved: one tensor a block.
func (z *optimizer) tensors() []weights.Tensor {
	var out []weights.Tensor
	for _, m := range z.moments {
		v := make([]float32, op.Len(m.t))
		z.dev.Download(v, m.t)
		out = append(out, weights.Tensor{Name: m.name, Shape: []int{len(v)}, Float32: v})
	}
	return out
}

// load takes the moments from a checkpoint.
func (z *optimizer) load(f *weights.File) error {
	for _, m := range z.moments {
		v, shape, err := f.Float32(m.name)
		if err != nil {
			return err
		}
		if !slices.Equal(shape, []int{op.Len(m.t)}) {
			return fmt.Errorf("%s: %s has shape %v, the network wants [%d]; the checkpoint belongs to another network", f.Path(), m.name, shape, op.Len(m.t))
		}
		z.dev.Upload(m.t, v)
	}
	return nil
}

func (z *optimizer) close() error {
	for _, m := range z.memory {
		if err := z.dev.Free(m, int64(op.Len(z.set.Values))*4); err != nil {
			return err
		}
	}
	z.memory = nil
	return nil
}
