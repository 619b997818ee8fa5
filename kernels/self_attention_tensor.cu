// self_attention_tensor.cu: self_attention.cu on tensor cores, rows rounded to tf32 when
// they are read, scores scaled in float32: attention_tensor.cuh says how. Probabilities
// are rounded before they meet the values; their sum is of those that are not.
//
// The grid is (own rows/(MT·64) rounded up, B·heads, splits), the block 128.
// internal/op/self_attention.go
#include "attention_tensor.cuh"
#include "self_attention.cuh"

// y_i = Σ_j e^{s_ij − top} v_j / Σ_j e^{s_ij − top}    lse_i = top + log Σ_j e^{s_ij − top}
template <int DP> __device__ __forceinline__ void attend(const SelfAttentionArgs &p)
{
	using S = Shape<DP>;
	typename S::Own x;
	typename S::Sums acc;
	typename S::Stats top, total;
	load_own<Tf32, DP>(x, block_rows(p.q, p.heads), p.n);
	clear(acc);
	UNROLL
	for (int i = 0; i < S::MT; i++)
		UNROLL
		for (int half = 0; half < 2; half++) {
			top[i][half] = -infinity_f32();
			total[i][half] = 0; // of this lane's columns
		}
	walk_tiles<DP, 2, false, PAD>(block_rows(p.k, p.heads), block_rows(p.v, p.heads), nullptr, nullptr, 0, p.m, [&](const float *k, const float *v, const float2 *, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += 16) {
			typename S::Scores s;
			tensor_dots<Tf32, DP>(s, x, k + j * (DP + PAD));
			typename S::Stats most;
			UNROLL
			for (int i = 0; i < S::MT; i++)
				most[i][0] = most[i][1] = -infinity_f32();
			each_score(s, [&](float &v, int i, int half, int place) __attribute__((always_inline)) {
				v = j + place < rows ? v * p.scale : -infinity_f32();
				most[i][half] = max_f32(most[i][half], v);
			});
			bool stale = false;
			UNROLL
			for (int i = 0; i < S::MT; i++)
				stale = stale || most[i][0] > top[i][0] + rescale_above || most[i][1] > top[i][1] + rescale_above;
			if (__any_sync(FULL_WARP, stale)) {
				UNROLL
				for (int i = 0; i < S::MT; i++)
					UNROLL
					for (int half = 0; half < 2; half++) {
						float now = max_f32(most[i][half], top[i][half]);
						now = max_f32(now, __shfl_xor_sync(FULL_WARP, now, 1)); // over the row's lanes
						now = max_f32(now, __shfl_xor_sync(FULL_WARP, now, 2));
						float shrink = now == top[i][half] ? 1.0f : exp_fast(top[i][half] - now);
						top[i][half] = now;
						total[i][half] *= shrink;
						UNROLL
						for (int c = 0; c < S::CT; c++) {
							acc[i][c][half * 2] *= shrink;
							acc[i][c][half * 2 + 1] *= shrink;
						}
					}
			}
			each_score(s, [&](float &v, int i, int half, int) __attribute__((always_inline)) {
				v = exp_fast(v - top[i][half]);
				total[i][half] += v;
			});
			tensor_add<Tf32, DP>(acc, s, v + j * (DP + PAD));
		}
	});
	typename S::Stats factor;
	UNROLL
	for (int i = 0; i < S::MT; i++)
		UNROLL
		for (int half = 0; half < 2; half++) {
			float sum = row_total(total[i][half]);
			factor[i][half] = 1.0f / sum;
			int row = own_row<S::MT>(i, half);
			if (p.lse && row < p.n && lane() % 4 == 0)
				p.lse[(i64)blockIdx.y * p.n + row] = top[i][half] + log_f32(sum);
		}
	store_own<DP, false>(block_rows(p.y, p.heads), acc, factor, p.n);
}

