// conv.cuh: the operands of a convolution's products, read from the image and the weights
// as they lie. x [B,H,W,Ci], weights [Co,KH,KW,Ci], y [B,Ho,Wo,Co].
#pragma once
#include "product.cuh"

// ConvArgs is a convolution or one of its gradients. Extents are those of the
// convolution: h, w, ci of x; ho, wo, co of y.
//
//	forward          out = y   a = x   b = weights
//	gradient of x    out = dx  a = dy  b = weights
//	gradient of w    out = dw  a = dy  b = x
struct ConvArgs {
	float *out;
	const float *a, *b, *bias, *residual;
	int batch, h, w, ci, ho, wo, co, kh, kw, stride, pad, dilation;
	int relu;
	int accumulate; // gradient of w: out is added to
	int dk;      // gradient of x: every dk-th tap of an axis meets the same position of dx
	int split_k; // gradient of w: block y takes the positions of y from y·split_k on
	float *sums; // gradient of w on tensor cores: block y writes the co sums of its dy; null: none
};

// Taps walks along a sum over taps and channels, channels fastest.
struct Taps {
	int c, x, y;
	__device__ void normalize(int channels, int taps_x)
	{
		while (c >= channels) {
			c -= channels;
			if (++x == taps_x) {
				x = 0;
				y++;
			}
		}
	}
};

// Window is a grid of gh×gw positions per picture that read an image [batch,h,w,c]: tap
// (ty,tx) of position (i,j) reads row i·stride + oy + ty·step_y, columns likewise.
struct Window {
	const float *image;
	int batch, h, w, c, gh, gw, stride, oy, ox, ny, nx, step_y, step_x;
};

// Patches is operand A of positions × (taps, channels). The sum runs over padded channels
// (≥ c), those beyond c read as 0.
template <int EXTENT, int WIDTH, int THREADS = PRODUCT_THREADS, int PAD = 4> struct Patches : Panel<EXTENT, WIDTH, true, THREADS, PAD> {
	using P = Panel<EXTENT, WIDTH, true, THREADS, PAD>;
	static constexpr int NOWHERE = -(1 << 30);
	const Window &win;
	const float *base[P::SLOTS]; // what tap (0,0) reads, inside the image or not
	int y[P::SLOTS], x[P::SLOTS];
	int padded;
	Taps tap;

	__device__ Patches(const Window &window, int padded_, i64 row0) : win(window), padded(padded_), tap{P::across(), 0, 0}
	{
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			i64 r = row0 + P::line(e);
			if (r >= (i64)win.batch * win.gh * win.gw) {
				y[e] = x[e] = NOWHERE;
				base[e] = win.image;
				continue;
			}
			u32 position = (u32)r, row = position / (u32)win.gw;
			y[e] = (int)(row % (u32)win.gh) * win.stride + win.oy;
			x[e] = (int)(position % (u32)win.gw) * win.stride + win.ox;
			base[e] = win.image + (((i64)(row / (u32)win.gh) * win.h + y[e]) * win.w + x[e]) * win.c;
		}
		tap.normalize(padded, win.nx);
	}
	__device__ const float *at(int e, bool &valid) const
	{
		int dy = tap.y * win.step_y, dx = tap.x * win.step_x;
		valid = tap.y < win.ny && tap.c < win.c && (u32)(y[e] + dy) < (u32)win.h && (u32)(x[e] + dx) < (u32)win.w;
		return base[e] + ((i64)dy * win.w + dx) * win.c + tap.c;
	}
	__device__ void advance()
	{
		tap.c += BK;
		tap.normalize(padded, win.nx);
	}
};

// AxisTaps are the taps of one axis that meet the positions i ≡ phase (mod stride) of x,
// from the last to the first: tap first − t·dk reads position i/stride + o + t·step of dy.
struct AxisTaps {
	int n, first, o, step;
	__device__ AxisTaps(int phase, int k, int stride, int pad, int dilation, int dk) : n(0), first(k - 1), o(0), step(dk * dilation / stride)
	{
		// dk neighboring taps meet different phases: one of them is the last that fits.
		for (int tries = 0; tries < dk && first >= 0; tries++, first--)
			if ((phase + pad - first * dilation) % stride == 0) {
				n = first / dk + 1;
				o = (phase + pad - first * dilation) / stride;
				return;
			}
	}
};

// InputPhase is the block's part of the gradient of x. The positions of dx fall into stride²
// phases, one for each blockIdx.y; in one phase a fixed set of taps meets neighboring
// positions of dy, so that each phase is a convolution of dy with stride 1.
struct InputPhase {
	const ConvArgs &g;
	int py, px, gh, gw;
	AxisTaps ty, tx;
	i64 rows, terms;

