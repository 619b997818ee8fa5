// rotary_embedding.cu: pairs of channels turned by the angles of positions. internal/op/rotary_embedding.go
#include "hdm.cuh"

// x [B, tokens, heads·2·half]: channels i and i + half of every head of the last turned tokens;
// cos, sin [turned, half]; n = B·turned·heads·half pairs.
extern "C" __global__ void __launch_bounds__(256)
	rotary_embedding(float *x, const float *cos, const float *sin, i64 n, int tokens, int heads, int half, int turned)
{
	FOR_GRID(at, n)
	{
		int i = (int)(at % half);
		i64 rest = at / half;
		int head = (int)(rest % heads);
		rest /= heads;
		int p = (int)(rest % turned);
		i64 row = (rest / turned) * tokens + tokens - turned + p;
		float *a = x + (row * heads + head) * 2 * half + i, *b = a + half;
		float c = cos[(i64)p * half + i], s = sin[(i64)p * half + i], v = *a, w = *b;
		*a = v * c - w * s;
		*b = w * c + v * s;
	}
}
