package train

import (
	"context"
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
	s, err := NewSteps(o.Device, o.Config, o.Fold)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i, w := range want {
		b, err := f.train.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		loss, err := s.Start(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := loss()
		if err != nil || got != w {
			t.Errorf("step %d: loss %v, %v; the run's is %v", i+1, got, err, w)
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
	loss, err := s.Start(b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := loss(); err == nil || !strings.Contains(err.Error(), "step 4") {
		t.Errorf("a network of NaN makes a step: %v", err)
	}
}
