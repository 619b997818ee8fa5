// shot_mean.cu: the mean over the shots. internal/op/shot_mean.go
#include "elements.cuh"

// y[b, i] = Σ_k x[b, k, i] / shots; y [samples, n], x [samples, shots, n]. The samples are
// spread over blockIdx.y.
extern "C" __global__ void __launch_bounds__(256) shot_mean(float *y, const float *x, int samples, int shots, i64 n)
{
	float scale = 1.0f / (float)shots;
	for (i64 b = blockIdx.y; b < samples; b += gridDim.y)
		for_elements(n, aligned(y, x) && n % 4 == 0, [=](i64 at, auto width) {
			const float *shot = x + b * shots * n + at;
			auto sum = load(width, shot);
			for (int k = 1; k < shots; k++) {
				auto v = load(width, shot + k * n);
				EACH(i, width)
				sum[i] += v[i];
			}
			EACH(i, width)
			sum[i] *= scale;
			store(width, y + b * n + at, sum);
		});
}

// dx[b, k, i] += dy[b, i] / shots.
extern "C" __global__ void __launch_bounds__(256) shot_mean_grad(float *dx, const float *dy, int samples, int shots, i64 n)
{
	float scale = 1.0f / (float)shots;
	for (i64 b = blockIdx.y; b < samples; b += gridDim.y)
		for_elements(n, aligned(dx, dy) && n % 4 == 0, [=](i64 at, auto width) {
			float *shot = dx + b * shots * n + at;
			auto g = load(width, dy + b * n + at);
			for (int k = 0; k < shots; k++) {
				auto d = load(width, shot + k * n);
				EACH(i, width)
				d[i] += scale * g[i];
				store(width, shot + k * n, d);
			}
		});
}
