// check.cpp: the calls that g++ -fsanitize=kernel-address puts before every access of a
// kernel, answered from the shadow of device and shared memory.
#include <dlfcn.h>
#include <link.h>

#include "race.h"

namespace hdm {

namespace {

uintptr_t image_lo = ~(uintptr_t)0, image_hi; // this library in memory: constants and tables

int find_image(struct dl_phdr_info *info, size_t, void *)
{
	uintptr_t here = (uintptr_t)&image_lo;
	uintptr_t lo = ~(uintptr_t)0, hi = 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		uintptr_t at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		lo = std::min(lo, at);
		hi = std::max(hi, at + info->dlpi_phdr[i].p_memsz);
	}
	if (here < lo || here >= hi)
		return 0;
	image_lo = lo;
	image_hi = hi;
	return 1;
}

[[noreturn]] void refuse(uintptr_t address, size_t bytes, bool write, CUresult code, const char *problem)
{
	std::string at = race_shared(address) ? worker_shared_describe(address) : memory_describe(address);
	worker_fault(code, format("%s %s of %zu bytes at 0x%llx: %s", problem, write ? "write" : "read", bytes, (u64)address, at.c_str()));
}

} // namespace

void check_open() { dl_iterate_phdr(find_image, nullptr); }

void check_access(uintptr_t address, size_t bytes, Access how, const void *pc)
{
	if (!self)
		return; // the host side of this library
	bool write = how != reading;
	if (address - space < space_bytes) {
		const char *problem = shadow_problem(address, bytes, how == writing || how == copying);
		if (problem)
			refuse(address, bytes, write, problem[0] == 'u' ? CUDA_ERROR_LAUNCH_FAILED : CUDA_ERROR_ILLEGAL_ADDRESS, problem);
		if (how == writing)
			shadow_set(address, bytes, defined);
		if (cells && how <= writing)
			race_access(address, bytes, how == writing, pc);
		else if (cells)
			race_slowly(this_thread(), address, bytes, how, pc);
		return;
	}
	if (worker_owns(address) || (address >= image_lo && address < image_hi))
		return;
	uintptr_t tls = (uintptr_t)&self;
	if (address + 256 >= tls && address < tls + 256)
		return;
	refuse(address, bytes, write, CUDA_ERROR_ILLEGAL_ADDRESS, "out of bounds");
}

std::string check_place(const void *pc)
{
	uintptr_t at = (uintptr_t)pc;
	return at >= image_lo && at < image_hi ? format(" (code at 0x%llx)", (u64)(at - image_lo)) : "";
}

template <class U> __attribute__((always_inline)) static inline void check(uintptr_t address, Access how)
{
	if (address % sizeof(U) && self)
		refuse(address, sizeof(U), how == writing, CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned");
	if (address - space < space_bytes && self) { // the quick way
		const u8 *s = shadow + (address - space);
		bool all = true;
		for (size_t i = 0; i < sizeof(U); i += std::min<size_t>(8, sizeof(U)))
			all &= !memcmp(s + i, "\2\2\2\2\2\2\2\2", std::min<size_t>(8, sizeof(U)));
		if (all) {
			if (cells)
				race_access(address, sizeof(U), how == writing, __builtin_return_address(0));
			return;
		}
	}
	check_access(address, sizeof(U), how, __builtin_return_address(0));
}

} // namespace hdm

#define EXPORT extern "C" __attribute__((visibility("default"), used))
#define ACCESS(bytes, U)                                                                          \
	EXPORT void __asan_load##bytes##_noabort(uintptr_t a) { hdm::check<U>(a, hdm::reading); }     \
	EXPORT void __asan_store##bytes##_noabort(uintptr_t a) { hdm::check<U>(a, hdm::writing); }
ACCESS(1, u8)
ACCESS(2, u16)
ACCESS(4, u32)
ACCESS(8, u64)
ACCESS(16, __int128)
EXPORT void __asan_loadN_noabort(uintptr_t a, size_t n) { hdm::check_access(a, n, hdm::reading, __builtin_return_address(0)); }
EXPORT void __asan_storeN_noabort(uintptr_t a, size_t n) { hdm::check_access(a, n, hdm::writing, __builtin_return_address(0)); }
EXPORT void __asan_handle_no_return() {}
EXPORT void __asan_before_dynamic_init(const char *) {}
EXPORT void __asan_after_dynamic_init() {}
