// gelu.cuh: x·Φ(x). internal/op/gelu.go
#pragma once
#include "dropout.cuh"

// normal_cdf is Φ(v) = (1 + erf(v/√2))/2.
__device__ inline float normal_cdf(float v) { return 0.5f + 0.5f * erf_f32(v * 0.70710678f); }

__device__ inline float gelu_of(float v) { return v * normal_cdf(v); }
