// wgmma_product.cuh: tiles of products of halves by warpgroups (compute capability 9.0), both
// operands with rows along the sum.
//
// A block computes BM×BN values, a warpgroup 64 rows of them. Panels hold 64 terms, so that a row
// has the 128 bytes of the swizzle by which tensor cores read without conflicts; copies
// apply it. While products are under way, the panels of later steps are copied. A multiprocessor has
// either two blocks, of which one multiplies while the other waits or writes results; or one block
// of twice the columns, which reads less of shared memory for each product and starts a step's
// products before those of the step before have ended.
#pragma once
#include "half_product.cuh"
#include "hdm_wgmma.cuh"

constexpr int WGMMA_STEP = 64; // terms of a panel
constexpr int WGMMA_ROW = WGMMA_STEP * 2;
constexpr int WGMMA_ALIGN = 1024; // of the swizzle's pattern

// WgmmaPanel says who copies what: a thread one chunk of 8 halves in each of SLOTS rows.
template <int EXTENT_, int THREADS> struct WgmmaPanel {
	static constexpr int EXTENT = EXTENT_, BYTES = EXTENT * WGMMA_ROW, TERMS = WGMMA_STEP, CHUNKS = TERMS / 8, STEP = THREADS / CHUNKS,
	                     SLOTS = EXTENT / STEP;
	static_assert(STEP % 8 == 0 && EXTENT % STEP == 0, "a thread's rows have one place within eight");
	__device__ static int across() { return (int)threadIdx.x % CHUNKS * 8; }
	__device__ static int row(int slot) { return (int)threadIdx.x / CHUNKS + slot * STEP; }
	__device__ static int line(int slot) { return row(slot); }
	__device__ static int place(int slot) { return row(slot) * WGMMA_ROW + ((int)threadIdx.x % CHUNKS ^ row(0) % 8) * 16; }
};

// WgmmaColumns is a panel whose row n of column tile j is column half_column(j%4, n) of 32.
template <int EXTENT, int THREADS> struct WgmmaColumns : WgmmaPanel<EXTENT, THREADS> {
	__device__ static int line(int slot)
	{
		int row = WgmmaPanel<EXTENT, THREADS>::row(slot);
		return row / 32 * 32 + half_column(row / 8 % 4, row % 8);
	}
};

// wgmma_multiply computes the warpgroup's 64 rows of a tile from steps panels of two sources:
// acc[j] of the columns 32(j/4) + half_column(j%4, …). Shared memory has STAGES panels of each; when
// a step begins, the products of the BEHIND steps before it may be under way.
template <int STAGES, int BEHIND, class A, class B, int NT> __device__ __forceinline__ void wgmma_multiply(float (&acc)[NT][4], A &a, B &b, int steps)
{
	static_assert(B::EXTENT == NT * 8, "a warpgroup has all columns");
	constexpr int STAGE = A::BYTES + B::BYTES, AHEAD = STAGES - 1 - BEHIND;
	DYNAMIC_SHARED(u8, memory);
	u8 *stages = memory + (-shared_address(memory) & (WGMMA_ALIGN - 1));
	UNROLL
	for (int j = 0; j < NT; j++)
		UNROLL
		for (int v = 0; v < 4; v++)
			acc[j][v] = 0;
	auto fetch_stage = [&](int s) __attribute__((always_inline)) {
		if (s < steps) {
			u8 *stage = stages + s % STAGES * STAGE;
			half_fetch(stage, a);
			half_fetch(stage + A::BYTES, b);
		}
		cp_async_commit(); // an empty group too, so that the groups count the stages
	};
	UNROLL
	for (int s = 0; s < AHEAD; s++)
		fetch_stage(s);
	UNROLL_BY(1)
	for (int s = 0; s < steps; s++) {
		cp_async_wait<AHEAD - 1>();
		fence_proxy_async();
		__syncthreads(); // this stage has come, and nobody reads any more what is BEHIND + 1 steps old
		const u8 *stage = stages + s % STAGES * STAGE;
		u64 rows = wgmma_matrix(stage + warp() / 4 * 64 * WGMMA_ROW), columns = wgmma_matrix(stage + A::BYTES);
		wgmma_fence(acc);
		UNROLL
		for (int k = 0; k < WGMMA_STEP / 16; k++)
			wgmma_f16(acc, wgmma_next(rows, k), wgmma_next(columns, k));
		wgmma_commit();
		fetch_stage(s + AHEAD);
		wgmma_wait<BEHIND>(acc);
	}
	wgmma_wait<0>(acc);
}
