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
