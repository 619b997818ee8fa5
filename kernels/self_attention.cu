// self_attention.cu: softmax attention in heads, forward with a running maximum and
// backward from the saved log-sum-exp. The scores exist in registers only: attention.cuh
// says how. internal/op/self_attention.go
//
// The grid is (own rows/(R·128) rounded up, B·heads, splits), the block 128.
#include "self_attention.cuh"

// y_i = Σ_j e^{s_ij − top} v_j / Σ_j e^{s_ij − top}    lse_i = top + log Σ_j e^{s_ij − top}
template <int DP, int R, int U> __device__ __forceinline__ void attend(const SelfAttentionArgs &p)
{
	Rows q = block_rows(p.q, p.heads), y = block_rows(p.y, p.heads);
	float x[R][DP], acc[R][DP], top[R], total[R];
	zero_rows(acc);
	UNROLL
	for (int r = 0; r < R; r++) {
		load_row(x[r], q, own_row<R>(r), p.n, p.scale);
		top[r] = -infinity_f32();
		total[r] = 0;
	}
	walk_tiles<DP, 2, false>(block_rows(p.k, p.heads), block_rows(p.v, p.heads), nullptr, nullptr, 0, p.m, [&](const float *k, const float *v, const float2 *, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += U) {
			float s[R][U];
			dots<DP, R, U>(s, x, k + j * DP);
			UNROLL
			for (int r = 0; r < R; r++) {
				float most = s[r][0];
				UNROLL
				for (int u = 1; u < U; u++) {
					s[r][u] += j + u < rows ? 0.0f : -infinity_f32();
					most = max_f32(most, s[r][u]);
				}
				if (most > top[r] + rescale_above) {
					float shrink = exp_fast(top[r] - most);
					top[r] = most;
					total[r] *= shrink;
					UNROLL
					for (int i = 0; i < DP; i++)
						acc[r][i] *= shrink;
				}
				UNROLL
				for (int u = 0; u < U; u++) {
					s[r][u] = exp_fast(s[r][u] - top[r]);
					total[r] += s[r][u];
				}
			}
			add_rows<DP, R, U>(acc, s, v + j * DP);
		}
	});
	UNROLL
	for (int r = 0; r < R; r++) {
		int i = own_row<R>(r);
		store_row<DP, false>(y, acc[r], i, p.n, 1.0f / total[r]);
		if (p.lse && i < p.n)
			p.lse[(i64)blockIdx.y * p.n + i] = top[r] + log_f32(total[r]);
	}
}

// dq_i += scale·Σ_j ds_ij k_j    ds_ij = a_ij (dy_i·v_j − D_i)    a_ij = exp(s_ij − lse_i)
template <int DP, int R, int U> __device__ __forceinline__ void query_grad(const SelfAttentionGradArgs &p)
{
	Rows q = block_rows(p.q, p.heads), dy = block_rows(p.dy, p.heads), dq = block_rows(p.dq, p.heads);
	float x[R][DP], g[R][DP], acc[R][DP], lse[R], shift[R];
	zero_rows(acc);
	UNROLL
	for (int r = 0; r < R; r++) {
		int i = own_row<R>(r);
		i64 at = (i64)blockIdx.y * p.n + i;
		load_row(x[r], q, i, p.n, p.scale);
		load_row(g[r], dy, i, p.n, 1.0f);
		lse[r] = i < p.n ? p.lse[at] : 0.0f;
		shift[r] = i < p.n ? p.shift[at] : 0.0f;
	}
	own_softmax_grad<DP, R, U>(acc, x, g, lse, shift, block_rows(p.k, p.heads), block_rows(p.v, p.heads), 0, p.m);
	UNROLL
	for (int r = 0; r < R; r++)
		store_row<DP, true>(dq, acc[r], own_row<R>(r), p.n, p.scale);
}

// dk_j = scale·Σ_i ds_ij q_i and dv_j = Σ_i a_ij dy_i over one split of the queries.
template <int DP, int R, int U, bool DK, bool DV> __device__ __forceinline__ void key_grad(const SelfAttentionGradArgs &p)
{
	Rows k = block_rows(p.k, p.heads), v = block_rows(p.v, p.heads);
	float x[R][DP], g[R][DP], dk[R][DP], dv[R][DP];
	zero_rows(dk);
	zero_rows(dv);
	UNROLL
	for (int r = 0; r < R; r++) {
		load_row(x[r], k, own_row<R>(r), p.m, p.scale);
		load_row(g[r], v, own_row<R>(r), p.m, 1.0f);
	}
	int lo, hi;
	split_range<DP>(lo, hi, p.n);
	i64 stat = (i64)blockIdx.y * p.n;
	walk_softmax_grad<DP, R, U, DK, DV>(dk, dv, x, g, p.lse + stat, p.shift + stat, block_rows(p.q, p.heads), block_rows(p.dy, p.heads), lo, hi);
	Rows to_k = block_rows(p.dk, p.heads), to_v = block_rows(p.dv, p.heads);
	to_k.x += blockIdx.z * p.split;
	to_v.x += blockIdx.z * p.split;
	UNROLL
	for (int r = 0; r < R; r++) {
		if (DK)
			store_row<DP, false>(to_k, dk[r], own_row<R>(r), p.m, p.scale);
		if (DV)
			store_row<DP, false>(to_v, dv[r], own_row<R>(r), p.m, 1.0f);
	}
}

#define SELF_ATTENTION(DP, R, U, BLOCKS)                                                                      \
	extern "C" __global__ void __launch_bounds__(128, BLOCKS) self_attention_##DP(SelfAttentionArgs p)        \
	{                                                                                                         \
		attend<DP, R, U>(p);                                                                                  \
	}
#define SELF_ATTENTION_DQ(DP, R, U, BLOCKS)                                                                   \
	extern "C" __global__ void __launch_bounds__(128, BLOCKS) self_attention_dq_##DP(SelfAttentionGradArgs p) \
	{                                                                                                         \
		query_grad<DP, R, U>(p);                                                                              \
	}
#define SELF_ATTENTION_DK(name, DP, R, U, DK, DV)                                                             \
	extern "C" __global__ void __launch_bounds__(128) name(SelfAttentionGradArgs p)                           \
	{                                                                                                         \
		key_grad<DP, R, U, DK, DV>(p);                                                                        \
	}
SELF_ATTENTION(8, 1, 4, 4)
SELF_ATTENTION(16, 2, 4, 3)
SELF_ATTENTION(32, 2, 2, 3)
SELF_ATTENTION(64, 1, 4, 1)
SELF_ATTENTION_DQ(8, 1, 4, 4)
SELF_ATTENTION_DQ(16, 2, 2, 3)
SELF_ATTENTION_DQ(32, 1, 2, 3)
SELF_ATTENTION_DQ(64, 1, 1, 1)
SELF_ATTENTION_DK(self_attention_dkv_8, 8, 1, 4, true, true)
SELF_ATTENTION_DK(self_attention_dkv_16, 16, 1, 2, true, true)
SELF_ATTENTION_DK(self_attention_dkv_32, 32, 1, 1, true, true)
// Both at once do not fit the registers.
SELF_ATTENTION_DK(self_attention_dk_64, 64, 1, 1, true, false)
SELF_ATTENTION_DK(self_attention_dv_64, 64, 1, 1, false, true)
