// Package memlimit tells how much memory this process may still take. Go ends a program
// that asks for more with a stack trace that nothing can catch, so whoever takes large
// blocks asks before.
package memlimit

import (
	"math"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

// A bound is something that limits the memory of the process.
type bound struct {
	limit, used int64
	by          string // what limits it, and how that is changed
	// virtual: addresses count, not pages in use. Memory that the program gave back to
	// the system still does.
	virtual bool
}

// reserve is kept free for everything that does not ask: buffers of the loader, files
// being read, the collector. So is granule, the step in which Go's heap grows.
const (
	reserve = 448 << 20
	granule = 64 << 20
)

// Left is how many bytes a block may have, and by what it is limited. Without any limit
// that is known it is math.MaxInt64.
func Left() (bytes int64, by string) {
	bytes = math.MaxInt64
	idle := heap()
	for _, b := range bounds() {
		left := b.limit - b.used - min(reserve, b.limit/5)
		if b.virtual {
			left -= granule // idle memory may lie in pieces: a block cannot count on it
		} else {
			left += idle
		}
		if left < bytes {
			bytes, by = left, b.by
		}
	}
	return bytes, by
}

// Exhausted names what leaves no memory even for small work; empty where there is some.
func Exhausted() (by string) {
	if left, by := Left(); left < -reserve/2 {
		return by
	}
	return ""
}

// LimitHeap makes the collector work harder before a limit of the process is reached.
// GOMEMLIMIT, where it is set, decides instead.
func LimitHeap() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	least := int64(math.MaxInt64)
	for _, b := range bounds() {
		least = min(least, b.limit)
	}
	if least < math.MaxInt64 {
		debug.SetMemoryLimit(least - min(reserve, least/8))
	}
}

// heap is memory of the heap that is free and kept.
func heap() (idle int64) {
	s := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// taken is what the program has from the system, as GOMEMLIMIT counts it.
func taken() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// asked is the bound that GOMEMLIMIT sets.
func asked() []bound {
	if os.Getenv("GOMEMLIMIT") == "" {
		return nil
	}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return []bound{{limit: limit, used: taken(), by: "GOMEMLIMIT"}}
	}
	return nil
}

// number reads a file that holds one number; false where it does not.
func number(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
