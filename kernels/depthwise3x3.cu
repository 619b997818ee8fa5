// depthwise3x3.cu: the 3×3 convolution of every channel by itself and its gradients. All
// are bound by memory: every value is loaded from it about once. internal/op/depthwise3x3.go
#include "gelu.cuh"

constexpr int STRIP = 8; // neighboring positions of one thread

// Column is what position j of the three rows around a line holds, 0 outside.
template <int N> struct Column {
	Lanes<N> row[3];
};

// DepthwiseLine is a line of x [B,H,W,C]: row i of its picture.
struct DepthwiseLine {
	const float *x; // its first position
	int i, h, wide, c;

	template <int N> __device__ __forceinline__ Column<N> column(int j, int k) const
	{
		Column<N> v;
		UNROLL
		for (int r = 0; r < 3; r++) {
			if ((u32)(i + r - 1) < (u32)h && (u32)j < (u32)wide)
				v.row[r] = load(Width<N>{}, x + ((i64)(r - 1) * wide + j) * c + k);
			else
				v.row[r] = Lanes<N>{};
		}
		return v;
	}
};

// convolve computes out = bias + Σ w[ky,kx]·x, or with TURNED Σ w[2−ky,2−kx]·x, for N
// channels of a strip of a line; put(at, sum) takes the values. A thread keeps three columns
// and loads the next one.
template <int N, bool TURNED, class Put> __device__ __forceinline__ void convolve(const float *x, const float *w, const float *bias, int batch, int h, int wide, int c, Put put)
{
	int groups = c / N, strips = (wide + STRIP - 1) / STRIP;
	i64 at = (i64)blockIdx.x * blockDim.x + threadIdx.x;
	if (at >= (i64)batch * h * strips * groups)
		return;
	int k = (int)(at % groups) * N;
	i64 rest = at / groups, row = rest / strips;
	int j0 = (int)(rest % strips) * STRIP;
	DepthwiseLine line{x + row * wide * c, (int)(row % h), h, wide, c};
	Lanes<N> weight[9], start{};
	UNROLL
	for (int t = 0; t < 9; t++)
		weight[t] = load(Width<N>{}, w + (i64)(TURNED ? 8 - t : t) * c + k);
	if (!TURNED)
		start = load(Width<N>{}, bias + k);
	Column<N> v[3] = {line.column<N>(j0 - 1, k), line.column<N>(j0, k), {}};
	UNROLL
	for (int s = 0; s < STRIP; s++) {
		if (j0 + s >= wide)
			return;
		v[(s + 2) % 3] = line.column<N>(j0 + s + 1, k);
		Lanes<N> sum = start;
		UNROLL
		for (int t = 0; t < 9; t++)
			EACH(p, Width<N>{})
			sum[p] = fma_f32(v[(s + t % 3) % 3].row[t / 3][p], weight[t][p], sum[p]);
		put(Width<N>{}, (row * wide + j0 + s) * c + k, sum);
	}
}

// y = bias + Σ w·x; x, y [B,H,W,C], w [3,3,C]. One thread for 8 positions of a row and one
// channel, or four with quads; neighboring threads have neighboring channels.
extern "C" __global__ void __launch_bounds__(128)
	depthwise3x3(float *y, const float *x, const float *w, const float *bias, int batch, int h, int wide, int c, int quads)
{
	auto put = [=](auto width, i64 at, const auto &sum) { store(width, y + at, sum); };
	if (quads)
		convolve<4, false>(x, w, bias, batch, h, wide, c, put);
	else
		convolve<1, false>(x, w, bias, batch, h, wide, c, put);
}

// The same to before, unless that is null, and y = GELU of it, dropped as the draws say.
extern "C" __global__ void __launch_bounds__(128)
	depthwise_gelu(float *y, float *before, const float *x, const float *w, const float *bias, u64 seed, u32 limit, float scale, int batch, int h, int wide, int c, int quads)
{
	Draws draws{seed, limit, scale};
	auto put = [=](auto width, i64 at, auto sum) {
		if (before)
			store(width, before + at, sum);
		EACH(p, width)
		sum[p] = draws.apply(gelu_of(sum[p]), at + p);
		store(width, y + at, sum);
	};
	if (quads)
		convolve<4, false>(x, w, bias, batch, h, wide, c, put);
	else
		convolve<1, false>(x, w, bias, batch, h, wide, c, put);
}

// dx += dy convolved with the turned kernel, or dx = it without add.
extern "C" __global__ void __launch_bounds__(128)
	depthwise3x3_grad_input(float *dx, const float *dy, const float *w, int batch, int h, int wide, int c, int quads, int add)
{
	auto put = [=](auto width, i64 at, auto sum) {
		if (add) {
			auto old = load(width, dx + at);
			EACH(p, width)
			sum[p] += old[p];
		}
		store(width, dx + at, sum);
	};
	if (quads)
		convolve<4, true>(dy, w, nullptr, batch, h, wide, c, put);
	else
		convolve<1, true>(dy, w, nullptr, batch, h, wide, c, put);
}

// partial_w[chunk, t, k] = Σ dy·(x shifted by tap t) and partial_b[chunk, k] = Σ dy over the
// chunk's lines; lines [B·H]. The grid is (C/32 rounded up, chunks), the block 32×8.
extern "C" __global__ void __launch_bounds__(256)
	depthwise3x3_grad_params(float *partial_w, float *partial_b, const float *dy, const float *x, i64 lines, int h, int wide, int c, int chunk_lines)
{
	SHARED(float, part, [8][10][32]);
	int k = (int)(blockIdx.x * 32 + threadIdx.x), y = (int)threadIdx.y;
	i64 lo = (i64)blockIdx.y * chunk_lines, hi = lo + chunk_lines < lines ? lo + chunk_lines : lines;
	float sum[10];
	UNROLL
	for (int t = 0; t < 10; t++)
		sum[t] = 0;
	if (k < c)
		for (i64 row = lo + y; row < hi; row += 8) {
			DepthwiseLine line{x + row * wide * c, (int)(row % h), h, wide, c};
			Column<1> v0{}, v1 = line.column<1>(0, k);
			UNROLL_BY(3)
			for (int j = 0; j < wide; j++) {
				Column<1> v2 = line.column<1>(j + 1, k);
				float g = dy[(row * wide + j) * c + k];
				UNROLL
				for (int r = 0; r < 3; r++) {
					sum[3 * r] = fma_f32(g, v0.row[r][0], sum[3 * r]);
					sum[3 * r + 1] = fma_f32(g, v1.row[r][0], sum[3 * r + 1]);
					sum[3 * r + 2] = fma_f32(g, v2.row[r][0], sum[3 * r + 2]);
				}
				sum[9] += g;
				v0 = v1;
				v1 = v2;
			}
		}
	UNROLL
	for (int t = 0; t < 10; t++)
		part[y][t][threadIdx.x] = sum[t];
	__syncthreads();
	if (k >= c)
		return;
	for (int t = y; t < 10; t += 8) {
		float all = part[0][t][threadIdx.x];
		for (int p = 1; p < 8; p++)
			all += part[p][t][threadIdx.x];
		if (t < 9)
			partial_w[((i64)blockIdx.y * 9 + t) * c + k] = all;
		else
			partial_b[(i64)blockIdx.y * c + k] = all;
	}
}
