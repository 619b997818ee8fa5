// tensor_gradient.cu: the products behind the gradients of Linear and of convolutions on
// tensor cores, both operands rounded to tf32 or bf16 when they are read, sums in float32:
// what linear.cu and conv2d.cu do in float32. Grids are the same, blocks are of 128 threads.
// Plain products are in tf32 alone: internal/cuda/precision.go.
// internal/cuda/tensor_gradient.go
#include "gemm.cuh"
#include "tensor_product.cuh"

constexpr int ACROSS_PAD = 8; // of operands across the sum: lane_terms

// dx = dy·w and dw = dyᵀ·x: as gemm of linear.cu.
template <class F, class SA, class SB, int WIDTH> __device__ __forceinline__ void tensor_gemm(const GemmArgs &g)
{
	Tile<SA::EXTENT, SB::EXTENT> tile(g.n);
	i64 k0 = (i64)blockIdx.y * g.split_k, k1 = k0 + g.split_k < g.k ? k0 + g.split_k : g.k;
	SA a(g.a, g.lda, tile.row0, g.m, k0, k1);
	SB b(g.b, g.ldb, tile.col0, g.n, k0, k1);
	float acc[SA::EXTENT / 32][SB::EXTENT / 16][4];
	tensor_multiply<F>(acc, a, b, (k1 - k0 + BK - 1) / BK);
	Output out{g.c + (i64)blockIdx.y * g.m * g.ldc, g.bias, g.accumulate ? g.c : g.residual, g.n, g.ldc, g.relu};
	tensor_put<WIDTH>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * g.ldc;
		return r < g.m;
	});
}

template <class F, int BM, int BN, int WIDTH> __device__ __forceinline__ void gemm_nn(const GemmArgs &g)
{
	tensor_gemm<F, MatrixRows<BM, WIDTH, TENSOR_THREADS>, MatrixColumns<BN, WIDTH, TENSOR_THREADS, ACROSS_PAD>, WIDTH>(g);
}
template <class F, int BM, int BN, int WIDTH> __device__ __forceinline__ void gemm_tn(const GemmArgs &g)
{
	tensor_gemm<F, MatrixColumns<BM, WIDTH, TENSOR_THREADS, ACROSS_PAD>, MatrixColumns<BN, WIDTH, TENSOR_THREADS, ACROSS_PAD>, WIDTH>(g);
}

// dx += the transposed convolution of dy: as conv_grad_input of conv2d.cu.
template <class F, int BM, int BN, int WIDTH> __device__ __forceinline__ void grad_input(const ConvArgs &g)
{
	Tile<BM, BN> tile(g.ci);
	InputPhase phase(g);
	if (tile.row0 >= phase.rows || phase.terms == 0)
		return;
	Window window = phase.window();
	Patches<BM, WIDTH, TENSOR_THREADS> a(window, g.co, tile.row0);
	TapWeights<BN, WIDTH, TENSOR_THREADS, ACROSS_PAD> b(g, phase.ty, phase.tx, tile.col0);
	float acc[BM / 32][BN / 16][4];
	tensor_multiply<F>(acc, a, b, (phase.terms + BK - 1) / BK);
	Output out{g.out, nullptr, g.out, g.ci, g.ci, 0};
	tensor_put<WIDTH>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) { return phase.offset(r, at); });
}

// dw (+)= Σ dy·patch: as conv_grad_weight of conv2d.cu.
template <class F, int BM, int BN, int WIDTH> __device__ __forceinline__ void grad_weight(const ConvArgs &g)
{
	i64 n = (i64)g.kh * g.kw * g.ci, positions = (i64)g.batch * g.ho * g.wo;
	Tile<BM, BN> tile(n);
	i64 k0 = (i64)blockIdx.y * g.split_k, k1 = k0 + g.split_k < positions ? k0 + g.split_k : positions;
	MatrixColumns<BM, WIDTH, TENSOR_THREADS, ACROSS_PAD> a(g.a, g.co, tile.row0, g.co, k0, k1);
	PatchColumns<BN, WIDTH, TENSOR_THREADS, ACROSS_PAD> b(g, tile.col0, k0, k1);
	float acc[BM / 32][BN / 16][4];
	tensor_multiply<F>(acc, a, b, (k1 - k0 + BK - 1) / BK);
	Output out{g.out + (i64)blockIdx.y * g.co * n, nullptr, g.accumulate ? g.out : nullptr, n, n, 0};
	tensor_put<WIDTH>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * n;
		return r < g.co;
	});
}

#define TENSOR(name, what, Args, F, BM, BN, WIDTH)                                  \
	extern "C" __global__ void __launch_bounds__(TENSOR_THREADS, 2) name(Args g) \
	{                                                                            \
		what<F, BM, BN, WIDTH>(g);                                               \
	}
#define TILES(name, what, Args, F)                      \
	TENSOR(name##_128, what, Args, F, 128, 128, 4)      \
	TENSOR(name##_128x64, what, Args, F, 128, 64, 4)    \
	TENSOR(name##_64, what, Args, F, 64, 64, 4)         \
	TENSOR(name##_any, what, Args, F, 64, 64, 1)
TILES(gemm_nn_tf32, gemm_nn, GemmArgs, Tf32)
TILES(gemm_tn_tf32, gemm_tn, GemmArgs, Tf32)
TILES(conv2d_grad_input_tf32, grad_input, ConvArgs, Tf32)
TILES(conv2d_grad_weight_tf32, grad_weight, ConvArgs, Tf32)
TILES(conv2d_grad_input_bf16, grad_input, ConvArgs, Bf16)
TILES(conv2d_grad_weight_bf16, grad_weight, ConvArgs, Bf16)
