// head_rows.cuh: kernels that go over the rows of every head, four channels a thread.
#pragma once
#include "tensor_format.cuh"

// HeadRow is a thread's part of a row: channels [c, c+4) of row r, head h, sample b.
// Neighboring threads have neighboring channels of a tensor [B,rows,heads·d]; the
// dp/4 threads of a row lie in one warp.
struct HeadRow {
	i64 b;
	int r, h, c;
};

__device__ __forceinline__ HeadRow head_row(int rows, int heads, int dp, u32 block = blockIdx.x)
{
	i64 i = (i64)block * blockDim.x + threadIdx.x;
	int group = dp / 4;
	HeadRow t;
	t.c = (int)(i % group) * 4;
	i /= group;
	t.h = (int)(i % heads);
	i /= heads;
	t.r = (int)(i % rows);
	t.b = i / rows;
	return t;
}

// load_channels reads x[at+c .. at+c+3] of a head's row that starts at element at and has d
// channels; zeros beyond it.
__device__ __forceinline__ float4 load_channels(const float *x, i64 at, int c, int d)
{
	if (d % 4 == 0 && ((u64)x & 15) == 0) {
		float4 v = {0, 0, 0, 0};
		if (c < d)
			v = *(const float4 *)(x + at + c);
		return v;
	}
	x += at;
	return {c < d ? x[c] : 0.0f, c + 1 < d ? x[c + 1] : 0.0f, c + 2 < d ? x[c + 2] : 0.0f, c + 3 < d ? x[c + 3] : 0.0f};
}

// store_channels writes v there, or adds it.
__device__ __forceinline__ void store_channels(float *y, i64 at, int c, int d, float4 v, bool add)
{
	if (add) {
		float4 old = load_channels(y, at, c, d);
		v = {old.x + v.x, old.y + v.y, old.z + v.z, old.w + v.w};
	}
	if (d % 4 == 0 && ((u64)y & 15) == 0) {
		if (c < d)
			*(float4 *)(y + at + c) = v;
		return;
	}
	y += at;
	if (c < d)
		y[c] = v.x;
	if (c + 1 < d)
		y[c + 1] = v.y;
	if (c + 2 < d)
		y[c + 2] = v.z;
	if (c + 3 < d)
		y[c + 3] = v.w;
}

__device__ __forceinline__ float4 scaled(float4 v, float by) { return {v.x * by, v.y * by, v.z * by, v.w * by}; }
__device__ __forceinline__ float4 plus(float4 a, float4 b) { return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w}; }
__device__ __forceinline__ float dot4(float4 a, float4 b) { return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w; }

__device__ __forceinline__ float4 rounded(float4 v, int round)
{
	return round ? float4{round_tf32(v.x), round_tf32(v.y), round_tf32(v.z), round_tf32(v.w)} : v;
}

// split_sum adds up the splits of a row's part at x, in order.
__device__ __forceinline__ float4 split_sum(const float *x, i64 split, int splits)
{
	float4 sum = *(const float4 *)x;
	for (int s = 1; s < splits; s++)
		sum = plus(sum, *(const float4 *)(x + s * split));
	return sum;
}

// row_sum returns the sum over a row's threads to all of them. The whole warp must call it.
__device__ __forceinline__ float row_sum(float v, int dp)
{
	for (int i = dp / 8; i; i >>= 1)
		v += __shfl_xor_sync(FULL_WARP, v, i);
	return v;
}
