// gram_tensor.cu: the products of gram.cu on tensor cores, inputs rounded to tf32 when they
// are read, or halves as they come. internal/op/gram.go
#include "gram.cuh"
#include "half_product.cuh"
#include "tensor_product.cuh"

extern "C" __global__ void __launch_bounds__(TENSOR_THREADS, 2) gram_tf32(GramArgs p)
{
	using Columns = MatrixColumns<128, 4, TENSOR_THREADS, 8>;
	GramTile<128> tile(p);
	Columns a(tile.x, p.c, tile.row0, p.c, tile.from, tile.to), b(tile.x, p.c, tile.col0, p.c, tile.from, tile.to);
	float acc[4][8][4];
	tensor_multiply<Tf32>(acc, a, b, (tile.to - tile.from + BK - 1) / BK);
	tensor_put<4>(acc, tile.out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * p.c;
		return r < p.c;
	});
}

extern "C" __global__ void __launch_bounds__(HALF_THREADS, 2) gram_half(GramArgs p)
{
	using Columns = HalfColumns<128>;
	GramTile<128, u16> tile(p);
	Columns a(tile.x, p.c, (int)tile.row0, p.c, tile.from, tile.to), b(tile.x, p.c, (int)tile.col0, p.c, tile.from, tile.to);
	float acc[4][8][4];
	half_multiply(acc, a, b, (tile.to - tile.from + HALF_STEP - 1) / HALF_STEP);
	tensor_put<4>(acc, tile.out, tile.row0, tile.col0, [&](i64 r, i64 &at) {
		at = r * p.c;
		return r < p.c;
	});
}
