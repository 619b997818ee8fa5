package op

// Capabilities are what a device can do besides its operators. A field that is nil, or 0,
// says that it cannot; the functions below then do the plain thing. None changes a result,
// only when it is there and what is known of it.
type Capabilities struct {
	Fetcher              Fetcher        // the device works on while results are on their way to the host
	Graphs               GraphCapturer  // it gets many operators in one piece
	Regions              RegionObserver // it is told which part of a network comes next
	Clock                Stopwatch      // it tells when its work was done
	Memory               MemoryMeter    // it counts its memory
	Launches             LaunchTracer   // it tells what it gives to its driver
	Compiler             Compiler       // it compiles kernels when they are first used
	Late                 LateAdder      // it makes many additions in one piece
	Branches             Brancher       // it does two pieces of work side by side
	HalfMaps             bool           // it takes tensors of halves (Half)
	PoolsLevelsAtOnce    bool           // its AdaptiveAvgPoolLevels reads x once, whatever the sizes
	PreferredBatchPixels int            // positions of feature maps, of one image or several, that keep all of it busy
}

// Fetcher copies in two halves.
type Fetcher interface {
	// Fetch starts to copy src to dst ([]float32, []uint8 or []int32, as long as src). The
	// copy is of src as all calls so far leave it, whatever follows; dst is filled when
	// wait returns.
	Fetch(dst any, src Tensor) (wait func())
}

// GraphCapturer takes many operators in a row as one piece, which costs it less.
type GraphCapturer interface {
	// CaptureGraph calls f once. What f asks for may begin when f returns.
	CaptureGraph(f func())
}

// LateAdder makes additions late, many in one piece.
type LateAdder interface {
	// AddLate calls f. What f adds to parts of t is there when AddLate returns; until then
	// f does nothing with t but to add to it.
	AddLate(t Tensor, f func())
}

// RegionObserver is told which part of a network the next calls belong to.
type RegionObserver interface {
	// Region begins a part, which ends where the next one begins.
	Region(name string)
}

// Compiler tells why the first use of kernels takes long.
type Compiler interface {
	// OnCompile has f called once, from another goroutine, when kernels are compiled.
	OnCompile(f func())
}

// Stopwatch tells when work was done of which the caller does not see the end.
type Stopwatch interface {
	// Mark notes the moment at which all work so far is done. It does not wait.
	Mark()
	// Marks waits for all marks since its last call, forgets them, and returns the seconds
	// from the first one to each.
	Marks() []float64
}

// MemoryMeter counts memory.
type MemoryMeter interface {
	// PeakMemory is the largest number of bytes that were in use at one time:
	// parameters, activations and the scratch memory of operators.
	PeakMemory() int64
}

// Fetch is Download in two halves: dst is filled when wait returns. A device that is no
// Fetcher downloads at once.
func Fetch(dev Device, dst any, src Tensor) (wait func()) {
	if f := dev.Capabilities().Fetcher; f != nil {
		return f.Fetch(dst, src)
	}
	dev.Download(dst, src)
	return func() {}
}

// IsAsync tells whether the calls of dev's operators return before they are computed, so
// that it pays to give it the next step's work before reading the last one's results.
func IsAsync(dev Device) bool { return dev.Capabilities().Fetcher != nil }

// CaptureGraph calls f, which asks for much the same work every time: one training step.
// The results are those of f alone.
func CaptureGraph(dev Device, f func()) {
	if g := dev.Capabilities().Graphs; g != nil {
		g.CaptureGraph(f)
		return
	}
	f()
}

// AddLate calls f, which only adds to parts of t: the gradients of parameters in a backward
// pass.
func AddLate(dev Device, t Tensor, f func()) {
	if l := dev.Capabilities().Late; l != nil && t != nil {
		l.AddLate(t, f)
		return
	}
	f()
}

// Region tells dev that the next calls belong to the named part of the network:
// "backbone", "transformer", …, until the next call.
func Region(dev Device, name string) {
	if r := dev.Capabilities().Regions; r != nil {
		r.Region(name)
	}
}

// PeakMemory returns the largest number of bytes of dev in use at one time, 0 when it does
// not count.
func PeakMemory(dev Device) int64 {
	if m := dev.Capabilities().Memory; m != nil {
		return m.PeakMemory()
	}
	return 0
}

// PreferredBatchPixels is dev's own number, or 8192: enough to fill the matrix products of
// a CPU.
func PreferredBatchPixels(dev Device) int {
	if n := dev.Capabilities().PreferredBatchPixels; n > 0 {
		return n
	}
	return 8192
}
