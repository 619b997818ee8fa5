// pivot.cu: a vector between the supports' foreground and what resembles it in the query.
// internal/op/pivot.go
//
// A block of 256 threads holds one sample; n is some thousand positions.
#include "rows.cuh"

#define THREADS 256

__device__ inline float block_dot(const float *a, const float *b, int c)
{
	float sum = 0;
	FOR_BLOCK(k, c)
	sum = fma_f32(a[k], b[k], sum);
	return block_sum<THREADS>(sum);
}

// y, region [samples, c] and weights [samples, n] of scores s [samples, n], values v
// [samples, n, c] and fg [samples, c].
extern "C" __global__ void __launch_bounds__(THREADS) pivot(float *y, float *weights, float *region, const float *s, const float *v, const float *fg, int n, int c)
{
	SHARED(float, part, [THREADS / 32][32]);
	i64 b = blockIdx.x;
	s += b * n, weights += b * n, v += b * n * c, fg += b * c, region += b * c;
	float top = -infinity_f32(), sum = 0;
	FOR_BLOCK(j, n)
	top = max_f32(top, s[j] < 0 ? s[j] - 100.0f : s[j]);
	top = block_max<THREADS>(top);
	FOR_BLOCK(j, n)
	sum += exp_f32((s[j] < 0 ? s[j] - 100.0f : s[j]) - top);
	float scale = 1.0f / block_sum<THREADS>(sum);
	FOR_BLOCK(j, n)
	weights[j] = exp_f32((s[j] < 0 ? s[j] - 100.0f : s[j]) - top) * scale;
	__syncthreads();
	for (int first = 0; first < c; first += 32) {
		int k = first + lane();
		float q = 0;
		if (k < c)
			for (int j = warp(); j < n; j += THREADS / 32)
				q = fma_f32(weights[j], v[(i64)j * c + k], q);
		part[warp()][lane()] = q;
		__syncthreads();
		if (warp() == 0 && k < c) {
			for (int i = 1; i < THREADS / 32; i++)
				q += part[i][lane()];
			region[k] = q;
		}
		__syncthreads();
	}
	float lengths = sqrt_f32(block_dot(region, region, c)) * sqrt_f32(block_dot(fg, fg, c));
	float t = 0.5f + 0.5f * (block_dot(region, fg, c) / (lengths + 1e-7f));
	FOR_BLOCK(k, c)
	y[b * c + k] = fma_f32(t, fg[k], (1 - t) * region[k]);
}

// dq [samples, c], the gradient of the region, and that of fg, which is added to dfg (or null).
extern "C" __global__ void __launch_bounds__(THREADS) pivot_grad_region(float *dq, float *dfg, const float *dy, const float *region, const float *fg, int c)
{
	i64 b = blockIdx.x;
	dy += b * c, region += b * c, fg += b * c;
	float q_norm = sqrt_f32(block_dot(region, region, c)), fg_norm = sqrt_f32(block_dot(fg, fg, c));
	float lengths = fma_f32(q_norm, fg_norm, 1e-7f), cosine = block_dot(region, fg, c) / lengths, t = 0.5f + 0.5f * cosine;
	float half = (block_dot(dy, fg, c) - block_dot(dy, region, c)) / (2 * lengths), ratio = 0;
	if (q_norm > 0 && fg_norm > 0)
		ratio = fg_norm / q_norm;
	else
		half = 0;
	FOR_BLOCK(k, c)
	{
		dq[b * c + k] = (1 - t) * dy[k] + half * (fg[k] - cosine * ratio * region[k]);
		if (dfg)
			dfg[b * c + k] += t * dy[k] + half * (region[k] - (ratio > 0 ? cosine / ratio * fg[k] : 0.0f));
	}
}

// ds (or null) += a·(dq·v − dq·q) and dv (or null) += a·dq, for the rows [samples·n].
extern "C" __global__ void __launch_bounds__(THREADS)
	pivot_grad_rows(float *ds, float *dv, const float *dq, const float *weights, const float *region, const float *v, i64 rows, int n, int c, int group)
{
	FOR_GROUPS(r, rows, group)
	{
		int width = r < rows ? c : 0;
		i64 sample = r < rows ? r / n : 0;
		const float *g = dq + sample * c, *q = region + sample * c, *row = v + r * c;
		float a = r < rows ? weights[r] : 0.0f, dot = 0;
		FOR_GROUP(k, width, group)
		dot = fma_f32(g[k], row[k] - q[k], dot);
		dot = group_sum(dot, group);
		if (ds && r < rows && lane() % group == 0)
			ds[r] = fma_f32(a, dot, ds[r]);
		if (dv)
			FOR_GROUP(k, width, group)
			dv[r * c + k] = fma_f32(a, g[k], dv[r * c + k]);
	}
}
