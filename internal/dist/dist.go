// Package dist is work in several processes: the group of them, sums over it, and each
// one's part of an epoch.
//
// A group has two planes. The Link carries bytes between the hosts: agreement, losses,
// messages, the identity that an engine needs to begin. The Blocks add up memory of the
// devices: gradients. An engine (package dist/engine) brings the blocks, and may bring a
// link of its own; without one the processes meet over TCP (Meet).
package dist

import "hdmnet/internal/op"

// Reduction is what becomes of one element of all processes.
type Reduction int

// The reductions.
const (
	Sum Reduction = iota
	Max
)

// ProcessGroup is the processes that work together. In training every process holds the
// whole network and draws its own part of each batch (Shard); all make the same updates.
// Process 0 alone writes the run directory. One process alone is Solo.
//
// All processes make the same calls in the same order, from one goroutine; only Abort and
// Lost may be called from any. When a process ends with an error, the calls that the others
// wait in fail within seconds.
type ProcessGroup interface {
	Link
	Blocks
}

// Link connects the processes of a group on their hosts.
type Link interface {
	// Place says which process of the group this one is.
	Place() Place
	// Gather gives to every process what all of them brought, by rank; what they bring may
	// differ in length, and be nil. It is also the barrier: it returns once every process
	// has called it. The result is not used any more at the next call.
	Gather(mine []byte) ([][]byte, error)
	// Lost is closed once another process is known to be gone, nil where the launcher ends
	// this one then. An engine whose calls would wait for that process for ever gives them
	// up. Why it closed is the error of the next Gather.
	Lost() <-chan struct{}
	// Abort ends the other processes, which say that this one failed for the reason, and
	// leaves this one to return its own error; where the launcher knows no other way, it
	// prints the reason and ends this one too.
	Abort(reason error)
	// Close leaves the group. It is called once, by all processes or after Abort.
	Close() error
}

// Blocks exchange memory of the processes' devices. Calls may return before the device has
// done them, as operators do; what follows on the same device sees their result.
type Blocks interface {
	// AllReduce replaces t (float32, as long in every process) by the sum or the maximum
	// over all processes, the same bits everywhere. On the CPU sums run in the order of
	// ranks.
	AllReduce(t op.Tensor, r Reduction) error
	// Broadcast replaces t (float32, as long in every process) by that of process root.
	Broadcast(t op.Tensor, root int) error
	// Close frees what the blocks hold, before the device and the link are closed.
	Close() error
}

// Join is the group of a link and blocks over it. Its Close closes the blocks; the link is
// closed by who opened it.
func Join(l Link, b Blocks) ProcessGroup { return &joined{Link: l, Blocks: b} }

type joined struct {
	Link
	Blocks
}

func (j *joined) Close() error { return j.Blocks.Close() }

// Solo is the group of one process.
type Solo struct{}

// Place is the first and only one.
func (Solo) Place() Place { return Place{Size: 1, LocalSize: 1} }

// Gather gives back what the process brings.
func (Solo) Gather(mine []byte) ([][]byte, error) { return [][]byte{mine}, nil }

// Lost is never closed.
func (Solo) Lost() <-chan struct{} { return nil }

// Abort does nothing: there is nobody to be told.
func (Solo) Abort(error) {}

// AllReduce leaves t as it is: the sum over one process.
func (Solo) AllReduce(op.Tensor, Reduction) error { return nil }

// Broadcast leaves t as it is.
func (Solo) Broadcast(op.Tensor, int) error { return nil }

// Close does nothing.
func (Solo) Close() error { return nil }
