// elements.cuh: walks over tensors, element by element or channel by channel, four
// neighboring floats at a time where the addresses allow it.
#pragma once
#include "hdm.cuh"

// Width<N> as a parameter says how many neighbors are handled at once, 1 or 4; Lanes<N>
// holds them.
template <int N> struct Width {
	static constexpr int n = N;
};
template <int N> struct Lanes {
	float v[N];
	__device__ float &operator[](int i) { return v[i]; }
	__device__ const float &operator[](int i) const { return v[i]; }
};

__device__ inline Lanes<1> load(Width<1>, const float *p) { return {{*p}}; }
__device__ inline Lanes<4> load(Width<4>, const float *p)
{
	float4 q;
	q = *(const float4 *)p;
	return {{q.x, q.y, q.z, q.w}};
}
__device__ inline void store(Width<1>, float *p, const Lanes<1> &v) { *p = v[0]; }
__device__ inline void store(Width<4>, float *p, const Lanes<4> &v) { *(float4 *)p = float4{v[0], v[1], v[2], v[3]}; }

// Halves likewise, computed with as floats; four of them from an address aligned to 8.
__device__ inline Lanes<1> load(Width<1>, const f16 *p) { return {{from_f16(*p)}}; }
__device__ inline Lanes<4> load(Width<4>, const f16 *p)
{
	uint2 q = *(const uint2 *)p;
	return {{from_f16(f16{(u16)q.x}), from_f16(f16{(u16)(q.x >> 16)}), from_f16(f16{(u16)q.y}), from_f16(f16{(u16)(q.y >> 16)})}};
}
__device__ inline void store(Width<1>, f16 *p, const Lanes<1> &v) { p->bits = (u16)pack_f16(fit_f16(v[0]), 0.0f); }
__device__ inline void store(Width<4>, f16 *p, const Lanes<4> &v)
{
	*(uint2 *)p = uint2{pack_f16(fit_f16(v[0]), fit_f16(v[1])), pack_f16(fit_f16(v[2]), fit_f16(v[3]))};
}

// EACH runs its body for the neighbors 0 … width−1.
#define EACH(i, width) \
	UNROLL             \
	for (int i = 0; i < width.n; i++)

// aligned tells whether four neighbors can be loaded from each pointer at once.
template <class... P> __device__ inline bool aligned(const P *...p) { return ((((u64)p) | ...) & 15) == 0; }

// for_elements calls f(i, width) so that every element [i, i+width) of [0, n) comes once,
// spread over the threads of the grid's first axis; one by one unless quads.
template <class F> __device__ __forceinline__ void for_elements(i64 n, bool quads, F f)
{
	i64 whole = quads ? n / 4 : 0;
	FOR_GRID(i, whole)
	f(i * 4, Width<4>{});
	FOR_GRID(i, n - whole * 4)
	f(whole * 4 + i, Width<1>{});
}

// for_channels calls f(k, width) in the threads whose channels [k, k+width) of c exist.
// The launch is channelGrid of internal/cuda/elements.go: threadIdx.x is a channel, or
// four with quads; FOR_ROWS spreads rows over threadIdx.y and blockIdx.y, FOR_SAMPLES
// samples over blockIdx.z. So what belongs to a channel is loaded once for many rows.
template <class F> __device__ __forceinline__ void for_channels(int c, int quads, F f)
{
	int at = (int)(blockIdx.x * blockDim.x + threadIdx.x);
	if (quads && at * 4 < c)
		f(at * 4, Width<4>{});
	if (!quads && at < c)
		f(at, Width<1>{});
}
#define FOR_ROWS(r, rows) \
	for (i64 r = (i64)blockIdx.y * blockDim.y + threadIdx.y; r < (rows); r += (i64)gridDim.y * blockDim.y)
#define FOR_SAMPLES(b, samples) for (i64 b = blockIdx.z; b < (samples); b += gridDim.z)

// column_sum returns the sum of v over the threads of the same threadIdx.x to each of
// them. The block is 256 threads of two axes, both powers of two; all must call it.
template <class T> __device__ inline T column_sum(T v)
{
	SHARED(T, part, [256]);
	int x = (int)threadIdx.x, width = (int)blockDim.x, y = (int)threadIdx.y;
	part[y * width + x] = v;
	for (int d = (int)blockDim.y / 2; d; d /= 2) {
		__syncthreads();
		if (y < d)
			part[y * width + x] += part[(y + d) * width + x];
	}
	__syncthreads();
	v = part[x];
	__syncthreads(); // part may be written again
	return v;
}
