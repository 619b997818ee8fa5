// tensor.cpp: the sums of tensor cores. Products are exact. The hardware adds a group of
// them and the accumulator at once: all are shifted to the largest exponent, of a product the
// sum of its factors', and cut off some bits below float's 24; the sum of what remains is
// exact, and is cut to 24 bits. Nothing is rounded to nearest. Sizes of groups and extra bits
// were found by experiment: Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA
// tensor cores", 2021; Khattak, Mikaitis, "Accurate models of NVIDIA tensor cores", 2025.
#include "tensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace hdm::ptx {

const TensorModel &tensor_model()
{
	static const TensorModel models[] = {{"exact", 0, 0, 0}, {"a100", 4, 8, 1}, {"h100", 8, 16, 2}};
	static const TensorModel &chosen = []() -> const TensorModel & {
		const char *name = getenv("HDMNET_EMU_TENSOR");
		for (auto &m : models)
			if (!name || !*name || !strcmp(name, m.name))
				return m;
		fprintf(stderr, "emulated CUDA driver: HDMNET_EMU_TENSOR=%s is none of exact, a100, h100\n", name);
		exit(2);
	}();
	return chosen;
}

namespace {

int exponent(float v) { return std::max((int)(std::bit_cast<u32>(v) >> 23 & 255), 1) - 127; }

// power is 2^e for the exponents that occur, -310…260.
double power(int e) { return std::bit_cast<double>((u64)(e + 1023) << 52); }

// cut rounds to float towards zero.
float cut(double v)
{
	float f = (float)v;
	return std::fabs((double)f) > std::fabs(v) ? std::nextafter(f, 0.0f) : f;
}

float group_sum(float acc, const float *a, const float *b, int stride, int n, int extra)
{
	double p[16];
	int top = acc != 0 ? exponent(acc) : -1000;
	float plain = acc;
	for (int k = 0; k < n; k++) {
		float x = a[k], y = b[k * stride];
		p[k] = (double)x * y;
		plain += x * y;
		if (p[k] != 0)
			top = std::max(top, exponent(x) + exponent(y));
	}
	if (!std::isfinite(plain))
		return plain == plain ? plain : std::bit_cast<float>(0x7fffffffu);
	if (top == -1000)
		return acc;
	double unit = power(23 + extra - top); // in units of the last bit that is kept
	i64 sum = (i64)((double)acc * unit);
	for (int k = 0; k < n; k++)
		sum += (i64)(p[k] * unit);
	return cut((double)sum * power(top - 23 - extra));
}

} // namespace

template <int K> void tensor_product(float (&d)[16][8], const float (&a)[16][K], const float (&b)[K][8], int group, int extra)
{
	for (int i = 0; i < 16; i++) {
		if (!group) {
			for (int k = 0; k < K; k++)
				for (int j = 0; j < 8; j++)
					d[i][j] = __builtin_fmaf(a[i][k], b[k][j], d[i][j]);
			continue;
		}
		for (int j = 0; j < 8; j++)
			for (int k = 0; k < K; k += group)
				d[i][j] = group_sum(d[i][j], &a[i][k], &b[k][j], 8, std::min(group, K - k), extra);
	}
}

template void tensor_product<4>(float (&)[16][8], const float (&)[16][4], const float (&)[4][8], int, int);
template void tensor_product<8>(float (&)[16][8], const float (&)[16][8], const float (&)[8][8], int, int);
template void tensor_product<16>(float (&)[16][8], const float (&)[16][16], const float (&)[16][8], int, int);

} // namespace hdm::ptx
