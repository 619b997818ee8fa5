package train

import "hdmnet/internal/op"

// Group is the processes that train one network together. Every process holds the whole
// network and its own part of each batch; all make the same updates. One alone is Solo.
type Group interface {
	Rank() int // this process, 0 ≤ Rank < Size; process 0 writes the run directory
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
