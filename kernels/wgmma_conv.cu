// wgmma_conv.cu: frozen convolutions of maps of halves on compute capability 9.0, with the
// results of half_conv.cu. internal/cuda/half_conv.go
#if defined(__CUDA_ARCH_FEAT_SM90_ALL) || defined(HDM_EMU)
#include "half_conv.cuh"
#include "wgmma_product.cuh"

// A warpgroup for every 64 rows of the tile; BLOCKS of them on a multiprocessor.
template <int BM, int BN, int STAGES, int BEHIND> __device__ __forceinline__ void wgmma_conv(const HalfConvArgs &p)
{
	constexpr int THREADS = BM * 2;
	Tile<BM, BN> tile(p.g.co);
	HalfPatches<WgmmaPanel<BM, THREADS>> a(p.g, p.padded(), tile.row0);
	HalfRows<WgmmaColumns<BN, THREADS>> b((const u16 *)p.g.b, nullptr, p.terms(), tile.col0, p.g.co, p.terms());
	float acc[1][BN / 8][4];
	wgmma_multiply<STAGES, BEHIND>(acc[0], a, b, (p.terms() + WGMMA_STEP - 1) / WGMMA_STEP);
	half_put_rows(acc, tile.row0 + warp() * 16, tile.col0, HalfConvEnd{p});
}

#define WGMMA(name, BM, BN, BLOCKS, STAGES, BEHIND)                                    \
	extern "C" __global__ void __launch_bounds__(BM * 2, BLOCKS) name(HalfConvArgs p) \
	{                                                                                 \
		wgmma_conv<BM, BN, STAGES, BEHIND>(p);                                        \
	}
WGMMA(wgmma_conv_128x256, 128, 256, 1, 4, 1)
WGMMA(wgmma_conv_128, 128, 128, 2, 3, 0)
WGMMA(wgmma_conv_128x64, 128, 64, 2, 3, 0)
WGMMA(wgmma_conv_64, 64, 64, 2, 3, 0)
#endif
