// layer_norm.cuh: normalization of a row by a warp. internal/op/layer_norm.go
#pragma once
#include "dropout.cuh"

// normalize_row writes row r of y = (x − mean)·rstd·w + b, and its mean and rstd.
__device__ __forceinline__ void normalize_row(float *y, float *mean, float *rstd, const float *x, const float *w, const float *b, float eps, i64 r, int c)
{
	x += r * c;
	y += r * c;
	float sum = 0;
	for (int i = lane(); i < c; i += 32)
		sum += x[i];
	float m = warp_sum(sum) / (float)c;
	float squares = 0;
	for (int i = lane(); i < c; i += 32)
		squares += (x[i] - m) * (x[i] - m);
	float s = rsqrt_f32(warp_sum(squares) / (float)c + eps);
	if (lane() == 0) {
		mean[r] = m;
		rstd[r] = s;
	}
	for (int i = lane(); i < c; i += 32)
		y[i] = (x[i] - m) * s * w[i] + b[i];
}
