// attention_tensor.cuh: rows against rows on tensor cores, as attention.cuh on the others:
// the inner loops of self_attention_tensor.cu and masked_correlation_tensor.cu.
//
// A warp owns MT times 16 rows of DP channels, as fragments in registers; the block walks
// through the other rows in tiles of shared memory, 16 rows at a time. The products of the
// own rows with those lie in the registers just as the next product wants its operand: lane
// 4g+t has, of own rows g and g+8, what belongs to the rows 2t, 2t+1, 2t+8, 2t+9 of the 16. So a
// score never leaves its lane. Exponentials and their sums are float32; what is multiplied
// with the other rows is rounded to tf32 again. F is Tf32, or RoundedTf32 where the rows were
// rounded when they were packed: every block that walks through them reads them anew.
// internal/cuda/precision.go
#pragma once
#include "attention.cuh"
#include "tensor_format.cuh"

// PAD floats after each row of a tile put what a warp reads at a time, rows g and channels
// t + 4i or rows 2t and channels g, into different banks.
constexpr int PAD = 4;
constexpr int ROW_THREADS = 128;

// Shape is how the rows of DP channels are cut up.
template <int DP> struct Shape {
	static constexpr int MT = DP > 32 ? 1 : 2;  // 16 own rows each
	static constexpr int KT = (DP + 15) / 16;   // steps of a sum over the channels
	static constexpr int CT = DP / 8;           // columns of a result of DP channels
	static constexpr int OWN = ROW_THREADS / 32 * MT * 16;
	using Own = Tf32::A[MT][KT];        // own rows as an operand
	using Scores = float[MT][2][4];     // of 16 rows of the walk
	using Sums = float[MT][CT][4];      // own rows as results
	using Stats = float[MT][2];         // a value for each own row
};

// own_row returns the i-th own row of a lane, half its upper or lower part.
template <int MT> __device__ __forceinline__ int own_row(int i, int half)
{
	return ((int)blockIdx.x * (ROW_THREADS / 32) + warp()) * MT * 16 + i * 16 + half * 8 + lane() / 4;
}

// load_own reads the own rows; any row for those from count on, which must not be 0.
template <class F, int DP> __device__ __forceinline__ void load_own(typename Shape<DP>::Own &own, const Rows &r, int count)
{
	using S = Shape<DP>;
	int t = lane() % 4;
	UNROLL
	for (int i = 0; i < S::MT; i++) {
		int top = own_row<S::MT>(i, 0), bottom = own_row<S::MT>(i, 1);
		const float *a = r.x + (i64)(top < count ? top : 0) * r.stride, *b = r.x + (i64)(bottom < count ? bottom : 0) * r.stride;
		UNROLL
		for (int k = 0; k < S::KT; k++) {
			float u[4], v[4];
			UNROLL
			for (int e = 0; e < 4; e++) {
				int c = k * 16 + e * 4 + t;
				u[e] = DP >= 16 || e < 2 ? a[c] : 0.0f;
				v[e] = DP >= 16 || e < 2 ? b[c] : 0.0f;
			}
			F::pack_a(own[i][k], u, v);
		}
	}
}

// load_stats reads a value for every own row; 0 for those from count on.
template <int MT> __device__ __forceinline__ void load_stats(float (&stats)[MT][2], const float *x, int count)
{
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int half = 0; half < 2; half++) {
			int r = own_row<MT>(i, half);
			stats[i][half] = r < count ? x[r] : 0.0f;
		}
}

template <int MT, int N> __device__ __forceinline__ void clear(float (&x)[MT][N][4])
{
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int n = 0; n < N; n++)
			UNROLL
			for (int v = 0; v < 4; v++)
				x[i][n][v] = 0;
}

