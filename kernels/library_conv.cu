// library_conv.cu: what is left to do around convolutions by cuDNN: round the input to bf16
// before, add bias and residual after. internal/cuda/library_conv.go
#include "hdm.cuh"

// out[r, k] = x[r, k] rounded to nearest, 0 for k ≥ c; x [rows, c], out [rows, padded] with
// padded even. Two values a thread, or four where quads tells that 4 divides c and padded
// and that x lies at a multiple of 16.
extern "C" __global__ void __launch_bounds__(256) round_rows_bf16(u32 *out, const float *x, i64 rows, int c, int padded, int quads)
{
	if (quads) {
		FOR_GRID(i, rows * padded / 4) {
			i64 r = i * 4 / padded;
			int k = (int)(i * 4 - r * padded);
			float4 v = {0, 0, 0, 0};
			if (k < c)
				v = *(const float4 *)(x + r * c + k);
			out[i * 2] = pack_bf16(v.x, v.y);
			out[i * 2 + 1] = pack_bf16(v.z, v.w);
		}
		return;
	}
	FOR_GRID(i, rows * padded / 2) {
		i64 r = i * 2 / padded;
		int k = (int)(i * 2 - r * padded);
		out[i] = pack_bf16(k < c ? x[r * c + k] : 0.0f, k + 1 < c ? x[r * c + k + 1] : 0.0f);
	}
}

// The values of t that belong to y[at, at+WIDTH).
template <int WIDTH> __device__ inline void take(float (&v)[WIDTH], const float *t, i64 at)
{
	if constexpr (WIDTH == 4) {
		float4 q = *(const float4 *)(t + at);
		v[0] = q.x, v[1] = q.y, v[2] = q.z, v[3] = q.w;
	} else {
		v[0] = t[at];
	}
}
template <int WIDTH> __device__ inline void take(float (&v)[WIDTH], const bf16 *t, i64 at)
{
	if constexpr (WIDTH == 4) {
		const u32 *q = (const u32 *)(t + at);
		UNROLL
		for (int i = 0; i < 2; i++) {
			v[i * 2] = as_float(q[i] << 16);
			v[i * 2 + 1] = as_float(q[i] & 0xffff0000u);
		}
	} else {
		v[0] = from_bf16(t[at]);
	}
}

// y = max(0, t + bias + residual), without what is null and without max unless relu; all
// [rows, c] but bias [c]; y may be t or residual. A thread has WIDTH neighboring channels.
template <int WIDTH, class T>
__device__ __forceinline__ void finish(float *y, const T *t, const float *bias, const float *residual, i64 rows, int c, int relu)
{
	FOR_GRID(i, rows * c / WIDTH) {
		i64 at = i * WIDTH;
		float v[WIDTH], more[WIDTH];
		take(v, t, at);
		if (bias) {
			take(more, bias, at % c);
			UNROLL
			for (int k = 0; k < WIDTH; k++)
				v[k] += more[k];
		}
		if (residual) {
			take(more, residual, at);
			UNROLL
			for (int k = 0; k < WIDTH; k++)
				v[k] += more[k];
		}
		UNROLL
		for (int k = 0; k < WIDTH; k++)
			v[k] = relu && v[k] < 0.0f ? 0.0f : v[k]; // NaN stays
		if constexpr (WIDTH == 4)
			*(float4 *)(y + at) = float4{v[0], v[1], v[2], v[3]};
		else
			y[at] = v[0];
	}
}

#define FINISH(name, T)                                                                                                            \
	extern "C" __global__ void __launch_bounds__(256) name(float *y, const T *t, const float *bias, const float *residual, i64 rows, \
	                                                       int c, int relu, int quads)                                             \
	{                                                                                                                              \
		if (quads)                                                                                                                 \
			finish<4>(y, t, bias, residual, rows, c, relu);                                                                        \
		else                                                                                                                       \
			finish<1>(y, t, bias, residual, rows, c, relu);                                                                        \
	}
FINISH(finish_conv, float)
FINISH(finish_conv_bf16, bf16)
