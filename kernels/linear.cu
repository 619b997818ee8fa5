// linear.cu: the products behind Linear and its gradients, in float32: gemm_nt for
// y = x·wᵀ, gemm_nn for dx = dy·w, gemm_tn for dw = dyᵀ·x; each with tiles of several
// sizes, and one for extents that 4 does not divide. internal/op/linear.go
#include "gemm.cuh"

// gemm computes one tile; SA and SB tell how A and B lie. The grid is (tiles of C, parts
// of the sum).
template <class SA, class SB> __device__ __forceinline__ void gemm(const GemmArgs &g)
{
	Tile<SA::EXTENT, SB::EXTENT> tile(g.n);
	i64 k0 = (i64)blockIdx.y * g.split_k, k1 = k0 + g.split_k < g.k ? k0 + g.split_k : g.k;
	SA a(g.a, g.lda, tile.row0, g.m, k0, k1);
	SB b(g.b, g.ldb, tile.col0, g.n, k0, k1);
	float acc[SA::EXTENT / 16][SB::EXTENT / 16];
	multiply(acc, a, b, (k1 - k0 + BK - 1) / BK);
	Output out{g.c + (i64)blockIdx.y * g.m * g.ldc, g.bias, g.accumulate ? g.c : g.residual, g.n, g.ldc, g.relu};
	put_tile<SA, SB>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * g.ldc;
		return r < g.m;
	});
}

#define GEMM(name, SA, SB, BM, BN, WIDTH)                                             \
	extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS, 2) name(GemmArgs g) \
	{                                                                                 \
		gemm<SA<BM, WIDTH>, SB<BN, WIDTH>>(g);                                        \
	}
GEMM(gemm_nt_128, MatrixRows, MatrixRows, 128, 128, 4)
GEMM(gemm_nn_128, MatrixRows, MatrixColumns, 128, 128, 4)
GEMM(gemm_tn_128, MatrixColumns, MatrixColumns, 128, 128, 4)
GEMM(gemm_nt_128x64, MatrixRows, MatrixRows, 128, 64, 4)
GEMM(gemm_nn_128x64, MatrixRows, MatrixColumns, 128, 64, 4)
GEMM(gemm_tn_128x64, MatrixColumns, MatrixColumns, 128, 64, 4)
GEMM(gemm_nt_64, MatrixRows, MatrixRows, 64, 64, 4)
GEMM(gemm_nn_64, MatrixRows, MatrixColumns, 64, 64, 4)
GEMM(gemm_tn_64, MatrixColumns, MatrixColumns, 64, 64, 4)
GEMM(gemm_nt_any, MatrixRows, MatrixRows, 64, 64, 1)
GEMM(gemm_nn_any, MatrixRows, MatrixColumns, 64, 64, 1)
GEMM(gemm_tn_any, MatrixColumns, MatrixColumns, 64, 64, 1)
