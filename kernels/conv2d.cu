// conv2d.cu: convolution and its gradients as products in float32 whose operands are read
// where they lie: no patches in memory. Each with tiles of several sizes, and one for channels
// that 4 does not divide. internal/op/conv2d.go
#include "conv.cuh"

// y = ReLU(conv(x, w) + bias + residual): positions of y × (taps, ci) · (taps, ci) × co.
// The grid is the tiles of [B·Ho·Wo, Co].
template <int BM, int BN, int WIDTH> __device__ __forceinline__ void conv_forward(const ConvArgs &g)
{
	using A = Patches<BM, WIDTH>;
	using B = MatrixRows<BN, WIDTH>;
	Tile<BM, BN> tile(g.co);
	i64 rows = (i64)g.batch * g.ho * g.wo, terms = (i64)g.kh * g.kw * g.ci;
	Window window{g.a, g.batch, g.h, g.w, g.ci, g.ho, g.wo, g.stride, -g.pad, -g.pad, g.kh, g.kw, g.dilation, g.dilation};
	A a(window, g.ci, tile.row0);
	B b(g.b, terms, tile.col0, g.co, 0, terms);
	float acc[BM / 16][BN / 16];
	multiply(acc, a, b, (terms + BK - 1) / BK);
	Output out{g.out, g.bias, g.residual, g.co, g.co, g.relu};
	put_tile<A, B>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * g.co;
		return r < rows;
	});
}

// dx += the transposed convolution of dy. The grid is (tiles of the largest phase
// [B·⌈H/s⌉·⌈W/s⌉, Ci], phases).
template <int BM, int BN, int WIDTH> __device__ __forceinline__ void conv_grad_input(const ConvArgs &g)
{
	using A = Patches<BM, WIDTH>;
	using B = TapWeights<BN, WIDTH>;
	Tile<BM, BN> tile(g.ci);
	InputPhase phase(g);
	if (tile.row0 >= phase.rows || phase.terms == 0)
		return;
	Window window = phase.window();
	A a(window, g.co, tile.row0);
	B b(g, phase.ty, phase.tx, tile.col0);
	float acc[BM / 16][BN / 16];
	multiply(acc, a, b, (phase.terms + BK - 1) / BK);
	Output out{g.out, nullptr, g.out, g.ci, g.ci, 0};
	put_tile<A, B>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) { return phase.offset(r, at); });
}

// dw (+)= Σ dy·patch: co × positions of y · positions of y × (taps, ci). The grid is
// (tiles of [Co, KH·KW·Ci], parts of the sum); part y writes out[y].
template <int BM, int BN, int WIDTH> __device__ __forceinline__ void conv_grad_weight(const ConvArgs &g)
{
	using A = MatrixColumns<BM, WIDTH>;
	using B = PatchColumns<BN, WIDTH>;
	i64 n = (i64)g.kh * g.kw * g.ci, positions = (i64)g.batch * g.ho * g.wo;
	Tile<BM, BN> tile(n);
	i64 k0 = (i64)blockIdx.y * g.split_k, k1 = k0 + g.split_k < positions ? k0 + g.split_k : positions;
	A a(g.a, g.co, tile.row0, g.co, k0, k1);
	B b(g, tile.col0, k0, k1);
	float acc[BM / 16][BN / 16];
	multiply(acc, a, b, (k1 - k0 + BK - 1) / BK);
	Output out{g.out + (i64)blockIdx.y * g.co * n, nullptr, g.accumulate ? g.out : nullptr, n, n, 0};
	put_tile<A, B>(acc, out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * n;
		return r < g.co;
	});
}

#define CONV(name, what, BM, BN, WIDTH)                                                \
	extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS, 2) name(ConvArgs g) \
	{                                                                                  \
		what<BM, BN, WIDTH>(g);                                                        \
	}
CONV(conv2d_128, conv_forward, 128, 128, 4)
CONV(conv2d_128x64, conv_forward, 128, 64, 4)
CONV(conv2d_64, conv_forward, 64, 64, 4)
CONV(conv2d_any, conv_forward, 64, 64, 1)
CONV(conv2d_grad_input_128, conv_grad_input, 128, 128, 4)
CONV(conv2d_grad_input_128x64, conv_grad_input, 128, 64, 4)
CONV(conv2d_grad_input_64, conv_grad_input, 64, 64, 4)
CONV(conv2d_grad_input_any, conv_grad_input, 64, 64, 1)
CONV(conv2d_grad_weight_128, conv_grad_weight, 128, 128, 4)
CONV(conv2d_grad_weight_128x64, conv_grad_weight, 128, 64, 4)
CONV(conv2d_grad_weight_64, conv_grad_weight, 64, 64, 4)
CONV(conv2d_grad_weight_any, conv_grad_weight, 64, 64, 1)
