// tensor_conv.cu: convolution and Linear on tensor cores, inputs rounded to bf16 or tf32.
// internal/cuda/tensor_conv.go
#include "tensor_product.cuh"

#define TENSOR(name, F, BM, BN, WIDTH, RAW, STAGES)                                   \
	extern "C" __global__ void __launch_bounds__(TENSOR_THREADS, 2) name(ConvArgs g) \
	{                                                                                 \
		tensor_conv<F, BM, BN, WIDTH, RAW, STAGES>(g);                                \
	}
TENSOR(conv2d_bf16_128, Bf16, 128, 128, 4, false, TENSOR_STAGES)
TENSOR(conv2d_bf16_128x64, Bf16, 128, 64, 4, false, TENSOR_STAGES)
TENSOR(conv2d_bf16_64, Bf16, 64, 64, 4, false, TENSOR_STAGES)
TENSOR(conv2d_bf16_any, Bf16, 64, 64, 1, false, TENSOR_STAGES)
TENSOR(conv2d_tf32_128, Tf32, 128, 128, 4, false, TENSOR_STAGES)
TENSOR(conv2d_tf32_128_fewer, Tf32, 128, 128, 4, false, FEWER_STAGES)
TENSOR(conv2d_tf32_128x64, Tf32, 128, 64, 4, false, TENSOR_STAGES)
TENSOR(conv2d_tf32_64, Tf32, 64, 64, 4, false, TENSOR_STAGES)
TENSOR(conv2d_tf32_any, Tf32, 64, 64, 1, false, TENSOR_STAGES)
TENSOR(conv2d_tf32_raw_128, Tf32, 128, 128, 4, true, TENSOR_STAGES)
TENSOR(conv2d_tf32_raw_128_fewer, Tf32, 128, 128, 4, true, FEWER_STAGES)
TENSOR(conv2d_tf32_raw_128x64, Tf32, 128, 64, 4, true, TENSOR_STAGES)
TENSOR(conv2d_tf32_raw_64, Tf32, 64, 64, 4, true, TENSOR_STAGES)
TENSOR(conv2d_tf32_raw_any, Tf32, 64, 64, 1, true, TENSOR_STAGES)

// out[r, c] = w[r, c] rounded to nearest, 0 for c ≥ ci; w [rows, ci], out [rows, padded],
// padded even. One thread for two weights.
extern "C" __global__ void __launch_bounds__(256) round_weights_bf16(u32 *out, const float *w, i64 rows, int ci, int padded)
{
	FOR_GRID(i, rows * padded / 2) {
		i64 r = i * 2 / padded;
		int c = (int)(i * 2 - r * padded);
		float lo = c < ci ? w[r * ci + c] : 0.0f, hi = c + 1 < ci ? w[r * ci + c + 1] : 0.0f;
		out[i] = pack_bf16(lo, hi);
	}
}

// The same in tf32: a float32 whose lowest 13 bits are 0.
extern "C" __global__ void __launch_bounds__(256) round_weights_tf32(u32 *out, const float *w, i64 rows, int ci, int padded)
{
	FOR_GRID(i, rows * padded) {
		i64 r = i / padded;
		int c = (int)(i - r * padded);
		out[i] = c < ci ? to_tf32(w[r * ci + c]) : 0;
	}
}
