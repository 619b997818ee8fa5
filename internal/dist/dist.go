// Package dist is training in several processes: the group of them, sums and means over
// it, and each one's part of an epoch.
package dist

import "hdmnet/internal/op"

// ProcessGroup is the processes that train one network together. Every process holds the
// whole network and draws its own part of each batch (Shard); all make the same updates.
// Process 0 alone validates and writes the run directory, which the others must be able to
// read. One process alone is Solo.
//
// All processes make the same calls in the same order. When one ends with an error, the
// calls that the others wait in must fail.
type ProcessGroup interface {
	Rank() int // this process, 0 ≤ Rank < Size
	Size() int
	// AllReduce replaces t (float32) in every process by the sum over all of them, the
	// same bits everywhere.
	AllReduce(t op.Tensor) error
	// Broadcast replaces t (float32) in every process by that of process root.
	Broadcast(t op.Tensor, root int) error
	// Barrier returns once every process has called it.
	Barrier() error
}

// Solo is the group of one process.
type Solo struct{}

// Rank is 0.
func (Solo) Rank() int { return 0 }

// Size is 1.
func (Solo) Size() int { return 1 }

// AllReduce leaves t as it is: the sum over one process.
func (Solo) AllReduce(op.Tensor) error { return nil }

// Broadcast leaves t as it is.
func (Solo) Broadcast(op.Tensor, int) error { return nil }

// Barrier returns at once.
func (Solo) Barrier() error { return nil }
