// masked_average_pool.cu: the mean of the foreground's features; its sums over positions
// are weighted_sums.cu's. internal/op/masked_average_pool.go
#include "hdm.cuh"

// 1/(Σ m + 0.0005) of every sample: to scale [B] unless that is null, and y [B,c] times it
// unless that is null; m [B,n]. A block has one sample.
extern "C" __global__ void __launch_bounds__(256) masked_pool_scale(float *scale, float *y, const float *m, int n, int c)
{
	i64 b = blockIdx.x;
	float sum = 0;
	FOR_BLOCK(i, n)
		sum += m[b * n + i];
	float s = 1.0f / (block_sum<256>(sum) + 0.0005f);
	if (scale && threadIdx.x == 0)
		scale[b] = s;
	if (y)
		FOR_BLOCK(i, c)
			y[b * c + i] *= s;
}

// dx [B,n,c] += dy [B,c]·m·scale. One thread has four channels with quads, else one.
extern "C" __global__ void __launch_bounds__(256) masked_pool_grad(float *dx, const float *dy, const float *m, const float *scale, i64 rows, int n, int c, int quads)
{
	int across = quads ? c / 4 : c;
	FOR_GRID(i, rows * across) {
		i64 r = i / across, b = r / n;
		float w = m[r];
		if (w == 0)
			continue;
		w *= scale[b];
		i64 to = i - r * across, from = b * across + to;
		if (quads) {
			float4 v = ((const float4 *)dx)[i], g = ((const float4 *)dy)[from];
			((float4 *)dx)[i] = float4{fma_f32(g.x, w, v.x), fma_f32(g.y, w, v.y), fma_f32(g.z, w, v.z), fma_f32(g.w, w, v.w)};
		} else {
			dx[i] = fma_f32(dy[from], w, dx[i]);
		}
	}
}
