// relu.cu: max(0, x). internal/op/relu.go
#include "hdm.cuh"

// y = max(0, x); NaN stays NaN; y may be x.
extern "C" __global__ void __launch_bounds__(256) relu(float *y, const float *x, i64 n)
{
	FOR_GRID(i, n)
	y[i] = x[i] <= 0.0f ? 0.0f : x[i];
}

// dx += dy where y > 0.
extern "C" __global__ void __launch_bounds__(256) relu_grad(float *dx, const float *dy, const float *y, i64 n)
{
	FOR_GRID(i, n)
	if (y[i] > 0.0f)
		dx[i] += dy[i];
}
