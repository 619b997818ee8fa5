// concat.cu: columns of one matrix beside those of another. internal/op/concat.go
#include "elements.cuh"

// Columns names a part [samples, rows, cols] within a tensor: row r of sample b begins at
// b·sample + r·row. A part that is repeated at every position has row 0.
struct Columns {
	i64 sample, row;
};

// y = x, or with ADD y += x, for samples × rows of cols channels; channelGrid.
template <bool ADD>
__device__ __forceinline__ void copy_columns(float *y, Columns to, const float *x, Columns from, i64 samples, i64 rows, int cols, int quads)
{
	for_channels(cols, quads, [=](int k, auto width) {
		FOR_SAMPLES(b, samples)
		{
			FOR_ROWS(r, rows)
			{
				auto v = load(width, x + b * from.sample + r * from.row + k);
				float *out = y + b * to.sample + r * to.row + k;
				if (ADD) {
					auto u = load(width, out);
					EACH(i, width)
					v[i] += u[i];
				}
				store(width, out, v);
			}
		}
	});
}

// y's columns = x.
extern "C" __global__ void __launch_bounds__(256)
	concat(float *y, i64 y_sample, i64 y_row, const float *x, i64 x_sample, i64 x_row, i64 samples, i64 rows, int cols, int quads)
{
	copy_columns<false>(y, {y_sample, y_row}, x, {x_sample, x_row}, samples, rows, cols, quads);
}

// dx += dy's columns; both [rows, …], so there is one sample.
extern "C" __global__ void __launch_bounds__(256) concat_grad(float *dx, const float *dy, i64 dy_row, i64 rows, int cols, int quads)
{
	copy_columns<true>(dx, {0, cols}, dy, {0, dy_row}, 1, rows, cols, quads);
}

// partial[chunk, b, k] = Σ dy[b, r, k] over the chunk's rows, for a part that was repeated;
// dy's rows are dy_row apart. The grid is (channels, chunks, samples); columnBlock.
extern "C" __global__ void __launch_bounds__(256)
	concat_grad_repeated(float *partial, const float *dy, i64 dy_row, i64 samples, i64 rows, int cols, int chunk_rows)
{
	int k = (int)(blockIdx.x * blockDim.x + threadIdx.x);
	i64 lo = (i64)blockIdx.y * chunk_rows, hi = lo + chunk_rows < rows ? lo + chunk_rows : rows;
	FOR_SAMPLES(b, samples)
	{
		float sum = 0;
		if (k < cols)
			for (i64 r = lo + threadIdx.y; r < hi; r += blockDim.y)
				sum += dy[(b * rows + r) * dy_row + k];
		sum = column_sum(sum);
		if (threadIdx.y == 0 && k < cols)
			partial[((i64)blockIdx.y * samples + b) * cols + k] = sum;
	}
}
