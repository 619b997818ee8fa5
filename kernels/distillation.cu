// distillation.cu: the divergence of a correlation map from its teacher's.
// internal/op/distillation.go
//
// A block of 512 threads holds one sample; n is some thousand positions.
#include "hdm.cuh"

#define THREADS 512

// y = 1 where label is 1, else −1e9.
extern "C" __global__ void __launch_bounds__(256) distillation_teacher(float *y, const u8 *label, i64 n)
{
	FOR_GRID(i, n)
	y[i] = label[i] == 1 ? 1.0f : -1e9f;
}

// A Soft is the softmax over a sample's positions: p_i = exp(x_i − top)·scale.
struct Soft {
	const float *x;
	float top, scale;
	__device__ float operator[](int i) const { return exp_f32(x[i] - top) * scale; }
};

__device__ inline Soft soft(const float *x, int n)
{
	float top = -infinity_f32(), sum = 0;
	FOR_BLOCK(i, n)
	top = max_f32(top, x[i]);
	top = block_max<THREADS>(top);
	FOR_BLOCK(i, n)
	sum += exp_f32(x[i] - top);
	return {x, top, 1.0f / block_sum<THREADS>(sum)};
}

// partial[b] = Σ t·(log(t + 1e-12) − log(p + 1e-12)); student, teacher [B, n].
extern "C" __global__ void __launch_bounds__(THREADS) distillation(float *partial, const float *student, const float *teacher, int n)
{
	i64 at = (i64)blockIdx.x * n;
	Soft p = soft(student + at, n), t = soft(teacher + at, n);
	float sum = 0;
	FOR_BLOCK(i, n)
	{
		float q = t[i];
		sum += q * (log_f32(q + 1e-12f) - log_f32(p[i] + 1e-12f));
	}
	sum = block_sum<THREADS>(sum);
	if (threadIdx.x == 0)
		partial[blockIdx.x] = sum;
}

// loss = Σ partial / batch. One warp.
extern "C" __global__ void __launch_bounds__(32) distillation_end(float *loss, const float *partial, int batch)
{
	float sum = 0;
	FOR_BLOCK(b, batch)
	sum += partial[b];
	sum = warp_sum(sum);
	if (threadIdx.x == 0)
		*loss = sum / (float)batch;
}

// dstudent_i += factor·(p_i·Σ r − r_i) with r = t·p/(p + 1e-12) and factor = scale/B.
extern "C" __global__ void __launch_bounds__(THREADS)
	distillation_grad(float *dstudent, const float *student, const float *teacher, float factor, int n)
{
	i64 at = (i64)blockIdx.x * n;
	Soft p = soft(student + at, n), t = soft(teacher + at, n);
	float sum = 0;
	FOR_BLOCK(i, n)
	{
		float v = p[i];
		sum += t[i] * (v / (v + 1e-12f));
	}
	sum = block_sum<THREADS>(sum);
	FOR_BLOCK(i, n)
	{
		float v = p[i];
		dstudent[at + i] += factor * (v * sum - t[i] * (v / (v + 1e-12f)));
	}
}
