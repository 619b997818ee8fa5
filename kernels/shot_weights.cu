// shot_weights.cu: the network of K distances, two hidden units and K weights that merges
// the shots. internal/op/shot_weights.go
#include "hdm.cuh"

// Floats come in the order of their bits so that NaN has a place too.
__device__ inline bool sorts_before(float a, int i, float b, int j)
{
	int x = (int)as_bits(a), y = (int)as_bits(b);
	x ^= x < 0 ? 0x7fffffff : 0;
	y ^= y < 0 ? 0x7fffffff : 0;
	return x < y || (x == y && i < j);
}

// psi_b = Σ w_k d_bk with w = softmax(w1·max(0, w0·e + b0) + b1), e the sorted distances;
// w0 null: w = 1/K. state [batch,2K+3] keeps e, w, the hidden units and psi. A thread has a
// sample.
extern "C" __global__ void __launch_bounds__(128) shot_weights(float *psi, float *state, const float *d, const float *w0, const float *b0, const float *w1, const float *b1, int batch, int shots)
{
	FOR_GRID(b, batch) {
		const float *x = d + b * shots;
		float *e = state + b * (2 * shots + 3), *w = e + shots, *hidden = w + shots;
		for (int k = 0; k < shots; k++) {
			int rank = 0;
			for (int j = 0; j < shots; j++)
				rank += sorts_before(x[j], j, x[k], k);
			e[rank] = x[k];
		}
		float h[2] = {0, 0}, top = -infinity_f32(), total = 0;
		if (w0)
			for (int i = 0; i < 2; i++) {
				float sum = b0[i];
				for (int k = 0; k < shots; k++)
					sum = fma_f32(w0[i * shots + k], e[k], sum);
				h[i] = sum < 0 ? 0.0f : sum;
			}
		for (int k = 0; k < shots; k++) {
			w[k] = w0 ? w1[2 * k] * h[0] + w1[2 * k + 1] * h[1] + b1[k] : 0.0f;
			top = max_f32(top, w[k]);
		}
		for (int k = 0; k < shots; k++)
			total += w[k] = exp_f32(w[k] - top);
		float sum = 0;
		for (int k = 0; k < shots; k++) {
			w[k] /= total;
			sum = fma_f32(w[k], x[k], sum);
		}
		hidden[0] = h[0];
		hidden[1] = h[1];
		hidden[2] = sum;
		if (psi)
			psi[b] = sum;
	}
}

// The gradients of w0 [2,K], b0 [2], w1 [K,2] and b1 [K]; each may be null. With
// du_k = dpsi·w_k (d_k − psi), the hidden units' gradient is dh_i = Σ_k du_k w1[k,i] where
// they are above 0. A thread has one parameter and adds up the samples in order; one block.
extern "C" __global__ void __launch_bounds__(128) shot_weights_grad(float *dw0, float *db0, float *dw1, float *db1, const float *dpsi, const float *state, const float *d, const float *w1, int batch, int shots)
{
	FOR_BLOCK(p, 5 * shots + 2) {
		// w0 has the first 2K, then w1, b1 and b0.
		bool of_w0 = p < 2 * shots, of_w1 = !of_w0 && p < 4 * shots, of_b1 = !of_w0 && !of_w1 && p < 5 * shots;
		int at = of_w0 ? p : of_w1 ? p - 2 * shots : of_b1 ? p - 4 * shots : p - 5 * shots;
		float *to = of_w0 ? dw0 : of_w1 ? dw1 : of_b1 ? db1 : db0;
		if (!to)
			continue;
		int unit = of_w0 ? at / shots : of_w1 ? at % 2 : at;
		int shot = of_w0 ? at % shots : of_w1 ? at / 2 : at;
		float sum = 0;
		for (int b = 0; b < batch; b++) {
			const float *x = d + (i64)b * shots, *e = state + (i64)b * (2 * shots + 3), *w = e + shots, *hidden = w + shots;
			auto du = [&](int k) { return dpsi[b] * w[k] * (x[k] - hidden[2]); };
			if (of_w1 || of_b1) {
				sum += du(shot) * (of_w1 ? hidden[unit] : 1.0f);
			} else if (hidden[unit] > 0) {
				float dh = 0;
				for (int k = 0; k < shots; k++)
					dh = fma_f32(du(k), w1[2 * k + unit], dh);
				sum += dh * (of_w0 ? e[shot] : 1.0f);
			}
		}
		to[at] += sum;
	}
}
