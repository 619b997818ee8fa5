// attention.cuh: rows against rows, the inner loops of self_attention.cu and
// masked_correlation.cu. A thread owns R rows of DP channels in registers; the block walks
// through the other rows in tiles of shared memory, and all threads read the same element
// at a time. So a row's sums stay in one thread, in the order of the other rows: no
// shuffle, no score in memory.
#pragma once
#include "hdm.cuh"

// HeadRows are rows of DP channels for every sample and head, aligned to 16 bytes: row i
// starts at x + b·sample + h·head + i·stride.
struct HeadRows {
	float *x;
	i64 sample, head;
	int stride;
};

// Rows is one sample's and head's part of it.
struct Rows {
	float *x;
	int stride;
};

// block_rows is the part that this block works on: blockIdx.y is b·heads + h.
__device__ __forceinline__ Rows block_rows(const HeadRows &r, int heads)
{
	return {r.x + (int)blockIdx.y / heads * r.sample + (int)blockIdx.y % heads * r.head, r.stride};
}

// load_row reads row i times scale; any row where i ≥ count, which must not be 0.
template <int DP> __device__ __forceinline__ void load_row(float (&row)[DP], const Rows &r, int i, int count, float scale)
{
	const float *x = r.x + (i64)(i < count ? i : 0) * r.stride;
	UNROLL
	for (int c = 0; c < DP; c += 4) {
		float4 v = *(const float4 *)(x + c);
		row[c] = v.x * scale;
		row[c + 1] = v.y * scale;
		row[c + 2] = v.z * scale;
		row[c + 3] = v.w * scale;
	}
}

// store_row writes row·scale to row i, or adds it, where i < count.
template <int DP, bool ADD> __device__ __forceinline__ void store_row(const Rows &r, const float (&row)[DP], int i, int count, float scale)
{
	if (i >= count)
		return;
	float *y = r.x + (i64)i * r.stride;
	UNROLL
	for (int c = 0; c < DP; c += 4) {
		float4 v = {0, 0, 0, 0};
		if (ADD)
			v = *(const float4 *)(y + c);
		v.x = fma_f32(row[c], scale, v.x);
		v.y = fma_f32(row[c + 1], scale, v.y);
		v.z = fma_f32(row[c + 2], scale, v.z);
		v.w = fma_f32(row[c + 3], scale, v.w);
		*(float4 *)(y + c) = v;
	}
}

// tile_rows is how many rows a tile has: two arrays, each twice, take 32 KiB at most.
template <int DP> constexpr int tile_rows = DP > 32 ? 32 : 64;

// load_tile starts the copy of rows first, first+1, … below end; zeros from end on. A row is
// followed by PAD floats that nobody writes or reads.
template <int DP, int PAD> __device__ __forceinline__ void load_tile(float *tile, const Rows &r, int first, int end)
{
	FOR_BLOCK(e, tile_rows<DP> * DP / 4) {
		int i = first + e / (DP / 4);
		bool valid = i < end;
		cp_async16(tile + e / (DP / 4) * (DP + PAD) + e % (DP / 4) * 4, r.x + (valid ? (i64)i * r.stride + e % (DP / 4) * 4 : 0), valid);
	}
}

