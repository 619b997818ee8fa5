// correlation_rows.cu: masked correlation, what is done to one position at a time. Four
// channels a thread, as in head_rows.cu; rows are [B,heads,n,dp].
// internal/op/masked_correlation.go
#include "head_rows.cuh"

struct UnitRowsArgs {
	float *rows, *tf32, *inv; // tf32: rows rounded to that; it and inv [B,heads,n] may be null
	const float *x;
	const int *list, *count; // row r is position list[r], for r < count[b]; null: all
	i64 batch;
	int n, heads, d, dp;
	float scale;
};

// UnitRowsPair are two of them: the first has the blocks before second_block.
struct UnitRowsPair {
	UnitRowsArgs first, second;
	int second_block;
};

// rows = scale·x/|x| for every head, inv = 1/|x|, with norms of at least 1e-12.
extern "C" __global__ void __launch_bounds__(256) unit_rows(UnitRowsPair both)
{
	bool second = blockIdx.x >= (u32)both.second_block;
	const UnitRowsArgs &p = second ? both.second : both.first;
	HeadRow t = head_row(p.n, p.heads, p.dp, blockIdx.x - (second ? (u32)both.second_block : 0));
	bool valid = t.b < p.batch && (!p.count || t.r < p.count[t.b]);
	float4 v = {0, 0, 0, 0};
	if (valid) {
		int at = p.list ? p.list[t.b * p.n + t.r] : t.r;
		v = load_channels(p.x, ((t.b * p.n + at) * p.heads + t.h) * p.d, t.c, p.d);
	}
	float inv = 1.0f / max_f32(sqrt_f32(row_sum(dot4(v, v), p.dp)), 1e-12f);
	if (!valid)
		return;
	i64 row = (t.b * p.heads + t.h) * p.n + t.r;
	v = scaled(v, inv * p.scale);
	*(float4 *)(p.rows + row * p.dp + t.c) = v;
	if (p.tf32)
		*(float4 *)(p.tf32 + row * p.dp + t.c) = rounded(v, true);
	if (p.inv && t.c == 0)
		p.inv[row] = inv;
}

struct CorrelationRowsArgs {
	const float *x; // v, or the mean of dy [B,heads·d]
	const int *list, *count;
	float *col_sum; // [B,heads,n], by position
	const float *parts; // what the splits of masked_correlation.cu gave
	float *out;
	float *lse, *shift, *dv;
	const float *v;
	i64 batch;
	int n, heads, d, dp, splits;
	int round; // out, to tf32
};

// out_j = v_j/Z_j for the foreground, and col_sum = Z; parts [splits,B,heads,n].
extern "C" __global__ void __launch_bounds__(256) correlation_values(CorrelationRowsArgs p)
{
	HeadRow t = head_row(p.n, p.heads, p.dp);
	if (t.b >= p.batch || t.r >= p.count[t.b])
		return;
	int at = p.list[t.b * p.n + t.r];
	i64 head = (t.b * p.heads + t.h) * p.n;
	float z = p.parts[head + t.r];
	for (int s = 1; s < p.splits; s++)
		z += p.parts[s * p.batch * p.heads * p.n + head + t.r];
	if (t.c == 0)
		p.col_sum[head + at] = z;
	float4 v = load_channels(p.x, ((t.b * p.n + at) * p.heads + t.h) * p.d, t.c, p.d);
	*(float4 *)(p.out + (head + t.r) * p.dp + t.c) = rounded(scaled(v, 1.0f / z), p.round);
}

