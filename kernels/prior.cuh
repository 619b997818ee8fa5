// prior.cuh: what the tiles of prior_similarity.cu and of prior_tensor.cu share.
//
// q [B,n,c]; s [B·K,m,c]; list, count: the foreground of s, foreground_list.cu. The maxima
// of all tiles meet in best [B·K,n], as whole numbers in the order of the floats: the
// largest one does not depend on who comes first.
#pragma once
#include "product.cuh"

__device__ inline int to_ordered(float v)
{
	int i = (int)as_bits(v);
	return i < 0 ? i ^ 0x7fffffff : i;
}
__device__ inline float from_ordered(int i) { return as_float((u32)(i < 0 ? i ^ 0x7fffffff : i)); }

struct PriorArgs {
	int *best;
	const float *q, *s, *q_norm, *s_norm; // norms [B,n] and [B·K,m], these packed
	const int *list, *count;
	int n, m, c, shots;
};

// ListedRows is MatrixRows of listed rows; of all where list is null.
template <int EXTENT, int WIDTH, int THREADS = PRODUCT_THREADS, int PAD = 4> struct ListedRows : Panel<EXTENT, WIDTH, true, THREADS, PAD> {
	using P = Panel<EXTENT, WIDTH, true, THREADS, PAD>;
	const float *begin[P::SLOTS];
	int k, c;

	__device__ ListedRows(const float *data, const int *list, int row0, int rows, int c_) : k(P::across()), c(c_)
	{
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			int r = row0 + P::line(e);
			begin[e] = r < rows ? data + (i64)(list ? list[r] : r) * c : nullptr;
		}
	}
	__device__ const float *at(int e, bool &valid) const
	{
		valid = begin[e] && k < c;
		return begin[e] + k;
	}
	__device__ void advance() { k += BK; }
};

// PriorTile is the block's part of the products of one shot g. The grid is (tiles, B·K);
// tiles beyond the foreground return at once.
template <int TILE> struct PriorTile {
	int g, row0, col0, count;
	i64 sample, shot; // first row of q and of s

	__device__ PriorTile(const PriorArgs &p) : g((int)blockIdx.y), count(p.count[g]), sample(g / p.shots * (i64)p.n), shot((i64)g * p.m)
	{
		Tile<TILE, TILE> tile(p.m);
		row0 = (int)tile.row0;
		col0 = (int)tile.col0;
	}
	__device__ float column_norm(const PriorArgs &p, int col) const { return col < count ? p.s_norm[shot + col] : -1.0f; }
	__device__ float row_norm(const PriorArgs &p, int row) const { return row < p.n ? p.q_norm[sample + row] : 0.0f; }
	__device__ void put(const PriorArgs &p, int row, float top) const
	{
		if (row < p.n)
			atomicMax(p.best + (i64)g * p.n + row, to_ordered(top));
	}
};

// larger returns the larger one of top and of the cosine of a product of two vectors; of a
// column that is not there the norm is −1.
__device__ __forceinline__ float larger(float top, float product, float row_norm, float column_norm)
{
	float v = product / fma_f32(row_norm, column_norm, 1e-7f);
	return column_norm < 0 ? top : max_f32(top, v);
}
