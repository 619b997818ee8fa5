// concat.cu: columns of one matrix beside those of another. internal/op/concat.go
#include "elements.cuh"

constexpr int MAX_PARTS = 8;

// Part is one part [samples, rows, cols] beside its columns of the whole: row r of sample b
// begins at b·sample + r·row. A part that is repeated at every position has row 0.
struct Part {
	float *part, *whole;
	i64 sample, row;                // of the part
	i64 whole_sample, whole_row;
	i64 samples, rows;
	int cols, quads;
	int add;  // of a gradient: the part is added to
	int half; // of Concat: the part holds halves
};

struct Parts {
	Part part[MAX_PARTS];
};

// copy_columns is for a part as channelGrid gives it; blockIdx.z counts samples and parts.
template <bool GRADIENT> __device__ __forceinline__ void copy_columns(const Part &p, i64 sample, i64 samples)
{
	for_channels(p.cols, p.quads, [&](int k, auto width) {
		for (i64 b = sample; b < p.samples; b += samples) {
			FOR_ROWS(r, p.rows)
			{
				i64 at = b * p.sample + r * p.row + k;
				float *part = p.part + at, *whole = p.whole + b * p.whole_sample + r * p.whole_row + k;
				Lanes<width.n> v;
				if (!GRADIENT && p.half)
					v = load(width, (const f16 *)p.part + at);
				else
					v = load(width, GRADIENT ? whole : part);
				if (GRADIENT && p.add) {
					auto u = load(width, part);
					EACH(i, width)
					v[i] += u[i];
				}
				store(width, GRADIENT ? part : whole, v);
			}
		}
	});
}

// The columns of the whole = the parts. The grid is channelGrid of the widest part, with
// parts × samples on the third axis.
extern "C" __global__ void __launch_bounds__(256) concat(Parts all, int count)
{
	copy_columns<false>(all.part[blockIdx.z % count], blockIdx.z / count, gridDim.z / count);
}

// The parts += their columns of the whole.
extern "C" __global__ void __launch_bounds__(256) concat_grad(Parts all, int count)
{
	copy_columns<true>(all.part[blockIdx.z % count], blockIdx.z / count, gridDim.z / count);
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
