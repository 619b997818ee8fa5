// ensemble.cu: the base learner's foreground, and its merge with the meta learner.
// internal/op/ensemble.go
#include "rows.cuh"

// y[r] = Σ prob[r, c] over the classes but 0 and except[r/n]; prob [rows, classes]; except
// may be null. An except that is no class gives NaN.
extern "C" __global__ void __launch_bounds__(256) base_foreground(float *y, const float *prob, const int *except, i64 rows, int n, int classes, int group)
{
	FOR_GROUPS(r, rows, group) {
		int skip = except && r < rows ? except[r / n] : 0;
		float sum = 0;
		if (r < rows)
			FOR_GROUP(c, classes, group)
				if (c && c != skip)
					sum += prob[r * classes + c];
		sum = group_sum(sum, group);
		if (r < rows && lane() % group == 0)
			y[r] = skip < 0 || skip >= classes ? as_float(0x7fc00000u) : sum;
	}
}

// fg = gw0·meta_fg + gw1·psi    bg = cw0·(gw0·meta_bg + gw1·psi) + cw1·base
// y, meta [all,2] as (bg, fg); base [all]; psi of sample i/n.
extern "C" __global__ void __launch_bounds__(256) ensemble(float *y, const float *meta, const float *base, const float *psi, const float *gw, const float *cw, int n, i64 all)
{
	FOR_GRID(i, all) {
		float style = gw[1] * psi[i / n];
		y[2 * i] = cw[0] * (gw[0] * meta[2 * i] + style) + cw[1] * base[i];
		y[2 * i + 1] = gw[0] * meta[2 * i + 1] + style;
	}
}

// With dbg' = cw0·dy_bg: dmeta += gw0·(dbg', dy_fg), and over the chunk of sample blockIdx.y
//
//	partial[b, chunk] = Σ dbg' + dy_fg,  Σ dbg'·meta_bg + dy_fg·meta_fg,  Σ dy_bg·bg',  Σ dy_bg·base
extern "C" __global__ void __launch_bounds__(256) ensemble_grad(float *dmeta, float *partial, const float *dy, const float *meta, const float *base, const float *psi, const float *gw, const float *cw, int n, int chunk_rows)
{
	i64 first = (i64)blockIdx.y * n;
	int lo = (int)blockIdx.x * chunk_rows, hi = lo + chunk_rows < n ? lo + chunk_rows : n;
	float g0 = gw[0], style = gw[1] * psi[blockIdx.y], c0 = cw[0];
	float sums[4] = {0, 0, 0, 0};
	for (int k = lo + (int)threadIdx.x; k < hi; k += 256) {
		i64 i = first + k;
		float bg = dy[2 * i], fg = dy[2 * i + 1], dbg = c0 * bg, meta_bg = meta[2 * i];
		sums[0] += dbg + fg;
		sums[1] += dbg * meta_bg + fg * meta[2 * i + 1];
		sums[2] += bg * (g0 * meta_bg + style);
		sums[3] += bg * base[i];
		if (dmeta) {
			dmeta[2 * i] += g0 * dbg;
			dmeta[2 * i + 1] += g0 * fg;
		}
	}
	for (int v = 0; v < 4; v++) {
		float sum = block_sum<256>(sums[v]);
		if (threadIdx.x == 0)
			partial[((i64)blockIdx.y * gridDim.x + blockIdx.x) * 4 + v] = sum;
	}
}

// Adds up the chunks, then the samples, in order: dpsi += gw1·Σ, dgw and dcw; each may be
// null. totals [batch,4] is scratch; one block.
extern "C" __global__ void __launch_bounds__(256) ensemble_grad_sums(float *dpsi, float *dgw, float *dcw, float *totals, const float *partial, const float *psi, const float *gw, int batch, int chunks)
{
	FOR_BLOCK(i, batch * 4) {
		float sum = 0;
		for (int k = 0; k < chunks; k++)
			sum += partial[((i64)(i / 4) * chunks + k) * 4 + i % 4];
		totals[i] = sum;
		if (dpsi && i % 4 == 0)
			dpsi[i / 4] += gw[1] * sum;
	}
	__syncthreads();
	int v = (int)threadIdx.x;
	float *to = v < 2 ? dgw : dcw;
	if (v >= 4 || !to)
		return;
	float sum = 0; // dgw0, dgw1 = Σ psi·totals[0], dcw0, dcw1
	for (int b = 0; b < batch; b++)
		sum += v == 1 ? psi[b] * totals[b * 4] : totals[b * 4 + (v ? v : 1)];
	to[v % 2] += sum;
}
