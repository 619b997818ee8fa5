// gemm.cuh: a product of matrices in float32, tiled for shared memory and registers.
#pragma once
#include "hdm.cuh"

// GemmArgs is C[m,n] (+)= A[m,k]·B[k,n] + bias[n] (bias may be null).
struct GemmArgs {
	float *c;
	const float *a, *b, *bias;
	i64 m, n, k;
	i64 lda, ldb, ldc; // distance of rows as they lie in memory
	i64 split_k;       // block z takes k from z·split_k on and writes its own C, m·ldc further
	int accumulate;    // C is added to
};

// gemm_tile computes one tile of BM×BN with 256 threads of TM×TN values each. A lies as
// [m,k], with TA as [k,m]; B as [k,n], with TB as [n,k].
template <int BM, int BN, int TM, int TN, bool TA, bool TB> __device__ __forceinline__ void gemm_tile(const GemmArgs &g)
{
	constexpr int BK = 1024 / BM; // four loads of A a thread
	constexpr int COLS = BN / TN; // threads side by side
	static_assert(BM / TM * COLS == 256 && TM % 4 == 0 && TN % 4 == 0, "256 threads, four values at a time");
	SHARED(float, as, [BK][BM + 4]);
	SHARED(float, bs, [BK][BN + 4]);
	int t = (int)threadIdx.x, tx = t % COLS, ty = t / COLS;
	i64 row0 = (i64)blockIdx.y * BM, col0 = (i64)blockIdx.x * BN;
	i64 k0 = (i64)blockIdx.z * g.split_k, k1 = k0 + g.split_k < g.k ? k0 + g.split_k : g.k;

	float acc[TM][TN];
	UNROLL
	for (int i = 0; i < TM; i++)
		UNROLL
		for (int j = 0; j < TN; j++)
			acc[i][j] = 0;

	for (i64 k = k0; k < k1; k += BK) {
		// Neighbouring threads read neighbouring addresses, however the matrix lies.
		UNROLL
		for (int e = 0; e < BM * BK / 256; e++) {
			int at = t + e * 256;
			int i = TA ? at % BM : at / BK, p = TA ? at / BM : at % BK;
			i64 r = row0 + i, q = k + p;
			as[p][i] = r < g.m && q < k1 ? g.a[TA ? q * g.lda + r : r * g.lda + q] : 0.0f;
		}
		UNROLL
		for (int e = 0; e < BN * BK / 256; e++) {
			int at = t + e * 256;
			int j = TB ? at / BK : at % BN, p = TB ? at % BK : at / BN;
			i64 c = col0 + j, q = k + p;
			bs[p][j] = c < g.n && q < k1 ? g.b[TB ? c * g.ldb + q : q * g.ldb + c] : 0.0f;
		}
		__syncthreads();
		UNROLL_BY(4)
		for (int p = 0; p < BK; p++) {
			// A thread's rows and columns lie in groups of four, spread over the tile, so
			// that the threads of a warp read neighbouring values.
			float a[TM], b[TN];
			UNROLL
			for (int i = 0; i < TM; i++)
				a[i] = as[p][i / 4 * (BM * 4 / TM) + ty * 4 + i % 4];
			UNROLL
			for (int j = 0; j < TN; j++)
				b[j] = bs[p][j / 4 * (BN * 4 / TN) + tx * 4 + j % 4];
			UNROLL
			for (int i = 0; i < TM; i++)
				UNROLL
				for (int j = 0; j < TN; j++)
					acc[i][j] = fma_f32(a[i], b[j], acc[i][j]);
		}
		__syncthreads();
	}

	float *c = g.c + (i64)blockIdx.z * g.m * g.ldc;
	UNROLL
	for (int i = 0; i < TM; i++) {
		i64 r = row0 + i / 4 * (BM * 4 / TM) + ty * 4 + i % 4;
		if (r >= g.m)
			continue;
		UNROLL
		for (int j = 0; j < TN; j++) {
			i64 q = col0 + j / 4 * (BN * 4 / TN) + tx * 4 + j % 4;
			if (q >= g.n)
				continue;
			float v = acc[i][j];
			if (g.bias)
				v += g.bias[q];
			c[r * g.ldc + q] = g.accumulate ? c[r * g.ldc + q] + v : v;
		}
	}
}
