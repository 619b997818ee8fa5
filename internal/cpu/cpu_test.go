package cpu

import (
	"encoding/binary"
	"hash/fnv"
	"runtime"
	"testing"

	"hdmnet/internal/op"
	"hdmnet/internal/optest"
)

// TestOperators runs the suite of all devices on every instruction set of this machine.
func TestOperators(t *testing.T) {
	eachISA(t, func(t *testing.T) {
		optest.RunAll(t, func(t *testing.T) op.Device { return open(t) })
	})
}

// TestSameBitsForEveryGOMAXPROCS runs the suite again and compares the bits of
// everything that it downloads.
func TestSameBitsForEveryGOMAXPROCS(t *testing.T) {
	sums := map[int]uint64{}
	for _, procs := range []int{1, 2, 3} {
		withProcs(procs, func() {
			r := &recorder{Device: open(t)}
			optest.RunAll(t, func(t *testing.T) op.Device { return r })
			sums[procs] = r.sum
		})
	}
	if sums[1] != sums[2] || sums[1] != sums[3] {
		t.Errorf("the suite's results hash to %x with 1, 2 and 3 threads on %d processors, want one value", sums, runtime.NumCPU())
	}
}

// recorder is a device that keeps the sum of the hashes of everything that is downloaded
// from it, in whatever order.
type recorder struct {
	*Device
	sum uint64
}

func (r *recorder) Download(dst any, src op.Tensor) {
	r.Device.Download(dst, src)
	h := fnv.New64a()
	if err := binary.Write(h, binary.LittleEndian, dst); err != nil {
		panic(err)
	}
	r.sum += h.Sum64()
}

func open(t testing.TB) *Device {
	dev, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// TestFrozenWeightsCount: the peak holds the packed weights, of products and of Winograd's
// algorithm, until their convolution is closed.
func TestFrozenWeightsCount(t *testing.T) {
	dev, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for _, kernel := range []int{1, 3} {
		before := dev.inUse
		w := make([]float32, 128*kernel*kernel*64)
		c, err := dev.FreezeConv2D(w, make([]float32, 128), []int{128, kernel, kernel, 64}, op.ConvParams{Stride: 1, Pad: kernel / 2, Dilation: 1})
		if err != nil {
			t.Fatal(err)
		}
		if least := before + int64(len(w)+128)*4; dev.PeakMemory() < least || dev.inUse < least {
			t.Errorf("%d×%[1]d: %d bytes in use, the weights have %d", kernel, dev.inUse, least)
		}
		for range 2 {
			if err := c.Close(); err != nil || dev.inUse != before {
				t.Errorf("%d×%[1]d: %d bytes are in use after Close, %v", kernel, dev.inUse-before, err)
			}
		}
	}
}
