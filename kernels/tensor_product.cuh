// tensor_product.cuh: one tile of a convolution on tensor cores, inputs rounded to a format
// of tensor_format.cuh.
//
// A block of 128 threads, 2×2 warps, computes BM×BN values; a warp has a quarter. Patches
// of the image are copied as they are, float32, and rounded when they are read; the
// weights were rounded before (round_weights), so that each warp reads less.
#pragma once
#include "conv.cuh"
#include "tensor_format.cuh"

constexpr int TENSOR_THREADS = 128;
constexpr int TENSOR_STAGES = 4; // copies under way, and one that is read
constexpr int FEWER_STAGES = 3;  // where four would leave a multiprocessor one block

// WeightRows copies rounded weights [rows, ld], ld divisible by BK.
template <int EXTENT, int BYTES> struct WeightRows {
	static constexpr int ACROSS = BK * BYTES / 16, STEP = TENSOR_THREADS / ACROSS, SLOTS = EXTENT / STEP;
	const u8 *at[SLOTS]; // null beyond the last row

	__device__ WeightRows(const float *weights, i64 ld, i64 row0, i64 rows)
	{
		UNROLL
		for (int e = 0; e < SLOTS; e++) {
			i64 r = row0 + (int)threadIdx.x / ACROSS + e * STEP;
			at[e] = r < rows ? (const u8 *)weights + r * ld * BYTES + threadIdx.x % ACROSS * 16 : nullptr;
		}
	}
	__device__ void fetch(u8 *panel)
	{
		UNROLL
		for (int e = 0; e < SLOTS; e++) {
			cp_async16(panel + ((int)threadIdx.x + e * TENSOR_THREADS) * 16, at[e], at[e] != nullptr);
			if (at[e])
				at[e] += BK * BYTES;
		}
	}
};

// RawWeights copies weights [rows, taps, ci] as they lie, float32; they are rounded when
// they are read. The sum runs over padded channels of each tap, as Patches'.
template <int EXTENT, int WIDTH> struct RawWeights : Panel<EXTENT, WIDTH, true, TENSOR_THREADS, 0> {
	using P = Panel<EXTENT, WIDTH, true, TENSOR_THREADS, 0>;
	const float *begin[P::SLOTS]; // of its tap; null beyond the last row
	int c, ci, padded, taps;

	__device__ RawWeights(const float *weights, int ci_, int padded_, int taps_, i64 row0, i64 rows) : c(P::across()), ci(ci_), padded(padded_), taps(taps_)
	{
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			i64 r = row0 + P::line(e);
			begin[e] = r < rows ? weights + r * taps * ci : nullptr;
		}
	}
	__device__ const float *at(int e, bool &valid) const
	{
		valid = begin[e] && c < ci && taps > 0;
		return begin[e] + c;
	}
	__device__ void advance()
	{
		for (c += BK; c >= padded; c -= padded) {
			taps--;
			UNROLL
			for (int e = 0; e < P::SLOTS; e++)
				if (begin[e])
					begin[e] += ci;
		}
	}
};

// load_rows loads a lane's terms 4t … 4t+3 of two rows that lie along the sum, 8 apart;
// load_column those of a column of the other operand.
template <class F> __device__ __forceinline__ void load_rows(typename F::A &a, const float *top, const float *bottom)
{
	float u[4], v[4];
	load(u, top);
	load(v, bottom);
	F::pack_a(a, u, v);
}
template <class F> __device__ __forceinline__ void load_column(typename F::B &b, const float *row)
{
	float v[4];
	load(v, row);
	F::pack_b(b, v);
}

template <int MT, int NT> __device__ __forceinline__ void tensor_clear(float (&acc)[MT][NT][4])
{
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int j = 0; j < NT; j++)
			UNROLL
			for (int v = 0; v < 4; v++)
				acc[i][j][v] = 0;
}

