// Package engine opens the group of processes that a launcher has started, with the engine
// that a person names or that fits: MPI between CPUs, NCCL between GPUs.
package engine

import (
	"hdmnet/internal/dist"
	"hdmnet/internal/op"
)

// An engine exchanges memory of devices between processes. The file that brings one, and
// its build tag with it, enters it in engines under its name, as files of package device
// do with kinds of devices:
//
//	//go:build cuda
//
//	package engine
//
//	func init() { engines["nccl"] = engine{blocks: nccl.Open, gpu: true} }
type engine struct {
	// link joins the processes by the engine's own means and says which one this is; nil:
	// it has none, and works over any other link. With it the engine is also the one that
	// knows the environment best: MPI is asked before variables are read.
	link func() (dist.Link, error)
	// blocks opens the exchange of the memory of dev, in every process of the link at the
	// same time: an identity that process 0 makes goes to the others with link.Gather, and
	// so should the success of each one (an error in one must be an error in all, not a
	// wait). After link.Lost() is closed its calls, and the device's waits for them, return
	// errors.
	blocks func(dev op.Device, link dist.Link) (dist.Blocks, error)
	// gpu: it exchanges memory of GPUs directly, and cannot that of CPUs.
	gpu bool
}

var engines = map[string]engine{}
