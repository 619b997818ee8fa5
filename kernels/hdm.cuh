// hdm.cuh: what every kernel includes. The same source compiles
//
//   to PTX    with clang -x cuda (make ptx); no CUDA toolkit, no libdevice
//   for CPUs  with g++ -DHDM_EMU (make emu), over the emulator in emu/
//
// so a kernel may use only what is here. README.md says how to write one.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// A vector is loaded and stored by one instruction, from an address aligned to its size:
// *(float4 *)(y + i) = v. The emulator stores it in one piece too, so that it sees one that
// is not aligned.
#ifdef HDM_EMU
#define HDM_STORE(name, bytes)                                                  \
	name &operator=(const name &v)                                              \
	{                                                                           \
		typedef int whole __attribute__((vector_size(bytes), may_alias));       \
		*(whole *)this = *(const whole *)&v;                                    \
		return *this;                                                           \
	}
#else
#define HDM_STORE(name, bytes)
#endif
#define HDM_VECTOR(name, bytes, ...)                             \
	struct __attribute__((may_alias, aligned(bytes))) name {     \
		__VA_ARGS__;                                             \
		HDM_STORE(name, bytes)                                   \
	}
HDM_VECTOR(float2, 8, float x, y);
HDM_VECTOR(float4, 16, float x, y, z, w);
HDM_VECTOR(uint2, 8, u32 x, y);
HDM_VECTOR(uint4, 16, u32 x, y, z, w);

// bf16 holds the upper half of a float's bits.
struct bf16 { u16 bits; };

// f16 holds a half: 11 bits, up to 65504.
struct f16 { u16 bits; };

#ifdef HDM_EMU
#include "emu/device.h"
#else
#include "hdm_ptx.cuh"
#endif

// ---- Threads

#define FULL_WARP 0xffffffffu

// lane is the thread's place in its warp, warp the warp's place in its block, for blocks
// of one dimension.
__device__ inline int lane() { return (int)(threadIdx.x & 31); }
__device__ inline int warp() { return (int)(threadIdx.x >> 5); }

// FOR_GRID runs its body for every i in [0, n), spread over all threads of a grid of one
// dimension.
#define FOR_GRID(i, n) \
	for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += (i64)gridDim.x * blockDim.x)

// FOR_BLOCK runs its body for every i in [0, n), spread over the threads of the block.
#define FOR_BLOCK(i, n) for (int i = (int)threadIdx.x; i < (n); i += (int)blockDim.x)

// ---- Mathematics, correct to about 2 ulp on every device; no approximate instruction

__device__ inline float as_float(u32 bits) { return __builtin_bit_cast(float, bits); }
__device__ inline u32 as_bits(float v) { return __builtin_bit_cast(u32, v); }

__device__ inline float fma_f32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
__device__ inline float abs_f32(float v) { return __builtin_fabsf(v); }
// max_f32 and min_f32 return the other operand when one is NaN.
__device__ inline float max_f32(float a, float b) { return __builtin_fmaxf(a, b); }
__device__ inline float min_f32(float a, float b) { return __builtin_fminf(a, b); }
__device__ inline float floor_f32(float v) { return __builtin_floorf(v); }
__device__ inline float round_f32(float v) { return __builtin_rintf(v); }
__device__ inline float rsqrt_f32(float v) { return 1.0f / sqrt_f32(v); }

__device__ inline float infinity_f32() { return as_float(0x7f800000u); }

// exp_f32 is e^v: v = n·ln 2 + r, a polynomial in r, and the exponent n put in by hand,
// in two halves so that subnormal results round once.
__device__ inline float exp_f32(float v)
{
	float x = min_f32(max_f32(v, -104.0f), 89.0f);
	float n = round_f32(x * 1.44269504f);
	float r = fma_f32(n, -0.693145752f, x);
	r = fma_f32(n, -1.42860677e-6f, r);
	float p = 1.9875691500e-4f;
	p = fma_f32(p, r, 1.3981999507e-3f);
	p = fma_f32(p, r, 8.3334519073e-3f);
	p = fma_f32(p, r, 4.1665795894e-2f);
	p = fma_f32(p, r, 1.6666665459e-1f);
	p = fma_f32(p, r, 5.0000001201e-1f);
	p = fma_f32(p, r * r, r) + 1.0f;
	int e = (int)n;
	int half = e / 2;
	float y = p * as_float((u32)(half + 127) << 23) * as_float((u32)(e - half + 127) << 23);
	return v != v ? v : y;
}

