package selftest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

func open(t *testing.T) op.Device {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// operators are the methods of op.Device that compute.
func operators() map[string]bool {
	all := map[string]bool{}
	engine := reflect.TypeFor[tensor.Engine]()
	for m := range reflect.TypeFor[op.Device]().Methods() {
		switch _, ok := engine.MethodByName(m.Name); {
		case ok, m.Name == "Name", m.Name == "Capabilities", m.Name == "Close", m.Name == "Download", m.Name == "FreezeConv2D":
		default:
			all[m.Name] = true
		}
	}
	return all
}

// TestEveryOperator: the self-test reaches every operator, and the CPU is its own twin.
func TestEveryOperator(t *testing.T) {
	r, err := Run(t.Context(), open(t), open(t), Options{Tolerance: 1e-4, Products: 1e-4})
	if err != nil || !r.OK {
		t.Errorf("ok %v, error %v", r.OK, err)
	}
	left := operators()
	for _, o := range []string{"Depthwise3x3", "Depthwise3x3Grad", "GELU", "GELUGrad"} {
		delete(left, o) // within DepthwiseGELU, which networks call
	}
	delete(left, "AdaptiveAvgPoolLevels") // of devices that have it in place of AdaptiveAvgPool
	if len(left) < 50 {
		t.Fatalf("only %d operators: %v", len(left), left)
	}
	for _, o := range r.Operators {
		delete(left, o.Name)
		if o.Difference != 0 || !o.OK || o.Calls == 0 || o.Shape == nil {
			t.Errorf("%+v", o)
		}
	}
	if len(left) > 0 {
		t.Errorf("not run: %v", left)
	}
}

// TestResults: the known results are those of this machine's instruction set too.
func TestResults(t *testing.T) {
	r, err := Run(t.Context(), open(t), nil, Options{Tolerance: 1e-5, Products: 1e-5, Thorough: !testing.Short()})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range r.Results {
		if !q.OK {
			t.Errorf("%+v", q)
		}
	}
	if len(r.Operators) != 0 || len(r.Results) < 3 {
		t.Errorf("%d operators, %d results", len(r.Operators), len(r.Results))
	}
}

// faulty is a CPU with defects.
type faulty struct{ op.Device }

func (d faulty) ReLU(y, x op.Tensor) {
	d.Device.ReLU(y, x)
	y.Float32s()[3] += 1
}

func (d faulty) Argmax(y, logits op.Tensor) {
	d.Device.Argmax(y, logits)
	y.Uint8s()[0] ^= 1
}

func (d faulty) DepthwiseGELU(y, before, x, w, bias op.Tensor, p op.DropoutParams) {
	d.Device.DepthwiseGELU(y, before, x, w, bias, p)
	y.Float32s()[0] = float32(math.NaN())
}

func (d faulty) Add(y, a, b op.Tensor)     { panic("no such kernel") }
func (d faulty) Softmax(y, x op.Tensor)    { d.Device.Copy(y, x); x.Float32s()[0] = 7 }
func (d faulty) ShotMean(y, x op.Tensor)   {}
func (d faulty) NonStdAlloc()              {}
func (d faulty) Name() string              { return "faulty" }
func (d faulty) Foreground(y, l op.Tensor) { d.Device.Foreground(y, l); y.Float32s()[1] += 1e-6 }

// TestDefects: every defect is found where it is and nowhere else, and the rest goes on.
func TestDefects(t *testing.T) {
	r, err := Run(t.Context(), faulty{open(t)}, open(t), Options{Tolerance: 1e-4, Products: 1e-4})
	if err != nil || r.OK {
		t.Fatalf("ok %v, error %v", r.OK, err)
	}
	broken := map[string]bool{"ReLU": true, "Argmax": true, "DepthwiseGELU": true, "Add": true, "Softmax": true, "ShotMean": true}
	for _, o := range r.Operators {
		if o.OK == broken[o.Name] {
			t.Errorf("%+v", o)
		}
		switch o.Name {
		case "DepthwiseGELU":
			if text, err := json.Marshal(o); o.Difference.Finite() || err != nil || !strings.Contains(string(text), `"difference":null`) {
				t.Errorf("a NaN: %+v", o)
			}
		case "Add":
			if !strings.Contains(o.Error, "no such kernel") {
				t.Errorf("a panic: %+v", o)
			}
		case "Foreground":
			if o.Difference == 0 {
				t.Errorf("a small difference: %+v", o)
			}
		}
	}
	for _, q := range r.Results {
		if !q.OK { // every wrong result was replaced by the right one
			t.Errorf("%+v", q)
		}
	}
}

// TestWrongNetwork: without a reference the results show a defect.
func TestWrongNetwork(t *testing.T) {
	r, err := Run(t.Context(), scaled{open(t)}, nil, Options{Tolerance: 1e-4, Products: 1e-4})
	if err != nil || r.OK {
		t.Errorf("ok %v, error %v", r.OK, err)
	}
	for _, q := range r.Results {
		if q.OK {
			t.Errorf("%+v", q)
		}
	}
	r, err = Run(t.Context(), faulty{open(t)}, nil, Options{Tolerance: 1e-4, Products: 1e-4})
	if err == nil || r.OK || !strings.Contains(err.Error(), "no such kernel") {
		t.Errorf("a panic without a reference: ok %v, error %v", r.OK, err)
	}
}

// scaled is a CPU whose Linear is 10% too large.
type scaled struct{ op.Device }

func (scaled) NonStdAlloc() {}

func (d scaled) Linear(y, x, w, bias op.Tensor) {
	d.Device.Linear(y, x, w, bias)
	d.AddScaled(y, y, 0.1)
}

// TestProducts: rounded products have a bound of their own.
func TestProducts(t *testing.T) {
	r, err := Run(t.Context(), scaled{open(t)}, open(t), Options{Tolerance: 1e-4, Products: 0.2})
	if err != nil || !r.OK {
		t.Errorf("ok %v, error %v", r.OK, err)
	}
	r, err = Run(t.Context(), faulty{open(t)}, open(t), Options{Tolerance: 1e-4, Products: 0.2})
	if err != nil || r.OK {
		t.Errorf("ok %v, error %v", r.OK, err)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := Run(ctx, open(t), nil, Options{Tolerance: 1e-4, Products: 1e-4}); !errors.Is(err, context.Canceled) || r.OK {
		t.Errorf("ok %v, error %v", r.OK, err)
	}
}

func TestRelative(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		got, want []float32
		d         float64
	}{
		{[]float32{3, 4}, []float32{3, 4}, 0},
		{[]float32{3, 4.5}, []float32{3, 4}, 0.1},
		{[]float32{0}, []float32{0}, 0},
		{[]float32{1e-6}, []float32{0}, 1}, // below 1e-6 is rounding
		{[]float32{nan, inf, 1}, []float32{nan, inf, 1}, 0},
		{[]float32{nan}, []float32{1}, math.Inf(1)},
		{[]float32{1}, []float32{nan}, math.Inf(1)},
		{[]float32{1}, []float32{inf}, math.Inf(1)},
		{[]float32{-inf}, []float32{inf}, math.Inf(1)},
	} {
		if d := relative(c.got, c.want, 1e-6); !(math.Abs(d-c.d) <= 1e-6) && d != c.d {
			t.Errorf("relative(%v, %v) = %g, want %g", c.got, c.want, d, c.d)
		}
	}
}
