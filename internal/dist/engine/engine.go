// Package engine opens the group of processes that a launcher has started, with the engine
// that a person names or that fits: MPI between CPUs, NCCL between GPUs.
package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

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
	// wait; dist.Agree). After link.Lost() is closed its calls, and the device's waits for
	// them, return errors.
	blocks func(dev op.Device, link dist.Link) (dist.Blocks, error)
	// gpu: it exchanges memory of GPUs directly, and cannot that of CPUs.
	gpu bool
}

var engines = map[string]engine{}

// howToGet says for an engine that this build lacks how to build one that has it.
var howToGet = map[string]string{
	"mpi":  "this hdmnet was built without MPI: `make build-mpi` builds one with it (needs Open MPI's or MPICH's mpicc)",
	"nccl": "this hdmnet was built without CUDA, of which NCCL is a part: `make build-cuda` builds one with it (needs a C compiler)",
}

// Names are the values of Connect's name: auto and none, and the engines of this build.
func Names() []string { return append([]string{"auto", "none"}, slices.Sorted(maps.Keys(engines))...) }

// ErrName is what errors.Is finds in the error of a name that means no engine.
var ErrName = errors.New("expected auto, none, mpi or nccl")

// Processes are those that have been joined, before their devices are.
type Processes struct {
	dist.Link
	name string // of the engine, or auto
	own  string // the engine whose link this is; empty: TCP, or one process alone
}

// Connect joins the processes that a launcher has started, which env (NAME=value) or MPI
// tell of.
//
//	auto  all of them, with the engine that fits their devices; one process alone is one
//	none  this one alone, whatever the launcher has started
//	mpi   by MPI
//	nccl  by NCCL, between GPUs
//
// An engine that is named is never replaced by another one. Several processes that no
// engine can join are an error, never as many runs of the same. ctx ends the wait for the
// others.
func Connect(ctx context.Context, name string, env []string) (*Processes, error) {
	_, built := engines[name]
	switch {
	case name == "none":
		return &Processes{Link: dist.Solo{}, name: name}, nil
	case name != "auto" && howToGet[name] == "":
		return nil, fmt.Errorf("engine %q: %w", name, ErrName)
	case name != "auto" && !built:
		return nil, fmt.Errorf("engine %s: %s", name, howToGet[name])
	}
	if mpi := engines["mpi"]; mpi.link != nil && (name == "mpi" || underMPI(env)) {
		link, err := mpi.link()
		if err != nil {
			return nil, fmt.Errorf("engine mpi: %w", err)
		}
		return &Processes{Link: link, name: name, own: "mpi"}, nil
	}
	place, err := dist.Environment(env)
	if err != nil {
		return nil, err
	}
	if place.Size > 1 && !slices.ContainsFunc(slices.Collect(maps.Values(engines)), func(e engine) bool { return e.link == nil }) {
		return nil, noEngine(place)
	}
	link, err := dist.Meet(ctx, place)
	if err != nil {
		return nil, err
	}
	return &Processes{Link: link, name: name}, nil
}

// underMPI tells whether a launcher of MPI has started this process, by the variables that
// Open MPI, PMIx, MPICH and their kin set.
func underMPI(env []string) bool {
	return slices.ContainsFunc(env, func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return slices.Contains([]string{"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "MPI_LOCALRANKID"}, name)
	})
}

// noEngine is the error of several processes that nothing in this build can join.
func noEngine(p dist.Place) error {
	why := howToGet["mpi"]
	if _, ok := engines["mpi"]; ok {
		why = "MPI joins those that mpirun or srun --mpi starts, NCCL those with GPUs: " + howToGet["nccl"]
	}
	return fmt.Errorf("%s started %d processes, and nothing joins them: %s; --dist none makes each of them work alone", p.Launcher, p.Size, why)
}

// Group joins the processes' devices. It must be called by all of them; when it fails in
// one it fails in all. why says in a few words which engine it is.
func (p *Processes) Group(dev op.Device) (g dist.ProcessGroup, why string, err error) {
	if p.Place().Size == 1 {
		return dist.Join(p.Link, dist.Solo{}), "one process", nil
	}
	name, err := p.choose(dev)
	if err = dist.Agree(p.Link, err); err != nil {
		return nil, "", err
	}
	blocks, err := engines[name].blocks(dev, p.Link)
	if err != nil {
		err = fmt.Errorf("engine %s: %w", name, err)
	}
	if err = dist.Agree(p.Link, err); err != nil {
		return nil, "", err
	}
	place := p.Place()
	return dist.Join(p.Link, blocks), fmt.Sprintf("%d processes, %d on this machine, joined by %s", place.Size, place.LocalSize, name), nil
}

// choose is the engine for a device: the one that is named, otherwise one that exchanges
// its memory directly, otherwise MPI.
func (p *Processes) choose(dev op.Device) (string, error) {
	gpu := !dev.AllocAccessible()
	if p.name != "auto" {
		if engines[p.name].gpu && !gpu {
			return "", fmt.Errorf("engine %s joins GPUs, and this process computes on %s: choose --device cuda, or --dist mpi", p.name, dev.Name())
		}
		return p.name, nil
	}
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		if gpu && engines[name].gpu {
			return name, nil
		}
	}
	if p.own == "" {
		return "", noEngine(p.Place())
	}
	return p.own, nil
}
