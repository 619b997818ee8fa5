// contrast.cu: how much more positions resemble the foreground than the background.
// internal/op/contrast.go
//
// Images are the shots of all samples, shots of each; means are 0 (foreground) and 1.
#include "rows.cuh"

#define THREADS 256

__device__ inline float group_dot(const float *a, const float *b, int c, int group)
{
	float sum = 0;
	FOR_GROUP(k, c, group)
	sum = fma_f32(a[k], b[k], sum);
	return group_sum(sum, group);
}

// cosines[i, j, p] of the rows x [samples·n, c] with the means fg, bg [images, c].
extern "C" __global__ void __launch_bounds__(THREADS)
	contrast_cosines(float *cosines, const float *x, const float *fg, const float *bg, i64 rows, int n, int shots, int c, int group)
{
	FOR_GROUPS(r, rows, group)
	{
		int width = r < rows ? c : 0;
		i64 sample = r < rows ? r / n : 0;
		const float *row = x + r * c;
		float length = sqrt_f32(group_dot(row, row, width, group));
		for (int k = 0; k < 2 * shots; k++) {
			i64 image = sample * shots + k / 2;
			const float *mean = (k % 2 ? bg : fg) + image * c;
			float norm = sqrt_f32(group_dot(mean, mean, width, group)), dot = group_dot(row, mean, width, group);
			if (r < rows && lane() % group == 0)
				cosines[(image * n + r % n) * 2 + k % 2] = dot / (fma_f32(length, norm, 1e-7f));
		}
	}
}

// extremes [images, 4] of the cosines [images, n, 2], and both maps spread between them;
// similarity may be null. A block has one image.
extern "C" __global__ void __launch_bounds__(THREADS)
	contrast_spread(float *similarity, float *difference, float *extremes, const float *cosines, int n)
{
	i64 image = blockIdx.x;
	const float *c = cosines + image * n * 2;
	float least[2], width[2];
	for (int p = 0; p < 2; p++) {
		float low = -infinity_f32(), high = -infinity_f32();
		FOR_BLOCK(j, n)
		{
			low = max_f32(low, -c[2 * j + p]);
			high = max_f32(high, c[2 * j + p]);
		}
		least[p] = -block_max<THREADS>(low);
		high = block_max<THREADS>(high);
		width[p] = high > least[p] ? high - least[p] : 1.0f;
		if (threadIdx.x == 0) {
			extremes[image * 4 + 2 * p] = least[p];
			extremes[image * 4 + 2 * p + 1] = high;
		}
	}
	FOR_BLOCK(j, n)
	{
		float r = (c[2 * j] - least[0]) / width[0];
		difference[image * n + j] = r - (c[2 * j + 1] - least[1]) / width[1];
		if (similarity)
			similarity[image * n + j] = r;
	}
}

// slopes [images, n, 2], the gradients of the cosines from that of the difference g
// [images, n]. A block has one image.
extern "C" __global__ void __launch_bounds__(THREADS)
	contrast_slopes(float *slopes, const float *g, const float *cosines, const float *extremes, int n)
{
	i64 image = blockIdx.x;
	g += image * n;
	for (int p = 0; p < 2; p++) {
		const float *c = cosines + image * n * 2 + p;
		float *slope = slopes + image * n * 2 + p;
		float least = extremes[image * 4 + 2 * p], most = extremes[image * 4 + 2 * p + 1];
		float sum = 0, weighted = 0, least_at = -infinity_f32(), most_at = -infinity_f32(); // minus the places: the first is the largest
		FOR_BLOCK(j, n)
		{
			float x = c[2 * j];
			sum += g[j];
			weighted = fma_f32(g[j], x - least, weighted);
			if (x == least)
				least_at = max_f32(least_at, -(float)j);
			if (x == most)
				most_at = max_f32(most_at, -(float)j);
		}
		sum = block_sum<THREADS>(sum);
		weighted = block_sum<THREADS>(weighted);
		least_at = -block_max<THREADS>(least_at);
		most_at = -block_max<THREADS>(most_at);
		float scale = most > least ? (p ? -1.0f : 1.0f) / (most - least) : 0.0f;
		weighted *= most > least ? 1.0f / (most - least) : 0.0f;
		FOR_BLOCK(j, n)
		{
			float v = g[j];
			if ((float)j == least_at)
				v += weighted - sum;
			if ((float)j == most_at)
				v -= weighted;
			slope[2 * j] = v * scale;
		}
	}
}

