// max_pool.cu: the largest value of every window, and where it is. internal/op/max_pool.go
#include "elements.cuh"

// The winners of neighboring channels.
__device__ inline void load_winners(Width<1>, int *v, const int *p) { v[0] = *p; }
__device__ inline void load_winners(Width<4>, int *v, const int *p)
{
	uint4 q = *(const uint4 *)p;
	v[0] = (int)q.x, v[1] = (int)q.y, v[2] = (int)q.z, v[3] = (int)q.w;
}
__device__ inline void store_winners(Width<1>, int *p, const int *v) { *p = v[0]; }
__device__ inline void store_winners(Width<4>, int *p, const int *v) { *(uint4 *)p = uint4{(u32)v[0], (u32)v[1], (u32)v[2], (u32)v[3]}; }

// y [B,Ho,Wo,C] = the maximum over a window of x [B,H,W,C]; argmax, unless null, is its
// first position. NaN wins, as in PyTorch. The launch is channelGrid over the positions of y.
template <class T>
__device__ __forceinline__ void pool(T *y, int *argmax, const T *x, int batch, int h, int w, int ho, int wo, int c, int kernel, int stride, int pad, int quads)
{
	for_channels(c, quads, [=](int k, auto width) {
		FOR_ROWS(r, (i64)batch * ho * wo)
		{
			u32 position = (u32)r, row = position / (u32)wo;
			int top = (int)(row % (u32)ho) * stride - pad, left = (int)(position % (u32)wo) * stride - pad;
			int y0 = top > 0 ? top : 0, y1 = top + kernel < h ? top + kernel : h;
			int x0 = left > 0 ? left : 0, x1 = left + kernel < w ? left + kernel : w;
			const T *picture = x + (i64)(row / (u32)ho) * h * w * c + k;
			Lanes<width.n> best;
			int at[width.n];
			EACH(i, width)
			{
				best[i] = -infinity_f32();
				at[i] = y0 * w + x0;
			}
			for (int yy = y0; yy < y1; yy++)
				for (int xx = x0; xx < x1; xx++) {
					auto v = load(width, picture + ((i64)yy * w + xx) * c);
					EACH(i, width)
					if (v[i] > best[i] || v[i] != v[i]) {
						best[i] = v[i];
						at[i] = yy * w + xx;
					}
				}
			store(width, y + r * c + k, best);
			if (argmax)
				store_winners(width, argmax + r * c + k, at);
		}
	});
}

extern "C" __global__ void __launch_bounds__(256)
	max_pool(float *y, int *argmax, const float *x, int batch, int h, int w, int ho, int wo, int c, int kernel, int stride, int pad, int quads)
{
	pool(y, argmax, x, batch, h, w, ho, wo, c, kernel, stride, pad, quads);
}

extern "C" __global__ void __launch_bounds__(256)
	max_pool_half(f16 *y, int *argmax, const f16 *x, int batch, int h, int w, int ho, int wo, int c, int kernel, int stride, int pad, int quads)
{
	pool(y, argmax, x, batch, h, w, ho, wo, c, kernel, stride, pad, quads);
}

// The gradient does not know the windows. It first finds which rows of outputs have
// winners in a row of x, and likewise columns; few, because windows are small.
// readers[yy] is Ho minus the first such row (0: none), readers[H+yy] the last one plus 1;
// then the same for the W columns. Whole numbers, so that the order of the maxima does not
// matter; readers begins as zeros. One warp for one position of y, the block is 256.

__device__ inline int warp_max_int(int v)
{
	for (int d = 16; d; d >>= 1) {
		int other = __shfl_xor_sync(FULL_WARP, v, d);
		v = other > v ? other : v;
	}
	return v;
}

extern "C" __global__ void __launch_bounds__(256) max_pool_readers(int *readers, const int *argmax, int batch, int h, int w, int ho, int wo, int c)
{
	i64 r = (i64)blockIdx.x * 8 + warp();
	if (r >= (i64)batch * ho * wo)
		return;
	int i = (int)((u32)r / (u32)wo % (u32)ho), j = (int)((u32)r % (u32)wo);
	// Of the rows and columns that win the largest, and the largest of the negated.
	int y1 = -1, y0 = -h, x1 = -1, x0 = -w;
	for (int k = lane(); k < c; k += 32) {
		int at = argmax[r * c + k], yy = at / w, xx = at % w;
		y1 = yy > y1 ? yy : y1;
		y0 = -yy > y0 ? -yy : y0;
		x1 = xx > x1 ? xx : x1;
		x0 = -xx > x0 ? -xx : x0;
	}
	y1 = warp_max_int(y1);
	y0 = -warp_max_int(y0);
	x1 = warp_max_int(x1);
	x0 = -warp_max_int(x0);
	for (int yy = y0 + lane(); yy <= y1; yy += 32) {
		atomicMax(readers + yy, ho - i);
		atomicMax(readers + h + yy, i + 1);
	}
	for (int xx = x0 + lane(); xx <= x1; xx += 32) {
		atomicMax(readers + 2 * h + xx, wo - j);
		atomicMax(readers + 2 * h + w + xx, j + 1);
	}
}

// dx += Σ dy over the outputs whose winner this is, row by row; channelGrid over the
// positions of x.
extern "C" __global__ void __launch_bounds__(256)
	max_pool_grad(float *dx, const float *dy, const int *argmax, const int *readers, int batch, int h, int w, int ho, int wo, int c, int quads)
{
	for_channels(c, quads, [=](int k, auto width) {
		FOR_ROWS(r, (i64)batch * h * w)
		{
			u32 row = (u32)r / (u32)w;
			int yy = (int)(row % (u32)h), xx = (int)((u32)r % (u32)w);
			i64 b = row / (u32)h;
			int i0 = ho - readers[yy], i1 = readers[h + yy];
			int j0 = wo - readers[2 * h + xx], j1 = readers[2 * h + w + xx];
			if (i0 >= i1 || j0 >= j1)
				continue;
			float *to = dx + r * c + k;
			auto sum = load(width, to);
			for (int i = i0; i < i1; i++)
				for (int j = j0; j < j1; j++) {
					i64 from = ((b * ho + i) * wo + j) * c + k;
					int at[width.n];
					load_winners(width, at, argmax + from);
					auto g = load(width, dy + from);
					EACH(p, width)
					if (at[p] == yy * w + xx)
						sum[p] += g[p];
				}
			store(width, to, sum);
		}
	});
}
