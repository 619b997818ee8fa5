// add.cu: sums of tensors of the same size. internal/op/add.go
#include "elements.cuh"

// y = a + b; y may be a or b.
extern "C" __global__ void __launch_bounds__(256) add(float *y, const float *a, const float *b, i64 n)
{
	for_elements(n, aligned(y, a, b), [=](i64 at, auto width) {
		auto u = load(width, a + at), v = load(width, b + at);
		EACH(i, width)
		u[i] += v[i];
		store(width, y + at, u);
	});
}

// y += alpha·x, or y = alpha·x without add.
extern "C" __global__ void __launch_bounds__(256) add_scaled(float *y, const float *x, float alpha, i64 n, int add)
{
	for_elements(n, aligned(y, x), [=](i64 at, auto width) {
		auto v = load(width, x + at), u = v;
		EACH(i, width)
		u[i] = 0;
		if (add)
			u = load(width, y + at);
		EACH(i, width)
		u[i] += alpha * v[i];
		store(width, y + at, u);
	});
}
