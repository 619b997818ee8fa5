//go:build cuda

package cuda

import (
	"fmt"

	"hdmnet/internal/op"
)

// ShotWeights computes psi.
func (d *Device) ShotWeights(psi, dist, w0, b0, w1, b1 op.Tensor) {
	batch, shots := checkShotWeights("ShotWeights", psi, dist, w0, b0, w1, b1)
	state := d.shotState(psi, dist, w0, b0, w1, b1, batch, shots)
	d.freeScratch(state)
}

// ShotWeightsGrad adds the gradients of the four parameters; the weights are made again.
func (d *Device) ShotWeightsGrad(dw0, db0, dw1, db1, dpsi, dist, w0, b0, w1, b1 op.Tensor) {
	const name = "ShotWeightsGrad"
	batch, shots := checkShotWeights(name, dpsi, dist, w0, b0, w1, b1)
	op.Shape(name, "dw0", dw0, 2, shots)
	op.Shape(name, "db0", db0, 2)
	op.Shape(name, "dw1", dw1, shots, 2)
	op.Shape(name, "db1", db1, shots)
	if w0 == nil {
		return
	}
	state := d.shotState(nil, dist, w0, b0, w1, b1, batch, shots)
	defer d.freeScratch(state)
	d.launch("shot_weights_grad", grid1(1, 128), dw0, db0, dw1, db1, dpsi, state, dist, w1, batch, shots)
}

// shotState runs the network of the weights and returns what it keeps, scratch memory.
func (d *Device) shotState(psi, dist, w0, b0, w1, b1 op.Tensor, batch, shots int) pointer {
	state := d.scratch(batch * (2*shots + 3))
	d.launch("shot_weights", grid1(ceil(batch, 128), 128), psi, state, dist, w0, b0, w1, b1, batch, shots)
	return state
}

func checkShotWeights(operator string, psi, d, w0, b0, w1, b1 op.Tensor) (batch, shots int) {
	s := d.Shape()
	if len(s) != 2 || w0 != nil && (b0 == nil || w1 == nil || b1 == nil) {
		panic(fmt.Sprintf("op: %s: d has shape %v, want [B,K], with all four parameters or none", operator, s))
	}
	op.Shape(operator, "psi", psi, s[0])
	op.Shape(operator, "w0", w0, 2, s[1])
	op.Shape(operator, "b0", b0, 2)
	op.Shape(operator, "w1", w1, s[1], 2)
	op.Shape(operator, "b1", b1, s[1])
	return s[0], s[1]
}