// tensor_dots computes the products of the own rows with 16 rows of a tile.
template <class F, int DP> __device__ __forceinline__ void tensor_dots(typename Shape<DP>::Scores &s, const typename Shape<DP>::Own &own, const float *tile)
{
	using S = Shape<DP>;
	clear(s);
	auto multiply = [&](int n, int k, const float (&v)[4]) __attribute__((always_inline)) {
		typename F::B b;
		F::pack_b(b, v);
		mma_together([&]() __attribute__((always_inline)) {
			UNROLL
			for (int i = 0; i < S::MT; i++)
				if constexpr (DP < 16)
					F::multiply_half(s[i][n], own[i][k], b);
				else
					F::multiply(s[i][n], own[i][k], b);
		});
	};
	if constexpr (DP < 16) { // both channels of four of all 16 rows at once
		float both[4];
		lane_floats(both, tile + (lane() / 16 * 8 + lane() % 8) * (DP + PAD) + lane() / 8 % 2 * 4);
		UNROLL
		for (int n = 0; n < 2; n++) {
			float v[4] = {both[2 * n], both[2 * n + 1], 0.0f, 0.0f};
			multiply(n, 0, v);
		}
	} else {
		UNROLL
		for (int n = 0; n < 2; n++)
			UNROLL
			for (int k = 0; k < S::KT; k++) {
				float v[4];
				lane_floats(v, tile + (n * 8 + lane() % 8) * (DP + PAD) + k * 16 + lane() / 8 * 4);
				multiply(n, k, v);
			}
	}
}

// tensor_add computes acc += s·rows for 16 rows of a tile.
template <class F, int DP> __device__ __forceinline__ void tensor_add(typename Shape<DP>::Sums &acc, const typename Shape<DP>::Scores &s, const float *tile)
{
	using S = Shape<DP>;
	Tf32::A a[S::MT];
	UNROLL
	for (int i = 0; i < S::MT; i++) {
		float top[4] = {s[i][0][0], s[i][0][1], s[i][1][0], s[i][1][1]}, bottom[4] = {s[i][0][2], s[i][0][3], s[i][1][2], s[i][1][3]};
		Tf32::pack_a(a[i], top, bottom);
	}
	const float *at = tile + lane() % 4 * 2 * (DP + PAD) + lane() / 4;
	UNROLL
	for (int c = 0; c < S::CT; c++) {
		float v[4];
		UNROLL
		for (int e = 0; e < 4; e++)
			v[e] = at[(e / 2 * 8 + e % 2) * (DP + PAD) + c * 8];
		typename F::B b;
		F::pack_b(b, v);
		mma_together([&]() __attribute__((always_inline)) {
			UNROLL
			for (int i = 0; i < S::MT; i++)
				F::multiply(acc[i][c], a[i], b);
		});
	}
}

// each_score calls f(value, i, half, place) for a lane's scores; place is the row's among
// the 16.
template <int MT, class Body> __device__ __forceinline__ void each_score(float (&s)[MT][2][4], Body f)
{
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int n = 0; n < 2; n++)
			UNROLL
			for (int v = 0; v < 4; v++)
				f(s[i][n][v], i, v / 2, n * 8 + lane() % 4 * 2 + v % 2);
}

// row_total adds the parts of an own row that its four lanes have.
__device__ __forceinline__ float row_total(float v)
{
	v += __shfl_xor_sync(FULL_WARP, v, 1);
	return v + __shfl_xor_sync(FULL_WARP, v, 2);
}

// store_own writes acc times a factor of the row to the own rows below count, or adds it.
template <int DP, bool ADD, int MT> __device__ __forceinline__ void store_own(const Rows &r, const float (&acc)[MT][DP / 8][4], const float (&factor)[MT][2], int count)
{
	UNROLL
	for (int i = 0; i < MT; i++)
		UNROLL
		for (int half = 0; half < 2; half++) {
			int row = own_row<MT>(i, half);
			if (row >= count)
				continue;
			float *y = r.x + (i64)row * r.stride + lane() % 4 * 2;
			UNROLL
			for (int c = 0; c < DP / 8; c++) {
				float2 v = {0, 0};
				if (ADD)
					v = *(const float2 *)(y + c * 8);
				v.x = fma_f32(acc[i][c][half * 2], factor[i][half], v.x);
				v.y = fma_f32(acc[i][c][half * 2 + 1], factor[i][half], v.y);
				*(float2 *)(y + c * 8) = v;
			}
		}
}

