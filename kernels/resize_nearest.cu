// resize_nearest.cu: every output position takes one input position.
// internal/op/resize_nearest.go
#include "elements.cuh"

// nearest is ⌊i·scale⌋ with the product in float32.
__device__ inline i64 nearest(i64 i, float scale, int in)
{
	i64 at = (i64)((float)i * scale);
	return at < in ? at : in - 1;
}

// y[b, i, j] = x[b, nearest(i), nearest(j)]; x [samples, h, w, c], y [samples, oh, ow, c].
// channelGrid over line = ow·c.
extern "C" __global__ void __launch_bounds__(256)
	resize_nearest(float *y, const float *x, float row_scale, float col_scale, i64 samples, int h, int w, int oh, int c, int line, int quads)
{
	for_channels(line, quads, [=](int at, auto width) {
		int j = at / c;
		i64 from = nearest(j, col_scale, w) * c + (at - j * c);
		FOR_SAMPLES(b, samples)
		{
			FOR_ROWS(i, oh)
			store(width, y + (b * oh + i) * line + at, load(width, x + (b * h + nearest(i, row_scale, h)) * w * c + from));
		}
	});
}
