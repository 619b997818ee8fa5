// softmax.cu: exp(x)/Σ exp(x) over the channels. internal/op/softmax.go
#include "rows.cuh"

// y[r, k] = exp(x[r, k] − max)/Σ; x, y [rows, c]; y may be x: a lane reads and writes the
// same elements.
extern "C" __global__ void __launch_bounds__(256) softmax(float *y, const float *x, i64 rows, int c, int group)
{
	FOR_GROUPS(r, rows, group)
	{
		int n = r < rows ? c : 0;
		const float *in = x + r * c;
		float top = -infinity_f32(), sum = 0;
		FOR_GROUP(k, n, group)
		top = max_f32(top, in[k]);
		top = group_max(top, group);
		FOR_GROUP(k, n, group)
		sum += exp_f32(in[k] - top);
		float scale = 1.0f / group_sum(sum, group);
		FOR_GROUP(k, n, group)
		y[r * c + k] = exp_f32(in[k] - top) * scale;
	}
}

// dx += y·(dy − Σ dy·y).
extern "C" __global__ void __launch_bounds__(256) softmax_grad(float *dx, const float *dy, const float *y, i64 rows, int c, int group)
{
	FOR_GROUPS(r, rows, group)
	{
		int n = r < rows ? c : 0;
		const float *p = y + r * c, *g = dy + r * c;
		float dot = 0;
		FOR_GROUP(k, n, group)
		dot += p[k] * g[k];
		dot = group_sum(dot, group);
		FOR_GROUP(k, n, group)
		dx[r * c + k] += p[k] * (g[k] - dot);
	}
}
