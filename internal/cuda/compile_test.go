//go:build cuda

package cuda

import (
	"testing"
	"time"
)

// TestCompile: who waits for the driver's compiler is told once, and not of modules that are
// loaded at once.
func TestCompile(t *testing.T) {
	d := open(t)
	told := make(chan bool, 3)
	d.OnCompile(func() { told <- true })
	for _, c := range []struct {
		takes time.Duration
		want  int
	}{{0, 0}, {compiling + 200*time.Millisecond, 1}, {compiling + 200*time.Millisecond, 1}} {
		if err := d.compile.watch(func() error { time.Sleep(c.takes); return nil }); err != nil {
			t.Error(err)
		}
		if len(told) != c.want {
			t.Errorf("after loads that end with one of %v: told %d times, want %d", c.takes, len(told), c.want)
		}
	}
	if c := d.Capabilities().Compiler; c == nil {
		t.Error("the device does not say that it compiles")
	}
}
