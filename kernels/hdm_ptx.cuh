// hdm_ptx.cuh: the instructions behind hdm.cuh for clang's PTX back end, sm_80, PTX 7.0.
// emu/device.h defines the same names for the emulator.
#pragma once

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))

// UNROLL before a loop unrolls it wholly, UNROLL_BY(n) n-fold.
#define HDM_PRAGMA(x) _Pragma(#x)
#define UNROLL HDM_PRAGMA(unroll)
#define UNROLL_BY(n) HDM_PRAGMA(unroll n)

// SHARED(float, tile, [32][33]) declares shared memory of the block; undefined at first.
#define SHARED(type, name, ...) __attribute__((shared)) type name __VA_ARGS__
// DYNAMIC_SHARED(float, tile) points tile to the shared memory whose bytes the launch
// names, aligned to 16.
extern __attribute__((shared)) uint4 hdm_dynamic[];
#define DYNAMIC_SHARED(type, name) type *name = (type *)hdm_dynamic

struct hdm_index { u32 x, y, z; };
#define HDM_INDEX(r) (hdm_index{(u32)__nvvm_read_ptx_sreg_##r##_x(), (u32)__nvvm_read_ptx_sreg_##r##_y(), (u32)__nvvm_read_ptx_sreg_##r##_z()})
#define threadIdx HDM_INDEX(tid)
#define blockIdx HDM_INDEX(ctaid)
#define blockDim HDM_INDEX(ntid)
#define gridDim HDM_INDEX(nctaid)

// ---- Warps. Every lane that the mask names must come to the same call.

__device__ inline void __syncwarp(u32 mask = 0xffffffffu) { __nvvm_bar_warp_sync(mask); }

#define HDM_SHUFFLE(name, mode, clamp)                                          \
	__device__ inline float name(u32 mask, float v, int x)                      \
	{                                                                           \
		return __nvvm_shfl_sync_##mode##_f32(mask, v, x, clamp);                \
	}                                                                           \
	__device__ inline int name(u32 mask, int v, int x)                          \
	{                                                                           \
		return __nvvm_shfl_sync_##mode##_i32(mask, v, x, clamp);                \
	}                                                                           \
	__device__ inline u32 name(u32 mask, u32 v, int x)                          \
	{                                                                           \
		return (u32)__nvvm_shfl_sync_##mode##_i32(mask, (int)v, x, clamp);      \
	}
HDM_SHUFFLE(__shfl_sync, idx, 31)
HDM_SHUFFLE(__shfl_xor_sync, bfly, 31)
HDM_SHUFFLE(__shfl_down_sync, down, 31)
HDM_SHUFFLE(__shfl_up_sync, up, 0)

__device__ inline u32 __ballot_sync(u32 mask, bool p) { return __nvvm_vote_ballot_sync(mask, p); }
__device__ inline bool __any_sync(u32 mask, bool p) { return __nvvm_vote_any_sync(mask, p); }
__device__ inline bool __all_sync(u32 mask, bool p) { return __nvvm_vote_all_sync(mask, p); }

__device__ inline int __popc(u32 v) { return __builtin_popcount(v); }
__device__ inline int __ffs(u32 v) { return __builtin_ffs((int)v); }

// ---- Atomic operations on whole numbers. There are none on floats: their sums would
// depend on the order.

__device__ inline u32 atomicAdd(u32 *p, u32 v) { return __nvvm_atom_add_gen_i((int *)p, (int)v); }
__device__ inline int atomicAdd(int *p, int v) { return __nvvm_atom_add_gen_i(p, v); }
__device__ inline int atomicMax(int *p, int v) { return __nvvm_atom_max_gen_i(p, v); }
__device__ inline int atomicMin(int *p, int v) { return __nvvm_atom_min_gen_i(p, v); }
__device__ inline void __threadfence() { __nvvm_membar_gl(); }

// ---- Numbers

__device__ inline float sqrt_f32(float v) { return __nvvm_sqrt_rn_f(v); }

