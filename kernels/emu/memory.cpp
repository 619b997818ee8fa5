// memory.cpp: device memory. Each allocation ends at the end of a page (to 16 bytes) and an
// unmapped page follows, so that even the fast build stops at most overruns.
#include <sys/mman.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>

#include "race.h"
#include "race_stream.h"

namespace hdm {

uintptr_t space;
u8 *shadow;

namespace {

struct Allocation {
	uintptr_t base;
	size_t bytes;  // as asked for
	uintptr_t lo;  // pages
	size_t mapped;
	u64 number;
};

std::mutex lock;
std::map<uintptr_t, Allocation> live;       // by base
std::map<uintptr_t, size_t> holes;          // unmapped pages, by address
std::deque<Allocation> freed;               // the latest
uintptr_t cursor;                           // addresses are used again as late as possible
u64 numbers;
size_t used;

const Allocation *find(uintptr_t address)
{
	auto it = live.upper_bound(address);
	if (it == live.begin())
		return nullptr;
	--it;
	return address < it->second.lo + it->second.mapped ? &it->second : nullptr;
}

// take cuts [lo, lo+need) out of a hole.
void take(std::map<uintptr_t, size_t>::iterator hole, uintptr_t lo, size_t need)
{
	uintptr_t first = hole->first, end = first + hole->second;
	holes.erase(hole);
	if (lo > first)
		holes[first] = lo - first;
	if (lo + need < end)
		holes[lo + need] = end - lo - need;
	cursor = lo + need;
}

// place finds room after what was placed last, so that freed addresses stay unmapped for
// long: a kernel that still uses them is caught. 0 when there is none.
uintptr_t place(size_t need)
{
	auto after = holes.upper_bound(cursor);
	if (after != holes.begin()) {
		auto around = std::prev(after);
		if (cursor + need <= around->first + around->second) {
			uintptr_t lo = cursor;
			take(around, lo, need);
			return lo;
		}
	}
	for (auto from : {after, holes.begin()})
		for (auto hole = from; hole != holes.end(); ++hole)
			if (hole->second >= need) {
				uintptr_t lo = hole->first;
				take(hole, lo, need);
				return lo;
			}
	return 0;
}

} // namespace

size_t memory_total() { return (size_t)env_number("HDMNET_EMU_MEMORY", 8192) << 20; }

// idle is what neither this program nor others (HDMNET_EMU_TAKEN) hold.
static size_t idle()
{
	size_t held = used + ((size_t)env_number("HDMNET_EMU_TAKEN", 0) << 20);
	return held < memory_total() ? memory_total() - held : 0;
}

size_t block_shared_limit() { return env_number("HDMNET_EMU_CC", 80) == 90 ? most_block_shared : 99 << 10; }

void memory_open()
{
	if (space)
		return;
	void *p = mmap(nullptr, space_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return;
	space = (uintptr_t)p;
#ifdef HDM_CHECK
	void *s = mmap(nullptr, space_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s == MAP_FAILED) {
		space = 0;
		return;
	}
	shadow = (u8 *)s;
	race_open();
#endif
	uintptr_t first = space + max_workers * shared_stride;
	holes[first] = space_bytes - max_workers * shared_stride;
	cursor = first;
}

CUresult memory_alloc(size_t bytes, uintptr_t *address)
{
	std::lock_guard<std::mutex> hold(lock);
	if (bytes == 0)
		return api_error(CUDA_ERROR_INVALID_VALUE, "an allocation of 0 bytes");
	if (bytes > idle())
		return api_error(CUDA_ERROR_OUT_OF_MEMORY, "%zu bytes asked for, %zu of %zu free", bytes, idle(), memory_total());
	size_t mapped = (bytes + page - 1) / page * page;
	size_t need = mapped + page; // the guard
	uintptr_t lo = place(need);
	if (!lo)
		return api_error(CUDA_ERROR_OUT_OF_MEMORY, "no room for %zu bytes in the address space", bytes);
	if (mprotect((void *)lo, mapped, PROT_READ | PROT_WRITE)) {
		holes[lo] = need; // adjacent holes join when they are next freed
		return api_error(CUDA_ERROR_OUT_OF_MEMORY, "the machine has no %zu bytes", bytes);
	}
	// The driver aligns to 256; kernels may count on it.
	uintptr_t base = lo + mapped - (bytes + 255) / 256 * 256;
	live[base] = {base, bytes, lo, mapped, ++numbers};
	used += bytes;
	shadow_set(base, bytes, undefined);
	*address = base;
	return CUDA_SUCCESS;
}

CUresult memory_free(uintptr_t address)
{
	std::lock_guard<std::mutex> hold(lock);
	auto it = live.find(address);
	if (it == live.end())
		return api_error(CUDA_ERROR_INVALID_VALUE, "free of 0x%llx, where no allocation starts", (u64)address);
	Allocation a = it->second;
	live.erase(it);
	used -= a.bytes;
	shadow_set(a.base, a.bytes, nothing);
	race_forget(a.lo, a.mapped);
	madvise((void *)a.lo, a.mapped, MADV_DONTNEED);
	mprotect((void *)a.lo, a.mapped, PROT_NONE);
	uintptr_t lo = a.lo;
	size_t bytes = a.mapped + page;
	auto after = holes.lower_bound(lo);
	if (after != holes.end() && after->first == lo + bytes) {
		bytes += after->second;
		after = holes.erase(after);
	}
	if (after != holes.begin()) {
		auto before = std::prev(after);
		if (before->first + before->second == lo) {
			before->second += bytes;
			bytes = 0;
		}
	}
	if (bytes)
		holes[lo] = bytes;
	freed.push_back(a);
	if (freed.size() > 256)
		freed.pop_front();
	return CUDA_SUCCESS;
}

size_t memory_idle()
{
	std::lock_guard<std::mutex> hold(lock);
	return idle();
}

bool memory_range(uintptr_t address, uintptr_t *base, size_t *bytes)
{
	std::lock_guard<std::mutex> hold(lock);
	const Allocation *a = find(address);
	if (!a || address - a->base >= a->bytes)
		return false;
	*base = a->base;
	*bytes = a->bytes;
	return true;
}

std::string memory_describe(uintptr_t address)
{
	if (address - space >= space_bytes)
		return "not device memory";
	if (address - space < max_workers * shared_stride)
		return "the shared memory of the block, outside its arrays";
	std::lock_guard<std::mutex> hold(lock);
	auto tell = [&](const Allocation &a, const char *state) {
		auto where = address < a.base             ? format("%zu bytes before", (size_t)(a.base - address))
		             : address >= a.base + a.bytes ? format("%zu bytes past the end of", (size_t)(address - a.base - a.bytes))
		                                           : format("byte %zu of", (size_t)(address - a.base));
		return format("%s the %sallocation number %llu of %zu bytes at 0x%llx", where.c_str(), state, a.number, a.bytes, (u64)a.base);
	};
	for (uintptr_t at : {address, address - page, address + page})
		if (const Allocation *a = find(at); a && (at == address || address < a->lo + a->mapped + page))
			return tell(*a, "");
	for (auto a = freed.rbegin(); a != freed.rend(); ++a)
		if (address >= a->lo && address < a->lo + a->mapped + page)
			return tell(*a, "freed ");
	return "device memory that was never allocated";
}

std::string memory_leaks()
{
	std::lock_guard<std::mutex> hold(lock);
	if (live.empty())
		return "";
	size_t bytes = 0;
	const Allocation *first = nullptr;
	for (auto &[base, a] : live) {
		bytes += a.bytes;
		if (!first || a.number < first->number)
			first = &a;
	}
	return format("leak: %zu allocations with %zu bytes were not freed; the first is allocation number %llu of %zu bytes", live.size(), bytes,
	              first->number, first->bytes);
}

void shadow_set(uintptr_t address, size_t bytes, u8 state)
{
	if (shadow)
		__builtin_memset(shadow + (address - space), state, bytes);
}

const char *shadow_problem(uintptr_t address, size_t bytes, bool write)
{
	const u8 *s = shadow + (address - space);
	u8 least = defined;
	for (size_t i = 0; i < bytes; i++)
		least = std::min(least, s[i]);
	if (least == nothing)
		return "out of bounds";
	if (least == undefined && !write)
		return "uninitialized";
	return nullptr;
}

CUresult host_access(const char *what, uintptr_t address, size_t bytes, bool write)
{
	if (bytes == 0)
		return CUDA_SUCCESS;
	uintptr_t base;
	size_t size;
	if (!memory_range(address, &base, &size) || address + bytes > base + size) {
		std::string at = memory_describe(address);
		return api_error(CUDA_ERROR_INVALID_VALUE, "%s of %zu bytes at 0x%llx leaves its allocation: %s", what, bytes, (u64)address, at.c_str());
	}
	if (!shadow)
		return CUDA_SUCCESS;
	if (std::string race = order_range(what, address, bytes, write); !race.empty()) {
		context_fail(CUDA_ERROR_LAUNCH_FAILED, race);
		return CUDA_ERROR_LAUNCH_FAILED;
	}
	if (write) {
		shadow_set(address, bytes, defined);
	} else if (const char *problem = shadow_problem(address, bytes, false)) {
		size_t i = 0;
		while (shadow[address + i - space] == defined)
			i++;
		std::string at = memory_describe(address + i);
		return api_error(CUDA_ERROR_ILLEGAL_ADDRESS, "%s reads %s memory: %s", what, problem, at.c_str());
	}
	return CUDA_SUCCESS;
}

} // namespace hdm
