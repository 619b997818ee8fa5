//go:build cuda

package cuda

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"hdmnet/internal/op"
)

// frozenConv is a convolution whose weights lie on the device in the precision of its
// products: float32 as they are, or rounded for tensor cores, in bf16 to halves.
type frozenConv struct {
	dev       *Device
	shape     []int // [Co,KH,KW,Ci]
	params    op.ConvParams
	precision precision
	weights   pointer
	bias      pointer // null without
	half      bool    // weights of halves, for halfConv
}

func (c *frozenConv) Shape() []int          { return c.shape }
func (c *frozenConv) Params() op.ConvParams { return c.params }

// ReadsHalves: maps are in halves altogether (HalfMaps), or not.
func (c *frozenConv) ReadsHalves() bool { return false }

// Close gives the memory back; work that is queued may still use it.
func (c *frozenConv) Close() error {
	for _, p := range []*pointer{&c.weights, &c.bias} {
		if *p == 0 {
			continue
		}
		if err := c.dev.release(uintptr(*p)); err != nil {
			return err
		}
		*p = 0
	}
	return nil
}

// FreezeConv2D copies the weights to the device, rounded to the precision of its products.
func (d *Device) FreezeConv2D(w, bias []float32, shape []int, p op.ConvParams) (op.FrozenConv, error) {
	op.CheckFreezeConv2D(w, bias, shape, p)
	c := &frozenConv{dev: d, shape: slices.Clone(shape), params: p, precision: d.precision.layer(shape[1]*shape[2], shape[3], shape[0])}
	weights, err := d.resident(w)
	if err != nil {
		return nil, fmt.Errorf("no memory for convolution weights %v: %w", shape, err)
	}
	c.weights = weights
	c.half = d.precision == bf16 && shape[0]%op.HalfChannels == 0
	if bias != nil {
		if c.bias, err = d.resident(bias); err != nil {
			return nil, c.failed(fmt.Errorf("no memory for %d biases: %w", len(bias), err))
		}
	}
	if c.precision == fp32 {
		return c, nil
	}
	rows, ci := shape[0]*shape[1]*shape[2], shape[3]
	if c.half {
		rounded, err := d.halfWeights(weights, rows, ci)
		if err != nil {
			return nil, c.failed(fmt.Errorf("no memory for convolution weights %v in halves: %w", shape, err))
		}
		c.weights = rounded
		return c, d.release(uintptr(weights))
	}
	rounded, err := d.alloc(int64(c.precision.roundedFloats(rows, ci)) * 4)
	if err != nil {
		return nil, c.failed(fmt.Errorf("no memory for convolution weights %v in %v: %w", shape, c.precision, err))
	}
	d.roundWeights(c.precision, pointer(rounded), weights, rows, ci)
	c.weights = pointer(rounded)
	return c, d.release(uintptr(weights))
}

// failed gives back what c has got before err.
func (c *frozenConv) failed(err error) error {
	if closing := c.Close(); closing != nil {
		return closing
	}
	return err
}

// resident copies values to memory of their own on the device.
func (d *Device) resident(values []float32) (pointer, error) {
	at, err := d.alloc(int64(len(values)) * 4)
	if err != nil {
		return 0, err
	}
	d.Upload(op.FromMemory(d, tensor.Float32, at, len(values)), values)
	return pointer(at), nil
}

// FrozenConv2D computes y = activation(conv(x) + bias + residual); GELU by itself, in place.
func (d *Device) FrozenConv2D(y, x op.Tensor, c op.FrozenConv, residual op.Tensor, activation op.Activation) {
	op.CheckFrozenConv2D(y, x, c, residual, activation)
	f := c.(*frozenConv)
	g := newConvArgs(x.Shape(), f.shape, f.params)
	g.out, g.a, g.b, g.bias, g.residual = address(y), address(x), f.weights, f.bias, address(residual)
	if activation == op.ReLUActivation {
		g.relu = 1
	}
	if f.half {
		d.halfConv(g, y, x, residual)
	} else if f.precision == fp32 {
		d.convForward(g)
	} else {
		d.tensorConv(f.precision, g)
	}
	if activation == op.GELUActivation {
		d.GELU(y, y)
	}
}
