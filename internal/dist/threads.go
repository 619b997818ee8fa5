package dist

import (
	"bytes"
	"os"
	"runtime"
)

// Threads is how many threads this process should compute with: its share of the processors
// that it may run on, by the processes of this machine that may run on the same.
func Threads(l Link) (int, error) {
	host, _ := os.Hostname() // where it is unknown, all processes are of one machine
	mine := append([]byte(host+"\x00"), processors()...)
	all, err := l.Gather(mine)
	if err != nil {
		return 0, err
	}
	sharing := 0
	for _, other := range all {
		if bytes.Equal(other, mine) {
			sharing++
		}
	}
	return max(1, runtime.NumCPU()/sharing), nil
}
