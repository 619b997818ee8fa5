package main

import (
	"os"
	"testing"

	"hdmnet/internal/cli/ui"
)

// TestBenchTrace: a CPU has no launches to count; of a GPU, or the emulated driver, the
// parts and the kernels add up to the whole.
func TestBenchTrace(t *testing.T) {
	args := []string{"bench", "model", "--trace", "--size", "33", "--batch", "2", "--mode", "train"}
	fails(t, ui.ExitUsage, append(args, "--device", "cpu"), "--trace", "--device cuda")
	device := os.Getenv("HDMNET_TEST_DEVICE")
	if device == "" {
		return
	}
	type count struct {
		Name                                string
		Launches, Zeroings, Copies, Uploads int
		GB                                  float64
	}
	r := benchReport[struct {
		Total          count
		Parts, Kernels []count
	}](t, append(args[1:], "--device", device)...)
	if r.Total.Launches < 100 || r.Total.Zeroings < 1 || r.Total.Uploads < 3 || r.Total.GB <= 0 {
		t.Errorf("total %+v", r.Total)
	}
	for _, rows := range [][]count{r.Parts, r.Kernels} {
		var sum count
		for _, c := range rows {
			sum.Launches += c.Launches
			sum.Zeroings += c.Zeroings
			sum.Copies += c.Copies
			sum.Uploads += c.Uploads
			sum.GB += c.GB
		}
		if d := sum.GB/r.Total.GB - 1; sum.Launches != r.Total.Launches || sum.Zeroings != r.Total.Zeroings ||
			sum.Copies != r.Total.Copies || sum.Uploads != r.Total.Uploads || d < -1e-9 || d > 1e-9 {
			t.Errorf("sums %+v, total %+v", sum, r.Total)
		}
	}
}
