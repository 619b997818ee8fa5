// dropout.cu: elements, or whole channels of a sample, that a hash of the seed and their
// number zeroes. internal/op/dropout.go
#include "dropout.cuh"

// y = x·scale of draw i, or with add y += it.
__device__ __forceinline__ void drop(float *y, const float *x, Draws draws, i64 n, bool add)
{
	for_elements(n, aligned(y, x), [=](i64 at, auto width) {
		auto v = load(width, x + at);
		EACH(i, width)
		v[i] = draws.apply(v[i], at + i);
		if (add) {
			auto u = load(width, y + at);
			EACH(i, width)
			v[i] += u[i];
		}
		store(width, y + at, v);
	});
}

// y = x dropped; y may be x.
extern "C" __global__ void __launch_bounds__(256) dropout(float *y, const float *x, u64 seed, u32 limit, float scale, i64 n)
{
	drop(y, x, {seed, limit, scale}, n, false);
}

// dx += dy dropped, or dx = it without add.
extern "C" __global__ void __launch_bounds__(256) dropout_grad(float *dx, const float *dy, u64 seed, u32 limit, float scale, i64 n, int add)
{
	drop(dx, dy, {seed, limit, scale}, n, add);
}

// The same for x, y [samples, rows, c] with one draw for each b·c + k; channelGrid.
__device__ __forceinline__ void drop_channels(float *y, const float *x, Draws draws, i64 samples, i64 rows, int c, int quads, bool add)
{
	for_channels(c, quads, [=](int k, auto width) {
		FOR_SAMPLES(b, samples)
		{
			Lanes<width.n> s;
			EACH(i, width)
			s[i] = draws.scale_of(b * c + k + i);
			FOR_ROWS(r, rows)
			{
				i64 at = (b * rows + r) * c + k;
				auto v = load(width, x + at);
				EACH(i, width)
				v[i] = dropped(v[i], s[i]);
				if (add) {
					auto u = load(width, y + at);
					EACH(i, width)
					v[i] += u[i];
				}
				store(width, y + at, v);
			}
		}
	});
}

extern "C" __global__ void __launch_bounds__(256)
	dropout_channels(float *y, const float *x, u64 seed, u32 limit, float scale, i64 samples, i64 rows, int c, int quads)
{
	drop_channels(y, x, {seed, limit, scale}, samples, rows, c, quads, false);
}

extern "C" __global__ void __launch_bounds__(256)
	dropout_channels_grad(float *dx, const float *dy, u64 seed, u32 limit, float scale, i64 samples, i64 rows, int c, int quads, int add)
{
	drop_channels(dx, dy, {seed, limit, scale}, samples, rows, c, quads, add);
}
