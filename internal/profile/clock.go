package profile

import (
	"time"

	"hdmnet/internal/op"
)

// stopwatch is the device's own, or the host's clock where the device does nothing behind
// its caller's back.
func stopwatch(dev op.Device) op.Stopwatch {
	if w := dev.Capabilities().Clock; w != nil {
		return w
	}
	return &hostWatch{}
}

type hostWatch struct{ at []time.Time }

func (w *hostWatch) Mark() { w.at = append(w.at, time.Now()) }

func (w *hostWatch) Marks() []float64 {
	seconds := make([]float64, len(w.at))
	for i, t := range w.at {
		seconds[i] = t.Sub(w.at[0]).Seconds()
	}
	w.at = w.at[:0]
	return seconds
}
