//go:build cuda

// Package nccl is the engine that joins GPUs, one of each process, by NVIDIA's NCCL, which is
// opened at run time.
package nccl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"hdmnet/internal/cuda"
	"hdmnet/internal/dist"
	"hdmnet/internal/op"
)

// Blocks joins the GPUs of all processes of the link. The GPUs must be different ones.
func Blocks(dev op.Device, link dist.Link) (dist.Blocks, error) {
	gpu, ok := dev.(*cuda.Device)
	if !ok {
		return nil, dist.Agree(link, fmt.Errorf("NCCL joins GPUs, and this process computes on %s: choose --device cuda", dev.Name()))
	}
	place := link.Place()
	library, err := cuda.OpenNCCL()
	var id cuda.CommunicatorID
	if err == nil && place.Rank == 0 {
		id, err = library.NewID()
	}
	if err := dist.Agree(link, err); err != nil {
		return nil, err
	}
	uuid, err := gpu.UUID()
	if err := dist.Agree(link, err); err != nil {
		return nil, err
	}
	parts, err := link.Gather(append(id[:], library.Version+" "+uuid+" "+dev.Name()...))
	if err != nil {
		return nil, err
	}
	if err := different(parts); err != nil { // the same in all
		return nil, err
	}
	copy(id[:], parts[0])
	comm, err := gpu.OpenCommunicator(library, id, place.Size, place.Rank, link.Lost())
	if err != nil {
		link.Abort(err) // the others may wait for this one in the same call
		return nil, err
	}
	return &blocks{comm}, nil
}

// different tells whether all processes have the same version of NCCL, and GPUs of their own.
func different(parts [][]byte) error {
	owner := map[string]int{}
	var first string
	for rank, p := range parts {
		if len(p) < len(cuda.CommunicatorID{}) {
			return errors.New("process " + strconv.Itoa(rank) + " runs another version of this program")
		}
		version, gpu, _ := strings.Cut(string(p[len(cuda.CommunicatorID{}):]), " ")
		uuid, name, _ := strings.Cut(gpu, " ")
		if rank == 0 {
			first = version
		}
		if version != first {
			return fmt.Errorf("process 0 has NCCL %s and process %d has NCCL %s: install the same one everywhere", first, rank, version)
		}
		if other, taken := owner[uuid]; taken {
			return fmt.Errorf("processes %d and %d both compute on %s: start as many processes on a machine as it has GPUs, and name none with --device (each then takes its own)",
				other, rank, name)
		}
		owner[uuid] = rank
	}
	return nil
}

type blocks struct{ comm *cuda.Communicator }

func (b *blocks) AllReduce(t op.Tensor, r dist.Reduction) error {
	b.comm.AllReduce(t, r == dist.Max)
	return nil
}

func (b *blocks) Broadcast(t op.Tensor, root int) error {
	b.comm.Broadcast(t, root)
	return nil
}

func (b *blocks) Close() error { return b.comm.Close() }
