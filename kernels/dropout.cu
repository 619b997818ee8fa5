// dropout.cu: elements, or whole channels of a sample, that a hash of the seed and their
// number zeroes. internal/op/dropout.go
#include "elements.cuh"

// keep_scale is scale when draw i is kept, else 0: SplitMix64 of seed at i, top 24 bits
// against limit.
__device__ inline float keep_scale(u64 seed, i64 i, u32 limit, float scale)
{
	u64 z = seed + ((u64)i + 1) * 0x9E3779B97F4A7C15ull;
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ z >> 27) * 0x94D049BB133111EBull;
	z ^= z >> 31;
	return (u32)(z >> 40) >= limit ? scale : 0.0f;
}

// scaled is v·scale, and 0 where scale is 0 whatever v is.
__device__ inline float scaled(float v, float scale) { return scale == 0.0f ? 0.0f : v * scale; }

// y = x·scale of draw i, or with ADD y += it.
template <bool ADD> __device__ __forceinline__ void drop(float *y, const float *x, u64 seed, u32 limit, float scale, i64 n)
{
	for_elements(n, aligned(y, x), [=](i64 at, auto width) {
		auto v = load(width, x + at);
		EACH(i, width)
		v[i] = scaled(v[i], keep_scale(seed, at + i, limit, scale));
		if (ADD) {
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
	drop<false>(y, x, seed, limit, scale, n);
}

// dx += dy dropped.
extern "C" __global__ void __launch_bounds__(256) dropout_grad(float *dx, const float *dy, u64 seed, u32 limit, float scale, i64 n)
{
	drop<true>(dx, dy, seed, limit, scale, n);
}

// The same for x, y [samples, rows, c] with one draw for each b·c + k; channelGrid.
template <bool ADD>
__device__ __forceinline__ void drop_channels(float *y, const float *x, u64 seed, u32 limit, float scale, i64 samples, i64 rows, int c, int quads)
{
	for_channels(c, quads, [=](int k, auto width) {
		FOR_SAMPLES(b, samples)
		{
			Lanes<width.n> s;
			EACH(i, width)
			s[i] = keep_scale(seed, b * c + k + i, limit, scale);
			FOR_ROWS(r, rows)
			{
				i64 at = (b * rows + r) * c + k;
				auto v = load(width, x + at);
				EACH(i, width)
				v[i] = scaled(v[i], s[i]);
				if (ADD) {
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
	drop_channels<false>(y, x, seed, limit, scale, samples, rows, c, quads);
}

extern "C" __global__ void __launch_bounds__(256)
	dropout_channels_grad(float *dx, const float *dy, u64 seed, u32 limit, float scale, i64 samples, i64 rows, int c, int quads)
{
	drop_channels<true>(dx, dy, seed, limit, scale, samples, rows, c, quads);
}