// walk_tiles calls body(tile of a, tile of b, pairs, rows) for the rows from lo to below
// hi, a tile at a time; the rest of the last tile, pairs included, is 0: there a body adds
// zeros where it can, instead of asking for each row. b is absent with ARRAYS = 1. With
// PAIRS, pairs[j] holds x[i] and y[i] of the tile's row j. The next tile is copied while
// the body works on this one.
template <int DP, int ARRAYS, bool PAIRS, int PAD = 0, class Body>
__device__ __forceinline__ void walk_tiles(const Rows &a, const Rows &b, const float *x, const float *y, int lo, int hi, Body body)
{
	constexpr int ROWS = tile_rows<DP>;
	SHARED(float4, tile_a, [2][ROWS * (DP + PAD) / 4]);
	SHARED(float4, tile_b, [2][ARRAYS > 1 ? ROWS * (DP + PAD) / 4 : 1]);
	SHARED(float2, pairs, [2][PAIRS ? ROWS : 1]);
	auto load = [&](int into, int first) {
		load_tile<DP, PAD>((float *)tile_a[into], a, first, hi);
		if (ARRAYS > 1)
			load_tile<DP, PAD>((float *)tile_b[into], b, first, hi);
		if (PAIRS)
			FOR_BLOCK(j, ROWS) {
				bool valid = first + j < hi;
				i64 i = valid ? first + j : lo;
				cp_async4(&pairs[into][j].x, x + i, valid);
				cp_async4(&pairs[into][j].y, y + i, valid);
			}
		cp_async_commit();
	};
	if (lo < hi)
		load(0, lo);
	int now = 0;
	for (int first = lo; first < hi; first += ROWS) {
		cp_async_wait<0>();
		__syncthreads(); // this tile has come, and nobody reads the other one any more
		if (first + ROWS < hi)
			load(now ^ 1, first + ROWS);
		body((const float *)tile_a[now], (const float *)tile_b[now], (const float2 *)pairs[now], hi - first < ROWS ? hi - first : ROWS);
		now ^= 1;
	}
}

// dots computes s[r][u] = x[r]·row u of tile, in up to four sums side by side.
template <int DP, int R, int U> __device__ __forceinline__ void dots(float (&s)[R][U], const float (&x)[R][DP], const float *tile)
{
	constexpr int CHAINS = R * U >= 4 ? 1 : R * U == 1 ? 4 : 2;
	float part[R][U][CHAINS];
	UNROLL
	for (int r = 0; r < R; r++)
		UNROLL
		for (int u = 0; u < U; u++)
			UNROLL
			for (int i = 0; i < CHAINS; i++)
				part[r][u][i] = 0;
	UNROLL
	for (int c = 0; c < DP; c += 4) {
		UNROLL
		for (int u = 0; u < U; u++) {
			float4 k = *(const float4 *)(tile + u * DP + c);
			UNROLL
			for (int r = 0; r < R; r++) {
				float(&p)[CHAINS] = part[r][u];
				p[0] = fma_f32(x[r][c], k.x, p[0]);
				p[1 % CHAINS] = fma_f32(x[r][c + 1], k.y, p[1 % CHAINS]);
				p[2 % CHAINS] = fma_f32(x[r][c + 2], k.z, p[2 % CHAINS]);
				p[3 % CHAINS] = fma_f32(x[r][c + 3], k.w, p[3 % CHAINS]);
			}
		}
	}
	UNROLL
	for (int r = 0; r < R; r++)
		UNROLL
		for (int u = 0; u < U; u++) {
			s[r][u] = part[r][u][0];
			UNROLL
			for (int i = 1; i < CHAINS; i++)
				s[r][u] += part[r][u][i];
		}
}

// add_rows computes acc[r] += Σ_u e[r][u]·row u of tile.
template <int DP, int R, int U> __device__ __forceinline__ void add_rows(float (&acc)[R][DP], const float (&e)[R][U], const float *tile)
{
	UNROLL
	for (int c = 0; c < DP; c += 4) {
		UNROLL
		for (int u = 0; u < U; u++) {
			float4 v = *(const float4 *)(tile + u * DP + c);
			UNROLL
			for (int r = 0; r < R; r++) {
				acc[r][c] = fma_f32(e[r][u], v.x, acc[r][c]);
				acc[r][c + 1] = fma_f32(e[r][u], v.y, acc[r][c + 1]);
				acc[r][c + 2] = fma_f32(e[r][u], v.z, acc[r][c + 2]);
				acc[r][c + 3] = fma_f32(e[r][u], v.w, acc[r][c + 3]);
			}
		}
	}
}

