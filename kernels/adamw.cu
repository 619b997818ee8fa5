// adamw.cu: one update of a group of parameters. internal/op/adamw.go
#include "elements.cuh"

// m ← m + b1·(g − m)    v ← beta2·v + b2·g²    p ← p·decay − step·m/(√v/root + eps)
//
// with b1 = 1−β1, b2 = 1−β2, decay = 1 − lr·weight decay, step = lr/(1−β1ᵗ) and
// root = √(1−β2ᵗ). All have n elements.
extern "C" __global__ void __launch_bounds__(256)
	adamw(float *p, float *m, float *v, const float *g, float b1, float beta2, float b2, float decay, float step, float root, float eps, i64 n)
{
	for_elements(n, aligned(p, m, v, g), [=](i64 at, auto width) {
		auto gs = load(width, g + at), ms = load(width, m + at), vs = load(width, v + at), ps = load(width, p + at);
		EACH(i, width)
		{
			ms[i] += b1 * (gs[i] - ms[i]);
			vs[i] = beta2 * vs[i] + b2 * gs[i] * gs[i];
			ps[i] = ps[i] * decay - step * ms[i] / (sqrt_f32(vs[i]) / root + eps);
		}
		store(width, m + at, ms);
		store(width, v + at, vs);
		store(width, p + at, ps);
	});
}
