package device

import (
	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

// CUDA is what this machine and this build have for NVIDIA GPUs.
type CUDA struct {
	Built      bool   `json:"built"`             // the build has CUDA
	DriverFile string `json:"library,omitempty"` // the driver's library that was opened
	Driver     string `json:"driver,omitempty"`  // its version, where the system tells
	Version    string `json:"version,omitempty"` // the newest CUDA that it supports
	GPUs       []GPU  `json:"gpus"`
	Problem    string `json:"problem,omitempty"` // why no GPU can be used, and what to do
}

// GPU is one GPU that the driver shows.
type GPU struct {
	Index           int    `json:"index"`
	Name            string `json:"name"`
	Memory          int64  `json:"memory"` // bytes
	Capability      string `json:"compute_capability"`
	Multiprocessors int    `json:"multiprocessors"`
	Problem         string `json:"problem,omitempty"` // why it cannot be used
}

// Details are what an open device tells of itself.
type Details struct {
	Precision string          `json:"precision"` // of products: op.Precision
	Libraries []SharedLibrary `json:"libraries"` // that make it faster where they are installed
}

// SharedLibrary is one of them.
type SharedLibrary struct {
	Name    string   `json:"name"`
	Use     string   `json:"use"`               // what it computes
	Path    string   `json:"path,omitempty"`    // what was opened, "" when it is not used
	Version string   `json:"version,omitempty"` // its own
	Reason  string   `json:"reason,omitempty"`  // why it is not used
	Left    []string `json:"left,omitempty"`    // what it did not support, so that own kernels compute it
}

// Set by the file that brings CUDA.
var (
	inspectCUDA = func() CUDA { return CUDA{GPUs: []GPU{}, Problem: howToGet["cuda"]} }
	detailsCUDA = func(op.Device) (Details, bool) { return Details{}, false }
)

// InspectCUDA tells what there is for NVIDIA GPUs, without opening one.
func InspectCUDA() CUDA { return inspectCUDA() }

// Describe tells the details of an open device.
func Describe(dev op.Device) Details {
	if d, ok := detailsCUDA(dev); ok {
		return d
	}
	d := Details{Precision: op.FP32.String(), Libraries: []SharedLibrary{}}
	if host, ok := dev.(*cpu.Device); ok {
		d.Precision = host.Precision().String()
	}
	return d
}
