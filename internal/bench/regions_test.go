package bench

import (
	"context"
	"math"
	"slices"
	"testing"

	"hdmnet/internal/profile"
)

// TestStages: every run has a time for every part of a training step, and the parts of the
// operators' table are the same, with all of its operations.
func TestStages(t *testing.T) {
	o, dev := options(t, true), open(t)
	regions, err := MeasureRegions(context.Background(), dev, o, Runs{Warmup: 1, Runs: 3}, true)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range regions {
		names = append(names, s.Name)
		if len(s.Seconds) != 3 || slices.Min(s.Seconds) < 0 {
			t.Errorf("%+v", s)
		}
	}
	timed := profile.New(dev)
	w, err := New(timed, o)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	p, err := MeasureOperators(context.Background(), timed, Runs{Runs: 2}, w.Run)
	if err != nil {
		t.Fatal(err)
	}
	flop, bytes := 0.0, 0.0
	for _, q := range p.Operators() {
		flop, bytes = flop+q.FLOP, bytes+q.Bytes
	}
	var asked []string
	needed, moved := 0.0, 0.0
	for _, s := range p.Shares(Ceilings{Product: 2e9, Copy: 1e9}) {
		asked = append(asked, s.Name)
		needed, moved = needed+s.FLOP, moved+s.Bytes
		if s.Seconds < max(s.FLOP/2e9, s.Bytes/1e9)*(1-1e-9) {
			t.Errorf("%+v: faster than the ceilings", s)
		}
	}
	if !slices.Equal(asked, names) {
		t.Errorf("parts of the operators %v, of the steps %v", asked, names)
	}
	if math.Abs(moved-bytes) > 1e-6*bytes || needed > flop || needed < flop/2 {
		t.Errorf("%g of %g bytes, %g of %g operations", moved, bytes, needed, flop)
	}
}

func TestMeasureCopies(t *testing.T) {
	var c Ceilings
	if err := c.MeasureCopies(context.Background(), open(t)); err != nil {
		t.Fatal(err)
	}
	if c.Copy <= 0 || c.HostToDevice <= 0 || c.DeviceToHost <= 0 {
		t.Errorf("%+v", c)
	}
}
