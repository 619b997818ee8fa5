package main

import (
	"os"
	"testing"

	"hdmnet/internal/cli/ui"
)

// launchReport is what of `bench model --trace --json` is looked at.
type launchReport struct {
	Total          launchCount
	Parts, Kernels []launchCount
}

type launchCount struct {
	Name                                     string
	Launches, Few, Zeroings, Copies, Uploads int
	GB                                       float64
}

// TestBenchTrace: a CPU has no launches to count; of a GPU, or the emulated driver, the
// parts and the kernels add up to the whole.
func TestBenchTrace(t *testing.T) {
	args := []string{"bench", "model", "--trace", "--size", "33", "--batch", "2", "--mode", "train"}
	fails(t, ui.ExitUsage, append(args, "--device", "cpu"), "--trace", "--device cuda")
	device := os.Getenv("HDMNET_TEST_DEVICE")
	if device == "" {
		return
	}
	r := benchReport[launchReport](t, append(args[1:], "--device", device)...)
	if r.Total.Launches < 100 || r.Total.Zeroings < 1 || r.Total.Uploads < 3 || r.Total.GB <= 0 {
		t.Errorf("total %+v", r.Total)
	}
	for _, rows := range [][]launchCount{r.Parts, r.Kernels} {
		var sum launchCount
		for _, c := range rows {
			sum.Launches += c.Launches
			sum.Few += c.Few
			sum.Zeroings += c.Zeroings
			sum.Copies += c.Copies
			sum.Uploads += c.Uploads
			sum.GB += c.GB
		}
		if d := sum.GB/r.Total.GB - 1; sum.Launches != r.Total.Launches || sum.Few != r.Total.Few || sum.Zeroings != r.Total.Zeroings ||
			sum.Copies != r.Total.Copies || sum.Uploads != r.Total.Uploads || d < -1e-9 || d > 1e-9 {
			t.Errorf("sums %+v, total %+v", sum, r.Total)
		}
	}
}

// TestBenchTraceLarge: a training step at full size stays within what docs/performance.md tells of
// it: at most 700 launches, where there were 1275, and 60% of the 54.46 GB of operands. It needs the
// memory of such a step: of a GPU, or of the emulated driver with HDMNET_EMU_DRY=1.
func TestBenchTraceLarge(t *testing.T) {
	device := os.Getenv("HDMNET_TEST_DEVICE")
	if device == "" || os.Getenv("HDMNET_TEST_LARGE") == "" {
		t.Skip("HDMNET_TEST_LARGE is not set")
	}
	t.Setenv("HDMNET_CUDA_LIBRARIES", "off")
	r := benchReport[launchReport](t, "model", "--trace", "--config", "coco20i_resnet50", "--size", "633", "--batch", "6", "--mode", "train",
		"--precision", "bf16", "--device", device)
	if r.Total.Launches > 700 || r.Total.GB > 0.6*54.46 {
		t.Errorf("%d launches, at most 700; %.2f GB, at most %.2f", r.Total.Launches, r.Total.GB, 0.6*54.46)
	}
}
