package train

import (
	"context"
	"math"

	"hdmnet/internal/data"
	"hdmnet/internal/nn"
	"hdmnet/internal/op"
)

// Task is what differs between the stages: the network, its loss and its score.
type Task interface {
	// Set is the network's parameters.
	Set() *nn.Set
	// Step runs the network forward and backward on a batch and adds the gradient of
	// scale·loss to the set's gradients. seed decides the dropouts. It returns the
	// losses by name, unscaled; "total" is the one that is watched.
	Step(b *data.Batch, seed uint64, scale float32) map[string]float64
	// Validate scores the network; "miou" decides. The task must have been given
	// something to validate on.
	Validate(ctx context.Context) (map[string]float64, error)
	// Close frees the network's memory.
	Close() error
}

// network is what both tasks hold.
type network struct {
	dev  op.Device
	tape *nn.Tape
	set  *nn.Set
	val  *data.Loader // nil: no validation
}

// Set is the network's parameters.
func (n *network) Set() *nn.Set { return n.set }

// Close frees activations and parameters.
func (n *network) Close() error {
	if err := n.tape.Arena.Close(); err != nil {
		return err
	}
	return n.set.Close()
}

// images uploads pictures [n..., side, side, 3].
func (n *network) images(v []float32, shape ...int) op.Tensor {
	t := n.tape.Arena.Float32(shape...)
	n.dev.Upload(t, v)
	return t
}

// labels uploads masks [n..., side, side].
func (n *network) labels(v []uint8, shape ...int) op.Tensor {
	t := n.tape.Arena.Uint8(shape...)
	n.dev.Upload(t, v)
	return t
}

// side is the side of a batch's square pictures.
func side(b *data.Batch) int {
	return int(math.Sqrt(float64(len(b.Query) / (3 * b.Size))))
}
