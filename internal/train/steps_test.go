package train

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"hdmnet/internal/dist"
)

// TestSteps: single steps are those of a run: the same losses on the same batches, as long
// as the schedule leaves the rate as it is.
func TestSteps(t *testing.T) {
	long(t)
	o := trial(t, "", "train.stage=meta", "train.meta.epochs=1", "train.meta.max_steps=3", "train.meta.power=0", "train.meta.validate_every=0")
	o.Val = nil
	var want []float64
	o.Hooks = append(o.Hooks, Hook{Name: "losses", Step: func(s *Status) error {
		want = append(want, s.Losses[total])
		return nil
	}})
	if err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	o.Group = dist.Solo{}
	f, err := (&trainer{Options: o}).feed(Meta)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	s, err := NewSteps(o.Device, o.Config, o.Fold, dist.Solo{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, w := range want {
		b, err := f.train.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Step(b), s.Finish()); err != nil || s.Loss() != w {
			t.Errorf("step %d: loss %v, %v; the run's is %v", i+1, s.Loss(), err, w)
		}
		f.train.Release(b)
	}
	if len(want) != 3 || s.Arena().Peak() == 0 {
		t.Errorf("%d losses, %d bytes of activations", len(want), s.Arena().Peak())
	}

	nan := float32(math.NaN())
	for _, p := range s.Set().Params {
		v := make([]float32, p.Len())
		for i := range v {
			v[i] = nan
		}
		s.Set().Put(p, v)
	}
	b, err := f.train.Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var diverged *DivergedError
	if err := errors.Join(s.Step(b), s.Finish()); !errors.As(err, &diverged) || diverged.Step != 4 || strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("a network of NaN makes a step: %v", err)
	}
}
