// linear.cu: the products behind Linear and its gradients, in float32: gemm_nt for
// y = x·wᵀ, gemm_nn for dx = dy·w, gemm_tn for dw = dyᵀ·x; each with a large and a small
// tile. internal/op/linear.go
#include "gemm.cuh"

#define GEMM(name, BM, BN, TM, TN, TA, TB)                                \
	extern "C" __global__ void __launch_bounds__(256, 2) name(GemmArgs g) \
	{                                                                     \
		gemm_tile<BM, BN, TM, TN, TA, TB>(g);                             \
	}
GEMM(gemm_nt_128, 128, 128, 8, 8, false, true)
GEMM(gemm_nn_128, 128, 128, 8, 8, false, false)
GEMM(gemm_tn_128, 128, 128, 8, 8, true, false)
GEMM(gemm_nt_64, 64, 64, 4, 4, false, true)
GEMM(gemm_nn_64, 64, 64, 4, 4, false, false)
GEMM(gemm_tn_64, 64, 64, 4, 4, true, false)