// dq_i += scale·Σ_j ds_ij k_j    ds_ij = a_ij (dy_i·v_j − D_i)    a_ij = exp(s_ij − lse_i)
template <int DP> __device__ __forceinline__ void query_grad(const SelfAttentionGradArgs &p)
{
	using S = Shape<DP>;
	typename S::Own x, g;
	typename S::Sums acc;
	typename S::Stats lse, shift;
	load_own<Tf32, DP>(x, block_rows(p.q, p.heads), p.n);
	load_own<Tf32, DP>(g, block_rows(p.dy, p.heads), p.n);
	load_stats(lse, p.lse + (i64)blockIdx.y * p.n, p.n);
	load_stats(shift, p.shift + (i64)blockIdx.y * p.n, p.n);
	clear(acc);
	tensor_own_grad<Tf32, DP>(acc, x, g, lse, shift, p.scale, block_rows(p.k, p.heads), block_rows(p.v, p.heads), 0, p.m);
	store_own<DP, true>(block_rows(p.dq, p.heads), acc, p.scale, p.n);
}

// dk_j = scale·Σ_i ds_ij q_i and dv_j = Σ_i a_ij dy_i over one split of the queries.
template <int DP, bool DK, bool DV> __device__ __forceinline__ void key_grad(const SelfAttentionGradArgs &p)
{
	using S = Shape<DP>;
	typename S::Own x, g;
	typename S::Sums dk, dv;
	load_own<Tf32, DP>(x, block_rows(p.k, p.heads), p.m);
	load_own<Tf32, DP>(g, block_rows(p.v, p.heads), p.m);
	clear(dk);
	clear(dv);
	int lo, hi;
	split_range<DP>(lo, hi, p.n);
	i64 stat = (i64)blockIdx.y * p.n;
	tensor_walk_grad<Tf32, DP, DK, DV>(dk, dv, x, g, p.lse + stat, p.shift + stat, p.scale, block_rows(p.q, p.heads), block_rows(p.dy, p.heads), lo, hi);
	Rows to_k = block_rows(p.dk, p.heads), to_v = block_rows(p.dv, p.heads);
	to_k.x += blockIdx.z * p.split;
	to_v.x += blockIdx.z * p.split;
	if (DK)
		store_own<DP, false>(to_k, dk, p.scale, p.m);
	if (DV)
		store_own<DP, false>(to_v, dv, 1.0f, p.m);
}

#define SELF_ATTENTION(DP)                                                                                         \
	extern "C" __global__ void __launch_bounds__(ROW_THREADS) self_attention_tf32_##DP(SelfAttentionArgs p)        \
	{                                                                                                              \
		attend<DP>(p);                                                                                       \
	}                                                                                                              \
	extern "C" __global__ void __launch_bounds__(ROW_THREADS) self_attention_dq_tf32_##DP(SelfAttentionGradArgs p) \
	{                                                                                                              \
		query_grad<DP>(p);                                                                                   \
	}
// Two blocks are what 255 registers leave room for: asked for them, ptxas spills none.
#define SELF_ATTENTION_DK(name, DP, DK, DV)                                                    \
	extern "C" __global__ void __launch_bounds__(ROW_THREADS, 2) name(SelfAttentionGradArgs p) \
	{                                                                                          \
		key_grad<DP, DK, DV>(p);                                                               \
	}
SELF_ATTENTION(8)
SELF_ATTENTION(16)
SELF_ATTENTION(32)
SELF_ATTENTION(64)
SELF_ATTENTION_DK(self_attention_dkv_tf32_8, 8, true, true)
SELF_ATTENTION_DK(self_attention_dkv_tf32_16, 16, true, true)
SELF_ATTENTION_DK(self_attention_dkv_tf32_32, 32, true, true)
SELF_ATTENTION_DK(self_attention_dk_tf32_64, 64, true, false)
SELF_ATTENTION_DK(self_attention_dv_tf32_64, 64, false, true)
