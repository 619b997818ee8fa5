// tensor_gradient.cu: the products behind the gradients of Linear and of convolutions on
// tensor cores, both operands rounded to tf32 or bf16 when they are read, sums in float32:
// what linear.cu and conv2d.cu do in float32. Grids are the same, blocks are of 128 threads.
// Plain products are in tf32 alone: internal/cuda/precision.go.
// internal/cuda/tensor_gradient.go
#include "gemm.cuh"
#include "tensor_product.cuh"

constexpr int ACROSS_PAD = 8; // of operands across the sum: lane_terms

// dx = dy·w and dw = dyᵀ·x: as gemm of linear.cu; of a part of the sum.
template <class F, class SA, class SB, int WIDTH, int STAGES> __device__ __forceinline__ void tensor_gemm(const GemmArgs &g, u32 block, u32 part)
{
	Tile<SA::EXTENT, SB::EXTENT> tile(g.n, block);
	i64 k0 = (i64)part * g.split_k, k1 = k0 + g.split_k < g.k ? k0 + g.split_k : g.k;
	SA a(g.a, g.lda, tile.row0, g.m, k0, k1);
	SB b(g.b, g.ldb, tile.col0, g.n, k0, k1);
	float acc[SA::EXTENT / 32][SB::EXTENT / 16][4];
	i64 steps = (k1 - k0 + BK - 1) / BK;
	if constexpr (SA::ALONG_K) {
		tensor_multiply<F, STAGES>(acc, a, b, steps);
	} else {
		ColumnSums<SA> columns(g.sums && tile.col0 == 0);
		tensor_multiply<F, STAGES>(acc, a, b, steps, [&](const float *panel) { columns.add(panel); });
		columns.put(g.sums + (i64)part * g.m, tile.row0, g.m);
	}
	Output out{g.c + (i64)part * g.m * g.ldc, g.bias, g.accumulate ? g.c : g.residual, g.n, g.ldc, g.relu};
	tensor_put<WIDTH>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * g.ldc;
		return r < g.m;
	});
}

template <class F, int BM, int BN, int WIDTH, int STAGES> __device__ __forceinline__ void gemm_nn(const GemmArgs &g, u32 block = blockIdx.x, u32 part = blockIdx.y)
{
	tensor_gemm<F, MatrixRows<BM, WIDTH, TENSOR_THREADS>, MatrixColumns<BN, WIDTH, TENSOR_THREADS, ACROSS_PAD>, WIDTH, STAGES>(g, block, part);
}
template <class F, int BM, int BN, int WIDTH, int STAGES> __device__ __forceinline__ void gemm_tn(const GemmArgs &g, u32 block = blockIdx.x, u32 part = blockIdx.y)
{
	tensor_gemm<F, MatrixColumns<BM, WIDTH, TENSOR_THREADS, ACROSS_PAD>, MatrixColumns<BN, WIDTH, TENSOR_THREADS, ACROSS_PAD>, WIDTH, STAGES>(g, block, part);
}

// LinearGradArgs are dx = dy·w and dw = dyᵀ·x, which run side by side: first the blocks of dw,
// whose sums are long, parts one after the other.
struct LinearGradArgs {
	GemmArgs input, weight;
	int weight_blocks, weight_parts;
};

template <int BM, int BN, int STAGES> __device__ __forceinline__ void linear_grad(const LinearGradArgs &g)
{
	u32 weights = (u32)(g.weight_blocks * g.weight_parts);
	if (blockIdx.x < weights)
		gemm_tn<Tf32, 64, 64, 4, TENSOR_STAGES>(g.weight, blockIdx.x % (u32)g.weight_blocks, blockIdx.x / (u32)g.weight_blocks);
	else
		gemm_nn<Tf32, BM, BN, 4, STAGES>(g.input, blockIdx.x - weights, 0);
}

