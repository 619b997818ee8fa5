package cpu

import "hdmnet/internal/op"

// RotaryEmbedding implements op.RotaryEmbedding.
func (d *Device) RotaryEmbedding(x, cos, sin op.Tensor, heads int) {
	s := op.CheckRotaryEmbedding(x, cos, sin, heads)
	rotaries.run(s.B*s.Turned, rowGrain(s.C), rotaryArgs{s, f32(x), f32(cos), f32(sin)})
}

type rotaryArgs struct {
	op.RotarySizes
	x, cos, sin []float32
}

var rotaries = newLoop(func(a *rotaryArgs, lo, hi int) {
	for r := lo; r < hi; r++ {
		b, p := r/a.Turned, r%a.Turned
		row := a.x[(b*a.N+a.N-a.Turned+p)*a.C:][:a.C]
		cos, sin := a.cos[p*a.Half:][:a.Half], a.sin[p*a.Half:][:a.Half]
		for ; len(row) > 0; row = row[2*a.Half:] {
			rotate(row[:a.Half], row[a.Half:2*a.Half], cos, sin)
		}
	}
})

// rotate turns the pairs (a_i, b_i).
func rotate(a, b, cos, sin []float32) {
	b, cos, sin = b[:len(a)], cos[:len(a)], sin[:len(a)]
	loops, n := loopsFor(len(a))
	if loops.rotate != nil {
		loops.rotate(&a[0], &b[0], &cos[0], &sin[0], n)
		a, b, cos, sin = a[n:], b[n:], cos[n:], sin[n:]
	}
	for i, v := range a {
		w := b[i]
		a[i], b[i] = v*cos[i]-w*sin[i], w*cos[i]+v*sin[i]
	}
}
