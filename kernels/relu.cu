// relu.cu: max(0, x). internal/op/relu.go
#include "hdm.cuh"

// y = max(0, x); NaN stays NaN; y may be x.
extern "C" __global__ void __launch_bounds__(256) relu(float *y, const float *x, i64 n)
{
	FOR_GRID(i, n)
	y[i] = x[i] <= 0.0f ? 0.0f : x[i];
}

// The same of halves; n even.
extern "C" __global__ void __launch_bounds__(256) relu_half(float2 *y, const u32 *x, i64 n)
{
	FOR_GRID(i, n / 2)
	{
		float lo = from_f16(f16{(u16)x[i]}), hi = from_f16(f16{(u16)(x[i] >> 16)});
		y[i] = float2{lo <= 0.0f ? 0.0f : lo, hi <= 0.0f ? 0.0f : hi};
	}
}

// dx += dy where y > 0; without add, dx is that and 0 elsewhere.
extern "C" __global__ void __launch_bounds__(256) relu_grad(float *dx, const float *dy, const float *y, i64 n, int add)
{
	FOR_GRID(i, n)
	{
		bool passes = y[i] > 0.0f;
		if (!add)
			dx[i] = passes ? dy[i] : 0.0f;
		else if (passes)
			dx[i] += dy[i];
	}
}
