// adamw.cu: one update of all parameters. internal/op/adamw.go
#include "elements.cuh"

constexpr int MAX_RATES = 16;

// AdamWRates are the parts of the parameters that have a learning rate of their own, in order:
// decay = 1 − lr·weight decay, step = lr/(1−β1ᵗ).
struct AdamWRates {
	int count;
	i64 end[MAX_RATES];
	float decay[MAX_RATES], step[MAX_RATES];
};

// m ← m + b1·(g − m)    v ← beta2·v + b2·g²    p ← p·decay − step·m/(√v/root + eps)
//
// with b1 = 1−β1, b2 = 1−β2 and root = √(1−β2ᵗ). All have n elements; quads: no four neighbors
// belong to two parts.
extern "C" __global__ void __launch_bounds__(256)
	adamw(float *p, float *m, float *v, const float *g, AdamWRates rates, float b1, float beta2, float b2, float root, float eps, int quads, i64 n)
{
	for_elements(n, quads && aligned(p, m, v, g), [&](i64 at, auto width) {
		int part = 0;
		while (at >= rates.end[part])
			part++;
		float decay = rates.decay[part], step = rates.step[part];
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
