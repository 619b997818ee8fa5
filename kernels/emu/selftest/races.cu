// races.cu: kernels with one race each; with `right` they have none. `out` has a float for
// each thread. Blocks have 64 threads.
#include "../../hdm.cuh"

// CLEARED declares a shared array of zeros.
#define CLEARED(type, name, n)     \
	SHARED(type, name, [n]);       \
	FOR_BLOCK(i, n)                \
	name[i] = type{};              \
	__syncthreads()

// A thread reads what one of another warp has written.
extern "C" __global__ void race_shared(float *out, int right)
{
	CLEARED(float, s, 64);
	s[threadIdx.x] = 1;
	if (right)
		__syncthreads();
	out[threadIdx.x] = s[threadIdx.x ^ 32];
}

// A thread writes again what others may still read.
extern "C" __global__ void race_rewrite(float *out, int right)
{
	CLEARED(float, s, 64);
	float sum = 0;
	for (int i = 0; i < 3; i++) {
		s[threadIdx.x] = (float)i;
		__syncthreads();
		sum += s[63 - threadIdx.x];
		if (right)
			__syncthreads();
	}
	out[threadIdx.x] = sum;
}

// Lanes of one warp have no order of themselves.
extern "C" __global__ void race_lanes(float *out, int right)
{
	CLEARED(float, s, 64);
	s[threadIdx.x] = 1;
	if (right)
		__syncwarp();
	out[threadIdx.x] = s[threadIdx.x ^ 1];
}

// A shuffle orders no memory.
extern "C" __global__ void race_shuffle(float *out, int right)
{
	CLEARED(float, s, 64);
	s[threadIdx.x] = 1;
	float v = __shfl_xor_sync(FULL_WARP, 1.0f, 1);
	if (right)
		__syncwarp();
	out[threadIdx.x] = v + s[threadIdx.x ^ 1];
}

// The halves of a warp meet, each for itself.
extern "C" __global__ void race_halves(float *out, int right)
{
	CLEARED(float, s, 64);
	s[threadIdx.x] = 1;
	__syncwarp(lane() < 16 ? 0xffffu : 0xffff0000u);
	out[threadIdx.x] = s[threadIdx.x ^ (right ? 1 : 16)];
}

// All lanes read a word; one writes it when all have met.
extern "C" __global__ void race_reset(float *out, int right)
{
	CLEARED(float, s, 2);
	if (lane() == 0)
		s[warp()] = 1;
	__syncthreads();
	out[threadIdx.x] = s[warp()];
	if (right)
		__syncwarp();
	if (lane() == 5)
		s[warp()] = 2;
}

// Two threads write the halves of a word, or overlap.
extern "C" __global__ void race_parts(float *out, int right)
{
	CLEARED(u16, s, 65);
	s[threadIdx.x] = (u16)threadIdx.x;
	if (!right)
		s[threadIdx.x + 1] = 1;
	__syncthreads();
	out[threadIdx.x] = (float)s[threadIdx.x];
}

// The whole word is read while another thread may write a byte of it.
extern "C" __global__ void race_byte(float *out, int right)
{
	CLEARED(u32, s, 64);
	u8 *bytes = (u8 *)s;
	for (int i = 0; i < 4; i++)
		bytes[threadIdx.x + 64 * i] = 1;
	__syncthreads();
	u32 v = s[threadIdx.x];
	if (right)
		__syncthreads();
	bytes[(4 * threadIdx.x + 130) % 256] = 2;
	out[threadIdx.x] = (float)v;
}

// A copy is there for its own thread after the wait, for others after a barrier besides.
extern "C" __global__ void race_copy(float *out, int right)
{
	CLEARED(float, s, 64);
	cp_async4(&s[threadIdx.x], out + threadIdx.x);
	cp_async_commit();
	cp_async_wait<0>();
	if (right)
		__syncthreads();
	float v = s[63 - threadIdx.x];
	__syncthreads();
	out[threadIdx.x] = v;
}

// A barrier is no wait: the copy is still under way.
extern "C" __global__ void race_copy_unwaited(float *out, int right)
{
	CLEARED(float, s, 64);
	cp_async4(&s[threadIdx.x], out + threadIdx.x);
	cp_async_commit();
	if (right)
		cp_async_wait<0>();
	__syncthreads();
	float v = s[63 - threadIdx.x];
	cp_async_wait<0>();
	__syncthreads();
	out[threadIdx.x] = v;
}

// The next copy may land before the others have read what was there.
extern "C" __global__ void race_copy_early(float *out, int right)
{
	CLEARED(float, s, 64);
	float v = s[63 - threadIdx.x];
	if (right)
		__syncthreads();
	cp_async4(&s[threadIdx.x], out + threadIdx.x);
	cp_async_commit();
	__syncthreads();
	cp_async_wait<0>();
	out[threadIdx.x] = v + s[threadIdx.x];
}

// Lanes read rows of another warp.
extern "C" __global__ void race_matrix(float *out, int right)
{
	CLEARED(uint4, s, 64);
	s[threadIdx.x] = uint4{1, 2, 3, 4};
	if (right)
		__syncthreads();
	u32 r[4];
	ldmatrix_x4(r, &s[threadIdx.x ^ 32]);
	out[threadIdx.x] = (float)r[0];
}

// In device memory too, a block's threads need a barrier.
extern "C" __global__ void race_memory(float *out, int right)
{
	i64 block = (i64)blockIdx.x * blockDim.x;
	out[block + threadIdx.x] = 1;
	if (right)
		__syncthreads();
	float v = out[block + (threadIdx.x ^ 33)];
	__syncthreads();
	out[block + threadIdx.x] = v;
}

// Two blocks write a word.
extern "C" __global__ void race_blocks(float *out, int right)
{
	out[right ? blockIdx.x * blockDim.x + threadIdx.x : threadIdx.x] = 1;
}

// A block reads what another writes: no barrier helps.
extern "C" __global__ void race_neighbor(float *out, int right)
{
	i64 n = (i64)gridDim.x * blockDim.x, i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
	float v = out[right ? i : (i + blockDim.x) % n];
	__syncthreads();
	out[i] = v + 1;
}

// All blocks read a word; one writes it.
extern "C" __global__ void race_readers(float *out, int right)
{
	i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
	float v = out[i] + (right ? 0 : out[70]);
	__syncthreads();
	out[i] = v;
}

// Atomic operations have no race among themselves, but with plain accesses.
extern "C" __global__ void race_atomic(float *out, int right)
{
	int *top = (int *)out;
	if (right || *top < (int)threadIdx.x)
		atomicMax(top, (int)threadIdx.x);
}
