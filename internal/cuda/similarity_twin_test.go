//go:build cuda

package cuda

import (
	"math"
	"math/rand/v2"
	"testing"

	"hdmnet/internal/op"
)

// More than one tile of 128 in every direction, and sums in parts.
func init() {
	twinCases["prior similarity"] = func(d op.Device, o *operands) []op.Tensor {
		const b, k, c = 2, 2, 44
		q, s, mask, y := o.floats(b, 10, 15, c), o.floats(b, k, 16, 20, c), o.mask(b, k*320), o.floats(b, 10, 15)
		d.PriorSimilarity(y, q, s, op.Reshape(mask, b, k, 16, 20))
		return []op.Tensor{y}
	}
	twinCases["gram"] = func(d op.Device, o *operands) []op.Tensor {
		const b, k, n, c = 2, 3, 1100, 140
		x, g, gs, dist := o.floats(b, n, c), o.floats(b, c, c), o.floats(b, k, c, c), o.floats(b, k)
		d.Gram(g, x)
		d.GramDistance(dist, g, gs)
		return []op.Tensor{g, dist}
	}
	twinCases["masked average pool"] = func(d op.Device, o *operands) []op.Tensor {
		const b, h, w, c = 2, 30, 21, 72
		x, mask, y, dx := o.floats(b, h, w, c), op.Reshape(o.mask(b, h*w), b, h, w), o.floats(b, c), o.floats(b, h, w, c)
		d.MaskedAveragePool(y, x, mask)
		d.MaskedAveragePoolGrad(dx, y, mask)
		return []op.Tensor{y, dx}
	}
	twinCases["ensemble"] = func(d op.Device, o *operands) []op.Tensor {
		const b, h, w = 3, 40, 37
		meta, base, psi, gw, cw := o.floats(b, h, w, 2), o.floats(b, h, w), o.floats(b), o.floats(2), o.floats(2)
		y, dmeta, dpsi, dgw, dcw := o.floats(b, h, w, 2), o.floats(b, h, w, 2), o.floats(b), o.floats(2), o.floats(2)
		d.BaseForeground(base, o.floats(b, h, w, 16), nil)
		d.Ensemble(y, meta, base, psi, gw, cw)
		d.EnsembleGrad(dmeta, dpsi, dgw, dcw, y, meta, base, psi, gw, cw)
		return []op.Tensor{y, dmeta, dpsi, dgw, dcw}
	}
}

// TestPriorPrecision: on tensor cores the products are those of rounded features, the
// norms of the features as they are.
func TestPriorPrecision(t *testing.T) {
	const b, n, m, c = 2, 150, 320, 44
	for _, p := range []precision{tf32, bf16} {
		t.Run(p.String(), func(t *testing.T) {
			dev := openIn(t, p)
			o := &operands{dev: dev, arena: op.NewArena(dev), draw: rand.New(rand.NewPCG(5, 6))}
			q, s, mask, y := o.floats(b, 10, 15, c), o.floats(b, 1, 16, 20, c), o.mask(b, m), o.floats(b, 10, 15)
			dev.PriorSimilarity(y, q, s, op.Reshape(mask, b, 1, 16, 20))
			download := func(x op.Tensor) []float32 {
				v := make([]float32, op.Len(x))
				dev.Download(v, x)
				return v
			}
			hq, hs, hm, got := download(q), download(s), download(mask), download(y)
			for i, v := range got {
				want := math.Inf(-1)
				for j := range m {
					at := i/n*m + j
					dot, qq, ss := 0.0, 0.0, 0.0
					for k := range c {
						x, z := hq[i*c+k], hs[at*c+k]
						dot += float64(p.rounded(x)) * float64(p.rounded(z))
						qq += float64(x) * float64(x)
						ss += float64(z) * float64(z)
					}
					if hm[at] == 0 {
						dot = 0
					}
					want = max(want, dot/(math.Sqrt(qq*ss)+1e-7))
				}
				if e := math.Abs(float64(v) - want); !(e <= 1e-6) {
					t.Fatalf("query %d: %g, want %g", i, v, want)
				}
			}
			o.arena.Close()
		})
	}
}
