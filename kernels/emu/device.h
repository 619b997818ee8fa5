// device.h: the names of hdm_ptx.cuh for the emulator. A kernel is an ordinary function
// that one fibre per CUDA thread runs; what needs the other threads calls the scheduler.
#pragma once

typedef decltype(sizeof 0) size_t;

namespace hdm {

struct Index { u32 x, y, z; };

struct BlockView { Index index, dim, grid; };

struct ThreadView {
	Index index;
	BlockView *block;
};

// self is the CUDA thread that runs on this thread of the processor.
extern __thread ThreadView *self __attribute__((tls_model("initial-exec")));

// Where is the place in the source that an operation was called from.
struct Where {
	const char *file;
	int line;
};

void sync_threads(Where where);

// A WarpOp is one lane's part in an operation of its warp. The last lane to come calls
// run with the parts of all lanes of the mask; the others are null.
struct WarpOp {
	void (*run)(WarpOp *const (&lanes)[32]);
	const char *name;
	bool orders = false; // accesses to memory before it come before those after it
};
void warp_op(WarpOp *op, u32 mask, Where where);

void *shared(const void *slot, const char *name, size_t bytes, size_t align);
void *dynamic_shared();

void cp_async(void *shared, const void *global, int bytes, bool valid);
void cp_async_commit();
void cp_async_wait(int groups);

enum class Atomic { add, max, min }; // of int
u32 atomic(Atomic what, void *p, u32 v);

enum class Shuffle { idx, bfly, up, down };
u32 shuffle(Shuffle mode, u32 mask, u32 v, int x, Where where);
u32 ballot(u32 mask, bool p, Where where);
void sync_warp(u32 mask, Where where);
void mma_bf16(float *d, const u32 *a, const u32 *b, Where where);
void mma_f16(float *d, const u32 *a, const u32 *b, Where where);
void mma_tf32(float *d, const u32 *a, const u32 *b, Where where);
void mma_together(void (*body)(void *), void *arguments, Where where);
void ldmatrix(u32 *r, const void *row, bool trans, Where where);

} // namespace hdm

#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

// g++ turns loops that are left alone into vector instructions.
#define UNROLL
#define UNROLL_BY(n)

#define SHARED(type, name, ...)                 \
	typedef type hdm_type_##name __VA_ARGS__;   \
	static const char hdm_slot_##name = 0;      \
	hdm_type_##name &name = *(hdm_type_##name *)hdm::shared(&hdm_slot_##name, #name, sizeof(hdm_type_##name), alignof(hdm_type_##name))
#define DYNAMIC_SHARED(type, name) type *name = (type *)hdm::dynamic_shared()

#define threadIdx (hdm::self->index)
#define blockIdx (hdm::self->block->index)
#define blockDim (hdm::self->block->dim)
#define gridDim (hdm::self->block->grid)

// HDM_WHERE as the last parameter takes the caller's place in the source.
#define HDM_WHERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(HDM_WHERE) { hdm::sync_threads({file, line}); }
inline u32 __ballot_sync(u32 mask, bool p, HDM_WHERE) { return hdm::ballot(mask, p, {file, line}); }
inline bool __any_sync(u32 mask, bool p, HDM_WHERE) { return hdm::ballot(mask, p, {file, line}) != 0; }
inline bool __all_sync(u32 mask, bool p, HDM_WHERE) { return hdm::ballot(mask, p, {file, line}) == mask; }
inline void __syncwarp(u32 mask = 0xffffffffu, HDM_WHERE) { hdm::sync_warp(mask, {file, line}); }

