// half_product.cuh: tiles of products of halves on tensor cores, operands with rows along the
// sum or across it, sums in float32.
//
// A block of 128 threads, 2×2 warps, computes BM×BN values; a warp has a quarter. Panels of
// HALF_STEP terms are copied in chunks of 8 halves; where a chunk lies in its row of the panel
// depends on the row, so that the rows that ldmatrix reads at once lie in different banks.
#pragma once
#include "conv.cuh"

constexpr int HALF_THREADS = 128;
constexpr int HALF_STEP = 32;   // terms of a panel
constexpr int HALF_STAGES = 3;  // copies under way, and one that is read
constexpr int HALF_CHUNKS = HALF_STEP / 8;
constexpr int HALF_ROW = HALF_STEP * 2; // bytes of a panel's row

// half_chunk is where chunk c of row r lies in a panel. ldmatrix reads rows of A one after the
// other, and of B those that half_column gives.
template <int SHIFT> __device__ inline int half_chunk(int r, int c) { return r * HALF_ROW + (c ^ (r >> SHIFT & 3)) * 16; }
constexpr int HALF_A = 1, HALF_B = 3;

// half_column is the column of D, within 32, that term n of column tile j of mma is: a lane
// gets 8 neighbors from four tiles, terms 2t and 2t+1 of each.
__device__ inline int half_column(int j, int n) { return n / 2 * 8 + j * 2 + n % 2; }

// HalfPanel says who copies what: a thread one chunk in each of SLOTS rows.
template <int EXTENT_, int SHIFT> struct HalfPanel {
	static constexpr int EXTENT = EXTENT_, BYTES = EXTENT * HALF_ROW, TERMS = HALF_STEP, STEP = HALF_THREADS / HALF_CHUNKS, SLOTS = EXTENT / STEP;
	__device__ static int across() { return (int)threadIdx.x % HALF_CHUNKS * 8; }
	__device__ static int line(int slot) { return (int)threadIdx.x / HALF_CHUNKS + slot * STEP; }
	__device__ static int place(int slot) { return half_chunk<SHIFT>(line(slot), (int)threadIdx.x % HALF_CHUNKS); }

	// load_a loads an operand A of mma_f16 from a panel, 16 rows from row on and the k-th 16 terms;
	// load_b loads B of column tiles j and j+1, two registers each, in the columns from col on.
	__device__ static __forceinline__ void load_a(u32 (&a)[4], const u8 *panel, int row, int k)
	{
		ldmatrix_x4(a, panel + half_chunk<SHIFT>(row + lane() % 16, k * 2 + lane() / 16));
	}
	__device__ static __forceinline__ void load_b(u32 (&b)[4], const u8 *panel, int col, int j, int k)
	{
		ldmatrix_x4(b, panel + half_chunk<SHIFT>(col + j / 4 * 32 + half_column(j % 4 + lane() / 16, lane() % 8), k * 2 + lane() / 8 % 2));
	}
};

// half_fetch starts the copy of a source's next terms. A source is a panel P with at(slot,
// &valid) and advance(), as those of product.cuh. P is HalfPanel, or one like it that has a
// thread copy other chunks.
template <class S> __device__ __forceinline__ void half_fetch(u8 *panel, S &s)
{
	UNROLL
	for (int e = 0; e < S::SLOTS; e++) {
		bool valid;
		const u16 *from = s.at(e, valid);
		cp_async16(panel + S::place(e), from, valid);
	}
	s.advance();
}

// HalfRows is an operand that lies as [rows, ld], of which c terms count; of listed rows where
// list is not null.
template <class P> struct HalfRows : P {
	const u16 *begin[P::SLOTS]; // null beyond the last row
	int k, c;

	__device__ HalfRows(const u16 *data, const int *list, i64 ld, i64 row0, i64 rows, int c_) : k(P::across()), c(c_)
	{
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			i64 r = row0 + P::line(e);
			begin[e] = r < rows ? data + (list ? list[r] : r) * ld : nullptr;
		}
	}
	__device__ const u16 *at(int e, bool &valid) const
	{
		valid = begin[e] && k < c;
		return begin[e] + k;
	}
	__device__ void advance() { k += P::TERMS; }
};

