// rows.cuh: rows of channels, each held by a group of lanes of one warp. The size of a
// group is a power of two up to 32 (rowGroup in internal/cuda/rows.go), so that rows of
// two classes keep a warp as busy as rows of 255.
#pragma once
#include "hdm.cuh"

// FOR_GROUPS runs its body once for every row of [0, rows), in all lanes of the row's
// group. The last rows of a warp may lie at rows and beyond: the body must not touch them,
// but must come to every group_sum and group_max.
#define FOR_GROUPS(r, rows, group)                                                                                             \
	for (i64 hdm_r = ((i64)blockIdx.x * (blockDim.x / 32) + (u32)warp()) * (32 / (group)), r = hdm_r + lane() / (group);       \
	     hdm_r < (rows); hdm_r += (i64)gridDim.x * (blockDim.x / 32) * (32 / (group)), r = hdm_r + lane() / (group))

// FOR_GROUP runs its body for every i in [0, n), spread over the lanes of the group.
#define FOR_GROUP(i, n, group) for (int i = lane() % (group); i < (n); i += (group))

__device__ inline float group_sum(float v, int group)
{
	for (int d = group / 2; d; d /= 2)
		v += __shfl_xor_sync(FULL_WARP, v, d);
	return v;
}

__device__ inline float group_max(float v, int group)
{
	for (int d = group / 2; d; d /= 2)
		v = max_f32(v, __shfl_xor_sync(FULL_WARP, v, d));
	return v;
}