// exp_fast is e^v to 1e-6 relative for |v| ≤ 10; use exp_f32 unless it is the bottleneck.
__device__ inline float exp_fast(float v) { return __nvvm_ex2_approx_ftz_f(v * 1.44269504f); }

__device__ inline bf16 to_bf16(float v)
{
	bf16 r;
	asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r.bits) : "f"(v));
	return r;
}

// pack_bf16 rounds two floats in one instruction; lo is the half at the lower address.
__device__ inline u32 pack_bf16(float lo, float hi)
{
	u32 r;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
	return r;
}

__device__ inline float from_f16(f16 v)
{
	float r;
	asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(v.bits));
	return r;
}

// pack_f16 rounds two floats to halves; lo is the one at the lower address.
__device__ inline u32 pack_f16(float lo, float hi)
{
	u32 r;
	asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
	return r;
}

// to_tf32 rounds to the 10 bits of mantissa that tensor cores read; ties away from zero.
__device__ inline u32 to_tf32(float v)
{
	u32 r;
	asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(v));
	return r;
}

// ---- Tensor cores. With g = lane/4 and t = lane%4, a warp holds
//
//   mma_bf16, D[16×8] += A[16×16]·B[16×8], two bf16 a register:
//     a0 A[g][2t,2t+1]  a1 A[g+8][2t,2t+1]  a2 A[g][2t+8,2t+9]  a3 A[g+8][2t+8,2t+9]
//     b0 B[2t,2t+1][g]  b1 B[2t+8,2t+9][g]
//   mma_f16 likewise of halves
//   mma_tf32, D[16×8] += A[16×8]·B[8×8], one tf32 a register:
//     a0 A[g][t]  a1 A[g+8][t]  a2 A[g][t+4]  a3 A[g+8][t+4]
//     b0 B[t][g]  b1 B[t+4][g]
//   and for both d0 D[g][2t]  d1 D[g][2t+1]  d2 D[g+8][2t]  d3 D[g+8][2t+1]

__device__ inline void mma_bf16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2])
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
	    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline void mma_f16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2])
{
	asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
	    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline void mma_tf32(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2])
{
	asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
	    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
	    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// mma_together calls body, which makes products and reads none of their results: the emulator's
// threads meet once for all of them.
template <class Body> __device__ __forceinline__ void mma_together(Body body) { body(); }

__device__ inline u32 hdm_shared_address(const void *p)
{
	return (u32)(u64)(const __attribute__((address_space(3))) void *)p;
}

// ldmatrix_x4 loads four 8×8 matrices of bf16 from shared memory: lane i gives the address
// of row i%8 of matrix i/8 (16 bytes, aligned); r[m] gets elements 2t, 2t+1 of row g of
// matrix m. ldmatrix_x4_trans gives them transposed.
__device__ inline void ldmatrix_x4(u32 (&r)[4], const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(hdm_shared_address(row)) : "memory");
}

__device__ inline void ldmatrix_x4_trans(u32 (&r)[4], const void *row)
{
	asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
	             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(hdm_shared_address(row)) : "memory");
}

// ---- Copies from global to shared memory that do not wait. cp_async16 copies 16 bytes
// (both addresses aligned to 16), zeros when !valid; cp_async4 4 bytes. A thread's copies
// since the last cp_async_commit are a group; cp_async_wait<N> waits until at most the N
// latest groups are under way. Other threads see the data after a __syncthreads besides.

__device__ inline void cp_async16(void *shared, const void *global, bool valid = true)
{
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(hdm_shared_address(shared)), "l"(global), "r"(valid ? 16 : 0) : "memory");
}

__device__ inline void cp_async4(void *shared, const void *global, bool valid = true)
{
	asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(hdm_shared_address(shared)), "l"(global), "r"(valid ? 4 : 0) : "memory");
}

__device__ inline void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

template <int N> __device__ inline void cp_async_wait()
{
	asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
}