// HalfColumns is an operand that lies as [terms, ld], of which the terms k0 … k1−1 and the
// columns from col0 on count. A panel has a row for each term; ldmatrix turns what it reads, and
// column tile j of the result is columns 8j … 8j+7.
template <int EXTENT_> struct HalfColumns {
	static constexpr int EXTENT = EXTENT_, BYTES = EXTENT * HALF_ROW, ACROSS = EXTENT / 8, STEP = HALF_THREADS / ACROSS, SLOTS = HALF_STEP / STEP;
	const u16 *data;
	i64 ld;
	int k, k1; // k: the term of slot 0, k1 where there is no column

	__device__ HalfColumns(const u16 *base, i64 ld_, int col0, int columns, int k0, int k1_) : ld(ld_), k(k0 + line(0)), k1(k1_)
	{
		int c = col0 + (int)threadIdx.x % ACROSS * 8;
		data = base + k * ld + c;
		if (c >= columns)
			k = k1;
	}
	__device__ static int line(int slot) { return (int)threadIdx.x / ACROSS + slot * STEP; }
	__device__ static int chunk(int term, int c) { return (term * ACROSS + (c ^ (term & 7))) * 16; }
	__device__ static int place(int slot) { return chunk(line(slot), (int)threadIdx.x % ACROSS); }
	__device__ const u16 *at(int e, bool &valid) const
	{
		valid = k + e * STEP < k1;
		return data + e * STEP * ld;
	}
	__device__ void advance()
	{
		k += HALF_STEP;
		data += HALF_STEP * ld;
	}
	__device__ static __forceinline__ void load_a(u32 (&a)[4], const u8 *panel, int row, int k)
	{
		ldmatrix_x4_trans(a, panel + chunk(k * 16 + lane() % 8 + lane() / 16 * 8, row / 8 + lane() / 8 % 2));
	}
	__device__ static __forceinline__ void load_b(u32 (&b)[4], const u8 *panel, int col, int j, int k)
	{
		ldmatrix_x4_trans(b, panel + chunk(k * 16 + lane() % 16, col / 8 + j + lane() / 16));
	}
};

// HalfPatches is Patches of conv.cuh for an image of halves, channels divisible by 8.
template <class P> struct HalfPatches : P {
	static constexpr int NOWHERE = -(1 << 30);
	const ConvArgs &g;
	const u16 *base[P::SLOTS]; // what tap (0,0) reads, inside the image or not
	int y[P::SLOTS], x[P::SLOTS];
	int padded;
	Taps tap;

	__device__ HalfPatches(const ConvArgs &args, int padded_, i64 row0) : g(args), padded(padded_), tap{P::across(), 0, 0}
	{
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			i64 r = row0 + P::line(e);
			base[e] = (const u16 *)g.a;
			if (r >= (i64)g.batch * g.ho * g.wo) {
				y[e] = x[e] = NOWHERE;
				continue;
			}
			u32 position = (u32)r, row = position / (u32)g.wo;
			y[e] = (int)(row % (u32)g.ho) * g.stride - g.pad;
			x[e] = (int)(position % (u32)g.wo) * g.stride - g.pad;
			base[e] += (((i64)(row / (u32)g.ho) * g.h + y[e]) * g.w + x[e]) * g.ci;
		}
		tap.normalize(padded, g.kw);
	}
	__device__ const u16 *at(int e, bool &valid) const
	{
		int dy = tap.y * g.dilation, dx = tap.x * g.dilation;
		valid = tap.y < g.kh && tap.c < g.ci && (u32)(y[e] + dy) < (u32)g.h && (u32)(x[e] + dx) < (u32)g.w;
		return base[e] + ((i64)dy * g.w + dx) * g.ci + tap.c;
	}
	__device__ void advance()
	{
		tap.c += P::TERMS;
		tap.normalize(padded, g.kw);
	}
};

