// tensor.h: how tensor cores add products.
#pragma once
#include "../emu.h"

namespace hdm::ptx {

// TensorModel is how a GPU's tensor cores add up an inner product (HDMNET_EMU_TENSOR).
struct TensorModel {
	const char *name;
	int tf32, halves; // how many products are added at once, of tf32, of bf16 and f16; 0: one
	                  // fused multiply-add after another
	int extra;        // bits that the sum keeps below the 24 of the largest addend
};
const TensorModel &tensor_model();

// tensor_product is D[16×8] += A[16×K]·B[K×8]. K is 4, 8 or 16; group one of the model's.
template <int K> void tensor_product(float (&d)[16][8], const float (&a)[16][K], const float (&b)[K][8], int group, int extra);

} // namespace hdm::ptx
