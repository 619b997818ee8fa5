package bench

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"

	"hdmnet/internal/cpu"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
)

// machine is what a figure of speed depends on besides the program.
type machine struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`   // that the system has
	Threads int    `json:"threads"` // that the program uses: GOMAXPROCS
	ISA     string `json:"isa"`     // of the CPU device; see HDMNET_CPU
	Go      string `json:"go"`
	System  string `json:"system"`
	Device  string `json:"device"` // that is measured
	// Precision is what the inputs of products are rounded to.
	Precision string `json:"precision"`
}

func thisMachine(dev op.Device) (machine, error) {
	isa, err := cpu.ISA()
	return machine{
		CPU: processor(), Cores: runtime.NumCPU(), Threads: runtime.GOMAXPROCS(0), ISA: isa,
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Device: dev.Name(), Precision: device.Describe(dev).Precision,
	}, err
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d threads, %s; %s, %s; device %s", m.CPU, m.Cores, m.Threads, m.ISA, m.Go, m.System, m.Device)
}

// processor is the name that Linux gives the processor.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}
