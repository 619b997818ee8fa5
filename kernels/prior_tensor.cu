// prior_tensor.cu: the products of prior_similarity.cu on tensor cores, inputs rounded to
// tf32 or bf16 when they are read. The norms are those of the unrounded vectors.
// internal/op/prior_similarity.go
#include "half_product.cuh"
#include "prior.cuh"
#include "tensor_product.cuh"

// A block of 2×2 warps has a tile of 128×128, as in tensor_conv; STAGES panels of
// both operands in dynamic shared memory.
template <class F, int STAGES> __device__ __forceinline__ void prior_tensor(const PriorArgs &p)
{
	constexpr int TILE = 128, MT = TILE / 32, NT = TILE / 16;
	using Rows = ListedRows<TILE, 4, TENSOR_THREADS, 0>;
	DYNAMIC_SHARED(float, memory);
	PriorTile<TILE> tile(p);
	if (tile.col0 >= tile.count)
		return;
	Rows a(p.q + tile.sample * p.c, nullptr, tile.row0, p.n, p.c);
	Rows b(p.s + tile.shot * p.c, p.list + tile.shot, tile.col0, tile.count, p.c);
	float acc[MT][NT][4];
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int j = 0; j < NT; j++)
			UNROLL
			for (int v = 0; v < 4; v++)
				acc[i][j][v] = 0;
	int steps = (p.c + BK - 1) / BK;
	auto fetch_stage = [&](int s) __attribute__((always_inline)) {
		if (s < steps) {
			float *stage = memory + s % STAGES * 2 * Rows::FLOATS;
			fetch(stage, a);
			fetch(stage + Rows::FLOATS, b);
		}
		cp_async_commit(); // an empty group too, so that the groups count the stages
	};
	UNROLL
	for (int s = 0; s < STAGES - 1; s++)
		fetch_stage(s);
	int group = lane() / 4, quad = lane() % 4, row0 = warp() / 2 * (TILE / 2) + group, col0 = warp() % 2 * (TILE / 2);
	UNROLL_BY(1)
	for (int s = 0; s < steps; s++) {
		cp_async_wait<STAGES - 2>();
		__syncthreads(); // this stage has come, and nobody reads the one before it any more
		fetch_stage(s + STAGES - 1);
		const float *rows = memory + s % STAGES * 2 * Rows::FLOATS + quad * 4, *columns = rows + Rows::FLOATS;
		typename F::A av[MT];
		UNROLL
		for (int i = 0; i < MT; i++)
			load_rows<F>(av[i], rows + (row0 + i * 16) * BK, rows + (row0 + i * 16 + 8) * BK);
		UNROLL
		for (int j = 0; j < NT; j++) {
			typename F::B bv;
			load_column<F>(bv, columns + (col0 + group + j * 8) * BK);
			mma_together([&]() __attribute__((always_inline)) {
				UNROLL
				for (int i = 0; i < MT; i++)
					F::multiply(acc[i][j], av[i], bv);
			});
		}
	}

	float norm[NT][2];
	UNROLL
	for (int j = 0; j < NT; j++)
		UNROLL
		for (int v = 0; v < 2; v++)
			norm[j][v] = tile.column_norm(p, tile.col0 + col0 + j * 8 + quad * 2 + v);
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int half = 0; half < 2; half++) {
			int row = tile.row0 + row0 + i * 16 + half * 8;
			float own = tile.row_norm(p, row), top = -infinity_f32();
			UNROLL
			for (int j = 0; j < NT; j++)
				UNROLL
				for (int v = 0; v < 2; v++)
					top = larger(top, acc[i][j][half * 2 + v], own, norm[j][v]);
			top = max_f32(top, __shfl_xor_sync(FULL_WARP, top, 1)); // over the row's lanes
			top = max_f32(top, __shfl_xor_sync(FULL_WARP, top, 2));
			if (quad == 0)
				tile.put(p, row, top);
		}
}

extern "C" __global__ void __launch_bounds__(TENSOR_THREADS, 2) prior_tf32(PriorArgs p) { prior_tensor<Tf32, TENSOR_STAGES>(p); }
extern "C" __global__ void __launch_bounds__(TENSOR_THREADS, 2) prior_bf16(PriorArgs p) { prior_tensor<Bf16, TENSOR_STAGES>(p); }
extern "C" __global__ void __launch_bounds__(TENSOR_THREADS, 2) prior_tf32_fewer(PriorArgs p) { prior_tensor<Tf32, FEWER_STAGES>(p); }
extern "C" __global__ void __launch_bounds__(TENSOR_THREADS, 2) prior_bf16_fewer(PriorArgs p) { prior_tensor<Bf16, FEWER_STAGES>(p); }

// The same for q and s of halves.
extern "C" __global__ void __launch_bounds__(HALF_THREADS, 2) prior_half(PriorArgs p)
{
	constexpr int TILE = 128, MT = TILE / 32, NT = TILE / 16;
	PriorTile<TILE> tile(p);
	if (tile.col0 >= tile.count)
		return;
	HalfRows<HalfPanel<TILE, HALF_A>> a((const u16 *)p.q + tile.sample * p.c, nullptr, p.c, tile.row0, p.n, p.c);
	HalfRows<HalfPanel<TILE, HALF_B>> b((const u16 *)p.s + tile.shot * p.c, p.list + tile.shot, p.c, tile.col0, tile.count, p.c);
	float acc[MT][NT][4];
	half_multiply(acc, a, b, (p.c + HALF_STEP - 1) / HALF_STEP);

	float norm[NT / 4][8];
	int col0 = tile.col0 + warp() % 2 * NT * 8 + lane() % 4 * 8;
	UNROLL
	for (int q = 0; q < NT / 4; q++)
		UNROLL
		for (int n = 0; n < 8; n++)
			norm[q][n] = tile.column_norm(p, col0 + q * 32 + n);
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int half = 0; half < 2; half++) {
			int row = tile.row0 + warp() / 2 * MT * 16 + lane() / 4 + i * 16 + half * 8;
			float own = tile.row_norm(p, row), top = -infinity_f32();
			UNROLL
			for (int q = 0; q < NT / 4; q++)
				UNROLL
				for (int n = 0; n < 8; n++)
					top = larger(top, acc[i][q * 4 + n / 2][half * 2 + n % 2], own, norm[q][n]);
			top = max_f32(top, __shfl_xor_sync(FULL_WARP, top, 1)); // over the row's lanes
			top = max_f32(top, __shfl_xor_sync(FULL_WARP, top, 2));
			if (lane() % 4 == 0)
				tile.put(p, row, top);
		}
}
