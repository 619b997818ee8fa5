// sgd.cu: one update of a group of parameters. internal/op/sgd.go
#include "elements.cuh"

// m ← momentum·m + g + decay·p    p ← p − lr·m. All have n elements.
extern "C" __global__ void __launch_bounds__(256) sgd(float *p, float *m, const float *g, float lr, float momentum, float decay, i64 n)
{
	for_elements(n, aligned(p, m, g), [=](i64 at, auto width) {
		auto gs = load(width, g + at), ms = load(width, m + at), ps = load(width, p + at);
		EACH(i, width)
		{
			ms[i] = momentum * ms[i] + gs[i] + decay * ps[i];
			ps[i] -= lr * ms[i];
		}
		store(width, m + at, ms);
		store(width, p + at, ps);
	});
}
