// masked_correlation.cuh: what masked_correlation.cu and masked_correlation_tensor.cu are
// called with.
//
// Operands are rows [B,heads,own_n or walk_n,DP]: q̂, or the foreground supports' 10k̂ and
// v, packed to the front. So a score s_ij is one dot product, and lies in ±10: e^s needs
// no maximum. Each kernel is one pass over tiles (attention.cuh): a block owns rows of one
// side and walks through those of the other; blocks without a row to own return at once. A
// kernel's number is DP. out has a part for every split of the walk.
#pragma once
#include "attention.cuh"

struct CorrelationArgs {
	float *out;
	const float *own, *own_pair, *walk, *walk_pair;
	const int *own_count, *walk_count; // [B]: rows that are there; null: all
	const float *lse, *shift;          // [B,heads,supports]: log Z_j and D_j
	int own_n, walk_n, heads;
};

// Side is this block's view of one operand.
template <int DP> __device__ __forceinline__ Rows side(const float *x, int n) { return {(float *)x + (i64)blockIdx.y * n * DP, DP}; }

__device__ __forceinline__ int rows_there(const int *count, int n, int heads) { return count ? count[(int)blockIdx.y / heads] : n; }

// Own is what the kernels below begin with: how many rows there are on both sides, and this
// block's part of the walk.
struct Own {
	int count, lo, hi;
};

template <int DP> __device__ __forceinline__ Own begin(const CorrelationArgs &p)
{
	Own o;
	o.count = rows_there(p.own_count, p.own_n, p.heads);
	split_range<DP>(o.lo, o.hi, rows_there(p.walk_count, p.walk_n, p.heads));
	return o;
}

template <int DP> __device__ __forceinline__ Rows out_rows(const CorrelationArgs &p)
{
	return {p.out + ((i64)blockIdx.z * gridDim.y + blockIdx.y) * p.own_n * DP, DP};
}
