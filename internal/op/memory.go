package op

import (
	"errors"
	"fmt"
)

// ErrOutOfMemory is in the error, or panic, of a device whose memory is full. Nothing has
// changed then: the device goes on working with less.
var ErrOutOfMemory = errors.New("out of memory")

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