// dx += the transposed convolution of dy: as conv_grad_input of conv2d.cu.
template <class F, int BM, int BN, int WIDTH, int STAGES> __device__ __forceinline__ void grad_input(const ConvArgs &g)
{
	Tile<BM, BN> tile(g.ci);
	InputPhase phase(g);
	if (tile.row0 >= phase.rows || phase.terms == 0)
		return;
	Window window = phase.window();
	Patches<BM, WIDTH, TENSOR_THREADS> a(window, g.co, tile.row0);
	TapWeights<BN, WIDTH, TENSOR_THREADS, ACROSS_PAD> b(g, phase.ty, phase.tx, tile.col0);
	float acc[BM / 32][BN / 16][4];
	tensor_multiply<F, STAGES>(acc, a, b, (phase.terms + BK - 1) / BK);
	Output out{g.out, nullptr, g.out, g.ci, g.ci, 0};
	tensor_put<WIDTH>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) { return phase.offset(r, at); });
}

// dw (+)= Σ dy·patch: as conv_grad_weight of conv2d.cu.
template <class F, int BM, int BN, int WIDTH, int STAGES> __device__ __forceinline__ void grad_weight(const ConvArgs &g)
{
	i64 n = (i64)g.kh * g.kw * g.ci, positions = (i64)g.batch * g.ho * g.wo;
	Tile<BM, BN> tile(n);
	i64 k0 = (i64)blockIdx.y * g.split_k, k1 = k0 + g.split_k < positions ? k0 + g.split_k : positions;
	using A = MatrixColumns<BM, WIDTH, TENSOR_THREADS, ACROSS_PAD>;
	A a(g.a, g.co, tile.row0, g.co, k0, k1);
	PatchColumns<BN, WIDTH, TENSOR_THREADS, ACROSS_PAD> b(g, tile.col0, k0, k1);
	float acc[BM / 32][BN / 16][4];
	ColumnSums<A> columns(g.sums && tile.col0 == 0);
	tensor_multiply<F, STAGES>(acc, a, b, (k1 - k0 + BK - 1) / BK, [&](const float *panel) { columns.add(panel); });
	columns.put(g.sums + (i64)blockIdx.y * g.co, tile.row0, g.co);
	Output out{g.out + (i64)blockIdx.y * g.co * n, nullptr, g.accumulate ? g.out : nullptr, n, n, 0};
	tensor_put<WIDTH>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * n;
		return r < g.co;
	});
}

// Of a tile of 128×64 four stages, of 13 and 14.5 KiB, leave a multiprocessor of 100 KiB one block.
#define TENSOR(name, what, Args, F, BM, BN, WIDTH, STAGES)                          \
	extern "C" __global__ void __launch_bounds__(TENSOR_THREADS, 2) name(Args g) \
	{                                                                            \
		what<F, BM, BN, WIDTH, STAGES>(g);                                       \
	}
#define LINEAR_GRAD(name, BM, BN, STAGES)                                                     \
	extern "C" __global__ void __launch_bounds__(TENSOR_THREADS, 2) name(LinearGradArgs g) \
	{                                                                                      \
		linear_grad<BM, BN, STAGES>(g);                                                    \
	}
LINEAR_GRAD(linear_grad_tf32_128, 128, 128, TENSOR_STAGES)
LINEAR_GRAD(linear_grad_tf32_128x64, 128, 64, TENSOR_STAGES)
LINEAR_GRAD(linear_grad_tf32_128x64_fewer, 128, 64, FEWER_STAGES)
LINEAR_GRAD(linear_grad_tf32_64, 64, 64, TENSOR_STAGES)
#define TILES(name, what, Args, F)                                      \
	TENSOR(name##_128, what, Args, F, 128, 128, 4, TENSOR_STAGES)       \
	TENSOR(name##_128x64, what, Args, F, 128, 64, 4, TENSOR_STAGES)     \
	TENSOR(name##_128x64_fewer, what, Args, F, 128, 64, 4, FEWER_STAGES) \
	TENSOR(name##_64, what, Args, F, 64, 64, 4, TENSOR_STAGES)          \
	TENSOR(name##_any, what, Args, F, 64, 64, 1, TENSOR_STAGES)
TILES(gemm_nn_tf32, gemm_nn, GemmArgs, Tf32)
TILES(gemm_tn_tf32, gemm_tn, GemmArgs, Tf32)
TILES(conv2d_grad_input_tf32, grad_input, ConvArgs, Tf32)
TILES(conv2d_grad_weight_tf32, grad_weight, ConvArgs, Tf32)
TILES(conv2d_grad_input_bf16, grad_input, ConvArgs, Bf16)
TILES(conv2d_grad_weight_bf16, grad_weight, ConvArgs, Bf16)
