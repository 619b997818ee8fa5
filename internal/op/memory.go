package op

import (
	"errors"
	"fmt"
)

// ErrOutOfMemory is in the error, or panic, of a device whose memory is full. Nothing has
// changed then: the device goes on working with less.
var ErrOutOfMemory = errors.New("out of memory")

// MemoryMeter is a Device that counts its memory.
type MemoryMeter interface {
	// PeakMemory is the largest number of bytes that were in use at one time:
	// parameters, activations and the scratch memory of operators.
	PeakMemory() int64
}

// PeakMemory returns the largest number of bytes of dev in use at one time, 0 when it does
// not count.
func PeakMemory(dev Device) int64 {
	if m, ok := dev.(MemoryMeter); ok {
		return m.PeakMemory()
	}
	return 0
}

// FormatBytes writes a number of bytes with a unit: "512 B", "1.5 KiB", "3.25 GiB".
func FormatBytes(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, u := float64(n)/(1<<10), 0
	for v >= 1000 && u < len(units)-1 {
		v, u = v/(1<<10), u+1
	}
	return fmt.Sprintf("%.3g %ciB", v, units[u])
}
