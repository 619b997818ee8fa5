// gram_tensor.cu: the products of gram.cu on tensor cores, inputs rounded to tf32 when they
// are read. internal/op/gram.go
#include "gram.cuh"
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
