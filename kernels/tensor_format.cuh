// tensor_format.cuh: what the inputs of products on tensor cores are rounded to, and how
// they lie in registers. Products are exact and summed in float32.
//
// A format has 16 terms of the sum at a time. Their order is free as long as both operands
// have the same one: each lane 4g+t brings four terms, of rows g and g+8 of A and of
// column g of B; which four, the caller says.
#pragma once
#include "hdm.cuh"

// lane_floats loads with one instruction, of four blocks of 8 rows of 4 floats, float t of row g of
// each. Lane i gives the address of row i%8 of block i/8, aligned to 16.
__device__ __forceinline__ void lane_floats(float (&v)[4], const float *row)
{
	u32 bits[4];
	ldmatrix_x4(bits, row);
	UNROLL
	for (int e = 0; e < 4; e++)
		v[e] = as_float(bits[e]);
}

struct Bf16 {
	static constexpr int BYTES = 2;
	struct A { u32 r[4]; };
	struct B { u32 r[2]; };

	__device__ static void pack_a(A &a, const float (&top)[4], const float (&bottom)[4])
	{
		a.r[0] = pack_bf16(top[0], top[1]);
		a.r[1] = pack_bf16(bottom[0], bottom[1]);
		a.r[2] = pack_bf16(top[2], top[3]);
		a.r[3] = pack_bf16(bottom[2], bottom[3]);
	}
	__device__ static void pack_b(B &b, const float (&v)[4])
	{
		b.r[0] = pack_bf16(v[0], v[1]);
		b.r[1] = pack_bf16(v[2], v[3]);
	}
	// load_b loads a lane's four terms that were rounded before.
	__device__ static void load_b(B &b, const u8 *row)
	{
		uint2 q = *(const uint2 *)row;
		b.r[0] = q.x, b.r[1] = q.y;
	}
	__device__ static void multiply(float (&d)[4], const A &a, const B &b) { mma_bf16(d, a.r, b.r); }
	// multiply_half is for operands whose terms 2 and 3 of every lane are 0.
	__device__ static void multiply_half(float (&d)[4], const A &a, const B &b) { mma_bf16(d, a.r, b.r); }
};

// Tf32's values keep lower bits, which the tensor cores do not read: half of the last bit
// that they do read is added, so that cutting off rounds to nearest. (cvt.rna.tf32.f32
// costs four times as much.) The minimum keeps the GPU's NaN, 0x7fffffff, from overflowing
// to −0.
struct Tf32A { u32 r[2][4]; };
struct Tf32B { u32 r[2][2]; };
template <bool ROUNDED> struct Tf32Format {
	static constexpr int BYTES = 4;
	typedef Tf32A A;
	typedef Tf32B B;

	__device__ static u32 round(float v)
	{
		if (ROUNDED)
			return as_bits(v);
		int bits = (int)as_bits(v), last = 0x7fffefff;
		return (u32)(bits < last ? bits : last) + 0x1000u;
	}
	__device__ static void pack_a(A &a, const float (&top)[4], const float (&bottom)[4])
	{
		UNROLL
		for (int h = 0; h < 2; h++) {
			a.r[h][0] = round(top[2 * h]);
			a.r[h][1] = round(bottom[2 * h]);
			a.r[h][2] = round(top[2 * h + 1]);
			a.r[h][3] = round(bottom[2 * h + 1]);
		}
	}
	__device__ static void pack_b(B &b, const float (&v)[4])
	{
		UNROLL
		for (int i = 0; i < 4; i++)
			b.r[i / 2][i % 2] = round(v[i]);
	}
	__device__ static void load_b(B &b, const u8 *row)
	{
		uint4 q = *(const uint4 *)row;
		b.r[0][0] = q.x, b.r[0][1] = q.y, b.r[1][0] = q.z, b.r[1][1] = q.w;
	}
	__device__ static void multiply(float (&d)[4], const A &a, const B &b)
	{
		mma_tf32(d, a.r[0], b.r[0]);
		mma_tf32(d, a.r[1], b.r[1]);
	}
	__device__ static void multiply_half(float (&d)[4], const A &a, const B &b) { mma_tf32(d, a.r[0], b.r[0]); }
};

typedef Tf32Format<false> Tf32;
typedef Tf32Format<true> RoundedTf32; // of values that were rounded when they were written

// round_tf32 rounds as Tf32 does, and clears what the tensor cores do not read.
__device__ inline float round_tf32(float v) { return as_float(Tf32::round(v) & ~0x1fffu); }
