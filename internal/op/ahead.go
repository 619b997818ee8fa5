package op

// What some devices can do besides: run ahead of the program. Every function here does
// the same on every device, only sooner or later.

// Fetcher is a Device that works on while results are on their way to the host.
type Fetcher interface {
	// Fetch starts to copy src to dst ([]float32, []uint8 or []int32, as long as src). The
	// copy is of src as all calls so far leave it, whatever follows; dst is filled when
	// wait returns.
	Fetch(dst any, src Tensor) (wait func())
}

// Fetch is Download in two halves: dst is filled when wait returns. A device that is no
// Fetcher downloads at once.
func Fetch(dev Device, dst any, src Tensor) (wait func()) {
	if f, ok := dev.(Fetcher); ok {
		return f.Fetch(dst, src)
	}
	dev.Download(dst, src)
	return func() {}
}

// IsAsync tells whether the calls of dev's operators return before they are computed, so
// that it pays to give it the next step's work before reading the last one's results.
func IsAsync(dev Device) bool {
	_, ok := dev.(Fetcher)
	return ok
}

// Filler is a Device that says how much work keeps all of it busy.
type Filler interface {
	// PreferredBatchPixels is how many positions of a feature map, of one image or several, are
	// enough.
	PreferredBatchPixels() int
}

// PreferredBatchPixels is dev's own, or 8192: enough to fill the matrix products of a CPU.
func PreferredBatchPixels(dev Device) int {
	if f, ok := dev.(Filler); ok {
		return f.PreferredBatchPixels()
	}
	return 8192
}

// GraphCapturer is a Device for which many operators in a row cost less when it gets them in
// one piece.
type GraphCapturer interface {
	// CaptureGraph calls f once. What f asks for may begin when f returns.
	CaptureGraph(f func())
}

// CaptureGraph calls f, which asks for much the same work every time: one training step. The
// results are those of f alone.
func CaptureGraph(dev Device, f func()) {
	if b, ok := dev.(GraphCapturer); ok {
		b.CaptureGraph(f)
		return
	}
	f()
}
