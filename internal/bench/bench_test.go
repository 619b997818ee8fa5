package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"hdmnet/internal/config"
	"hdmnet/internal/cpu"
	"hdmnet/internal/data"
	"hdmnet/internal/op"
	"hdmnet/internal/profile"
)

func open(t *testing.T) op.Device {
	t.Helper()
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func options(t *testing.T, training bool) Options {
	t.Helper()
	c, err := config.Load(config.Options{Set: []string{"model.size=33", "model.shots=2"}})
	if err != nil {
		t.Fatal(err)
	}
	fold, err := data.Shapes5i(0)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Config: c, Fold: fold, Batch: 2, Train: training}
}

// TestWork: evaluations of a network repeat, its training steps learn, and a network whose
// operators are timed gives the same bits.
func TestWork(t *testing.T) {
	for _, training := range []bool{false, true} {
		var results [2][]float64
		for i, dev := range []op.Device{open(t), profile.New(open(t))} {
			w, err := New(dev, options(t, training))
			if err != nil {
				t.Fatal(err)
			}
			for range 8 {
				if err := errors.Join(w.Run(), w.Finish()); err != nil {
					t.Fatal(err)
				}
				results[i] = append(results[i], w.Result())
			}
			if w.Arena().Peak() == 0 {
				t.Error("no memory for activations")
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		r := results[0]
		if !slices.Equal(r, results[1]) {
			t.Errorf("training %v: timed operators give %v, not %v", training, results[1], r)
		}
		if !training && (slices.Min(r) != slices.Max(r) || r[0] <= 0 || r[0] >= 1) {
			t.Errorf("evaluations give %v", r)
		}
		if training && r[7] >= r[0] {
			t.Errorf("the loss does not fall: %v", r)
		}
	}
}

// TestGrayLevels: pictures [2,3,2 pixels], normalized again.
func TestGrayLevels(t *testing.T) {
	got := grayLevels([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2)
	for i, want := range []float64{1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 12} {
		back := float64(got[i]-data.Mean[i%3]) / float64(data.Std[i%3])
		if math.Abs(back-want) > 1e-5 {
			t.Errorf("value %d is gray level %g, which is %g normalized, want %g", i, got[i], back, want)
		}
	}
}

func TestMeasure(t *testing.T) {
	calls, done := 0, []int{}
	r := Runs{Warmup: 2, Runs: 3, Progress: func(d, total int, seconds float64) { done = append(done, d, total) }}
	seconds, err := Measure(context.Background(), r, func() error { calls++; return nil })
	if err != nil || len(seconds) != 3 || calls != 5 || !slices.Equal(done, []int{1, 3, 2, 3, 3, 3}) {
		t.Errorf("%v seconds of %d calls, progress %v, %v", seconds, calls, done, err)
	}
	broken := errors.New("broken")
	if _, err := Measure(context.Background(), r, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Measure(ctx, r, func() error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestProfile: tables by operator and by shapes agree with the calls that were made.
func TestProfile(t *testing.T) {
	d := profile.New(open(t))
	a := op.NewArena(d)
	x, w, y := a.Zeros(6, 4), a.Zeros(5, 4), a.Float32(6, 5)
	small, z := a.Zeros(3, 4), a.Float32(3, 5)
	p, err := MeasureOperators(context.Background(), d, Runs{Warmup: 1, Runs: 4}, func() error {
		d.Linear(z, small, w, nil)
		d.Linear(y, x, w, nil)
		d.Linear(y, x, w, nil)
		d.ReLU(y, y)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ops, shapes := p.Operators(), p.Shapes()
	if len(p.Seconds) != 4 || len(ops) != 2 || len(shapes) != 3 {
		t.Fatalf("%d runs, operators %+v, shapes %+v", len(p.Seconds), ops, shapes)
	}
	if o := ops[0]; o.Name != "Linear" || o.Calls != 3 || o.FLOP != 2*5*4*(3+6+6) || o.Bytes != 4*(15+12+20+2*(30+24+20)) || len(o.Seconds) != 4 {
		t.Errorf("%+v", o)
	}
	if s := shapes[1]; s.PerRun != 2 || len(s.Seconds) != 8 || s.FLOP != 2*5*4*6 || s.M != 6 || s.N != 5 || s.K != 4 {
		t.Errorf("%+v", s)
	}
	for run := range 4 {
		if sum := ops[0].Seconds[run] + ops[1].Seconds[run]; sum <= 0 || sum > p.Seconds[run] {
			t.Errorf("run %d: operators take %g s of %g s", run, sum, p.Seconds[run])
		}
	}
	if got, want := p.Products(), []Product{{6, 5, 4}, {3, 5, 4}}; !slices.Equal(got, want) {
		t.Errorf("products %v, want %v", got, want)
	}
}

func TestMeasureProduct(t *testing.T) {
	r, err := MeasureProduct(context.Background(), open(t), Product{33, 17, 5}, 2)
	if err != nil || len(r.Linear) != 2 || len(r.Frozen) != 2 || slices.Min(r.Linear) <= 0 || slices.Min(r.Frozen) <= 0 {
		t.Errorf("%+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Peak(ctx, open(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
