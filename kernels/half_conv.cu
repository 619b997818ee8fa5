// half_conv.cu: frozen convolutions of maps of halves. internal/cuda/half_conv.go
#include "half_product.cuh"

// HalfConvArgs is a convolution of an image of halves with weights of halves [Co, taps, Ci
// rounded up to HALF_STEP]; the bias is float32, the result and the residual either.
struct HalfConvArgs {
	ConvArgs g;
	int half_out, half_residual;
};

// y = ReLU(conv(x, w) + bias + residual); Ci and Co divisible by 8, addresses by 16.
template <int BM, int BN> __device__ __forceinline__ void half_conv(const HalfConvArgs &p)
{
	const ConvArgs &g = p.g;
	Tile<BM, BN> tile(g.co);
	int padded = (g.ci + HALF_STEP - 1) / HALF_STEP * HALF_STEP, terms = g.kh * g.kw * padded;
	HalfPatches<BM> a(g, padded, tile.row0);
	HalfRows<BN, HALF_B> b((const u16 *)g.b, nullptr, terms, tile.col0, g.co, terms);
	float acc[BM / 32][BN / 16][4];
	half_multiply(acc, a, b, terms / HALF_STEP);
	i64 positions = (i64)g.batch * g.ho * g.wo;
	half_put(acc, tile.row0, tile.col0, [&](i64 row, i64 col, float (&v)[8]) {
		if (row >= positions || col >= g.co)
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
	});
}

#define HALF(name, BM, BN)                                                            \
	extern "C" __global__ void __launch_bounds__(HALF_THREADS, 2) name(HalfConvArgs p) \
	{                                                                                 \
		half_conv<BM, BN>(p);                                                         \
	}
HALF(half_conv_128, 128, 128)
HALF(half_conv_128x64, 128, 64)
HALF(half_conv_64, 64, 64)

// out[r, k] = x[r, k] as a half, 0 for k ≥ c; x [rows, c], out [rows, padded], padded even. One
// thread for two halves.
extern "C" __global__ void __launch_bounds__(256) round_half(u32 *out, const float *x, i64 rows, int c, int padded)
{
	FOR_GRID(i, rows * padded / 2)
	{
		i64 r = i * 2 / padded;
		int k = (int)(i * 2 - r * padded);
		float lo = k < c ? x[r * c + k] : 0.0f, hi = k + 1 < c ? x[r * c + k + 1] : 0.0f;
		out[i] = pack_f16(fit_f16(lo), fit_f16(hi));
	}
}
