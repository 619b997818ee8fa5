//go:build mpi

// Package mpi joins processes by MPI: Open MPI, MPICH, or another library whose mpicc
// compiles it. It exists in builds with the tag mpi.
//
// MPI is called on the main thread of the operating system alone (Main). A process that
// dies ends all: that is what mpirun and srun do, and what MPI_Abort makes them do.
package mpi

/*
#cgo CFLAGS: -O3
#include "shim.h"
*/
import "C"

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"unsafe"

	"hdmnet/internal/dist"
	"hdmnet/internal/op"
)

// The main goroutine stays on the main thread: init runs on it.
func init() { runtime.LockOSThread() }

// calls are what the main thread is to do.
var calls = make(chan func())

// Main runs the program f, and for it the calls of MPI on the thread that calls Main, the
// main one. It returns what f does.
func Main(f func() int) int {
	code := make(chan int, 1)
	go func() { code <- f() }()
	for {
		select {
		case c := <-code:
			return c
		case call := <-calls:
			call()
		}
	}
}

// on runs a call of MPI on the main thread and gives its error.
func on(what string, call func() C.int) error {
	done := make(chan error)
	calls <- func() {
		code := call()
		if code == 0 {
			done <- nil
			return
		}
		text := make([]C.char, 512)
		C.hdmnet_mpi_error(code, &text[0], C.int(len(text)))
		done <- fmt.Errorf("MPI: %s: %s", what, C.GoString(&text[0]))
	}
	return <-done
}

// link is all processes that mpirun started.
type link struct {
	place   dist.Place
	lengths []C.int // of the parts of a Gather
	all     []byte
	parts   [][]byte
}

// Link joins the processes.
func Link() (dist.Link, error) {
	var rank, size, localRank, localSize, threads C.int
	if err := on("start", func() C.int { return C.hdmnet_mpi_init(&rank, &size, &localRank, &localSize, &threads) }); err != nil {
		return nil, err
	}
	return &link{
		place:   dist.Place{Rank: int(rank), Size: int(size), LocalRank: int(localRank), LocalSize: int(localSize), Launcher: "MPI"},
		lengths: make([]C.int, size), parts: make([][]byte, size),
	}, nil
}

// Place says which process this is.
func (l *link) Place() dist.Place { return l.place }

// Lost is never closed: where a process dies the launcher ends the others.
func (l *link) Lost() <-chan struct{} { return nil }

// Gather gives to every process what all of them brought.
func (l *link) Gather(mine []byte) ([][]byte, error) {
	if err := on("gather lengths", func() C.int { return C.hdmnet_mpi_lengths(C.int(len(mine)), &l.lengths[0]) }); err != nil {
		return nil, err
	}
	total := 0
	for _, n := range l.lengths {
		total += int(n)
	}
	if total > math.MaxInt32 {
		return nil, fmt.Errorf("MPI: the processes bring %d bytes to each other, more than one call takes", total)
	}
	l.all = make([]byte, max(total, 1))
	if total > 0 {
		err := on("gather", func() C.int {
			return C.hdmnet_mpi_gather(unsafe.Pointer(unsafe.SliceData(mine)), C.int(len(mine)), unsafe.Pointer(&l.all[0]), &l.lengths[0], C.int(l.place.Size))
		})
		if err != nil {
			return nil, err
		}
	}
	at := 0
	for rank, n := range l.lengths {
		l.parts[rank] = l.all[at : at+int(n)]
		at += int(n)
	}
	return l.parts, nil
}

// Abort prints the reason and ends all processes.
func (l *link) Abort(reason error) {
	host, _ := os.Hostname() // only for the message
	fmt.Fprintf(os.Stderr, "hdmnet: process %d on %s has failed: %v\n", l.place.Rank, host, reason)
	C.hdmnet_mpi_abort()
	os.Exit(1) // it is said to return in some libraries
}

// Close ends MPI. It waits for the other processes.
func (l *link) Close() error { return on("end", func() C.int { return C.hdmnet_mpi_finalize() }) }

// blocks exchanges memory by way of the host; that of a CPU is there.
type blocks struct {
	dev         op.Device
	place       dist.Place
	copy, other []float32 // of memory that the CPU cannot touch; what the other processes send
}

// Blocks exchanges memory of a device between the processes of a link of this package.
func Blocks(dev op.Device, l dist.Link) (dist.Blocks, error) {
	if _, ok := l.(*link); !ok {
		return nil, fmt.Errorf("the processes were not started by mpirun or srun --mpi, which the engine mpi needs")
	}
	return &blocks{dev: dev, place: l.Place()}, nil
}

// chunk is the longest part of a block that one call exchanges, so that the memory for what
// the others send stays small: 64 MiB.
const chunk = 1 << 24

// exchange calls f with the elements of t on the host, in chunks, and brings back what it
// leaves there.
func (b *blocks) exchange(t op.Tensor, what string, f func(v []float32) C.int) error {
	host := b.dev.AllocAccessible()
	v := b.copy
	if host {
		v = t.Float32s()
	} else {
		if len(v) < op.Len(t) {
			b.copy = make([]float32, op.Len(t))
		}
		v = b.copy[:op.Len(t)]
		b.dev.Download(v, t)
	}
	for lo := 0; lo < len(v); lo += chunk {
		part := v[lo:min(lo+chunk, len(v))]
		if err := on(what, func() C.int { return f(part) }); err != nil {
			return err
		}
	}
	if !host {
		b.dev.Upload(t, v)
	}
	return nil
}

// AllReduce replaces t by the sum, in the order of ranks, or the maximum over all processes.
func (b *blocks) AllReduce(t op.Tensor, r dist.Reduction) error {
	if need := min(op.Len(t), chunk) + b.place.Size; len(b.other) < need {
		b.other = make([]float32, need)
	}
	var most C.int
	if r == dist.Max {
		most = 1
	}
	return b.exchange(t, "add up a block of all processes", func(v []float32) C.int {
		return C.hdmnet_mpi_all_reduce((*C.float)(&v[0]), (*C.float)(&b.other[0]), C.int(len(v)), most, C.int(b.place.Rank), C.int(b.place.Size))
	})
}

// Broadcast replaces t by that of process root.
func (b *blocks) Broadcast(t op.Tensor, root int) error {
	return b.exchange(t, "send a block to all processes", func(v []float32) C.int {
		return C.hdmnet_mpi_broadcast((*C.float)(&v[0]), C.int(len(v)), C.int(root))
	})
}

// Close frees the memory for exchanges.
func (b *blocks) Close() error {
	b.copy, b.other = nil, nil
	return nil
}