// half_multiply computes the warp's values of a tile from steps panels of two sources: acc[i][j]
// of rows 16i … 16i+15 and columns 32(j/4) + half_column(j%4, …) of the warp's quarter; of
// HalfColumns columns 8j … 8j+7.
template <class A, class B, int MT, int NT> __device__ __forceinline__ void half_multiply(float (&acc)[MT][NT][4], A &a, B &b, int steps)
{
	static_assert(A::EXTENT == MT * 32 && B::EXTENT == NT * 16 && NT % 4 == 0, "2×2 warps, columns by 32");
	constexpr int STAGE = A::BYTES + B::BYTES;
	DYNAMIC_SHARED(u8, memory);
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int j = 0; j < NT; j++)
			UNROLL
			for (int v = 0; v < 4; v++)
				acc[i][j][v] = 0;
	auto fetch_stage = [&](int s) __attribute__((always_inline)) {
		if (s < steps) {
			u8 *stage = memory + s % HALF_STAGES * STAGE;
			half_fetch(stage, a);
			half_fetch(stage + A::BYTES, b);
		}
		cp_async_commit(); // an empty group too, so that the groups count the stages
	};
	UNROLL
	for (int s = 0; s < HALF_STAGES - 1; s++)
		fetch_stage(s);
	int row = warp() / 2 * MT * 16, col = warp() % 2 * NT * 8;
	UNROLL_BY(1)
	for (int s = 0; s < steps; s++) {
		cp_async_wait<HALF_STAGES - 2>();
		__syncthreads(); // this stage has come, and nobody reads the one before it any more
		fetch_stage(s + HALF_STAGES - 1);
		const u8 *stage = memory + s % HALF_STAGES * STAGE;
		UNROLL
		for (int k = 0; k < HALF_STEP / 16; k++) {
			u32 av[MT][4];
			UNROLL
			for (int i = 0; i < MT; i++)
				A::load_a(av[i], stage, row + i * 16, k);
			UNROLL
			for (int j = 0; j < NT; j += 2) {
				u32 bv[4];
				B::load_b(bv, stage + A::BYTES, col, j, k);
				u32 columns[2][2] = {{bv[0], bv[1]}, {bv[2], bv[3]}};
				mma_together([&]() __attribute__((always_inline)) {
					UNROLL
					for (int n = 0; n < 2; n++)
						UNROLL
						for (int i = 0; i < MT; i++)
							mma_f16(acc[i][j + n], av[i], columns[n]);
				});
			}
		}
	}
}

// half_put_rows calls put(row, column, v) with every 8 neighbors of the warp's rows, the first of
// which is value row0, col0.
template <int MT, int NT, class Put> __device__ __forceinline__ void half_put_rows(const float (&acc)[MT][NT][4], i64 row0, i64 col0, Put put)
{
	row0 += lane() / 4;
	col0 += lane() % 4 * 8;
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int part = 0; part < 2; part++)
			UNROLL
			for (int q = 0; q < NT / 4; q++) {
				float v[8];
				UNROLL
				for (int n = 0; n < 8; n++)
					v[n] = acc[i][q * 4 + n / 2][part * 2 + n % 2];
				put(row0 + i * 16 + part * 8, col0 + q * 32, v);
			}
}

// half_put does so for all warps of a tile.
template <int MT, int NT, class Put> __device__ __forceinline__ void half_put(const float (&acc)[MT][NT][4], i64 row0, i64 col0, Put put)
{
	half_put_rows(acc, row0 + warp() / 2 * MT * 16, col0 + warp() % 2 * NT * 8, put);
}