// tensor_put writes the warp's values of the tile at (row0, col0). offset(r, at) tells at
// which offset row r of the result lies, false where there is no such row.
template <int WIDTH, int MT, int NT, class Offset> __device__ __forceinline__ void tensor_put(const float (&acc)[MT][NT][4], const Output &out, i64 row0, i64 col0, Offset offset)
{
	constexpr int N = WIDTH == 4 ? 2 : 1; // columns written at once
	row0 += warp() / 2 * MT * 16 + lane() / 4;
	col0 += warp() % 2 * NT * 8 + lane() % 4 * 2;
	UNROLL
	for (int j = 0; j < NT; j++)
		UNROLL
		for (int p = 0; p < 2; p += N) {
			i64 q = col0 + j * 8 + p;
			float bias[N];
			out.biases(bias, q);
			UNROLL
			for (int i = 0; i < MT; i++)
				UNROLL
				for (int half = 0; half < 2; half++) {
					i64 at;
					if (!offset(row0 + i * 16 + half * 8, at))
						continue;
					float v[N];
					UNROLL
					for (int k = 0; k < N; k++)
						v[k] = acc[i][j][2 * half + p + k];
					out.put(at, q, v, bias);
				}
		}
}

// lane_terms loads terms t, t+4, t+8, t+12 of row g of the 8 from row on of a panel: those that
// PAD 4 along the sum, and 8 across it, put into different banks.
template <class S> __device__ __forceinline__ void lane_terms(float (&v)[4], const float *panel, int row)
{
	if constexpr (S::ALONG_K) {
		lane_floats(v, panel + (row + lane() % 8) * S::STRIDE + lane() / 8 * 4);
	} else {
		UNROLL
		for (int e = 0; e < 4; e++)
			v[e] = panel[(lane() % 4 + e * 4) * S::STRIDE + row + lane() / 4];
	}
}

// tensor_multiply computes the warp's values of a tile from steps times BK terms of two
// sources of which one at least lies across the sum, rounded when they are read.
// seen is called with every panel of A while it is in shared memory.
template <class F, int STAGES = TENSOR_STAGES, class A, class B, int MT, int NT, class Seen> __device__ __forceinline__ void tensor_multiply(float (&acc)[MT][NT][4], A &a, B &b, i64 steps, Seen seen)
{
	static_assert(A::EXTENT == MT * 32 && B::EXTENT == NT * 16, "2×2 warps");
	DYNAMIC_SHARED(float, memory);
	tensor_clear(acc);
	auto fetch_stage = [&](i64 s) __attribute__((always_inline)) {
		if (s < steps) {
			float *stage = memory + s % STAGES * (A::FLOATS + B::FLOATS);
			fetch(stage, a);
			fetch(stage + A::FLOATS, b);
		}
		cp_async_commit(); // an empty group too, so that the groups count the stages
	};
	UNROLL
	for (int s = 0; s < STAGES - 1; s++)
		fetch_stage(s);
	int row = warp() / 2 * MT * 16, col = warp() % 2 * NT * 8;
	UNROLL_BY(1)
	for (i64 s = 0; s < steps; s++) {
		cp_async_wait<STAGES - 2>();
		__syncthreads(); // this stage has come, and nobody reads the one before it any more
		fetch_stage(s + STAGES - 1);
		const float *stage = memory + s % STAGES * (A::FLOATS + B::FLOATS);
		seen(stage);
		typename F::A av[MT];
		UNROLL
		for (int i = 0; i < MT; i++) {
			float u[4], v[4];
			lane_terms<A>(u, stage, row + i * 16);
			lane_terms<A>(v, stage, row + i * 16 + 8);
			F::pack_a(av[i], u, v);
		}
		UNROLL
		for (int j = 0; j < NT; j++) {
			float v[4];
			typename F::B bv;
			lane_terms<B>(v, stage + A::FLOATS, col + j * 8);
			F::pack_b(bv, v);
			mma_together([&]() __attribute__((always_inline)) {
				UNROLL
				for (int i = 0; i < MT; i++)
					F::multiply(acc[i][j], av[i], bv);
			});
		}
	}
}

template <class F, int STAGES = TENSOR_STAGES, class A, class B, int MT, int NT> __device__ __forceinline__ void tensor_multiply(float (&acc)[MT][NT][4], A &a, B &b, i64 steps)
{
	tensor_multiply<F, STAGES>(acc, a, b, steps, [](const float *) {});
}