// dv_j = Σ parts/Z_j, D_j = v_j·dv_j to shift, log Z_j to lse; dv_j + x, the mean that was
// taken off dy (Σ_i a_ij = 1), is added to dv unless that is null. v and parts are packed
// rows; parts [splits,B,heads,n,dp].
extern "C" __global__ void __launch_bounds__(256) correlation_dv(CorrelationRowsArgs p)
{
	HeadRow t = head_row(p.n, p.heads, p.dp);
	bool valid = t.b < p.batch && t.r < p.count[t.b];
	i64 head = (t.b * p.heads + t.h) * p.n, row = (head + t.r) * p.dp + t.c;
	int at = 0;
	float z = 1;
	float4 dv = {0, 0, 0, 0};
	float dot = 0;
	if (valid) {
		at = p.list[t.b * p.n + t.r];
		z = p.col_sum[head + at];
		dv = scaled(split_sum(p.parts + row, p.batch * p.heads * p.n * p.dp, p.splits), 1.0f / z);
		dot = dot4(dv, *(const float4 *)(p.v + row));
	}
	dot = row_sum(dot, p.dp);
	if (!valid)
		return;
	if (t.c == 0) {
		p.shift[head + t.r] = dot;
		p.lse[head + t.r] = log_f32(z);
	}
	if (p.dv) {
		float4 mean = load_channels(p.x, (t.b * p.heads + t.h) * p.d, t.c, p.d);
		store_channels(p.dv, ((t.b * p.n + at) * p.heads + t.h) * p.d, t.c, p.d, plus(dv, mean), true);
	}
}

// map_weight is the factor of the scores' sum in the correlation map.
__device__ inline float map_weight(int foreground, int heads) { return 1.0f / ((float)heads * ((float)foreground + 1e-9f)); }

// corr[b,i] = w·Σ_h q̂_i·sum_h with sum [B,heads,dp] = Σ_j 10k̂_j; a thread for each i.
extern "C" __global__ void __launch_bounds__(256) correlation_map(float *corr, const float *rows, const float *sum, const int *count, i64 batch, int n, int heads, int dp)
{
	FOR_GRID(at, batch * n) {
		i64 b = at / n, i = at % n;
		float total = 0;
		for (int h = 0; h < heads; h++) {
			const float *q = rows + ((b * heads + h) * n + i) * dp, *k = sum + (b * heads + h) * dp;
			for (int c = 0; c < dp; c += 4)
				total += dot4(*(const float4 *)(q + c), *(const float4 *)(k + c));
		}
		corr[at] = total * map_weight(count[b], heads);
	}
}

struct UnitRowsGradArgs {
	float *dx;
	const float *parts;        // [splits,B,heads,n,dp]; null: 0
	const float *rows, *inv;   // from unit_rows, with the same scale
	const float *sum, *weight; // [B,heads,dp] and [B,n], 1 where null: the map's term; null: 0
	const int *list, *count;   // of the rows
	const int *foreground;     // [B]
	i64 batch;
	int n, heads, d, dp, splits;
	float scale;
};

// dx += (g − x̂(x̂·g))/|x|, or g/1e-12 where the norm was below, for
// g = scale·(Σ parts + w·weight·sum).
extern "C" __global__ void __launch_bounds__(256) unit_rows_grad(UnitRowsGradArgs p)
{
	HeadRow t = head_row(p.n, p.heads, p.dp);
	bool valid = t.b < p.batch && (!p.count || t.r < p.count[t.b]);
	i64 head = t.b * p.heads + t.h, row = head * p.n + t.r;
	float4 g = {0, 0, 0, 0}, unit = g;
	if (valid) {
		unit = scaled(*(const float4 *)(p.rows + row * p.dp + t.c), 1.0f / p.scale);
		if (p.parts)
			g = split_sum(p.parts + row * p.dp + t.c, p.batch * p.heads * p.n * p.dp, p.splits);
		if (p.sum) {
			float w = map_weight(p.foreground[t.b], p.heads) * (p.weight ? p.weight[t.b * p.n + t.r] : 1.0f);
			g = plus(g, scaled(*(const float4 *)(p.sum + head * p.dp + t.c), w));
		}
		g = scaled(g, p.scale);
	}
	float along = row_sum(dot4(unit, g), p.dp);
	if (!valid)
		return;
	float inv = p.inv[row];
	if (inv >= 1.0f / 1e-12f)
		along = 0;
	int at = p.list ? p.list[t.b * p.n + t.r] : t.r;
	float4 dx = scaled(plus(g, scaled(unit, -along)), inv);
	store_channels(p.dx, ((t.b * p.n + at) * p.heads + t.h) * p.d, t.c, p.d, dx, true);
}