template <int R, int DP> __device__ __forceinline__ void zero_rows(float (&x)[R][DP])
{
	UNROLL
	for (int r = 0; r < R; r++)
		UNROLL
		for (int c = 0; c < DP; c++)
			x[r][c] = 0;
}

// own_row is the r-th row of this thread, of blocks that own R·blockDim rows each.
template <int R> __device__ __forceinline__ int own_row(int r) { return (int)((blockIdx.x * R + r) * blockDim.x + threadIdx.x); }

// split_range cuts count rows into whole tiles, about equally many for each block of
// gridDim.z, and returns this block's rows [lo, hi).
template <int DP> __device__ __forceinline__ void split_range(int &lo, int &hi, int count)
{
	int tiles = (count + tile_rows<DP> - 1) / tile_rows<DP>;
	int each = (tiles + (int)gridDim.z - 1) / (int)gridDim.z * tile_rows<DP>;
	lo = (int)blockIdx.z * each;
	hi = lo + each < count ? lo + each : count;
}

// own_softmax_grad is the gradient through scores whose softmax runs along the walk: the
// own rows have log-sum-exp lse and D = Σ_t a_t p_t (shift).
//
//	a_t = exp(x·t − lse)    p_t = g·b_t    acc += Σ_t a_t (p_t − shift)·t
//
// a_t is at most 1; past the last row, where t = 0, it must not overflow.
template <int DP, int R, int U>
__device__ __forceinline__ void own_softmax_grad(float (&acc)[R][DP], const float (&x)[R][DP], const float (&g)[R][DP], const float (&lse)[R], const float (&shift)[R], const Rows &t, const Rows &b, int lo, int hi)
{
	walk_tiles<DP, 2, false>(t, b, nullptr, nullptr, lo, hi, [&](const float *ta, const float *tb, const float2 *, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += U) {
			float s[R][U], p[R][U];
			dots<DP, R, U>(p, g, tb + j * DP);
			dots<DP, R, U>(s, x, ta + j * DP);
			UNROLL
			for (int r = 0; r < R; r++)
				UNROLL
				for (int u = 0; u < U; u++)
					s[r][u] = exp_fast(min_f32(s[r][u] - lse[r], 0.0f)) * (p[r][u] - shift[r]);
			add_rows<DP, R, U>(acc, s, ta + j * DP);
		}
	});
}

// walk_softmax_grad is the same where every row t of the walk has its own softmax, over
// the own rows: lse and shift belong to t. With SCORES acc gets it, with VALUES
// acc_b += Σ_t a_t b_t.
template <int DP, int R, int U, bool SCORES, bool VALUES>
__device__ __forceinline__ void walk_softmax_grad(float (&acc)[R][DP], float (&acc_b)[R][DP], const float (&x)[R][DP], const float (&g)[R][DP], const float *lse, const float *shift, const Rows &t, const Rows &b, int lo, int hi)
{
	walk_tiles<DP, 2, true>(t, b, lse, shift, lo, hi, [&](const float *ta, const float *tb, const float2 *pairs, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += U) {
			float s[R][U], p[R][U];
			dots<DP, R, U>(s, x, ta + j * DP);
			UNROLL
			for (int r = 0; r < R; r++)
				UNROLL
				for (int u = 0; u < U; u++)
					s[r][u] = exp_fast(s[r][u] - pairs[j + u].x);
			if (SCORES) {
				dots<DP, R, U>(p, g, tb + j * DP);
				UNROLL
				for (int r = 0; r < R; r++)
					UNROLL
					for (int u = 0; u < U; u++)
						p[r][u] = s[r][u] * (p[r][u] - pairs[j + u].y);
				add_rows<DP, R, U>(acc, p, ta + j * DP);
			}
			if (VALUES)
				add_rows<DP, R, U>(acc_b, s, tb + j * DP);
		}
	});
}
