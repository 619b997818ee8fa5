// add.cu: sums of tensors of the same size. internal/op/add.go
#include "hdm.cuh"

// y = a + b; y may be a or b.
extern "C" __global__ void __launch_bounds__(256) add(float *y, const float *a, const float *b, i64 n)
{
	FOR_GRID(i, n)
	y[i] = a[i] + b[i];
}

// y += alpha·x.
extern "C" __global__ void __launch_bounds__(256) add_scaled(float *y, const float *x, float alpha, i64 n)
{
	FOR_GRID(i, n)
	y[i] += alpha * x[i];
}
