package dist

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// processors names the processors that this process may run on.
func processors() string {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return "" // as if it were all
	}
	return fmt.Sprintf("%x", set)
}
