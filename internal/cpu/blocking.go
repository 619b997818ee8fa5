package cpu

import (
	"sync"

	"github.com/klauspost/cpuid/v2"
)

// blocking is how matrix products are cut to fit the caches. It decides how soon a product
// is there, never its bits: what they depend on, the depth of a pass (kBlockSize) and the
// chunks of a split sum (chunkCount), is the same on every machine.
type blocking struct {
	rows    int // of A in a block, kBlockMax deep: a quarter of the second-level cache
	columns int // of B that a task packs for itself: as much
	shared  int // elements of B packed at a time for all tasks: half of the last-level cache
	near    int // elements that fit the second-level cache
}

// Caches of the machine that the sizes were tried on, for machines that do not tell theirs.
const (
	usualL2 = 1 << 20
	usualL3 = 32 << 20
)

// blockingFor returns the blocking for caches of l2 and l3 bytes; 0 or less is unknown.
func blockingFor(l2, l3 int) blocking {
	if l2 <= 0 {
		l2 = usualL2
	}
	if l3 <= 0 {
		l3 = usualL3
	}
	quarter := min(max(l2/4/(4*kBlockMax), 2*maxNR), 512) / maxNR * maxNR
	return blocking{rows: quarter, columns: quarter, shared: max(l3/2/4, 1<<20), near: l2 / 4}
}

// machineBlocking is the blocking for this machine's caches.
var machineBlocking = sync.OnceValue(func() blocking {
	return blockingFor(cpuid.CPU.Cache.L2, cpuid.CPU.Cache.L3)
})
