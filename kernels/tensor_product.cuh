// tensor_product.cuh: one tile of a convolution on tensor cores. The inputs are rounded to
// a format of fewer bits, products are exact and summed in float32.
//
// A block of 128 threads, 2×2 warps, computes BM×BN values; a warp has a quarter. Patches
// of the image are copied as they are, float32, and rounded when they are read; the
// weights were rounded before (round_weights), so that each warp reads less.
#pragma once
#include "conv.cuh"

constexpr int TENSOR_THREADS = 128;
constexpr int TENSOR_STAGES = 4; // copies under way, and one that is read

// A format says how BK terms of one operand come from shared memory to registers. The
// instructions want terms 2t, 2t+1, 2t+8, 2t+9 (bf16) or t, t+4 (tf32) in lane 4g+t. The
// order of the terms is free as long as both operands have the same: here lane 4g+t takes
// terms 4t … 4t+3, which lie side by side. load_a reads two rows of A, 8 apart, load_b
// one row of weights.
struct Bf16 {
	static constexpr int BYTES = 2;
	struct A { u32 r[4]; };
	struct B { u32 r[2]; };

	__device__ static void load_a(A &a, const float *top, const float *bottom)
	{
		float u[4], v[4];
		load(u, top);
		load(v, bottom);
		a.r[0] = pack_bf16(u[0], u[1]);
		a.r[1] = pack_bf16(v[0], v[1]);
		a.r[2] = pack_bf16(u[2], u[3]);
		a.r[3] = pack_bf16(v[2], v[3]);
	}
	__device__ static void load_b(B &b, const u8 *row)
	{
		uint2 q = *(const uint2 *)row;
		b.r[0] = q.x, b.r[1] = q.y;
	}
	__device__ static void multiply(float (&d)[4], const A &a, const B &b) { mma_bf16(d, a.r, b.r); }
};

// Tf32's values keep lower bits, which the tensor cores do not read: half of the last bit
// that they do read is added, so that cutting off rounds to nearest. (cvt.rna.tf32.f32
// costs four times as much.) The minimum keeps the GPU's NaN, 0x7fffffff, from overflowing
// to −0.
struct Tf32 {
	static constexpr int BYTES = 4;
	__device__ static u32 round(float v)
	{
		int bits = (int)as_bits(v), last = 0x7fffefff;
		return (u32)(bits < last ? bits : last) + 0x1000u;
	}
	struct A { u32 r[2][4]; };
	struct B { u32 r[2][2]; };

	__device__ static void load_a(A &a, const float *top, const float *bottom)
	{
		float u[4], v[4];
		load(u, top);
		load(v, bottom);
		UNROLL
		for (int h = 0; h < 2; h++) {
			a.r[h][0] = round(u[2 * h]);
			a.r[h][1] = round(v[2 * h]);
			a.r[h][2] = round(u[2 * h + 1]);
			a.r[h][3] = round(v[2 * h + 1]);
		}
	}
	__device__ static void load_b(B &b, const u8 *row)
	{
		uint4 q = *(const uint4 *)row;
		b.r[0][0] = q.x, b.r[0][1] = q.y, b.r[1][0] = q.z, b.r[1][1] = q.w;
	}
	__device__ static void multiply(float (&d)[4], const A &a, const B &b)
	{
		mma_tf32(d, a.r[0], b.r[0]);
		mma_tf32(d, a.r[1], b.r[1]);
	}
};

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

// tensor_conv computes y = ReLU(conv(x, w) + bias + residual), as conv_forward of
// conv2d.cu, with weights [Co, taps, Ci rounded up to BK] that round_weights made.
template <class F, int BM, int BN, int WIDTH> __device__ __forceinline__ void tensor_conv(const ConvArgs &g)
{
	using A = Patches<BM, WIDTH, TENSOR_THREADS, 0>;
	using B = WeightRows<BN, F::BYTES>;
	constexpr int MT = BM / 32, NT = BN / 16; // products of 16×8 a warp
	constexpr int STAGE = A::FLOATS * 4 + BN * BK * F::BYTES;
	DYNAMIC_SHARED(u8, memory);
	Tile<BM, BN> tile(g.co);
	int padded = (g.ci + BK - 1) / BK * BK;
	int terms = g.kh * g.kw * padded, steps = terms / BK;
	Window window{g.a, g.batch, g.h, g.w, g.ci, g.ho, g.wo, g.stride, -g.pad, -g.pad, g.kh, g.kw, g.dilation, g.dilation};
	A a(window, padded, tile.row0);
	B b(g.b, terms, tile.col0, g.co);

	float acc[MT][NT][4];
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int j = 0; j < NT; j++)
			UNROLL
			for (int v = 0; v < 4; v++)
				acc[i][j][v] = 0;

	auto fetch_stage = [&](int s) {
		if (s < steps) {
			u8 *stage = memory + s % TENSOR_STAGES * STAGE;
			fetch((float *)stage, a);
			b.fetch(stage + A::FLOATS * 4);
		}
		cp_async_commit(); // an empty group too, so that the groups count the stages
	};
	UNROLL
	for (int s = 0; s < TENSOR_STAGES - 1; s++)
		fetch_stage(s);
	int group = lane() / 4, quad = lane() % 4;
	int row0 = warp() / 2 * (BM / 2) + group, col0 = warp() % 2 * (BN / 2);
	UNROLL_BY(1)
	for (int s = 0; s < steps; s++) {
		// After the barrier everybody's copies of this stage are there, and nobody reads
		// the stage before it any more, which the next copies go to.
		cp_async_wait<TENSOR_STAGES - 2>();
		__syncthreads();
		fetch_stage(s + TENSOR_STAGES - 1);
		const u8 *stage = memory + s % TENSOR_STAGES * STAGE;
		const float *rows = (const float *)stage + row0 * BK + quad * 4;
		const u8 *columns = stage + A::FLOATS * 4 + ((col0 + group) * BK + quad * 4) * F::BYTES;
		typename F::A av[MT];
		UNROLL
		for (int i = 0; i < MT; i++)
			F::load_a(av[i], rows + i * 16 * BK, rows + (i * 16 + 8) * BK);
		UNROLL
		for (int j = 0; j < NT; j++) {
			typename F::B bv;
			F::load_b(bv, columns + j * 8 * BK * F::BYTES);
			UNROLL
			for (int i = 0; i < MT; i++)
				F::multiply(acc[i][j], av[i], bv);
		}
	}

	constexpr int N = WIDTH == 4 ? 2 : 1; // columns written at once
	Output out{g.out, g.bias, g.residual, g.co, g.co, g.relu};
	i64 positions = (i64)g.batch * g.ho * g.wo;
	UNROLL
	for (int j = 0; j < NT; j++)
		UNROLL
		for (int p = 0; p < 2; p += N) {
			i64 q = tile.col0 + col0 + j * 8 + quad * 2 + p;
			float bias[N];
			out.biases(bias, q);
			UNROLL
			for (int i = 0; i < MT; i++)
				UNROLL
				for (int half = 0; half < 2; half++) {
					i64 r = tile.row0 + row0 + i * 16 + half * 8;
					float v[N];
					UNROLL
					for (int k = 0; k < N; k++)
						v[k] = acc[i][j][2 * half + p + k];
					if (r < positions)
						out.put(r * g.co, q, v, bias);
				}
		}
}
