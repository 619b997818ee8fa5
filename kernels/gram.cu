// gram.cu: cosines between channels, and the distance of two such matrices.
// internal/op/gram.go
#include "gram.cuh"

// partial[b, part] = XᵀX over the part's rows.
template <int TILE, int WIDTH> __device__ __forceinline__ void gram_tile(const GramArgs &p)
{
	using Columns = MatrixColumns<TILE, WIDTH>;
	GramTile<TILE> tile(p);
	Columns a(tile.x, p.c, tile.row0, p.c, tile.from, tile.to), b(tile.x, p.c, tile.col0, p.c, tile.from, tile.to);
	float acc[TILE / 16][TILE / 16];
	multiply(acc, a, b, (tile.to - tile.from + BK - 1) / BK);
	put_tile<Columns, Columns>(acc, tile.out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * p.c;
		return r < p.c;
	});
}

extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS, 2) gram_128(GramArgs p) { gram_tile<128, 4>(p); }
extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS, 2) gram_any(GramArgs p) { gram_tile<64, 1>(p); }

__device__ inline float gram_sum(const float *partial, int parts, int c, int i, int j)
{
	float sum = 0;
	for (int k = 0; k < parts; k++)
		sum += partial[((i64)k * c + i) * c + j];
	return sum;
}

// g[b, i, j] = g[b, j, i] = S_ij/(√S_ii·√S_jj + 1e-7) for i ≤ j, S the sum of the parts. The
// grid is (c/32, c/32, B) rounded up, the block 32×8; blocks below the diagonal return.
extern "C" __global__ void __launch_bounds__(256) gram_cosines(float *g, const float *partial, int parts, int c)
{
	SHARED(float, tile, [32][33]);
	SHARED(float, norm, [2][32]);
	int tx = (int)threadIdx.x, ty = (int)threadIdx.y, row0 = (int)blockIdx.y * 32, col0 = (int)blockIdx.x * 32;
	if (row0 > col0)
		return;
	partial += (i64)blockIdx.z * parts * c * c;
	g += (i64)blockIdx.z * c * c;
	if (ty < 2) {
		int i = (ty ? col0 : row0) + tx;
		norm[ty][tx] = i < c ? sqrt_f32(gram_sum(partial, parts, c, i, i)) : 0.0f;
	}
	__syncthreads();
	for (int k = ty; k < 32; k += 8) {
		int i = row0 + k, j = col0 + tx;
		float v = 0;
		if (i < c && j < c)
			v = gram_sum(partial, parts, c, i < j ? i : j, i < j ? j : i) / fma_f32(norm[0][k], norm[1][tx], 1e-7f);
		tile[k][tx] = v;
		if (i < c && j < c)
			g[(i64)i * c + j] = v;
	}
	__syncthreads();
	for (int k = ty; k < 32; k += 8) {
		int i = col0 + k, j = row0 + tx;
		if (i < c && j < c && row0 < col0)
			g[(i64)i * c + j] = tile[tx][k];
	}
}

// partial[b·K + k, part] = Σ (gq_b − gs_bk)² over a part of the n = c² elements. The grid is
// (parts, B·K).
extern "C" __global__ void __launch_bounds__(256) gram_squares(float *partial, const float *gq, const float *gs, int shots, i64 n)
{
	i64 pair = blockIdx.y;
	gq += pair / shots * n;
	gs += pair * n;
	float sum = 0;
	FOR_GRID(i, n) {
		float d = gq[i] - gs[i];
		sum = fma_f32(d, d, sum);
	}
	sum = block_sum<256>(sum);
	if (threadIdx.x == 0)
		partial[pair * gridDim.x + blockIdx.x] = sum;
}

// d[i] = √(Σ partial[i])/c.
extern "C" __global__ void __launch_bounds__(256) gram_distance(float *d, const float *partial, int parts, int c, i64 pairs)
{
	FOR_GRID(i, pairs) {
		float sum = 0;
		for (int k = 0; k < parts; k++)
			sum += partial[i * parts + k];
		d[i] = sqrt_f32(sum) / (float)c;
	}
}
