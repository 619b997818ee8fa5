// prior_similarity.cu: the best cosine of every query position with the foreground of a
// shot. Tiles of the products (product.cuh) are reduced to a maximum for each query before
// they leave the registers. internal/op/prior_similarity.go
#include "elements.cuh"
#include "prior.cuh"

// norms[g, r] = |x[g, r]|, or of position list[g, r] for r < count[g]; x [groups,rows,c]. A
// warp has one row; the grid is (rows/8 rounded up, groups), the block 256.
template <class T> __device__ __forceinline__ void row_norms(float *norms, const T *x, const int *list, const int *count, int rows, int c)
{
	int r = (int)blockIdx.x * 8 + warp();
	if (r >= (count ? count[blockIdx.y] : rows))
		return;
	i64 group = (i64)blockIdx.y * rows;
	x += (group + (list ? list[group + r] : r)) * c;
	float sum = 0;
	if (c % 4 == 0 && ((u64)x & 15) == 0) {
		for (int i = lane() * 4; i < c; i += 128) {
			auto v = load(Width<4>{}, x + i);
			sum += v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3];
		}
	} else {
		for (int i = lane(); i < c; i += 32) {
			float v = load(Width<1>{}, x + i)[0];
			sum += v * v;
		}
	}
	sum = warp_sum(sum);
	if (lane() == 0)
		norms[group + r] = sqrt_f32(sum);
}

extern "C" __global__ void __launch_bounds__(256) prior_norms(float *norms, const float *x, const int *list, const int *count, int rows, int c)
{
	row_norms(norms, x, list, count, rows, c);
}

extern "C" __global__ void __launch_bounds__(256) prior_norms_half(float *norms, const f16 *x, const int *list, const int *count, int rows, int c)
{
	row_norms(norms, x, list, count, rows, c);
}

// best = the candidate 0 when a position of the shot is masked out, else −∞.
extern "C" __global__ void __launch_bounds__(256) prior_start(int *best, const int *count, int n, int m, i64 all)
{
	FOR_GRID(i, all)
		best[i] = to_ordered(count[i / n] < m ? 0.0f : -infinity_f32());
}

// y[b, i] = mean over the shots of best[b·K + k, i].
extern "C" __global__ void __launch_bounds__(256) prior_mean(float *y, const int *best, int shots, int n, i64 all)
{
	FOR_GRID(at, all) {
		i64 b = at / n, i = at % n;
		float sum = 0;
		for (int k = 0; k < shots; k++)
			sum += from_ordered(best[(b * shots + k) * n + i]);
		y[at] = sum / (float)shots;
	}
}

// best[g, i] = max(best, (q_i·s_j)/(|q_i|·|s_j| + 1e-7)) over a tile.
template <int TILE, int WIDTH> __device__ __forceinline__ void prior_tile(const PriorArgs &p)
{
	using Rows = ListedRows<TILE, WIDTH>;
	constexpr int T = TILE / 16;
	PriorTile<TILE> tile(p);
	if (tile.col0 >= tile.count)
		return;
	Rows a(p.q + tile.sample * p.c, nullptr, tile.row0, p.n, p.c);
	Rows b(p.s + tile.shot * p.c, p.list + tile.shot, tile.col0, tile.count, p.c);
	float acc[T][T];
	multiply(acc, a, b, (p.c + BK - 1) / BK);
	int tx = (int)threadIdx.x % 16, ty = (int)threadIdx.x / 16;
	float norm[T];
	UNROLL
	for (int j = 0; j < T; j++)
		norm[j] = tile.column_norm(p, tile.col0 + Rows::row(tx, j));
	UNROLL
	for (int i = 0; i < T; i++) {
		int row = tile.row0 + Rows::row(ty, i);
		float own = tile.row_norm(p, row), top = -infinity_f32();
		UNROLL
		for (int j = 0; j < T; j++)
			top = larger(top, acc[i][j], own, norm[j]);
		UNROLL
		for (int d = 8; d; d >>= 1) // over tx
			top = max_f32(top, __shfl_xor_sync(FULL_WARP, top, d));
		if (tx == 0)
			tile.put(p, row, top);
	}
}

extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS, 2) prior_128(PriorArgs p) { prior_tile<128, 4>(p); }
extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS, 2) prior_any(PriorArgs p) { prior_tile<64, 1>(p); }
