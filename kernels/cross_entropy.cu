// cross_entropy.cu: the mean of −log softmax(logits)[label] over labeled pixels.
// internal/op/cross_entropy.go
#include "elements.cuh"
#include "rows.cuh"

#define IGNORED 255

// row_top and row_sum are the maximum m of a row and Σ exp(x − m), for n of its channels.
__device__ inline float row_top(const float *row, int n, int group)
{
	float top = -infinity_f32();
	FOR_GROUP(k, n, group)
	top = max_f32(top, row[k]);
	return group_max(top, group);
}
__device__ inline float row_sum(const float *row, float top, int n, int group)
{
	float sum = 0;
	FOR_GROUP(k, n, group)
	sum += exp_f32(row[k] - top);
	return group_sum(sum, group);
}

// partial[block] = (Σ −log p, labeled pixels) of the block's rows; logits [rows, c],
// label [rows]. A label that is no class makes the loss NaN. A block has fewer than 2²⁴
// rows, so that a float counts them exactly.
extern "C" __global__ void __launch_bounds__(256)
	cross_entropy(float2 *partial, const float *logits, const u8 *label, i64 rows, int c, int group)
{
	float total = 0, count = 0;
	FOR_GROUPS(r, rows, group)
	{
		int y = r < rows ? label[r] : IGNORED;
		int n = y != IGNORED ? c : 0;
		const float *row = logits + r * c;
		float top = row_top(row, n, group);
		float sum = row_sum(row, top, n, group);
		if (n && lane() % group == 0) {
			total += y < c ? log_f32(sum) + (top - row[y]) : as_float(0x7fc00000u);
			count += 1;
		}
	}
	total = block_sum<256>(total);
	count = block_sum<256>(count);
	if (threadIdx.x == 0)
		partial[blockIdx.x] = float2{total, count};
}

// loss = (Σ/count, count), or (0, 0). One block of 1×256 threads.
extern "C" __global__ void __launch_bounds__(256) cross_entropy_end(float *loss, const float2 *partial, int blocks)
{
	double total = 0, count = 0;
	for (int i = (int)threadIdx.y; i < blocks; i += 256) {
		total += partial[i].x;
		count += partial[i].y;
	}
	total = column_sum(total);
	count = column_sum(count);
	if (threadIdx.y == 0) {
		loss[0] = count > 0 ? (float)(total / count) : 0.0f;
		loss[1] = (float)count;
	}
}

// dlogits += scale·(softmax(logits) − onehot(label))/count at labeled pixels; the count
// is loss[1].
extern "C" __global__ void __launch_bounds__(256)
	cross_entropy_grad(float *dlogits, const float *loss, const float *logits, const u8 *label, float scale, i64 rows, int c, int group)
{
	if (loss[1] == 0.0f)
		return;
	scale /= loss[1];
	FOR_GROUPS(r, rows, group)
	{
		int y = r < rows ? label[r] : IGNORED;
		int n = y != IGNORED ? c : 0;
		const float *row = logits + r * c;
		float top = row_top(row, n, group);
		float share = (y < c ? scale : as_float(0x7fc00000u)) / row_sum(row, top, n, group);
		FOR_GROUP(k, n, group)
		dlogits[r * c + k] += exp_f32(row[k] - top) * share - (k == y ? scale : 0.0f);
	}
}
