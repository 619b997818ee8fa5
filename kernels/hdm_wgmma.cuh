// hdm_wgmma.cuh: products of warpgroups, which compute capability 9.0 has. A source that includes
// it has no kernels for other GPUs. emu/wgmma_device.h defines the same names for the emulator.
#pragma once
#include "hdm.cuh"

// A warpgroup is four warps, the first a multiple of four. wgmma_f16 starts D[64×N] += A[64×16]·B[16×N]
// of halves, which lie in shared memory. Warp w of the group has rows 16w … 16w+15 of D, and
// d[j] of a lane is what mma_f16 has of columns 8j … 8j+7. In this order:
//
//   fence_proxy_async();  after writing what the products read, before the barrier
//   wgmma_fence(d);       the registers are the products' from here on
//   wgmma_f16(d, a, b);   as often as needed
//   wgmma_commit();       these products are a group
//   wgmma_wait<N>(d);     all groups but the N latest are done: the memory that they have read may
//                         be written, and with N = 0 d is the program's again

#ifdef HDM_EMU
#include "emu/wgmma_device.h"
#else

__device__ inline void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
__device__ inline void fence_proxy_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// shared_address is where p lies in the block's shared memory.
__device__ inline u32 shared_address(const void *p) { return hdm_shared_address(p); }

#define HDM_TILE(d, j) "+f"(d[j][0]), "+f"(d[j][1]), "+f"(d[j][2]), "+f"(d[j][3])
#define HDM_TILES8(d, j)                                                                                     \
	HDM_TILE(d, j), HDM_TILE(d, j + 1), HDM_TILE(d, j + 2), HDM_TILE(d, j + 3), HDM_TILE(d, j + 4), HDM_TILE(d, j + 5), \
	    HDM_TILE(d, j + 6), HDM_TILE(d, j + 7)
#define HDM_OPERANDS32                                                                          \
	"%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23," \
	"%24,%25,%26,%27,%28,%29,%30,%31"
#define HDM_OPERANDS64                                                                                                    \
	HDM_OPERANDS32 ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55," \
	               "%56,%57,%58,%59,%60,%61,%62,%63"

#define HDM_OPERANDS128                                                                                                  \
	HDM_OPERANDS64 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,%80,%81,%82,%83,%84,%85,%86,%87,"   \
	               "%88,%89,%90,%91,%92,%93,%94,%95,%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,"  \
	               "%110,%111,%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"

// The registers are operands of the fence and the wait as well, so that the compiler moves no
// access to them past these.
#define HDM_WGMMA(tiles, shape, operands, a, b, ...)                                                         \
	__device__ inline void wgmma_fence(float (&d)[tiles][4])                                                 \
	{                                                                                                        \
		asm volatile("wgmma.fence.sync.aligned;" : __VA_ARGS__::"memory");                                   \
	}                                                                                                        \
	__device__ inline void wgmma_f16(float (&d)[tiles][4], u64 matrix_a, u64 matrix_b)                       \
	{                                                                                                        \
		asm volatile("{\n\t.reg .pred p;\n\tsetp.ne.b32 p, 1, 0;\n\twgmma.mma_async.sync.aligned." shape     \
		             ".f32.f16.f16 {" operands "}, " a ", " b ", p, 1, 1, 0, 0;\n\t}"                        \
		             : __VA_ARGS__                                                                           \
		             : "l"(matrix_a), "l"(matrix_b));                                                        \
	}                                                                                                        \
	template <int BEHIND> __device__ inline void wgmma_wait(float (&d)[tiles][4])                            \
	{                                                                                                        \
		asm volatile("wgmma.wait_group.sync.aligned " a ";" : __VA_ARGS__ : "n"(BEHIND) : "memory");         \
	}
HDM_WGMMA(8, "m64n64k16", HDM_OPERANDS32, "%32", "%33", HDM_TILES8(d, 0))
HDM_WGMMA(16, "m64n128k16", HDM_OPERANDS64, "%64", "%65", HDM_TILES8(d, 0), HDM_TILES8(d, 8))
HDM_WGMMA(32, "m64n256k16", HDM_OPERANDS128, "%128", "%129", HDM_TILES8(d, 0), HDM_TILES8(d, 8), HDM_TILES8(d, 16), HDM_TILES8(d, 24))

#endif

// wgmma_matrix describes an operand of 16 terms whose rows have 128 bytes, 64 halves along the
// terms: eight rows from a multiple of 1024 on, then the next eight. The 16 bytes number c of row
// r lie where number c ^ r%8 would be. The next 16 terms are described by wgmma_next.
__device__ inline u64 wgmma_matrix(const void *panel)
{
	const u64 swizzle128 = (u64)1 << 62, stride = (u64)(1024 >> 4) << 32, leading = (u64)1 << 16; // unused with a swizzle
	return swizzle128 | stride | leading | (shared_address(panel) & 0x3ffff) >> 4;
}

__device__ inline u64 wgmma_next(u64 matrix, int k) { return matrix + (u64)(k * 32 >> 4); }
