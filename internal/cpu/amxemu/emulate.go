//go:build linux && amd64 && cgo

package amxemu

// #include "emulate.h"
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"
)

// Install makes the tile instructions work in this process, from now on.
var Install = sync.OnceValue(func() error {
	if C.amxemu_install() != 0 {
		return errors.New("amxemu: the handler of SIGILL cannot be set")
	}
	return nil
})

// Check returns the first fault since the last call. Tiles that are configured still, after
// the functions that use them have returned on all threads, are one.
func Check() error {
	if f := C.amxemu_fault(); f != nil {
		err := errors.New("amxemu: " + C.GoString(f))
		C.amxemu_clear_fault()
		return err
	}
	if n := C.amxemu_configured(); n != 0 {
		return fmt.Errorf("amxemu: on %d threads no tilerelease was executed", n)
	}
	return nil
}

// Executed is how many tile instructions were executed so far.
func Executed() int { return int(C.amxemu_executed()) }

// product adds a·b to c, with the given configuration of tile 0 for c, 1 for a and 2 for b.
// Strides are in bytes.
func product(config *[64]byte, a unsafe.Pointer, aStride int, b unsafe.Pointer, bStride int, c unsafe.Pointer, cStride int) {
	C.amxemu_product(unsafe.Pointer(config), a, C.size_t(aStride), b, C.size_t(bStride), c, C.size_t(cStride))
}

// execute runs code without a signal, with config in RDI, memory in RSI and stride in RAX.
func execute(config *[64]byte, code []byte, memory unsafe.Pointer, stride int) {
	C.amxemu_execute(unsafe.Pointer(config), (*C.uchar)(&code[0]), C.size_t(len(code)), memory, C.size_t(stride))
}
