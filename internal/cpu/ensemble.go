package cpu

import (
	"fmt"

	"hdmnet/internal/op"
)

// BaseForeground implements op.Ensemble.
func (d *Device) BaseForeground(y, prob, except op.Tensor) {
	_, n, c := op.CheckBaseForeground(y, prob, except)
	out, in := f32(y), f32(prob)
	var skip []int32
	if except != nil {
		skip = except.Int32s()
		for b, class := range skip {
			if class < 0 || int(class) >= c {
				panic(fmt.Sprintf("op: BaseForeground: except[%d] is %d, want a class below %d", b, class, c))
			}
		}
	}
	baseForegrounds.run(len(out), rowGrain(c), foregroundArgs{out, in, skip, n, c})
}

type foregroundArgs struct {
	y, prob []float32
	except  []int32 // or nil
	n, c    int
}

var baseForegrounds = newLoop(func(a *foregroundArgs, lo, hi int) {
	for i := lo; i < hi; i++ {
		row := a.prob[i*a.c : (i+1)*a.c]
		if a.except != nil && a.except[i/a.n] > 0 {
			own := a.except[i/a.n]
			a.y[i] = rowSum(row[1:own]) + rowSum(row[own+1:])
		} else {
			a.y[i] = rowSum(row[1:])
		}
	}
})

// Ensemble implements op.Ensemble.
func (d *Device) Ensemble(y, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	batch, n := op.CheckEnsemble(y, meta, base, psi, gramMerge, clsMerge)
	ensembles.run(batch*n, rowGrain(2), ensembleArgs{f32(y), f32(meta), f32(base), f32(psi), f32(gramMerge), f32(clsMerge), n})
}

type ensembleArgs struct {
	y, meta, base, psi, gram, cls []float32
	n                             int
}

var ensembles = newLoop(func(a *ensembleArgs, lo, hi int) {
	gw, cw := a.gram, a.cls
	for i := lo; i < hi; i++ {
		style := gw[1] * a.psi[i/a.n]
		a.y[2*i] = cw[0]*(gw[0]*a.meta[2*i]+style) + cw[1]*a.base[i]
		a.y[2*i+1] = gw[0]*a.meta[2*i+1] + style
	}
})

// EnsembleGrad implements op.Ensemble. With dbg' = cw0·dy_bg, per position:
//
//	dmeta = gw0·(dbg', dfg)      dpsi_b = gw1·Σ (dbg' + dfg)
//	dgw0 = Σ dbg'·meta_bg + dfg·meta_fg      dgw1 = Σ_b psi_b Σ (dbg' + dfg)
//	dcw0 = Σ dy_bg·bg'      dcw1 = Σ dy_bg·base
//
// The sums are taken in float64, sample by sample in order.
func (d *Device) EnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge op.Tensor) {
	_, n := op.CheckEnsembleGrad(dmeta, dpsi, dgramMerge, dclsMerge, dy, meta, base, psi, gramMerge, clsMerge)
	dm, dp, dgw, dcw := f32(dmeta), f32(dpsi), f32(dgramMerge), f32(dclsMerge)
	g, m, other, p, gw, cw := f32(dy), f32(meta), f32(base), f32(psi), f32(gramMerge), f32(clsMerge)
	var gram, cls [2]float64
	for b := range p {
		style := float64(gw[1]) * float64(p[b])
		toPsi := 0.0
		for i := b * n; i < (b+1)*n; i++ {
			dbg, dfg := float64(cw[0]*g[2*i]), float64(g[2*i+1])
			toPsi += dbg + dfg
			gram[0] += dbg*float64(m[2*i]) + dfg*float64(m[2*i+1])
			cls[0] += float64(g[2*i]) * (float64(gw[0]*m[2*i]) + style)
			cls[1] += float64(g[2*i]) * float64(other[i])
			if dm != nil {
				dm[2*i] += gw[0] * float32(dbg)
				dm[2*i+1] += gw[0] * g[2*i+1]
			}
		}
		gram[1] += toPsi * float64(p[b])
		if dp != nil {
			dp[b] += gw[1] * float32(toPsi)
		}
	}
	for i := range 2 {
		if dgw != nil {
			dgw[i] += float32(gram[i])
		}
		if dcw != nil {
			dcw[i] += float32(cls[i])
		}
	}
}
