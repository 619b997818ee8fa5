//go:build cuda

package cuda

import (
	"strings"
	"sync"
)

// recent remembers the latest work that was given to the driver, for messages. The queue's
// thread writes; the thread that waits for the GPU reads too.
type recent struct {
	lock  sync.Mutex
	names [8]string
	count int
}

func (r *recent) add(name string) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.names[r.count%len(r.names)] = name
	r.count++
}

// String is the names, the last one first.
func (r *recent) String() string {
	r.lock.Lock()
	defer r.lock.Unlock()
	var last []string
	for i := r.count - 1; i >= 0 && i >= r.count-len(r.names); i-- {
		last = append(last, r.names[i%len(r.names)])
	}
	return strings.Join(last, ", ")
}