template <int DP, bool ADD, int MT> __device__ __forceinline__ void store_own(const Rows &r, const float (&acc)[MT][DP / 8][4], float factor, int count)
{
	float same[MT][2];
	UNROLL
	for (int i = 0; i < MT; i++)
		same[i][0] = same[i][1] = factor;
	store_own<DP, ADD>(r, acc, same, count);
}

// tensor_own_grad is own_softmax_grad of attention.cuh, for scores scale·x·t:
//
//	a_t = exp(scale·x·t − lse)    p_t = g·b_t    acc += Σ_t a_t (p_t − shift)·t
template <class F, int DP> __device__ __forceinline__ void tensor_own_grad(typename Shape<DP>::Sums &acc, const typename Shape<DP>::Own &x, const typename Shape<DP>::Own &g, const typename Shape<DP>::Stats &lse, const typename Shape<DP>::Stats &shift, float scale, const Rows &t, const Rows &b, int lo, int hi)
{
	walk_tiles<DP, 2, false, PAD>(t, b, nullptr, nullptr, lo, hi, [&](const float *ta, const float *tb, const float2 *, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += 16) {
			typename Shape<DP>::Scores s, p;
			tensor_dots<F, DP>(p, g, tb + j * (DP + PAD));
			tensor_dots<F, DP>(s, x, ta + j * (DP + PAD));
			UNROLL
			for (int i = 0; i < Shape<DP>::MT; i++)
				UNROLL
				for (int n = 0; n < 2; n++)
					UNROLL
					for (int v = 0; v < 4; v++)
						s[i][n][v] = exp_fast(min_f32(fma_f32(s[i][n][v], scale, -lse[i][v / 2]), 0.0f)) * (p[i][n][v] - shift[i][v / 2]);
			tensor_add<F, DP>(acc, s, ta + j * (DP + PAD));
		}
	});
}

// tensor_walk_grad is walk_softmax_grad of attention.cuh: lse and shift belong to the rows
// of the walk.
template <class F, int DP, bool SCORES, bool VALUES> __device__ __forceinline__ void tensor_walk_grad(typename Shape<DP>::Sums &acc, typename Shape<DP>::Sums &acc_b, const typename Shape<DP>::Own &x, const typename Shape<DP>::Own &g, const float *lse, const float *shift, float scale, const Rows &t, const Rows &b, int lo, int hi)
{
	walk_tiles<DP, 2, true, PAD>(t, b, lse, shift, lo, hi, [&](const float *ta, const float *tb, const float2 *pairs, int rows) __attribute__((always_inline)) {
		UNROLL_BY(1)
		for (int j = 0; j < rows; j += 16) {
			typename Shape<DP>::Scores s, p;
			tensor_dots<F, DP>(s, x, ta + j * (DP + PAD));
			each_score(s, [&](float &v, int, int, int place) __attribute__((always_inline)) { v = exp_fast(fma_f32(v, scale, -pairs[j + place].x)); });
			if (VALUES)
				tensor_add<F, DP>(acc_b, s, tb + j * (DP + PAD));
			if (SCORES) {
				tensor_dots<F, DP>(p, g, tb + j * (DP + PAD));
				UNROLL
				for (int i = 0; i < Shape<DP>::MT; i++)
					UNROLL
					for (int n = 0; n < 2; n++)
						UNROLL
						for (int v = 0; v < 4; v++)
							s[i][n][v] *= p[i][n][v] - pairs[j + n * 8 + lane() % 4 * 2 + v % 2].y;
				tensor_add<F, DP>(acc, s, ta + j * (DP + PAD));
			}
		}
	});
}
