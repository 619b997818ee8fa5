// layer_norm.cu: normalization of every position over its channels. One warp holds one
// row. internal/op/layer_norm.go
#include "layer_norm.cuh"

// y = (x − mean)·rstd·w + b; mean and rstd [rows] are saved. x, y [rows, c]; the block is
// 128 threads for four rows.
extern "C" __global__ void __launch_bounds__(128)
	layer_norm(float *y, float *mean, float *rstd, const float *x, const float *w, const float *b, float eps, i64 rows, int c)
{
	i64 r = (i64)blockIdx.x * 4 + warp();
	if (r >= rows)
		return;
	normalize_row(y, mean, rstd, x, w, b, eps, r, c);
}

// dx += rstd·(g − mean_c(g) − x̂·mean_c(g·x̂)) with g = dy·w and x̂ = (x − mean)·rstd, or
// dx = it without add; then branch += dx dropped as the draws say, or = without add_branch.
// partial_w[chunk, i] = Σ dy·x̂ and partial_b[chunk, i] = Σ dy over the chunk's rows. dx,
// branch and the partials may be null. A block has a chunk, a warp a row; two rows of c
// floats a warp in dynamic shared memory.
extern "C" __global__ void __launch_bounds__(256)
	layer_norm_grad(float *dx, float *branch, float *partial_w, float *partial_b, const float *dy, const float *x, const float *w, const float *mean,
	                const float *rstd, u64 seed, u32 limit, float scale, i64 rows, int c, int chunk_rows, int add, int add_branch)
{
	DYNAMIC_SHARED(float, parts);
	Draws draws{seed, limit, scale};
	int warps = (int)blockDim.x / 32;
	float *part_w = parts + warp() * 2 * c, *part_b = part_w + c;
	for (int i = lane(); i < c; i += 32)
		part_w[i] = part_b[i] = 0;
	i64 lo = (i64)blockIdx.x * chunk_rows, hi = lo + chunk_rows < rows ? lo + chunk_rows : rows;
	for (i64 r = lo + warp(); r < hi; r += warps) {
		const float *in = x + r * c, *g = dy + r * c;
		float m = mean[r], s = rstd[r], sum = 0, dot = 0;
		for (int i = lane(); i < c; i += 32) {
			float unit = (in[i] - m) * s, v = g[i] * w[i];
			part_w[i] += g[i] * unit;
			part_b[i] += g[i];
			sum += v;
			dot += v * unit;
		}
		if (!dx)
			continue;
		sum = warp_sum(sum) / (float)c;
		dot = warp_sum(dot) / (float)c;
		for (int i = lane(); i < c; i += 32) {
			i64 at = r * c + i;
			float v = s * (g[i] * w[i] - sum - (in[i] - m) * s * dot);
			if (add)
				v += dx[at];
			dx[at] = v;
			if (branch)
				branch[at] = draws.apply(v, at) + (add_branch ? branch[at] : 0.0f);
		}
	}
	__syncthreads();
	if (!partial_w)
		return;
	FOR_BLOCK(i, c)
	{
		float sum_w = 0, sum_b = 0;
		for (int k = 0; k < warps; k++) {
			sum_w += parts[k * 2 * c + i];
			sum_b += parts[(k * 2 + 1) * c + i];
		}
		partial_w[(i64)blockIdx.x * c + i] = sum_w;
		partial_b[(i64)blockIdx.x * c + i] = sum_b;
	}
}