// dx (or null) += the gradient of the rows. scaled and along [2, images, n] are, of every mean,
// slope/D and slope/D·cosine·|x|: with them comes the gradient of the means.
extern "C" __global__ void __launch_bounds__(THREADS) contrast_grad_rows(
	float *dx, float *scaled, float *along, const float *slopes, const float *cosines, const float *x, const float *fg, const float *bg, i64 rows, i64 images,
	int n, int shots, int c, int group)
{
	FOR_GROUPS(r, rows, group)
	{
		int width = r < rows ? c : 0;
		i64 sample = r < rows ? r / n : 0, j = r < rows ? r % n : 0;
		const float *row = x + r * c;
		float length = sqrt_f32(group_dot(row, row, width, group)), back = 0;
		for (int k = 0; k < 2 * shots; k++) {
			i64 image = sample * shots + k / 2;
			const float *mean = (k % 2 ? bg : fg) + image * c;
			float norm = sqrt_f32(group_dot(mean, mean, width, group));
			float slope = 0, cosine = 0;
			if (r < rows) {
				slope = slopes[(image * n + j) * 2 + k % 2] / fma_f32(length, norm, 1e-7f);
				cosine = cosines[(image * n + j) * 2 + k % 2];
			}
			back = fma_f32(slope * cosine, norm, back);
			if (r < rows && lane() % group == 0) {
				i64 at = (k % 2 * images + image) * n + j;
				scaled[at] = slope;
				along[at] = slope * cosine * length;
			}
			if (dx)
				FOR_GROUP(i, width, group)
				dx[r * c + i] = fma_f32(slope, mean[i], dx[r * c + i]);
		}
		if (dx && length > 0) {
			back /= length;
			FOR_GROUP(i, width, group)
			dx[r * c + i] = fma_f32(-back, row[i], dx[r * c + i]);
		}
	}
}

// dmean[i, k] += Σ_j scaled[i, j]·x[j, k] − Σ_j along[i, j]·mean[i, k]/|mean[i]|. A block has 32
// channels of an image: the grid is (c/32 rounded up, images).
extern "C" __global__ void __launch_bounds__(THREADS)
	contrast_grad_means(float *dmean, const float *scaled, const float *along, const float *x, const float *mean, int n, int shots, int c)
{
	SHARED(float, part, [THREADS / 32][32]);
	i64 image = blockIdx.y;
	x += image / shots * n * c;
	mean += image * c;
	int k = (int)blockIdx.x * 32 + lane();
	float sum = 0, back = 0, squares = 0;
	if (k < c)
		for (int j = warp(); j < n; j += THREADS / 32)
			sum = fma_f32(scaled[image * n + j], x[(i64)j * c + k], sum);
	part[warp()][lane()] = sum;
	FOR_BLOCK(j, n)
	back += along[image * n + j];
	FOR_BLOCK(i, c)
	squares = fma_f32(mean[i], mean[i], squares);
	back = block_sum<THREADS>(back);
	squares = block_sum<THREADS>(squares);
	if (warp() == 0 && k < c) {
		for (int i = 1; i < THREADS / 32; i++)
			sum += part[i][lane()];
		if (squares > 0)
			sum = fma_f32(-back / sqrt_f32(squares), mean[k], sum);
		dmean[image * c + k] += sum;
	}
}

// y [samples·n, 2], the mean over the shots of the layer whose extremes[1] is larger, a where
// they are equal.
extern "C" __global__ void __launch_bounds__(THREADS)
	contrast_prior(float *y, const float *similarity_a, const float *difference_a, const float *extremes_a, const float *similarity_b, const float *difference_b,
		const float *extremes_b, i64 rows, int n, int shots)
{
	FOR_GRID(r, rows)
	{
		float similarity = 0, difference = 0;
		for (int k = 0; k < shots; k++) {
			i64 image = r / n * shots + k, at = image * n + r % n;
			bool b = extremes_b[image * 4 + 1] > extremes_a[image * 4 + 1];
			similarity += b ? similarity_b[at] : similarity_a[at];
			difference += max_f32(0, b ? difference_b[at] : difference_a[at]);
		}
		y[2 * r] = similarity / (float)shots;
		y[2 * r + 1] = difference / (float)shots;
	}
}
