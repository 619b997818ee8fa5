//go:build cuda

package cuda

import "hdmnet/internal/op"

// ShotWeights computes psi.
func (d *Device) ShotWeights(psi, dist, w0, b0, w1, b1 op.Tensor) {
	batch, shots := op.CheckShotWeights(psi, dist, w0, b0, w1, b1)
	state := d.shotState(psi, dist, w0, b0, w1, b1, batch, shots)
	d.freeScratch(state)
}

// ShotWeightsGrad adds the gradients of the four parameters; the weights are made again.
func (d *Device) ShotWeightsGrad(dw0, db0, dw1, db1, dpsi, dist, w0, b0, w1, b1 op.Tensor) {
	batch, shots := op.CheckShotWeightsGrad(dw0, db0, dw1, db1, dpsi, dist, w0, b0, w1, b1)
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
