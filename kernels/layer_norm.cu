// layer_norm.cu: normalization of every position over its channels. One warp holds one
// row. internal/op/layer_norm.go
#include "hdm.cuh"

// y = (x − mean)·rstd·w + b; mean and rstd [rows] are saved. x, y [rows, c]; the block is
// 128 threads for four rows.
extern "C" __global__ void __launch_bounds__(128)
	layer_norm(float *y, float *mean, float *rstd, const float *x, const float *w, const float *b, float eps, i64 rows, int c)
{
	i64 r = (i64)blockIdx.x * 4 + warp();
	if (r >= rows)
		return;
	x += r * c;
	y += r * c;
	float sum = 0;
	for (int i = lane(); i < c; i += 32)
		sum += x[i];
	float m = warp_sum(sum) / (float)c;
	float squares = 0;
	for (int i = lane(); i < c; i += 32)
		squares += (x[i] - m) * (x[i] - m);
	float s = rsqrt_f32(warp_sum(squares) / (float)c + eps);
	if (lane() == 0) {
		mean[r] = m;
		rstd[r] = s;
	}
	for (int i = lane(); i < c; i += 32)
		y[i] = (x[i] - m) * s * w[i] + b[i];
}

// dx += rstd·(g − mean_c(g) − x̂·mean_c(g·x̂)) with g = dy·w and x̂ = (x − mean)·rstd.
extern "C" __global__ void __launch_bounds__(128)
	layer_norm_grad(float *dx, const float *dy, const float *x, const float *w, const float *mean, const float *rstd, i64 rows, int c)
{
	i64 r = (i64)blockIdx.x * 4 + warp();
	if (r >= rows)
		return;
	x += r * c;
	dy += r * c;
	dx += r * c;
	float m = mean[r], s = rstd[r];
	float sum = 0, dot = 0;
	for (int i = lane(); i < c; i += 32) {
		float g = dy[i] * w[i];
		sum += g;
		dot += g * ((x[i] - m) * s);
	}
	sum = warp_sum(sum) / (float)c;
	dot = warp_sum(dot) / (float)c;
	for (int i = lane(); i < c; i += 32)
		dx[i] += s * (dy[i] * w[i] - sum - (x[i] - m) * s * dot);
}

// partial_w[chunk, i] = Σ dy·x̂ and partial_b[chunk, i] = Σ dy over the chunk's rows. The
// grid is (c/32 rounded up, chunks), the block 32×8.
extern "C" __global__ void __launch_bounds__(256)
	layer_norm_grad_params(float *partial_w, float *partial_b, const float *dy, const float *x, const float *mean, const float *rstd, i64 rows, int c, int chunk_rows)
{
	SHARED(float, part_w, [8][32]);
	SHARED(float, part_b, [8][32]);
	int i = (int)(blockIdx.x * 32 + threadIdx.x);
	i64 lo = (i64)blockIdx.y * chunk_rows, hi = lo + chunk_rows < rows ? lo + chunk_rows : rows;
	float sum_w = 0, sum_b = 0;
	if (i < c)
		for (i64 r = lo + threadIdx.y; r < hi; r += 8) {
			float g = dy[r * c + i];
			sum_w += g * ((x[r * c + i] - mean[r]) * rstd[r]);
			sum_b += g;
		}
	part_w[threadIdx.y][threadIdx.x] = sum_w;
	part_b[threadIdx.y][threadIdx.x] = sum_b;
	__syncthreads();
	if (threadIdx.y == 0 && i < c) {
		for (int k = 1; k < 8; k++) {
			sum_w += part_w[k][threadIdx.x];
			sum_b += part_b[k][threadIdx.x];
		}
		partial_w[(i64)blockIdx.y * c + i] = sum_w;
		partial_b[(i64)blockIdx.y * c + i] = sum_b;
	}
}
