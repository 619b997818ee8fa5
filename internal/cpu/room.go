package cpu

import (
	"fmt"
	"runtime"

	"hdmnet/internal/memlimit"
	"hdmnet/internal/op"
)

// largeBlock is the size in bytes from which on a block is asked for before it is taken.
const largeBlock = 1 << 20

// room makes sure that a block of memory may be taken: the runtime's own end is no error
// that could be told. Its error is op.ErrOutOfMemory and says what limits the memory.
func room(size int64) error {
	if size < largeBlock {
		return nil
	}
	if left, _ := memlimit.Left(); size <= left {
		return nil
	}
	runtime.GC() // what is unused but not collected yet
	left, by := memlimit.Left()
	if size <= left {
		return nil
	}
	return fmt.Errorf("%w: %s asked for, %s may be taken under %s", op.ErrOutOfMemory, op.FormatBytes(size), op.FormatBytes(max(left, 0)), by)
}
