// gram.cuh: what gram.cu and gram_tensor.cu share.
#pragma once
#include "product.cuh"

struct GramArgs {
	float *partial; // [B,parts,c,c]
	const void *x; // [B,n,c]
	int n, c, part_rows;
};

// GramTile is the block's part of XᵀX, X of T: a tile on or above the diagonal of tiles, and a
// part of the rows. The grid is (pairs of tiles with row ≤ column, parts, B).
template <int TILE, class T = float> struct GramTile {
	i64 row0, col0;
	int from, to;
	const T *x;
	Output out; // partial[b, part]

	__device__ GramTile(const GramArgs &p) : out{p.partial + ((i64)blockIdx.z * gridDim.y + blockIdx.y) * p.c * p.c, nullptr, nullptr, p.c, p.c, 0}
	{
		int row = (int)blockIdx.x, col = 0; // the pair's place in (0,0) (0,1) (1,1) (0,2) …
		for (int length = 1; row >= length; length++) {
			row -= length;
			col = length;
		}
		row0 = row * TILE;
		col0 = col * TILE;
		from = (int)blockIdx.y * p.part_rows;
		to = from + p.part_rows < p.n ? from + p.part_rows : p.n;
		x = (const T *)p.x + (i64)blockIdx.z * p.n * p.c;
	}
};
