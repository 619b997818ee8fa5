//go:build cuda

package cuda

import (
	"sync/atomic"
	"time"
)

// compiling is how long a module takes to load before somebody is told: from the driver's cache
// it takes milliseconds, compiled for the GPU up to seconds.
const compiling = 300 * time.Millisecond

// compile tells, once, that the driver compiles kernels.
type compile struct {
	tell atomic.Pointer[func()]
	told atomic.Bool
}

// OnCompile has f called once, from another goroutine, when the driver takes time to compile
// kernels for the GPU. It does so when they are first used, and keeps them on disk.
func (d *Device) OnCompile(f func()) { d.compile.tell.Store(&f) }

// watch calls load, which loads a module.
func (c *compile) watch(load func() error) error {
	timer := time.AfterFunc(compiling, func() {
		if f := c.tell.Load(); f != nil && c.told.CompareAndSwap(false, true) {
			(*f)()
		}
	})
	defer timer.Stop()
	return load()
}
