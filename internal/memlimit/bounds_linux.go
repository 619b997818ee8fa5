package memlimit

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// bounds are the limits of the process, its control groups and the machine.
func bounds() []bound {
	out := append(asked(), groups()...)
	if b, ok := addresses(); ok {
		out = append(out, b)
	}
	if b, ok := machine(); ok {
		out = append(out, b)
	}
	return out
}

// addresses is the limit of `ulimit -v`.
func addresses() (bound, bool) {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_AS, &r) != nil || r.Cur > math.MaxInt64 {
		return bound{}, false
	}
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return bound{}, false
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text) + " 0")[0], 10, 64)
	return bound{limit: int64(r.Cur), used: pages * int64(os.Getpagesize()), by: "the limit of addresses (ulimit -v)", virtual: true}, err == nil
}

// groups are the limits of the control groups that the process is in, of both versions.
func groups() []bound {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	var out []bound
	for line := range strings.Lines(string(text)) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(part) != 3 {
			continue
		}
		root, limit, used := "/sys/fs/cgroup", "memory.max", "memory.current"
		if part[0] != "0" {
			if part[1] != "memory" {
				continue
			}
			root, limit, used = "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
		}
		// In a container the path may be that of the host: the root then is the group's own.
		for dir := filepath.Join(root, part[2]); ; dir = filepath.Dir(dir) {
			most, ok := number(filepath.Join(dir, limit))
			now, also := number(filepath.Join(dir, used))
			if ok && also && most < 1<<60 {
				out = append(out, bound{limit: most, used: now - cached(dir), by: "the memory limit of the control group (container)"})
			}
			if len(dir) <= len(root) {
				break
			}
		}
	}
	return out
}

// cached is what a group holds of files, which the system takes back when it is short.
func cached(dir string) int64 {
	text, err := os.ReadFile(filepath.Join(dir, "memory.stat"))
	if err != nil {
		return 0
	}
	var n int64
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "inactive_file" || name == "active_file" {
			v, _ := strconv.ParseInt(value, 10, 64)
			n += v
		}
	}
	return n
}

// machine is what the system says is available without swapping, and the swap.
func machine() (bound, bool) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return bound{}, false
	}
	value := map[string]int64{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) >= 2 {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			value[strings.TrimSuffix(f[0], ":")] = kib << 10
		}
	}
	total := value["MemTotal"] + value["SwapTotal"]
	return bound{limit: total, used: total - value["MemAvailable"] - value["SwapFree"], by: "the machine's memory"}, value["MemAvailable"] > 0
}