// log_f32 is the natural logarithm: −∞ at 0, NaN below.
__device__ inline float log_f32(float v)
{
	float x = v;
	int e = 0;
	if (x < 1.17549435e-38f) { // subnormal
		x *= 8388608.0f;
		e = -23;
	}
	int shift = ((int)as_bits(x) - 0x3f3504f3) >> 23; // mantissa in [√½, √2)
	e += shift;
	float f = as_float(as_bits(x) - ((u32)shift << 23)) - 1.0f;
	float z = f * f;
	float p = 7.0376836292e-2f;
	p = fma_f32(p, f, -1.1514610310e-1f);
	p = fma_f32(p, f, 1.1676998740e-1f);
	p = fma_f32(p, f, -1.2420140846e-1f);
	p = fma_f32(p, f, 1.4249322787e-1f);
	p = fma_f32(p, f, -1.6668057665e-1f);
	p = fma_f32(p, f, 2.0000714765e-1f);
	p = fma_f32(p, f, -2.4999993993e-1f);
	p = fma_f32(p, f, 3.3333331174e-1f);
	p = p * f * z;
	p = fma_f32((float)e, -2.12194440e-4f, p);
	p = fma_f32(-0.5f, z, p);
	float y = fma_f32((float)e, 0.693359375f, f + p);
	if (!(v > 0.0f))
		return v == 0.0f ? -infinity_f32() : as_float(0x7fc00000u);
	return v == infinity_f32() ? v : y;
}

// erf_f32 is the error function: x·P(x²)/Q(x²), ±1 beyond 3.95, where float32 rounds to it.
__device__ inline float erf_f32(float v)
{
	float x = min_f32(max_f32(v, -3.95f), 3.95f);
	float t = x * x;
	float p = -1.29692222342551333e-8f;
	p = fma_f32(p, t, 4.64086918753988252e-6f);
	p = fma_f32(p, t, 0.00037795213845433163f);
	p = fma_f32(p, t, 0.00384337291552073256f);
	p = fma_f32(p, t, 0.0542749941898280665f);
	p = fma_f32(p, t, 0.185167937224455925f);
	p = fma_f32(p, t, 1.12837916924730347f);
	float q = 0.0000626966217686619491f;
	q = fma_f32(q, t, 0.00130408353178154874f);
	q = fma_f32(q, t, 0.0154437775107688342f);
	q = fma_f32(q, t, 0.113910869511248479f);
	q = fma_f32(q, t, 0.497434221203217728f);
	q = fma_f32(q, t, 1.0f);
	float y = x * p / q;
	y = v >= 3.95f ? 1.0f : v <= -3.95f ? -1.0f : y;
	return v != v ? v : y;
}

// ---- bf16

__device__ inline float from_bf16(bf16 v) { return as_float((u32)v.bits << 16); }

// ---- f16

// fit_f16 keeps a value that a half has no room for at the largest half. NaN stays.
__device__ inline float fit_f16(float v) { return v > 65504.0f ? 65504.0f : v < -65504.0f ? -65504.0f : v; }

// ---- Sums and maxima in a fixed order

// warp_sum returns Σ v over the warp to every lane.
__device__ inline float warp_sum(float v)
{
	for (int d = 16; d; d >>= 1)
		v += __shfl_xor_sync(FULL_WARP, v, d);
	return v;
}

__device__ inline float warp_max(float v)
{
	for (int d = 16; d; d >>= 1)
		v = max_f32(v, __shfl_xor_sync(FULL_WARP, v, d));
	return v;
}

// block_sum returns Σ v over a block of THREADS threads (one dimension, whole warps) to
// every thread. Every thread of the block must call it.
template <int THREADS> __device__ inline float block_sum(float v)
{
	SHARED(float, part, [THREADS / 32]);
	v = warp_sum(v);
	if (lane() == 0)
		part[warp()] = v;
	__syncthreads();
	float sum = part[0];
	for (int i = 1; i < THREADS / 32; i++)
		sum += part[i];
	__syncthreads(); // part may be written again
	return sum;
}

template <int THREADS> __device__ inline float block_max(float v)
{
	SHARED(float, part, [THREADS / 32]);
	v = warp_max(v);
	if (lane() == 0)
		part[warp()] = v;
	__syncthreads();
	float top = part[0];
	for (int i = 1; i < THREADS / 32; i++)
		top = max_f32(top, part[i]);
	__syncthreads();
	return top;
}
