// dropout.cuh: which elements a dropout drops: a hash of the seed and their number.
// internal/op/dropout.go
#pragma once
#include "elements.cuh"

// dropped is v·scale, and 0 where scale is 0 whatever v is.
__device__ inline float dropped(float v, float scale) { return scale == 0.0f ? 0.0f : v * scale; }

struct Draws {
	u64 seed;
	u32 limit; // of 2²⁴; 0: nothing is dropped
	float scale;

	// scale_of is scale when draw i is kept, else 0: SplitMix64 of seed at i, top 24 bits
	// against limit.
	__device__ float scale_of(i64 i) const
	{
		u64 z = seed + ((u64)i + 1) * 0x9E3779B97F4A7C15ull;
		z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
		z = (z ^ z >> 27) * 0x94D049BB133111EBull;
		z ^= z >> 31;
		return (u32)(z >> 40) >= limit ? scale : 0.0f;
	}
	__device__ float apply(float v, i64 i) const { return limit == 0 ? v * scale : dropped(v, scale_of(i)); }
	// plus is sum + apply(v, i), in one rounding.
	__device__ float plus(float sum, float v, i64 i) const
	{
		float s = limit == 0 ? scale : scale_of(i);
		return s == 0.0f ? sum : fma_f32(v, s, sum);
	}
};
