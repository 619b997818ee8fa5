// gelu.cu: x·Φ(x) with the exact normal distribution. internal/op/gelu.go
#include "elements.cuh"

// normal_cdf is Φ(v) = (1 + erf(v/√2))/2.
__device__ inline float normal_cdf(float v) { return 0.5f + 0.5f * erf_f32(v * 0.70710678f); }

// y = x·Φ(x); y may be x.
extern "C" __global__ void __launch_bounds__(256) gelu(float *y, const float *x, i64 n)
{
	for_elements(n, aligned(y, x), [=](i64 at, auto width) {
		auto v = load(width, x + at);
		EACH(i, width)
		v[i] *= normal_cdf(v[i]);
		store(width, y + at, v);
	});
}

// dx += dy·(Φ(x) + x·φ(x)), φ(x) = exp(−x²/2)/√(2π).
extern "C" __global__ void __launch_bounds__(256) gelu_grad(float *dx, const float *dy, const float *x, i64 n)
{
	for_elements(n, aligned(dx, dy, x), [=](i64 at, auto width) {
		auto d = load(width, dx + at), g = load(width, dy + at), v = load(width, x + at);
		EACH(i, width)
		d[i] += g[i] * (normal_cdf(v[i]) + v[i] * 0.39894228f * exp_f32(-0.5f * v[i] * v[i]));
		store(width, dx + at, d);
	});
}
