// batch_norm.cu: normalization of every channel over all other positions.
// internal/op/batch_norm.go
//
// x, y [rows, c]. Sums over the rows go in two steps: a block sums a chunk of rows of some
// channels (grid: channels, chunks; columnBlock) into partial, a second kernel adds the
// chunks up in float64, in order (grid: channels).
#include "elements.cuh"

__device__ inline int channel() { return (int)(blockIdx.x * blockDim.x + threadIdx.x); }

// ---- Values

// y = (x − mean)·scale(k) + b; channelGrid. The mean is taken off first: with a small
// variance x·scale is large beside the result.
template <class F>
__device__ __forceinline__ void normalize(float *y, const float *x, const float *b, const float *mean, i64 rows, int c, int quads, F scale)
{
	for_channels(c, quads, [=](int k, auto width) {
		auto m = load(width, mean + k), shift = load(width, b + k);
		Lanes<width.n> s;
		EACH(i, width)
		s[i] = scale(k + i);
		FOR_ROWS(r, rows)
		{
			auto v = load(width, x + r * c + k);
			EACH(i, width)
			v[i] = (v[i] - m[i]) * s[i] + shift[i];
			store(width, y + r * c + k, v);
		}
	});
}

// With the running statistics: scale = w/√(variance + eps).
extern "C" __global__ void __launch_bounds__(256)
	batch_norm_frozen(float *y, const float *x, const float *w, const float *b, const float *mean, const float *variance, float eps, i64 rows, int c, int quads)
{
	normalize(y, x, b, mean, rows, c, quads, [=](int k) { return w[k] * rsqrt_f32(variance[k] + eps); });
}

// With the batch's: scale = w·rstd.
extern "C" __global__ void __launch_bounds__(256)
	batch_norm_train(float *y, const float *x, const float *w, const float *b, const float *mean, const float *rstd, i64 rows, int c, int quads)
{
	normalize(y, x, b, mean, rows, c, quads, [=](int k) { return w[k] * rstd[k]; });
}

// ---- Statistics of the batch

// partial[chunk, 0, k] = mean, partial[chunk, 1, k] = Σ (x − mean)² over the chunk's rows.
// The chunk is read twice, the second time from the cache; the second pass corrects the
// rounding of the mean.
extern "C" __global__ void __launch_bounds__(256) batch_norm_statistics(float *partial, const float *x, i64 rows, int c, int chunk_rows)
{
	int k = channel();
	i64 lo = (i64)blockIdx.y * chunk_rows, hi = lo + chunk_rows < rows ? lo + chunk_rows : rows;
	float n = (float)(hi - lo);
	float sum = 0, rest = 0, squares = 0;
	if (k < c)
		UNROLL_BY(4)
		for (i64 r = lo + threadIdx.y; r < hi; r += blockDim.y)
			sum += x[r * c + k];
	float mean = column_sum(sum) / n;
	if (k < c)
		UNROLL_BY(4)
		for (i64 r = lo + threadIdx.y; r < hi; r += blockDim.y) {
			float e = x[r * c + k] - mean;
			rest += e;
			squares += e * e;
		}
	rest = column_sum(rest);
	squares = column_sum(squares);
	if (threadIdx.y == 0 && k < c) {
		partial += (i64)blockIdx.y * 2 * c;
		partial[k] = mean + rest / n;
		partial[c + k] = max_f32(0.0f, squares - rest * rest / n);
	}
}

// save_mean = mean and save_rstd = 1/√(σ² + eps) of all rows, σ² biased; the running
// statistics move by momentum toward the mean and the unbiased variance.
extern "C" __global__ void __launch_bounds__(256)
	batch_norm_statistics_end(float *save_mean, float *save_rstd, float *running_mean, float *running_var, const float *partial, float eps, float momentum, int chunks, int chunk_rows, i64 rows, int c)
{
	int k = channel();
	double sum = 0, squares = 0;
	if (k < c)
		for (int j = (int)threadIdx.y; j < chunks; j += (int)blockDim.y) {
			i64 n = j < chunks - 1 ? chunk_rows : rows - (i64)j * chunk_rows;
			sum += (double)n * partial[(i64)j * 2 * c + k];
		}
	double mean = column_sum(sum) / (double)rows;
	if (k < c)
		for (int j = (int)threadIdx.y; j < chunks; j += (int)blockDim.y) {
			i64 n = j < chunks - 1 ? chunk_rows : rows - (i64)j * chunk_rows;
			double e = partial[(i64)j * 2 * c + k] - mean;
			squares += partial[((i64)j * 2 + 1) * c + k] + (double)n * e * e;
		}
	squares = column_sum(squares);
	if (threadIdx.y != 0 || k >= c)
		return;
	save_mean[k] = (float)mean;
	save_rstd[k] = rsqrt_f32((float)(squares / (double)rows) + eps);
	running_mean[k] = (1.0f - momentum) * running_mean[k] + momentum * (float)mean;
	running_var[k] = (1.0f - momentum) * running_var[k] + momentum * (float)(squares / (double)(rows - 1));
}

