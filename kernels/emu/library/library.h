// library.h: what the emulated cuBLASLt, cuDNN and NCCL share. They compute by definition, on the
// memory of the emulated driver (HDMNET_CUDA_DRIVER), in the order of the stream. They stand
// in for NVIDIA's where there is no GPU and check what NVIDIA's documentation asks of a
// caller; a misuse is a fault of the context. HDMNET_EMU_REFUSE names what they answer with
// "not supported": a list of product, fused, forward, gradient; HDMNET_EMU_FAIL what fails by
// chance: choose, multiply, workspace, convolve.
#pragma once
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../../../internal/cuda/library.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace emu {

// check is false, and the context has failed, when a caller did what it must not.
bool check(bool good, const char *function, const char *format, ...) __attribute__((format(printf, 3, 4)));
// access checks memory that a call reads or writes.
bool access(const char *function, const char *what, CUdeviceptr at, size_t bytes, bool write);
// scratch overwrites a workspace and makes it undefined: nobody may count on its contents.
void scratch(CUdeviceptr at, size_t bytes);
// submit runs work in the order of the stream, now or whenever a graph runs.
bool submit(const char *function, CUstream s, std::function<void()> work);
// current_gpu is the identity of the GPU whose context is current, empty without one.
std::string current_gpu();
// refuses tells whether HDMNET_EMU_REFUSE has the word.
bool refuses(const char *word);
// fails tells whether HDMNET_EMU_FAIL has the word.
bool fails(const char *word);

inline CUdeviceptr address(const void *p) { return (CUdeviceptr)(uintptr_t)p; }
inline bool overlap(const void *a, size_t n, const void *b, size_t m)
{
	return address(a) < address(b) + m && address(b) < address(a) + n;
}

inline float bf16_value(uint16_t v) { return __builtin_bit_cast(float, (uint32_t)v << 16); }
inline uint16_t to_bf16(float v)
{
	uint32_t u = __builtin_bit_cast(uint32_t, v);
	return v != v ? 0x7fff : (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
inline float to_tf32(float v)
{
	uint32_t u = __builtin_bit_cast(uint32_t, v);
	return std::isfinite(v) ? __builtin_bit_cast(float, (u + 0x1000u) & ~0x1fffu) : v;
}

// handles are the live objects of one type.
template <class T> std::set<T *> &handles()
{
	static std::set<T *> all;
	return all;
}
template <class T, class H> T *made(H *out)
{
	T *t = new T();
	handles<T>().insert(t);
	*out = (H)t;
	return t;
}
template <class T, class H> T *live(H h, const char *function, const char *what)
{
	T *t = (T *)h;
	return check(handles<T>().count(t), function, "%s is not alive", what) ? t : nullptr;
}
template <class T, class H> bool destroy(H h, const char *function)
{
	T *t = live<T>(h, function, "what is destroyed");
	handles<T>().erase(t);
	delete t;
	return t;
}

} // namespace emu
