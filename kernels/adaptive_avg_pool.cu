// adaptive_avg_pool.cu: means over the cells of a grid laid over a map. Cell i of n covers
// rows ⌊i·H/n⌋ … ⌈(i+1)·H/n⌉−1. internal/op/adaptive_avg_pool.go
#include "elements.cuh"

__device__ inline int cell_begin(int i, int n, int in) { return (int)((i64)i * in / n); }
__device__ inline int cell_end(int i, int n, int in) { return (int)(((i64)(i + 1) * in + n - 1) / n); }

// y [B,ho,wo,C] = the mean of x [B,H,W,C] over a cell. The grid is (C/32 rounded up, cells
// of all pictures, or fewer), the block 32×8: eight threads share the cell of a channel.
extern "C" __global__ void __launch_bounds__(256) adaptive_avg_pool(float *y, const float *x, int batch, int h, int w, int ho, int wo, int c)
{
	SHARED(float, part, [8][32]);
	int k = (int)(blockIdx.x * 32 + threadIdx.x);
	for (i64 r = blockIdx.y; r < (i64)batch * ho * wo; r += gridDim.y) {
		int i = (int)(r / wo % ho), j = (int)(r % wo);
		int y0 = cell_begin(i, ho, h), x0 = cell_begin(j, wo, w);
		int wide = cell_end(j, wo, w) - x0, count = (cell_end(i, ho, h) - y0) * wide;
		const float *corner = x + ((r / wo / ho * h + y0) * w + x0) * c + k;
		float sum = 0;
		if (k < c)
			for (int p = (int)threadIdx.y; p < count; p += 8)
				sum += corner[((i64)(p / wide) * w + p % wide) * c];
		part[threadIdx.y][threadIdx.x] = sum;
		__syncthreads();
		if (threadIdx.y == 0 && k < c) {
			for (int p = 1; p < 8; p++)
				sum += part[p][threadIdx.x];
			y[r * c + k] = sum / (float)count;
		}
		__syncthreads(); // part may be written again
	}
}

// dx += dy/|cell| over the cells that cover a position, in order; channelGrid over the
// positions of x.
extern "C" __global__ void __launch_bounds__(256) adaptive_avg_pool_grad(float *dx, const float *dy, int batch, int h, int w, int ho, int wo, int c, int quads)
{
	for_channels(c, quads, [=](int k, auto width) {
		FOR_ROWS(r, (i64)batch * h * w)
		{
			int xx = (int)(r % w), yy = (int)(r / w % h);
			i64 b = r / w / h;
			float *to = dx + r * c + k;
			auto sum = load(width, to);
			// The first cell that ends after row yy, and the last that begins at or before it.
			for (int i = (int)((i64)yy * ho / h); i < ho && cell_begin(i, ho, h) <= yy; i++) {
				int rows = cell_end(i, ho, h) - cell_begin(i, ho, h);
				for (int j = (int)((i64)xx * wo / w); j < wo && cell_begin(j, wo, w) <= xx; j++) {
					float share = 1.0f / (float)(rows * (cell_end(j, wo, w) - cell_begin(j, wo, w)));
					auto g = load(width, dy + ((b * ho + i) * wo + j) * c + k);
					EACH(p, width)
					sum[p] = fma_f32(g[p], share, sum[p]);
				}
			}
			store(width, to, sum);
		}
	});
}

constexpr int MAX_LEVELS = 8;

// PoolLevels are grids of n×n cells, and where their columns of cells begin among those of
// all.
struct PoolLevels {
	int count, n[MAX_LEVELS], first[MAX_LEVELS];
	void *y[MAX_LEVELS]; // [B,n,n,C]
};

// lines[b·H+i, first+v, k] = Σ x[b, i, j, k] over the columns j of cells v of each grid: x is
// read once. channelGrid over B·H lines of columns vectors.
template <class T> __device__ __forceinline__ void pool_lines(float *lines, const T *x, const PoolLevels &levels, i64 rows, int w, int c, int columns, int quads)
{
	for_channels(c, quads, [&](int k, auto width) {
		FOR_ROWS(r, rows * columns)
		{
			int column = (int)(r % columns), l = 0;
			while (l + 1 < levels.count && column >= levels.first[l + 1])
				l++;
			int v = column - levels.first[l], end = cell_end(v, levels.n[l], w);
			const T *line = x + r / columns * w * c + k;
			Lanes<width.n> sum{};
			for (int j = cell_begin(v, levels.n[l], w); j < end; j++) {
				auto value = load(width, line + (i64)j * c);
				EACH(i, width)
				sum[i] += value[i];
			}
			store(width, lines + r * c + k, sum);
		}
	});
}

// The means of the cells of all grids from the sums of pool_lines; channelGrid over cells, those
// of one grid after those of another, a grid's B·n².
template <class T> __device__ __forceinline__ void pool_cells(const float *lines, const PoolLevels &levels, int batch, int h, int w, int c, int columns, i64 cells, int quads)
{
	for_channels(c, quads, [&](int k, auto width) {
		FOR_ROWS(r, cells)
		{
			i64 cell = r;
			int l = 0;
			for (; cell >= (i64)batch * levels.n[l] * levels.n[l]; l++)
				cell -= (i64)batch * levels.n[l] * levels.n[l];
			int n = levels.n[l], v = (int)(cell % n), u = (int)(cell / n % n);
			int i0 = cell_begin(u, n, h), i1 = cell_end(u, n, h);
			const float *line = lines + ((cell / n / n * h + i0) * columns + levels.first[l] + v) * c + k;
			Lanes<width.n> sum{};
			for (int i = i0; i < i1; i++, line += (i64)columns * c) {
				auto value = load(width, line);
				EACH(p, width)
				sum[p] += value[p];
			}
			float count = (float)((i1 - i0) * (cell_end(v, n, w) - cell_begin(v, n, w)));
			EACH(p, width)
			sum[p] /= count;
			store(width, (T *)levels.y[l] + cell * c + k, sum);
		}
	});
}

extern "C" __global__ void __launch_bounds__(256) adaptive_pool_lines(float *lines, const float *x, PoolLevels levels, i64 rows, int w, int c, int columns, int quads)
{
	pool_lines(lines, x, levels, rows, w, c, columns, quads);
}
extern "C" __global__ void __launch_bounds__(256) adaptive_pool_lines_half(float *lines, const f16 *x, PoolLevels levels, i64 rows, int w, int c, int columns, int quads)
{
	pool_lines(lines, x, levels, rows, w, c, columns, quads);
}
extern "C" __global__ void __launch_bounds__(256) adaptive_pool_cells(const float *lines, PoolLevels levels, int batch, int h, int w, int c, int columns, i64 cells, int quads)
{
	pool_cells<float>(lines, levels, batch, h, w, c, columns, cells, quads);
}
extern "C" __global__ void __launch_bounds__(256) adaptive_pool_cells_half(const float *lines, PoolLevels levels, int batch, int h, int w, int c, int columns, i64 cells, int quads)
{
	pool_cells<f16>(lines, levels, batch, h, w, c, columns, cells, quads);
}
