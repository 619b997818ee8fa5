package cpu

import (
	"slices"

	"hdmnet/internal/op"
)

// shotNet is the two-layer network of one sample's weights: K sorted distances, 2 hidden
// units, K softmax weights.
type shotNet struct {
	w0, b0, w1, b1 []float32
	sorted, weight []float32 // e and w
	hidden         [2]float32
}

func newShotNet(w *scratch, shots int, w0, b0, w1, b1 op.Tensor) shotNet {
	return shotNet{w0: f32(w0), b0: f32(b0), w1: f32(w1), b1: f32(b1), sorted: w.floats(shots), weight: w.floats(shots)}
}

// run computes e, the hidden units and w for the distances d of one sample.
func (s *shotNet) run(d []float32) {
	copy(s.sorted, d)
	slices.Sort(s.sorted)
	if s.w0 == nil {
		for k := range s.weight {
			s.weight[k] = 1 / float32(len(d))
		}
		return
	}
	for i := range s.hidden {
		s.hidden[i] = max(0, dotProduct(s.sorted, s.w0[i*len(d):])+s.b0[i])
	}
	for k := range s.weight {
		s.weight[k] = s.w1[2*k]*s.hidden[0] + s.w1[2*k+1]*s.hidden[1] + s.b1[k]
	}
	expTo(s.weight, s.weight, rowMax(s.weight))
	scaleRow(s.weight, 1/rowSum(s.weight))
}

// ShotWeights implements op.ShotWeights.
func (dev *Device) ShotWeights(psi, d, w0, b0, w1, b1 op.Tensor) {
	batch, shots := op.CheckShotWeights(psi, d, w0, b0, w1, b1)
	var w scratch
	defer w.free()
	net := newShotNet(&w, shots, w0, b0, w1, b1)
	for b := range batch {
		dist := sample(f32(d), b, batch)
		net.run(dist)
		f32(psi)[b] = dotProduct(net.weight, dist)
	}
}

// ShotWeightsGrad implements op.ShotWeights. With dw_k = dpsi·d_k, the logits' gradient
// is du_k = w_k (dw_k − Σ w dw) and the hidden units' Σ_k du_k w1[k,·] where they are
// above 0.
func (dev *Device) ShotWeightsGrad(dw0, db0, dw1, db1, dpsi, d, w0, b0, w1, b1 op.Tensor) {
	batch, shots := op.CheckShotWeightsGrad(dw0, db0, dw1, db1, dpsi, d, w0, b0, w1, b1)
	if w0 == nil {
		return
	}
	var w scratch
	defer w.free()
	net := newShotNet(&w, shots, w0, b0, w1, b1)
	for b := range batch {
		dist := sample(f32(d), b, batch)
		net.run(dist)
		psi := dotProduct(net.weight, dist)
		var dhidden [2]float32
		for k, weight := range net.weight {
			du := f32(dpsi)[b] * weight * (dist[k] - psi)
			for i, h := range net.hidden {
				dhidden[i] += du * net.w1[2*k+i]
				if dw1 != nil {
					f32(dw1)[2*k+i] += du * h
				}
			}
			if db1 != nil {
				f32(db1)[k] += du
			}
		}
		for i, h := range net.hidden {
			if h <= 0 {
				continue
			}
			if db0 != nil {
				f32(db0)[i] += dhidden[i]
			}
			if dw0 != nil {
				addScaledRow(f32(dw0)[i*shots:(i+1)*shots], net.sorted, dhidden[i])
			}
		}
	}
}
