package op

// Launch is one piece of work that a device gives to its driver.
type Launch struct {
	Kind LaunchKind
	Name string // of the kernel, or of what a library computes
	// Blocks is the number of blocks of a kernel's grid, 0 of all else.
	Blocks int
	// Operands are the places in the device's memory that it is told to read or write.
	Operands []Operand
}

// Operand is where a launch's operand begins, and the allocation that it lies in.
type Operand struct {
	Address    uintptr
	Allocation uintptr
	Bytes      int64 // of the allocation
}

// LaunchKind is what a launch is.
type LaunchKind int

// The kinds of launches. Of a copy both places are on the device.
const (
	LaunchKernel LaunchKind = iota
	LaunchLibrary
	LaunchZero
	LaunchCopy
	LaunchUpload
	LaunchDownload
)

// LaunchTracer tells what a device gives to its driver.
type LaunchTracer interface {
	// TraceLaunches calls f with every launch as it is queued; nil: with none any more.
	TraceLaunches(f func(Launch))
}
