// head_rows.cu: between a tensor x [B,n,heads·d] and rows [B,heads,n,dp] of each head,
// channels d to dp filled with zeros. One thread has four channels; the grid is
// B·n·heads·dp/4 threads. internal/cuda/head_rows.go
#include "head_rows.cuh"

struct PackRowsArgs {
	float *rows;
	const float *x;
	const int *list, *count; // [B,n] and [B]: row r is position list[r], for r < count; null: all
	const float *mean;       // [B,heads·d], taken off; may be null
	i64 batch;
	int n, heads, d, dp;
	int round; // rows, to tf32
};

extern "C" __global__ void __launch_bounds__(256) pack_rows(PackRowsArgs p)
{
	HeadRow t = head_row(p.n, p.heads, p.dp);
	if (t.b >= p.batch || (p.count && t.r >= p.count[t.b]))
		return;
	int at = p.list ? p.list[t.b * p.n + t.r] : t.r;
	int c = p.heads * p.d;
	float4 v = load_channels(p.x, (t.b * p.n + at) * c + t.h * p.d, t.c, p.d);
	if (p.mean)
		v = plus(v, scaled(load_channels(p.mean, t.b * c + t.h * p.d, t.c, p.d), -1.0f));
	*(float4 *)(p.rows + ((t.b * p.heads + t.h) * p.n + t.r) * p.dp + t.c) = rounded(v, p.round);
}

// y = Σ rows over the splits, or y += with add; rows [splits,B,heads,n,dp]. blockIdx.y is one
// of two such tensors.
extern "C" __global__ void __launch_bounds__(256)
	unpack_rows(float *y0, float *y1, const float *rows0, const float *rows1, int splits, int add0, int add1, i64 batch, int n, int heads, int d, int dp)
{
	HeadRow t = head_row(n, heads, dp);
	if (t.b >= batch)
		return;
	i64 row = (t.b * heads + t.h) * n + t.r;
	float4 v = split_sum((blockIdx.y ? rows1 : rows0) + row * dp + t.c, batch * heads * n * dp, splits);
	store_channels(blockIdx.y ? y1 : y0, ((t.b * n + t.r) * heads + t.h) * d, t.c, d, v, blockIdx.y ? add1 : add0);
}

// sums [B,heads,n]: Σ over the channels of x·y, for every head.
extern "C" __global__ void __launch_bounds__(256) row_dots(float *sums, const float *x, const float *y, i64 batch, int n, int heads, int d, int dp)
{
	HeadRow t = head_row(n, heads, dp);
	i64 at = ((t.b * n + t.r) * heads + t.h) * d;
	bool valid = t.b < batch;
	float sum = row_sum(valid ? dot4(load_channels(x, at, t.c, d), load_channels(y, at, t.c, d)) : 0.0f, dp);
	if (valid && t.c == 0)
		sums[(t.b * heads + t.h) * n + t.r] = sum;
}
