package model

import (
	"os"
	"testing"

	"hdmnet/internal/device"
	"hdmnet/internal/op"
)

// open opens the device that HDMNET_TEST_DEVICE names, the CPU when it is not set, in the
// precision that HDMNET_TEST_PRECISION names, fp32 when it is not set: the golden tests are
// the same for all (make test-cuda runs them on the emulated driver).
func open(t testing.TB) op.Device {
	t.Helper()
	name := os.Getenv("HDMNET_TEST_DEVICE")
	if name == "" {
		name = "cpu"
	}
	dev, _, err := device.Open(name, precision(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("device %s", dev.Name())
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

func precision(t testing.TB) op.Precision {
	t.Helper()
	name := os.Getenv("HDMNET_TEST_PRECISION")
	if name == "" {
		return op.FP32
	}
	p, err := op.ParsePrecision(name)
	if err != nil {
		t.Fatalf("HDMNET_TEST_PRECISION: %v", err)
	}
	return p
}

// bounds are what results may differ by from the golden files' (relative L2).
type bounds struct {
	output   float64 // outputs and step-1 losses
	gradient float64
	late     float64 // losses and parameters of later steps
	labels   float64 // share of the predicted labels
	base     float64 // share of the base learner's labels
	rounded  bool    // inputs of products are rounded: later steps are not compared
}

// tolerances are those of golden/README.md for float32. In bf16x3 outputs differ by up to 9.5e-5
// and gradients by 2.5e-4; the bounds are three and four times that. In tf32, on the emulated
// driver, outputs differ by up to 1.9e-3, gradients by 1.8e-2 of a parameter's, and up to 0.06% of
// the labels; the bounds are about three times that. In bf16 they are 2e-2 and 99.5% of the
// predicted labels. The base learner of random weights gives many pixels two nearly equal logits
// of its 16: the CPU, which has more layers in bf16, labels up to 1% of them otherwise. Gradients
// differ by up to 0.1 of a parameter's in bf16; the bound is twice that.
func tolerances(t testing.TB) bounds {
	t.Helper()
	if precision(t) == op.FP32 {
		return bounds{output: 1e-5, gradient: 1e-4, late: 5e-3}
	}
	if precision(t) == op.BF16X3 {
		return bounds{output: 3e-4, gradient: 1e-3, labels: 5e-4, base: 5e-4, rounded: true}
	}
	if precision(t) == op.TF32 {
		return bounds{output: 6e-3, gradient: 5e-2, labels: 2e-3, base: 2e-3, rounded: true}
	}
	b := bounds{output: 2e-2, gradient: 0.2, labels: 5e-3, base: 5e-3, rounded: true}
	if name := os.Getenv("HDMNET_TEST_DEVICE"); name == "" || name == "cpu" {
		b.base = 1e-2
	}
	return b
}
