// half_conv.cuh: what the convolutions of maps of halves have in common.
#pragma once
#include "half_product.cuh"

// HalfConvArgs is a convolution of an image of halves with weights of halves [Co, taps, Ci
// rounded up to HALF_STEP]; the bias is float32, the result and the residual either. Ci and Co are
// divisible by 8, addresses by 16.
struct HalfConvArgs {
	ConvArgs g;
	int half_out, half_residual;

	__device__ int padded() const { return (g.ci + HALF_STEP - 1) / HALF_STEP * HALF_STEP; }
	__device__ int terms() const { return g.kh * g.kw * padded(); }
};

// HalfConvEnd writes 8 neighboring results: y = ReLU(conv(x, w) + bias + residual).
struct HalfConvEnd {
	const HalfConvArgs &p;
	__device__ void operator()(i64 row, i64 col, float (&v)[8]) const
	{
		const ConvArgs &g = p.g;
		if (row >= (i64)g.batch * g.ho * g.wo || col >= g.co)
			return;
		i64 at = row * g.co + col;
		if (g.bias) {
			float4 q = *(const float4 *)(g.bias + col), r = *(const float4 *)(g.bias + col + 4);
			v[0] += q.x, v[1] += q.y, v[2] += q.z, v[3] += q.w, v[4] += r.x, v[5] += r.y, v[6] += r.z, v[7] += r.w;
		}
		if (g.residual && p.half_residual) {
			uint4 q = *(const uint4 *)((const u16 *)g.residual + at);
			u32 pairs[4] = {q.x, q.y, q.z, q.w};
			UNROLL
			for (int n = 0; n < 8; n++)
				v[n] += from_f16(f16{(u16)(pairs[n / 2] >> n % 2 * 16)});
		} else if (g.residual) {
			float4 q = *(const float4 *)(g.residual + at), r = *(const float4 *)(g.residual + at + 4);
			v[0] += q.x, v[1] += q.y, v[2] += q.z, v[3] += q.w, v[4] += r.x, v[5] += r.y, v[6] += r.z, v[7] += r.w;
		}
		UNROLL
		for (int n = 0; n < 8; n++)
			v[n] = g.relu && v[n] < 0.0f ? 0.0f : v[n]; // NaN stays
		if (p.half_out) {
			u32 pairs[4];
			UNROLL
			for (int n = 0; n < 4; n++)
				pairs[n] = pack_f16(fit_f16(v[2 * n]), fit_f16(v[2 * n + 1]));
			*(uint4 *)((u16 *)g.out + at) = uint4{pairs[0], pairs[1], pairs[2], pairs[3]};
		} else {
			*(float4 *)(g.out + at) = float4{v[0], v[1], v[2], v[3]};
			*(float4 *)(g.out + at + 4) = float4{v[4], v[5], v[6], v[7]};
		}
	}
};
