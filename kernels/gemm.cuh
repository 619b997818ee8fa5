// gemm.cuh: what a product of matrices is called with.
#pragma once
#include "product.cuh"

// GemmArgs is C[m,n] = A[m,k]·B[k,n] + bias[n] + residual, then ReLU; bias and residual may
// be null, residual lies as C, and C itself takes its place when accumulate. Block y takes
// the terms from y·split_k on and writes its own C, m·ldc further.
struct GemmArgs {
	float *c;
	const float *a, *b, *bias, *residual;
	i64 m, n, k;
	i64 lda, ldb, ldc; // distance of rows as they lie in memory
	i64 split_k;
	int accumulate, relu;
	float *sums; // of the rows of A that lies as [k, m]: block y writes m of them; null: none
};
