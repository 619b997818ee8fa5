// foreground.cu: labels as masks, and images under masks. internal/op/foreground.go
#include "elements.cuh"

// y = 1 where label is 1, else 0.
extern "C" __global__ void __launch_bounds__(256) foreground(float *y, const u8 *label, i64 n)
{
	for_elements(n, aligned(y), [=](i64 at, auto width) {
		Lanes<width.n> v;
		EACH(i, width)
		v[i] = label[at + i] == 1 ? 1.0f : 0.0f;
		store(width, y + at, v);
	});
}

// y = 1 where label is 0, else 0.
extern "C" __global__ void __launch_bounds__(256) background(float *y, const u8 *label, i64 n)
{
	for_elements(n, aligned(y), [=](i64 at, auto width) {
		Lanes<width.n> v;
		EACH(i, width)
		v[i] = label[at + i] == 0 ? 1.0f : 0.0f;
		store(width, y + at, v);
	});
}

// y[r, k] = x[r, k]·mask[r]; x, y [rows, c], mask [rows]; channelGrid.
extern "C" __global__ void __launch_bounds__(256) mask_image(float *y, const float *x, const float *mask, i64 rows, int c, int quads)
{
	for_channels(c, quads, [=](int k, auto width) {
		FOR_ROWS(r, rows)
		{
			auto v = load(width, x + r * c + k);
			float m = mask[r];
			EACH(i, width)
			v[i] *= m;
			store(width, y + r * c + k, v);
		}
	});
}
