// partial_sums.cu: sums over many rows in two steps whose order depends on the shape
// alone. First every block sums a chunk of rows into its own row of partial; then the
// partial rows are added up in order. internal/cuda/partial_sums.go
#include "hdm.cuh"

// partial[chunk, c] = Σ x[r, c] over the chunk's rows; x [rows, cols]. The grid is
// (columns/32 rounded up, chunks), the block 32×8.
extern "C" __global__ void __launch_bounds__(256) column_partials(float *partial, const float *x, i64 rows, int cols, int chunk_rows)
{
	SHARED(float, part, [8][32]);
	int c = (int)(blockIdx.x * 32 + threadIdx.x);
	i64 lo = (i64)blockIdx.y * chunk_rows, hi = lo + chunk_rows < rows ? lo + chunk_rows : rows;
	float sum = 0;
	if (c < cols)
		for (i64 r = lo + threadIdx.y; r < hi; r += 8)
			sum += x[r * cols + c];
	part[threadIdx.y][threadIdx.x] = sum;
	__syncthreads();
	if (threadIdx.y == 0 && c < cols) {
		for (int i = 1; i < 8; i++)
			sum += part[i][threadIdx.x];
		partial[(i64)blockIdx.y * cols + c] = sum;
	}
}

// out[i] += Σ partial[chunk, i], chunk by chunk; partial [chunks, n].
extern "C" __global__ void __launch_bounds__(256) add_partials(float *out, const float *partial, int chunks, i64 n)
{
	FOR_GRID(i, n) {
		float sum = partial[i];
		for (int k = 1; k < chunks; k++)
			sum += partial[k * n + i];
		out[i] += sum;
	}
}

// PartialSum is out[i] += Σ partial[chunk, i] for i < n.
struct PartialSum {
	float *out;
	const float *partial;
	int n, chunks;
};

struct PartialSumList {
	int count, unused;
	PartialSum sums[160];
};

// add_partials for a list of sums that share no out; blockIdx.y is the sum.
extern "C" __global__ void __launch_bounds__(256) add_partials_list(PartialSumList list)
{
	PartialSum s = list.sums[blockIdx.y];
	FOR_GRID(i, s.n) {
		float sum = s.partial[i];
		for (int k = 1; k < s.chunks; k++)
			sum += s.partial[(i64)k * s.n + i];
		s.out[i] += sum;
	}
}