#define HDM_SHUFFLE(name, mode)                                                                        \
	inline float name(u32 mask, float v, int x, HDM_WHERE)                                             \
	{                                                                                                  \
		u32 bits = __builtin_bit_cast(u32, v);                                                         \
		return __builtin_bit_cast(float, hdm::shuffle(hdm::Shuffle::mode, mask, bits, x, {file, line})); \
	}                                                                                                  \
	inline int name(u32 mask, int v, int x, HDM_WHERE)                                                 \
	{                                                                                                  \
		return (int)hdm::shuffle(hdm::Shuffle::mode, mask, (u32)v, x, {file, line});                   \
	}                                                                                                  \
	inline u32 name(u32 mask, u32 v, int x, HDM_WHERE)                                                 \
	{                                                                                                  \
		return hdm::shuffle(hdm::Shuffle::mode, mask, v, x, {file, line});                             \
	}
HDM_SHUFFLE(__shfl_sync, idx)
HDM_SHUFFLE(__shfl_xor_sync, bfly)
HDM_SHUFFLE(__shfl_down_sync, down)
HDM_SHUFFLE(__shfl_up_sync, up)

inline int __popc(u32 v) { return __builtin_popcount(v); }
inline int __ffs(u32 v) { return __builtin_ffs((int)v); }

inline u32 atomicAdd(u32 *p, u32 v) { return hdm::atomic(hdm::Atomic::add, p, v); }
inline int atomicAdd(int *p, int v) { return (int)hdm::atomic(hdm::Atomic::add, p, (u32)v); }
inline int atomicMax(int *p, int v) { return (int)hdm::atomic(hdm::Atomic::max, p, (u32)v); }
inline int atomicMin(int *p, int v) { return (int)hdm::atomic(hdm::Atomic::min, p, (u32)v); }
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

inline float sqrt_f32(float v) { return __builtin_sqrtf(v); }

inline float exp_f32(float v);
inline float exp_fast(float v) { return exp_f32(v); }

inline bf16 to_bf16(float v)
{
	u32 u = __builtin_bit_cast(u32, v);
	if (v != v)
		return bf16{0x7fff};
	return bf16{(u16)((u + 0x7fff + (u >> 16 & 1)) >> 16)};
}

inline u32 pack_bf16(float lo, float hi) { return (u32)to_bf16(lo).bits | (u32)to_bf16(hi).bits << 16; }

inline float from_f16(f16 v) { return (float)__builtin_bit_cast(_Float16, v.bits); }
inline u32 pack_f16(float lo, float hi)
{
	return (u32)__builtin_bit_cast(u16, (_Float16)lo) | (u32)__builtin_bit_cast(u16, (_Float16)hi) << 16;
}

inline u32 to_tf32(float v)
{
	u32 u = __builtin_bit_cast(u32, v);
	if (v != v || (u & 0x7f800000u) == 0x7f800000u)
		return u;
	return (u + 0x1000u) & ~0x1fffu;
}

inline void mma_f16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2], HDM_WHERE) { hdm::mma_f16(d, a, b, {file, line}); }
inline void mma_bf16(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2], HDM_WHERE) { hdm::mma_bf16(d, a, b, {file, line}); }
inline void mma_tf32(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2], HDM_WHERE) { hdm::mma_tf32(d, a, b, {file, line}); }
template <class Body> inline void mma_together(Body body, HDM_WHERE)
{
	hdm::mma_together([](void *b) { (*(Body *)b)(); }, &body, {file, line});
}
inline void ldmatrix_x4(u32 (&r)[4], const void *row, HDM_WHERE) { hdm::ldmatrix(r, row, false, {file, line}); }
inline void ldmatrix_x4_trans(u32 (&r)[4], const void *row, HDM_WHERE) { hdm::ldmatrix(r, row, true, {file, line}); }

inline void cp_async16(void *shared, const void *global, bool valid = true) { hdm::cp_async(shared, global, 16, valid); }
inline void cp_async4(void *shared, const void *global, bool valid = true) { hdm::cp_async(shared, global, 4, valid); }
inline void cp_async_commit() { hdm::cp_async_commit(); }
template <int N> inline void cp_async_wait() { hdm::cp_async_wait(N); }
