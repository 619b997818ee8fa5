// masked_correlation_tensor.cu: masked_correlation.cu on tensor cores, of rows that were rounded
// to tf32 when they were packed. Not to bf16: a score of 10 would be off by up to 0.08, e^s by 8%.
// attention_tensor.cuh says how; operands are those of masked_correlation.cuh. The grid is
// (own_n/(MT·64) rounded up, B·heads, splits), the block 128.
// internal/op/masked_correlation.go
#include "attention_tensor.cuh"
#include "masked_correlation.cuh"

// idle tells that this block has no row to own.
template <class S> __device__ __forceinline__ bool idle(const Own &o) { return (int)blockIdx.x * S::OWN >= o.count; }

// Z_j = Σ_i e^{s_ij}: the supports own, the queries walk; out [splits,B,heads,own_n].
template <int DP> __device__ __forceinline__ void totals(const CorrelationArgs &p)
{
	using S = Shape<DP>;
	Own o = begin<DP>(p);
	if (idle<S>(o))
		return;
	typename S::Own x;
	typename S::Stats total;
	load_own<RoundedTf32, DP>(x, side<DP>(p.own, p.own_n), o.count);
	UNROLL
	for (int i = 0; i < S::MT; i++)
		total[i][0] = total[i][1] = 0;
	Rows walk = side<DP>(p.walk, p.walk_n);
	walk_tiles<DP, 1, false, PAD>(walk, walk, nullptr, nullptr, o.lo, o.hi, [&](const float *t, const float *, const float2 *, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += 16) {
			typename S::Scores s;
			tensor_dots<RoundedTf32, DP>(s, x, t + j * (DP + PAD));
			each_score(s, [&](float &v, int i, int half, int place) __attribute__((always_inline)) {
				total[i][half] = fma_f32(exp_fast(v), j + place < rows ? 1.0f : 0.0f, total[i][half]);
			});
		}
	});
	UNROLL
	for (int i = 0; i < S::MT; i++)
		UNROLL
		for (int half = 0; half < 2; half++) {
			float sum = row_total(total[i][half]);
			int row = own_row<S::MT>(i, half);
			if (row < o.count && lane() % 4 == 0)
				p.out[((i64)blockIdx.z * gridDim.y + blockIdx.y) * p.own_n + row] = sum;
		}
}

// Σ e^s·walk_pair: y_i = Σ_j e^{s_ij} v_j/Z_j with the queries as owners, and
// Z_j dv_j = Σ_i e^{s_ij} dy_i with the supports.
template <int DP> __device__ __forceinline__ void sums(const CorrelationArgs &p)
{
	using S = Shape<DP>;
	Own o = begin<DP>(p);
	if (idle<S>(o))
		return;
	typename S::Own x;
	typename S::Sums acc;
	load_own<RoundedTf32, DP>(x, side<DP>(p.own, p.own_n), o.count);
	clear(acc);
	walk_tiles<DP, 2, false, PAD>(side<DP>(p.walk, p.walk_n), side<DP>(p.walk_pair, p.walk_n), nullptr, nullptr, o.lo, o.hi, [&](const float *t, const float *pair, const float2 *, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += 16) {
			typename S::Scores s;
			tensor_dots<RoundedTf32, DP>(s, x, t + j * (DP + PAD));
			each_score(s, [&](float &v, int, int, int) __attribute__((always_inline)) { v = exp_fast(v); });
			tensor_add<RoundedTf32, DP>(acc, s, pair + j * (DP + PAD));
		}
	});
	store_own<DP, false>(out_rows<DP>(p), acc, 1.0f, o.count);
}

// Σ_i ds_ij q̂_i with ds_ij = a_ij (dy_i·v_j − D_j): the supports own 10k̂ and v, the
// queries walk with dy.
template <int DP> __device__ __forceinline__ void support_grad(const CorrelationArgs &p)
{
	using S = Shape<DP>;
	Own o = begin<DP>(p);
	if (idle<S>(o))
		return;
	typename S::Own x, g;
	typename S::Sums acc;
	typename S::Stats lse, shift;
	i64 stat = (i64)blockIdx.y * p.own_n;
	load_own<RoundedTf32, DP>(x, side<DP>(p.own, p.own_n), o.count);
	load_own<RoundedTf32, DP>(g, side<DP>(p.own_pair, p.own_n), o.count);
	load_stats(lse, p.lse + stat, o.count);
	load_stats(shift, p.shift + stat, o.count);
	clear(acc);
	tensor_own_grad<RoundedTf32, DP>(acc, x, g, lse, shift, 1.0f, side<DP>(p.walk, p.walk_n), side<DP>(p.walk_pair, p.walk_n), o.lo, o.hi);
	store_own<DP, false>(out_rows<DP>(p), acc, 1.0f, o.count);
}

// Σ_j ds_ij 10k̂_j: the queries own q̂ and dy, the supports walk with v.
template <int DP> __device__ __forceinline__ void query_grad(const CorrelationArgs &p)
{
	using S = Shape<DP>;
	Own o = begin<DP>(p);
	typename S::Own x, g;
	typename S::Sums acc;
	load_own<RoundedTf32, DP>(x, side<DP>(p.own, p.own_n), o.count);
	load_own<RoundedTf32, DP>(g, side<DP>(p.own_pair, p.own_n), o.count);
	clear(acc);
	i64 stat = (i64)blockIdx.y * p.walk_n;
	tensor_walk_grad<RoundedTf32, DP, true, false>(acc, acc, x, g, p.lse + stat, p.shift + stat, 1.0f, side<DP>(p.walk, p.walk_n), side<DP>(p.walk_pair, p.walk_n), o.lo, o.hi);
	store_own<DP, false>(out_rows<DP>(p), acc, 1.0f, o.count);
}

#define CORRELATION(DP)                                                                                       \
	extern "C" __global__ void __launch_bounds__(ROW_THREADS) correlation_totals_tf32_##DP(CorrelationArgs p) \
	{                                                                                                         \
		totals<DP>(p);                                                                                        \
	}                                                                                                         \
	extern "C" __global__ void __launch_bounds__(ROW_THREADS) correlation_sums_tf32_##DP(CorrelationArgs p)   \
	{                                                                                                         \
		sums<DP>(p);                                                                                          \
	}                                                                                                         \
	extern "C" __global__ void __launch_bounds__(ROW_THREADS) correlation_dk_tf32_##DP(CorrelationArgs p)     \
	{                                                                                                         \
		support_grad<DP>(p);                                                                                  \
	}                                                                                                         \
	extern "C" __global__ void __launch_bounds__(ROW_THREADS) correlation_dq_tf32_##DP(CorrelationArgs p)     \
	{                                                                                                         \
		query_grad<DP>(p);                                                                                    \
	}
CORRELATION(8)
CORRELATION(16)
CORRELATION(32)
CORRELATION(64)
