// wgmma.h: products of a warpgroup. They run beside the program, from their start until it has
// waited for them, and read shared memory through a proxy of their own.
//
// A product is computed when the program waits for it, no sooner; until then its registers hold
// NaN. What else the program may not do meanwhile is an error (libcuda-check and the interpreter):
//
//   start on shared memory whose writer has executed no fence.proxy.async since
//   write what a product that has not been waited for reads
//   start on registers without a wgmma.fence since the last wait
//   start differently in the warps of a warpgroup, or end a block before the last wait
#pragma once
#include "race.h"

namespace hdm {

// Wgmma is a wgmma.mma_async.m64nNk16 of halves as one warp starts it, which has 16 rows of A
// and D: D[16×n] (+)= A[16×16]·B[16×n].
struct Wgmma {
	u64 a, b; // matrix descriptors
	int n;
	bool add; // to D
	const void *registers;
	float *(*at)(const void *registers, int r, int lane); // register r of D in a lane
	void (*product)(float *d, const float (&a)[16][16], const float *b, int n); // d += a·b, d and b [16,n]
};

// The instructions, when all lanes of a warp have come to them; warp is its number in the block.
void wgmma_start(int warp, const Wgmma &w);
void wgmma_fence(int warp);
void wgmma_commit(int warp);
void wgmma_wait(int warp, int groups);
bool wgmma_waits(int warp); // whether products have not been waited for

// wgmma_writes tells whether a product that has not been waited for writes a register of lane 0.
bool wgmma_writes(int warp, const float *at);
void wgmma_begin(Worker *w); // of a block
void wgmma_end(Worker *w);

} // namespace hdm
