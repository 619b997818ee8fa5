// add_norm.cu: a branch, dropped, added to what it branched off, and the sum normalized.
// internal/op/add_norm.go
#include "layer_norm.cuh"

// z = x + o dropped as the draws say.
extern "C" __global__ void __launch_bounds__(256) add_dropped(float *z, const float *x, const float *o, u64 seed, u32 limit, float scale, i64 n)
{
	Draws draws{seed, limit, scale};
	for_elements(n, aligned(z, x, o), [=](i64 at, auto width) {
		auto u = load(width, x + at), v = load(width, o + at);
		EACH(i, width)
		u[i] = draws.plus(u[i], v[i], at + i);
		store(width, z + at, u);
	});
}

// The same, and y = (z − mean)·rstd·w + b as layer_norm; the block is 128 threads for four
// rows.
extern "C" __global__ void __launch_bounds__(128)
	add_norm(float *z, float *y, float *mean, float *rstd, const float *x, const float *o, const float *w, const float *b, u64 seed, u32 limit, float scale, float eps, i64 rows, int c)
{
	Draws draws{seed, limit, scale};
	i64 r = (i64)blockIdx.x * 4 + warp();
	if (r >= rows)
		return;
	for (i64 i = r * c + lane(); i < (r + 1) * c; i += 32)
		z[i] = draws.plus(x[i], o[i], i);
	normalize_row(y, mean, rstd, z, w, b, eps, r, c); // a lane reads what it has written
}
