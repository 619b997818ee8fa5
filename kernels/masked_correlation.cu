// masked_correlation.cu: every product of masked correlation that looks at pairs of
// positions; what looks at one position is in correlation_rows.cu. Operands are those of
// masked_correlation.cuh. The grid is (own_n/(R·128) rounded up, B·heads, splits), the block
// 128. internal/op/masked_correlation.go
#include "masked_correlation.cuh"

// Z_j = Σ_i e^{s_ij}: the supports own, the queries walk; out [splits,B,heads,own_n].
template <int DP, int R, int U> __device__ __forceinline__ void totals(const CorrelationArgs &p)
{
	Own o = begin<DP>(p);
	if (own_row<R>(0) - (int)threadIdx.x >= o.count)
		return;
	float x[R][DP], total[R];
	UNROLL
	for (int r = 0; r < R; r++) {
		load_row(x[r], side<DP>(p.own, p.own_n), own_row<R>(r), o.count, 1.0f);
		total[r] = 0;
	}
	Rows walk = side<DP>(p.walk, p.walk_n);
	walk_tiles<DP, 1, false>(walk, walk, nullptr, nullptr, o.lo, o.hi, [&](const float *t, const float *, const float2 *, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += U) {
			float s[R][U];
			dots<DP, R, U>(s, x, t + j * DP);
			UNROLL
			for (int r = 0; r < R; r++)
				UNROLL
				for (int u = 0; u < U; u++)
					total[r] = fma_f32(exp_fast(s[r][u]), j + u < rows ? 1.0f : 0.0f, total[r]);
		}
	});
	UNROLL
	for (int r = 0; r < R; r++)
		if (own_row<R>(r) < o.count)
			p.out[((i64)blockIdx.z * gridDim.y + blockIdx.y) * p.own_n + own_row<R>(r)] = total[r];
}

// Σ e^s·walk_pair: y_i = Σ_j e^{s_ij} v_j/Z_j with the queries as owners, and
// Z_j dv_j = Σ_i e^{s_ij} dy_i with the supports.
template <int DP, int R, int U> __device__ __forceinline__ void sums(const CorrelationArgs &p)
{
	Own o = begin<DP>(p);
	if (own_row<R>(0) - (int)threadIdx.x >= o.count)
		return;
	float x[R][DP], acc[R][DP];
	zero_rows(acc);
	UNROLL
	for (int r = 0; r < R; r++)
		load_row(x[r], side<DP>(p.own, p.own_n), own_row<R>(r), o.count, 1.0f);
	walk_tiles<DP, 2, false>(side<DP>(p.walk, p.walk_n), side<DP>(p.walk_pair, p.walk_n), nullptr, nullptr, o.lo, o.hi, [&](const float *t, const float *pair, const float2 *, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += U) {
			float s[R][U];
			dots<DP, R, U>(s, x, t + j * DP);
			UNROLL
			for (int r = 0; r < R; r++)
				UNROLL
				for (int u = 0; u < U; u++)
					s[r][u] = exp_fast(s[r][u]);
			add_rows<DP, R, U>(acc, s, pair + j * DP);
		}
	});
	UNROLL
	for (int r = 0; r < R; r++)
		store_row<DP, false>(out_rows<DP>(p), acc[r], own_row<R>(r), o.count, 1.0f);
}

// Σ_i ds_ij q̂_i with ds_ij = a_ij (dy_i·v_j − D_j): the supports own 10k̂ and v, the
// queries walk with dy.
template <int DP, int U> __device__ __forceinline__ void support_grad(const CorrelationArgs &p)
{
	Own o = begin<DP>(p);
	if (own_row<1>(0) - (int)threadIdx.x >= o.count)
		return;
	float x[1][DP], g[1][DP], acc[1][DP], lse[1], shift[1];
	zero_rows(acc);
	int j = own_row<1>(0);
	i64 at = (i64)blockIdx.y * p.own_n + j;
	load_row(x[0], side<DP>(p.own, p.own_n), j, o.count, 1.0f);
	load_row(g[0], side<DP>(p.own_pair, p.own_n), j, o.count, 1.0f);
	lse[0] = j < o.count ? p.lse[at] : 0.0f;
	shift[0] = j < o.count ? p.shift[at] : 0.0f;
	own_softmax_grad<DP, 1, U>(acc, x, g, lse, shift, side<DP>(p.walk, p.walk_n), side<DP>(p.walk_pair, p.walk_n), o.lo, o.hi);
	store_row<DP, false>(out_rows<DP>(p), acc[0], j, o.count, 1.0f);
}

// Σ_j ds_ij 10k̂_j: the queries own q̂ and dy, the supports walk with v.
template <int DP, int U> __device__ __forceinline__ void query_grad(const CorrelationArgs &p)
{
	Own o = begin<DP>(p);
	float x[1][DP], g[1][DP], acc[1][DP];
	zero_rows(acc);
	int i = own_row<1>(0);
	load_row(x[0], side<DP>(p.own, p.own_n), i, o.count, 1.0f);
	load_row(g[0], side<DP>(p.own_pair, p.own_n), i, o.count, 1.0f);
	i64 stat = (i64)blockIdx.y * p.walk_n;
	walk_softmax_grad<DP, 1, U, true, false>(acc, acc, x, g, p.lse + stat, p.shift + stat, side<DP>(p.walk, p.walk_n), side<DP>(p.walk_pair, p.walk_n), o.lo, o.hi);
	store_row<DP, false>(out_rows<DP>(p), acc[0], i, o.count, 1.0f);
}

#define CORRELATION(DP, R, U, SUM_BLOCKS, GRAD_U, BLOCKS)                                                  \
	extern "C" __global__ void __launch_bounds__(128, BLOCKS) correlation_totals_##DP(CorrelationArgs p)   \
	{                                                                                                      \
		totals<DP, R, 4>(p);                                                                               \
	}                                                                                                      \
	extern "C" __global__ void __launch_bounds__(128, SUM_BLOCKS) correlation_sums_##DP(CorrelationArgs p) \
	{                                                                                                      \
		sums<DP, R, U>(p);                                                                                 \
	}                                                                                                      \
	extern "C" __global__ void __launch_bounds__(128, BLOCKS) correlation_dk_##DP(CorrelationArgs p)       \
	{                                                                                                      \
		support_grad<DP, GRAD_U>(p);                                                                       \
	}                                                                                                      \
	extern "C" __global__ void __launch_bounds__(128, BLOCKS) correlation_dq_##DP(CorrelationArgs p)       \
	{                                                                                                      \
		query_grad<DP, GRAD_U>(p);                                                                         \
	}
CORRELATION(8, 1, 4, 4, 4, 4)
CORRELATION(16, 2, 4, 3, 2, 3)
CORRELATION(32, 2, 2, 2, 2, 3)
CORRELATION(64, 1, 2, 1, 1, 1)
