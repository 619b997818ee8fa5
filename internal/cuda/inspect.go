//go:build cuda

package cuda

import (
	"fmt"
	"os"
	"regexp"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
)

// Driver is what there is of NVIDIA's driver.
type Driver struct {
	File    string // the file that was opened, "" when there is none
	Version string // "550.54.15"; "" where the system does not tell
	CUDA    string // the newest CUDA that it supports, "12.4"
}

// GPU is what the driver tells of one GPU.
type GPU struct {
	Index           int
	Name            string
	Memory          int64  // bytes
	Capability      string // compute capability, "9.0"
	Multiprocessors int
	Problem         string // why it cannot be used, "" when it can
}

// Inspect tells what there is without opening a GPU. The error is the one that Open of any
// GPU would give.
func Inspect() (Driver, []GPU, error) {
	d := Driver{File: driver().path, Version: driverVersion(procDriver)}
	count, err := gpus()
	if v := cu.Version(); d.File != "" && v > 0 {
		d.CUDA = fmt.Sprintf("%d.%d", v/1000, v%1000/10)
	}
	var all []GPU
	for i := range count {
		g, err := inspectGPU(i)
		if err != nil {
			g.Problem = err.Error()
		}
		all = append(all, g)
	}
	return d, all, err
}

func inspectGPU(index int) (GPU, error) {
	g := GPU{Index: index}
	gpu, err := cu.GetDevice(index)
	if err != nil {
		return g, driverError(err, fmt.Sprintf("find GPU number %d", index))
	}
	d := &Device{index: index, gpu: gpu}
	problem := d.describe()
	if g.Name, err = gpu.Name(); err != nil {
		return g, problem
	}
	if g.Memory, err = gpu.TotalMem(); err != nil {
		return g, problem
	}
	major, err := gpu.Attribute(cu.ComputeCapabilityMajor)
	if err != nil {
		return g, problem
	}
	minor, err := gpu.Attribute(cu.ComputeCapabilityMinor)
	if err != nil {
		return g, problem
	}
	g.Capability, g.Multiprocessors = fmt.Sprintf("%d.%d", major, minor), d.sms
	return g, problem
}

// procDriver is where Linux tells which driver it runs.
const procDriver = "/proc/driver/nvidia/version"

// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar …"
var versionPattern = regexp.MustCompile(`Kernel Module(?: for \S+)?\s+(\d+(?:\.\d+)+)`)

func driverVersion(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if m := versionPattern.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

// Precision is the one that the device was opened in.
func (d *Device) Precision() op.Precision { return op.Precision(d.precision) }
