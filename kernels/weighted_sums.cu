// weighted_sums.cu: weighted sums over the rows of many matrices of one shape, in two
// steps whose order depends on the shape alone. internal/cuda/weighted_sums.go
#include "hdm.cuh"

// partial[g, chunk, c] = Σ w[s, r]·x[g, r, c] over the chunk's rows below count[s], with
// s = g/per_sample; x [groups, rows, cols]; w [groups/per_sample, rows] and count may be
// null. The grid is (cols/32 rounded up, chunks, groups), the block 32×8.
extern "C" __global__ void __launch_bounds__(256) weighted_partials(float *partial, const float *x, const float *w, const int *count, int rows, int cols, int per_sample, int chunk_rows)
{
	SHARED(float, part, [8][32]);
	int c = (int)(blockIdx.x * 32 + threadIdx.x), s = (int)blockIdx.z / per_sample;
	int lo = (int)blockIdx.y * chunk_rows, hi = lo + chunk_rows < rows ? lo + chunk_rows : rows;
	if (count && count[s] < hi)
		hi = count[s];
	x += (i64)blockIdx.z * rows * cols;
	float sum = 0;
	if (c < cols)
		for (int r = lo + (int)threadIdx.y; r < hi; r += 8)
			sum = fma_f32(w ? w[(i64)s * rows + r] : 1.0f, x[(i64)r * cols + c], sum);
	part[threadIdx.y][threadIdx.x] = sum;
	__syncthreads();
	if (threadIdx.y == 0 && c < cols) {
		for (int i = 1; i < 8; i++)
			sum += part[i][threadIdx.x];
		partial[((i64)blockIdx.z * gridDim.y + blockIdx.y) * cols + c] = sum;
	}
}

// out[g, c] = scale·Σ partial[g, chunk, c], chunk by chunk.
extern "C" __global__ void __launch_bounds__(256) sum_weighted_partials(float *out, const float *partial, int chunks, int cols, i64 n, float scale)
{
	FOR_GRID(i, n) {
		const float *p = partial + i / cols * chunks * cols + i % cols;
		float sum = p[0];
		for (int k = 1; k < chunks; k++)
			sum += p[(i64)k * cols];
		out[i] = sum * scale;
	}
}
