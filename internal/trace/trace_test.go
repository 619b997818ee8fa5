package trace

import (
	"reflect"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
	"hdmnet/internal/optest"
)

// TestEveryOperator: behind a hook a device still passes the suite of all devices, so every
// argument goes where it belongs, and every operator passes the hook under its name, with
// the tensors that it was given.
func TestEveryOperator(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	d := &Device{Device: dev}
	d.Hook = func(c Call) {
		seen[c.Operator] = true
		if len(c.Tensors) == 0 {
			t.Errorf("%s without a tensor", c.Operator)
		}
		c.Run(dev, c.Tensors)
	}
	optest.RunAll(t, func(t *testing.T) op.Device { return d })
	a := op.NewArena(d)
	d.Copy(a.Float32(3), a.Zeros(3)) // no operator, so not in the suite
	engine := reflect.TypeFor[tensor.Engine]()
	for m := range reflect.TypeFor[op.Device]().Methods() {
		switch _, ok := engine.MethodByName(m.Name); {
		case ok, m.Name == "Name", m.Name == "Close", m.Name == "Capabilities", m.Name == "FreezeConv2D":
		case !seen[m.Name]:
			t.Errorf("%s did not pass the hook; is it in the suite?", m.Name)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d operators", len(seen))
	}
}
