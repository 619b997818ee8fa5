//go:build cuda

package cuda

import (
	"testing"

	"hdmnet/internal/op"
	"hdmnet/internal/optest"
)

// TestSuite runs the suite of all devices, on a GPU or on the emulated driver
// (make test-cuda).
func TestSuite(t *testing.T) {
	optest.RunAll(t, func(t *testing.T) op.Device { return open(t) })
}

// open opens the first device and closes it when the test ends.
func open(t testing.TB) *Device {
	t.Helper()
	return openIn(t, fp32)
}

// openIn opens it in a precision.
func openIn(t testing.TB, p precision) *Device {
	t.Helper()
	dev, err := Open(0, op.Precision(p))
	if err != nil {
		t.Fatalf("%v\n(make test-cuda runs these tests on the emulated driver)", err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}
