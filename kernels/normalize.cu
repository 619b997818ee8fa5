// normalize.cu: pictures from gray levels to the networks' range. internal/op/normalize.go
#include "elements.cuh"

// y = (x − mean)·scale, both of channel i % 3 of element i; y may be x.
extern "C" __global__ void __launch_bounds__(256) normalize(float *y, const float *x, float mean0, float mean1, float mean2, float scale0, float scale1, float scale2, i64 n)
{
	for_elements(n, aligned(y, x), [=](i64 at, auto width) {
		int c = (int)(at % 3);
		auto v = load(width, x + at);
		EACH(i, width)
		{
			v[i] = (v[i] - (c == 0 ? mean0 : c == 1 ? mean1 : mean2)) * (c == 0 ? scale0 : c == 1 ? scale1 : scale2);
			c = c == 2 ? 0 : c + 1;
		}
		store(width, y + at, v);
	});
}
