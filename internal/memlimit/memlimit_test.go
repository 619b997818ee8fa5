package memlimit

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestLeft(t *testing.T) {
	left, by := Left()
	if left != math.MaxInt64 && by == "" {
		t.Errorf("%d bytes left, limited by nothing", left)
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(300 << 20))
	t.Setenv("GOMEMLIMIT", "300MiB")
	if left, by := Left(); left > 300<<20 || left < 0 || by != "GOMEMLIMIT" {
		t.Errorf("of 300 MiB %d bytes are left, limited by %q", left, by)
	}
}
