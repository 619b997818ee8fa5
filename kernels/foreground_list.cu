// foreground_list.cu: the foreground positions of a mask, in order, found on the device.
// internal/cuda/foreground_list.go
#include "hdm.cuh"

__device__ inline int warp_sum_int(int v)
{
	for (int d = 16; d; d >>= 1)
		v += __shfl_xor_sync(FULL_WARP, v, d);
	return v;
}

// list[g, r] is the r-th position with mask[g, position] ≠ 0, count[g] how many there are;
// mask, list [groups, n]. The grid is (n/256 rounded up, groups), the block 256. A block
// counts all that come before its 256 positions, so that none waits for another.
extern "C" __global__ void __launch_bounds__(256) foreground_list(int *list, int *count, const float *mask, int n)
{
	SHARED(int, earlier, [8]);
	SHARED(int, own, [8]);
	mask += (i64)blockIdx.y * n;
	int start = (int)blockIdx.x * 256, i = start + (int)threadIdx.x;
	int before = 0;
	for (int j = (int)threadIdx.x; j < start; j += 256)
		before += mask[j] != 0;
	before = warp_sum_int(before);
	bool foreground = i < n && mask[i] != 0;
	u32 lanes = __ballot_sync(FULL_WARP, foreground);
	if (lane() == 0) {
		earlier[warp()] = before;
		own[warp()] = __popc(lanes);
	}
	__syncthreads();
	int at = 0, all = 0;
	for (int w = 0; w < 8; w++) {
		at += earlier[w] + (w < warp() ? own[w] : 0);
		all += earlier[w] + own[w];
	}
	if (foreground)
		list[(i64)blockIdx.y * n + at + __popc(lanes & ((1u << lane()) - 1))] = i;
	if (threadIdx.x == 0 && blockIdx.x == gridDim.x - 1)
		count[blockIdx.y] = all;
}
