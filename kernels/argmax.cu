// argmax.cu: the first of the largest channels. internal/op/argmax.go
#include "rows.cuh"

// y[r] = the smallest k with x[r, k] = max; x [rows, c], c ≤ 255. NaN loses to every
// number, but in channel 0 it wins, as in a search that begins there.
extern "C" __global__ void __launch_bounds__(256) argmax(u8 *y, const float *x, i64 rows, int c, int group)
{
	FOR_GROUPS(r, rows, group)
	{
		int n = r < rows ? c : 0;
		float best = -infinity_f32();
		int at = 255;
		FOR_GROUP(k, n, group)
		{
			float v = x[r * c + k];
			if (v != v)
				v = k ? -infinity_f32() : infinity_f32();
			if (at == 255 || v > best) {
				best = v;
				at = k;
			}
		}
		for (int d = group / 2; d; d /= 2) {
			float v = __shfl_xor_sync(FULL_WARP, best, d);
			int k = __shfl_xor_sync(FULL_WARP, at, d);
			if (v > best || (v == best && k < at)) {
				best = v;
				at = k;
			}
		}
		if (r < rows && lane() % group == 0)
			y[r] = (u8)at;
	}
}
