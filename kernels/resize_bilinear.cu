// resize_bilinear.cu: resampling with weights linear in the distance.
// internal/op/resize_bilinear.go
//
// An axis from in to out positions is a table that resize_axes writes: for each output i
// near[i] and far[i], output = (1−far)·x[near] + far·x[near+1], far 0 where there is no
// next; and for each p in [0, in] first[p], the first output whose near is at least p. The
// table is the out near, the out far, then the in+1 first.
#include "elements.cuh"

struct Axis {
	const int *near;
	const float *far;
	const int *first;
};

__device__ inline Axis axis(const int *table, int out) { return {table, (const float *)table + out, table + 2 * out}; }

// source is where output i lies on the input, as numerator and denominator: coinciding
// centers come out exact.
struct Source {
	i64 num, den;
};

__device__ inline Source source(i64 i, i64 in, i64 out, int align)
{
	if (align)
		return {out > 1 ? i * (in - 1) : 0, out > 1 ? out - 1 : 1};
	i64 num = (2 * i + 1) * in - out;
	return {num > 0 ? num : 0, 2 * out};
}

__device__ inline int near_of(i64 i, i64 in, i64 out, int align)
{
	Source s = source(i, in, out, align);
	i64 near = s.num / s.den;
	return (int)(near < in ? near : in - 1);
}

// The table of both axes; blockIdx.y 0 is the rows', 1 the columns'.
extern "C" __global__ void __launch_bounds__(256) resize_axes(int *rows, int *cols, int h, int w, int oh, int ow, int align)
{
	int *table = blockIdx.y ? cols : rows;
	int in = blockIdx.y ? w : h, out = blockIdx.y ? ow : oh;
	FOR_GRID(i, out)
	{
		Source s = source(i, in, out, align);
		int near = near_of(i, in, out, align);
		table[i] = near;
		((float *)table)[out + i] = near == in - 1 ? 0.0f : (float)(s.num - near * s.den) / (float)s.den;
	}
	FOR_GRID(p, in + 1)
	{
		int lo = 0, hi = out;
		while (lo < hi) {
			int mid = (lo + hi) / 2;
			if (near_of(mid, in, out, align) < p)
				lo = mid + 1;
			else
				hi = mid;
		}
		table[2 * out + p] = lo;
	}
}

// y [samples, oh, ow, c] from x [samples, h, w, c]; channelGrid over line = ow·c.
template <class T>
__device__ __forceinline__ void resize(T *y, const T *x, const int *rows, const int *cols, i64 samples, int h, int w, int oh, int ow, int c, int line, int quads)
{
	Axis down = axis(rows, oh), along = axis(cols, ow);
	for_channels(line, quads, [=](int at, auto width) {
		int j = at / c;
		float t = along.far[j];
		i64 left = (i64)along.near[j] * c + (at - j * c);
		i64 right = along.near[j] < w - 1 ? left + c : left;
		FOR_SAMPLES(b, samples)
		{
			FOR_ROWS(i, oh)
			{
				float s = down.far[i];
				int near = down.near[i];
				const T *top = x + (b * h + near) * w * c, *bottom = near < h - 1 ? top + (i64)w * c : top;
				auto p = load(width, top + left), q = load(width, top + right);
				auto u = load(width, bottom + left), v = load(width, bottom + right);
				EACH(k, width)
				p[k] = (1.0f - t) * ((1.0f - s) * p[k] + s * u[k]) + t * ((1.0f - s) * q[k] + s * v[k]);
				store(width, y + (b * oh + i) * line + at, p);
			}
		}
	});
}

extern "C" __global__ void __launch_bounds__(256)
	resize_bilinear(float *y, const float *x, const int *rows, const int *cols, i64 samples, int h, int w, int oh, int ow, int c, int line, int quads)
{
	resize(y, x, rows, cols, samples, h, w, oh, ow, c, line, quads);
}

extern "C" __global__ void __launch_bounds__(256)
	resize_bilinear_half(f16 *y, const f16 *x, const int *rows, const int *cols, i64 samples, int h, int w, int oh, int ow, int c, int line, int quads)
{
	resize(y, x, rows, cols, samples, h, w, oh, ow, c, line, quads);
}

// The transpose of one axis: dx[o, p, k] = Σ_i weight(i, p)·dy[o, i, k], added to dx when
// accumulate, over the outputs i that read p. dx [outer, in, inner], dy [outer, out, inner];
// the table is the axis'; channelGrid over cells = in·inner, the outer as rows.
extern "C" __global__ void __launch_bounds__(256)
	resize_bilinear_gather(float *dx, const float *dy, const int *table, i64 outer, int out, int inner, int cells, int accumulate, int quads)
{
	Axis a = axis(table, out);
	for_channels(cells, quads, [=](int at, auto width) {
		int p = at / inner, lo = a.first[p ? p - 1 : 0], hi = a.first[p + 1];
		FOR_ROWS(o, outer)
		{
			const float *g = dy + o * out * inner + (at - p * inner);
			Lanes<width.n> sum = {};
			for (int i = lo; i < hi; i++) {
				float weight = a.near[i] == p ? 1.0f - a.far[i] : a.far[i];
				auto v = load(width, g + (i64)i * inner);
				EACH(k, width)
				sum[k] += weight * v[k];
			}
			float *to = dx + o * cells + at;
			if (accumulate) {
				auto u = load(width, to);
				EACH(k, width)
				sum[k] += u[k];
			}
			store(width, to, sum);
		}
	});
}
