// half_conv.cu: frozen convolutions of maps of halves. internal/cuda/half_conv.go
#include "half_conv.cuh"

template <int BM, int BN> __device__ __forceinline__ void half_conv(const HalfConvArgs &p)
{
	Tile<BM, BN> tile(p.g.co);
	HalfPatches<HalfPanel<BM, HALF_A>> a(p.g, p.padded(), tile.row0);
	HalfRows<HalfPanel<BN, HALF_B>> b((const u16 *)p.g.b, nullptr, p.terms(), tile.col0, p.g.co, p.terms());
	float acc[BM / 32][BN / 16][4];
	half_multiply(acc, a, b, p.terms() / HALF_STEP);
	half_put(acc, tile.row0, tile.col0, HalfConvEnd{p});
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
