package device

import (
	"context"
	"errors"
	"slices"
	"testing"

	"hdmnet/internal/op"
)

// TestMeasurePrecisions: every precision that opens is measured, from the finest on.
func TestMeasurePrecisions(t *testing.T) {
	opened := 0
	all, err := MeasurePrecisions(t.Context(), "cpu", func(op.Device) { opened++ })
	if err != nil {
		t.Fatal(err)
	}
	var got, want []op.Precision
	for _, m := range all {
		got = append(got, m.Precision)
		if len(all) > 1 && !(m.Seconds > 0 && m.Seconds < 60) {
			t.Errorf("%v took %g s", m.Precision, m.Seconds)
		}
	}
	for i := range op.PrecisionNames() {
		if dev, _, err := Open("cpu", op.Precision(i)); err == nil {
			want = append(want, op.Precision(i))
			if err := dev.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if !slices.Equal(got, want) || opened != len(want) {
		t.Errorf("measured %v of %d devices, want %v", got, opened, want)
	}
	if _, err := MeasurePrecisions(t.Context(), "gpu", func(op.Device) {}); !errors.Is(err, ErrName) {
		t.Errorf("a name that means nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := MeasurePrecisions(ctx, "cpu", func(op.Device) {}); len(all) > 1 && !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestFastest: a coarser precision is taken where it saves more than a twentieth.
func TestFastest(t *testing.T) {
	for _, c := range []struct {
		fp32, tf32, bf16 float64
		want             op.Precision
	}{
		{1, 2, 3, op.FP32},
		{1, 0.96, 0.96, op.FP32},
		{1, 0.96, 0.94, op.BF16},
		{1, 0.5, 0.49, op.TF32},
		{1, 0.5, 0.4, op.BF16},
	} {
		if got := Fastest([]Timing{{op.FP32, c.fp32}, {op.TF32, c.tf32}, {op.BF16, c.bf16}}); got != c.want {
			t.Errorf("%v: %v", c, got)
		}
	}
}
