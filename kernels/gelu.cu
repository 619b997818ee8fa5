// gelu.cu: x·Φ(x) with the exact normal distribution. internal/op/gelu.go
#include "gelu.cuh"

// y = x·Φ(x); y may be x.
extern "C" __global__ void __launch_bounds__(256) gelu(float *y, const float *x, i64 n)
{
	for_elements(n, aligned(y, x), [=](i64 at, auto width) {
		auto v = load(width, x + at);
		EACH(i, width)
		v[i] = gelu_of(v[i]);
		store(width, y + at, v);
	});
}

// dx += dy·(Φ(x) + x·φ(x)), or dx = it without add; φ(x) = exp(−x²/2)/√(2π). dy is dropped
// first as the draws say.
extern "C" __global__ void __launch_bounds__(256)
	gelu_grad(float *dx, const float *dy, const float *x, u64 seed, u32 limit, float scale, i64 n, int add)
{
	Draws draws{seed, limit, scale};
	for_elements(n, aligned(dx, dy, x), [=](i64 at, auto width) {
		auto g = load(width, dy + at), v = load(width, x + at), d = v;
		EACH(i, width)
		d[i] = 0;
		if (add)
			d = load(width, dx + at);
		EACH(i, width)
		d[i] += draws.apply(g[i], at + i) * (normal_cdf(v[i]) + v[i] * 0.39894228f * exp_f32(-0.5f * v[i] * v[i]));
		store(width, dx + at, d);
	});
}