// ColumnSums adds up the columns of A, whose panels lie across the sum: a thread each.
template <class A> struct ColumnSums {
	float sum;
	bool wanted;

	__device__ explicit ColumnSums(bool any) : sum(0), wanted(any && (int)threadIdx.x < A::EXTENT) {}
	__device__ __forceinline__ void add(const float *panel)
	{
		static_assert(!A::ALONG_K && A::EXTENT <= TENSOR_THREADS, "a thread has one column");
		if (!wanted)
			return;
		UNROLL
		for (int k = 0; k < BK; k++)
			sum += panel[k * A::STRIDE + (int)threadIdx.x];
	}
	// put writes the sums of columns row0 and on of rows.
	__device__ __forceinline__ void put(float *sums, i64 row0, i64 rows) const
	{
		i64 r = row0 + (int)threadIdx.x;
		if (wanted && r < rows)
			sums[r] = sum;
	}
};

// tensor_conv computes y = ReLU(conv(x, w) + bias + residual), as conv_forward of
// conv2d.cu, with weights [Co, taps, Ci rounded up to BK] that round_weights made,
// or RAW ones [Co, taps, Ci] in float32.
template <class F, int BM, int BN, int WIDTH, bool RAW, int STAGES> __device__ __forceinline__ void tensor_conv(const ConvArgs &g)
{
	using A = Patches<BM, WIDTH, TENSOR_THREADS, 0>;
	constexpr int BYTES = RAW ? 4 : F::BYTES; // of a weight
	constexpr int MT = BM / 32, NT = BN / 16; // products of 16×8 a warp
	constexpr int STAGE = A::FLOATS * 4 + BN * BK * BYTES;
	DYNAMIC_SHARED(u8, memory);
	Tile<BM, BN> tile(g.co);
	int padded = (g.ci + BK - 1) / BK * BK;
	int terms = g.kh * g.kw * padded, steps = terms / BK;
	Window window{g.a, g.batch, g.h, g.w, g.ci, g.ho, g.wo, g.stride, -g.pad, -g.pad, g.kh, g.kw, g.dilation, g.dilation};
	A a(window, padded, tile.row0);
	auto b = [&] {
		if constexpr (RAW)
			return RawWeights<BN, WIDTH>(g.b, g.ci, padded, g.kh * g.kw, tile.col0, g.co);
		else
			return WeightRows<BN, F::BYTES>(g.b, terms, tile.col0, g.co);
	}();

	float acc[MT][NT][4];
	tensor_clear(acc);

	auto fetch_stage = [&](int s) __attribute__((always_inline)) {
		if (s < steps) {
			u8 *stage = memory + s % STAGES * STAGE;
			fetch((float *)stage, a);
			if constexpr (RAW)
				fetch((float *)stage + A::FLOATS, b);
			else
				b.fetch(stage + A::FLOATS * 4);
		}
		cp_async_commit(); // an empty group too, so that the groups count the stages
	};
	UNROLL
	for (int s = 0; s < STAGES - 1; s++)
		fetch_stage(s);
	int group = lane() / 4, quad = lane() % 4;
	int row0 = warp() / 2 * (BM / 2) + group, col0 = warp() % 2 * (BN / 2);
	UNROLL_BY(1)
	for (int s = 0; s < steps; s++) {
		// After the barrier everybody's copies of this stage are there, and nobody reads
		// the stage before it any more, which the next copies go to.
		cp_async_wait<STAGES - 2>();
		__syncthreads();
		fetch_stage(s + STAGES - 1);
		const u8 *stage = memory + s % STAGES * STAGE;
		const float *rows = (const float *)stage + row0 * BK + quad * 4;
		const u8 *columns = stage + A::FLOATS * 4 + ((col0 + group) * BK + quad * 4) * BYTES;
		typename F::A av[MT];
		UNROLL
		for (int i = 0; i < MT; i++)
			load_rows<F>(av[i], rows + i * 16 * BK, rows + (i * 16 + 8) * BK);
		UNROLL
		for (int j = 0; j < NT; j++) {
			typename F::B bv;
			const u8 *at = columns + j * 8 * BK * BYTES;
			if constexpr (RAW)
				load_column<F>(bv, (const float *)at);
			else
				F::load_b(bv, at);
			mma_together([&]() __attribute__((always_inline)) {
				UNROLL
				for (int i = 0; i < MT; i++)
					F::multiply(acc[i][j], av[i], bv);
			});
		}
	}

	Output out{g.out, g.bias, g.residual, g.co, g.co, g.relu};
	i64 positions = (i64)g.batch * g.ho * g.wo;
	tensor_put<WIDTH>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * g.co;
		return r < positions;
	});
}
