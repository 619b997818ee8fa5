// self_attention.cuh: what self_attention.cu and self_attention_tensor.cu are called with.
//
// q, y, dy have n rows, k and v m rows for every sample and head; lse and shift
// [B,heads,n]. A kernel's number is DP, the channels of a row.
#pragma once
#include "attention.cuh"

struct SelfAttentionArgs {
	HeadRows y, q, k, v;
	float *lse; // may be null
	int n, m, heads;
	float scale;
};

struct SelfAttentionGradArgs {
	HeadRows dq, dk, dv; // dk and dv: those of split z start z·split further
	HeadRows dy, q, k, v;
	const float *lse, *shift;
	i64 split;
	int n, m, heads;
	float scale;
};

// rescale_above: the sums are relative to a maximum that is out of date by at most this.
// exp(8) costs no accuracy, and so they are rescaled seldom.
static constexpr float rescale_above = 8.0f;