// ---- Gradients

// partial[chunk, 0, k] = Σ dy·(x − mean), partial[chunk, 1, k] = Σ dy over the chunk's rows.
extern "C" __global__ void __launch_bounds__(256)
	batch_norm_dots(float *partial, const float *dy, const float *x, const float *mean, i64 rows, int c, int chunk_rows)
{
	int k = channel();
	i64 lo = (i64)blockIdx.y * chunk_rows, hi = lo + chunk_rows < rows ? lo + chunk_rows : rows;
	float dot = 0, sum = 0;
	if (k < c) {
		float m = mean[k];
		UNROLL_BY(4)
		for (i64 r = lo + threadIdx.y; r < hi; r += blockDim.y) {
			float g = dy[r * c + k];
			dot += g * (x[r * c + k] - m);
			sum += g;
		}
	}
	dot = column_sum(dot);
	sum = column_sum(sum);
	if (threadIdx.y == 0 && k < c) {
		partial += (i64)blockIdx.y * 2 * c;
		partial[k] = dot;
		partial[c + k] = sum;
	}
}

// dw += Σ dy·x̂ and db += Σ dy (each may be null), from the dots. With slopes [3, c], not
// null, the terms of batch_norm_train_grad.
extern "C" __global__ void __launch_bounds__(256)
	batch_norm_dots_end(float *dw, float *db, float *slopes, const float *partial, const float *w, const float *saved_rstd, int chunks, i64 rows, int c)
{
	int k = channel();
	double dot = 0, sum = 0;
	if (k < c)
		for (int j = (int)threadIdx.y; j < chunks; j += (int)blockDim.y) {
			dot += partial[(i64)j * 2 * c + k];
			sum += partial[((i64)j * 2 + 1) * c + k];
		}
	dot = column_sum(dot);
	sum = column_sum(sum);
	if (threadIdx.y != 0 || k >= c)
		return;
	float rstd = saved_rstd[k];
	dot *= rstd;
	if (dw)
		dw[k] += (float)dot;
	if (db)
		db[k] += (float)sum;
	if (slopes) {
		double s = (double)w[k] * rstd;
		slopes[k] = (float)s;
		slopes[c + k] = (float)(-s * dot / (double)rows * rstd);
		slopes[2 * c + k] = (float)(-s * sum / (double)rows);
	}
}

// With the running statistics: dx += dy·w·rstd, or dx = it without add, and of the chunk's
// rows partial_w[chunk, k] = Σ dy·x̂ and partial_b[chunk, k] = Σ dy; each may be null.
// columnBlock, as the sums.
extern "C" __global__ void __launch_bounds__(256)
	batch_norm_frozen_grad(float *dx, float *partial_w, float *partial_b, const float *dy, const float *x, const float *w, const float *mean, const float *variance,
	                       float eps, i64 rows, int c, int chunk_rows, int add)
{
	int k = channel();
	i64 lo = (i64)blockIdx.y * chunk_rows, hi = lo + chunk_rows < rows ? lo + chunk_rows : rows;
	float dot = 0, sum = 0, rstd = 0;
	if (k < c) {
		rstd = rsqrt_f32(variance[k] + eps);
		float m = mean[k], slope = w[k] * rstd;
		UNROLL_BY(4)
		for (i64 r = lo + threadIdx.y; r < hi; r += blockDim.y) {
			float g = dy[r * c + k];
			dot += g * (x[r * c + k] - m);
			sum += g;
			if (dx)
				dx[r * c + k] = add ? dx[r * c + k] + g * slope : g * slope;
		}
	}
	dot = column_sum(dot);
	sum = column_sum(sum);
	if (threadIdx.y == 0 && k < c) {
		if (partial_w)
			partial_w[(i64)blockIdx.y * c + k] = dot * rstd;
		if (partial_b)
			partial_b[(i64)blockIdx.y * c + k] = sum;
	}
}

// dx += w·rstd·(dy − mean(dy) − x̂·mean(dy·x̂)), sorted by what varies with the position:
// slopes[0]·dy + slopes[1]·(x − mean) + slopes[2]; channelGrid.
extern "C" __global__ void __launch_bounds__(256)
	batch_norm_train_grad(float *dx, const float *dy, const float *x, const float *mean, const float *slopes, i64 rows, int c, int quads)
{
	for_channels(c, quads, [=](int k, auto width) {
		auto m = load(width, mean + k), a = load(width, slopes + k);
		auto p = load(width, slopes + c + k), q = load(width, slopes + 2 * c + k);
		FOR_ROWS(r, rows)
		{
			auto d = load(width, dx + r * c + k), g = load(width, dy + r * c + k), v = load(width, x + r * c + k);
			EACH(i, width)
			d[i] += a[i] * g[i] + (p[i] * (v[i] - m[i]) + q[i]);
			store(width, dx + r * c + k, d);
		}
	});
}
