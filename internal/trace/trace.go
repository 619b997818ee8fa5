// Package trace stands before a device and hands every call of an operator to a hook:
// to time it, or to compare it with another device. The methods are made from package op's
// interfaces, so a new operator needs nothing here but `make generate`.
package trace

//go:generate go run ./gen -op ../op -out operators.go

import "hdmnet/internal/op"

// Device is a device whose operators go through Hook. Memory, Name, Close and FreezeConv2D
// are those of the device it holds. Its calls are whole when they return, one by one: of
// what that device can do besides its operators it has only what does not touch that.
type Device struct {
	op.Device
	// Hook is given every call and has to Run it on the device that it holds, or the
	// operator is not computed.
	Hook func(c Call)
}

// NonStdAlloc tells gorgonia, as the device itself does, that tensors get their memory
// from Alloc.
func (d *Device) NonStdAlloc() {}

// Capabilities are the device's memory, its batches and which pooling it prefers: it gets the same
// calls as without the hook.
func (d *Device) Capabilities() op.Capabilities {
	c := d.Device.Capabilities()
	return op.Capabilities{Memory: c.Memory, PoolsLevelsAtOnce: c.PoolsLevelsAtOnce, PreferredBatchPixels: c.PreferredBatchPixels}
}

// Call is one call of an operator.
type Call struct {
	Operator string      // the method of op.Device
	Tensors  []op.Tensor // its tensors in the order of the arguments, nil ones too
	Params   []any       // its other arguments, in order

	run func(on op.Device, t []op.Tensor)
}

// Run makes the call on a device, with tensors in the place of the call's own.
func (c *Call) Run(on op.Device, tensors []op.Tensor) { c.run(on, tensors) }

func (d *Device) call(operator string, params []any, run func(on op.Device, t []op.Tensor), tensors ...op.Tensor) {
	d.Hook(Call{operator, tensors, params, run})
}