	__device__ InputPhase(const ConvArgs &args)
	    : g(args), py((int)blockIdx.y / g.stride), px((int)blockIdx.y % g.stride), gh((g.h - py + g.stride - 1) / g.stride),
	      gw((g.w - px + g.stride - 1) / g.stride), ty(py, g.kh, g.stride, g.pad, g.dilation, g.dk),
	      tx(px, g.kw, g.stride, g.pad, g.dilation, g.dk), rows((i64)g.batch * gh * gw), terms((i64)ty.n * tx.n * g.co)
	{
	}
	__device__ Window window() const { return {g.a, g.batch, g.ho, g.wo, g.co, gh, gw, 1, ty.o, tx.o, ty.n, tx.n, ty.step, tx.step}; }
	// offset tells where row r of the phase lies in dx.
	__device__ bool offset(i64 r, i64 &at) const
	{
		u32 row = (u32)r / (u32)gw;
		i64 y = (i64)(row / (u32)gh) * g.h + py + (int)(row % (u32)gh) * g.stride;
		at = (y * g.w + px + (int)((u32)r % (u32)gw) * g.stride) * g.ci;
		return r < rows;
	}
};

// TapWeights is operand B of the gradient of x: (taps, co) × ci, read from the weights.
template <int EXTENT, int WIDTH, int THREADS = PRODUCT_THREADS, int PAD = 0> struct TapWeights : Panel<EXTENT, WIDTH, false, THREADS, PAD> {
	using P = Panel<EXTENT, WIDTH, false, THREADS, PAD>;
	const ConvArgs &g;
	const AxisTaps &ty, &tx;
	int column;
	Taps tap[P::SLOTS];

	__device__ TapWeights(const ConvArgs &args, const AxisTaps &y, const AxisTaps &x, i64 col0)
	    : g(args), ty(y), tx(x), column((int)col0 + P::across())
	{
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			tap[e] = Taps{P::line(e), 0, 0};
			tap[e].normalize(g.co, tx.n);
		}
	}
	__device__ const float *at(int e, bool &valid) const
	{
		int ky = ty.first - tap[e].y * g.dk, kx = tx.first - tap[e].x * g.dk;
		valid = column < g.ci && tap[e].y < ty.n;
		return g.b + (((i64)tap[e].c * g.kh + ky) * g.kw + kx) * g.ci + column;
	}
	__device__ void advance()
	{
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			tap[e].c += BK;
			tap[e].normalize(g.co, tx.n);
		}
	}
};

// PatchColumns is operand B of the gradient of w: positions of y × (taps, ci), read from x.
template <int EXTENT, int WIDTH, int THREADS = PRODUCT_THREADS, int PAD = 0> struct PatchColumns : Panel<EXTENT, WIDTH, false, THREADS, PAD> {
	using P = Panel<EXTENT, WIDTH, false, THREADS, PAD>;
	const ConvArgs &g;
	const float *x; // channel and tap of the thread's column
	int oy, ox;     // what the tap adds to a position's row and column
	bool inside;    // there is such a column
	i64 position[P::SLOTS], end;
	int b[P::SLOTS], i[P::SLOTS], j[P::SLOTS];

	__device__ PatchColumns(const ConvArgs &args, i64 col0, i64 k0, i64 k1) : g(args), end(k1)
	{
		i64 column = col0 + P::across();
		inside = column < (i64)g.kh * g.kw * g.ci;
		int tap = (int)(column / g.ci);
		oy = tap / g.kw * g.dilation - g.pad;
		ox = tap % g.kw * g.dilation - g.pad;
		x = g.b + column % g.ci;
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			position[e] = k0 + P::line(e);
			u32 at = (u32)position[e], row = at / (u32)g.wo;
			j[e] = (int)(at % (u32)g.wo);
			i[e] = (int)(row % (u32)g.ho);
			b[e] = (int)(row / (u32)g.ho);
		}
	}
	__device__ const float *at(int e, bool &valid) const
	{
		int r = i[e] * g.stride + oy, q = j[e] * g.stride + ox;
		valid = inside && position[e] < end && (u32)r < (u32)g.h && (u32)q < (u32)g.w;
		return x + (((i64)b[e] * g.h + r) * g.w + q) * g.ci;
	}
	__device__ void advance()
	{
		UNROLL
		for (int e = 0; e < P::SLOTS; e++) {
			position[e] += BK;
			j[e] += BK;
			while (j[e] >= g.wo) {
				j[e] -= g.wo;
				if (++i[e] == g.ho) {
					i[e] = 0;
					b[e]++;
				}
			}
		}
	}
};
