// race_host.cpp: the host's accesses to pinned memory. The emulator has done a copy when
// the call that queues it returns; a GPU may do it at any time until the host has waited
// for it. Until then the pages are protected: the host may not write what a copy reads, nor
// touch what a copy writes.
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>

#include "race.h"
#include "race_stream.h"
#include "stream.h"

namespace hdm {

namespace {

constexpr size_t page_bytes = 4096;

struct Use {
	const char *from;
	size_t bytes;
	bool write;
	size_t stream;
	u64 number;
};

struct Pinned {
	size_t bytes, mapped;
	std::vector<Use> uses;
};

std::map<char *, Pinned> all; // by address

Pinned *around(const void *p, char **start)
{
	auto it = all.upper_bound((char *)p);
	if (it == all.begin())
		return nullptr;
	--it;
	*start = it->first;
	return (char *)p < it->first + it->second.mapped ? &it->second : nullptr;
}

void protect(char *start, const Pinned &p)
{
	mprotect(start, p.mapped, PROT_READ | PROT_WRITE);
	for (bool write : {false, true}) // what is written may not even be read
		for (const Use &u : p.uses)
			if (u.write == write) {
				char *lo = start + (u.from - start) / page_bytes * page_bytes;
				mprotect(lo, (size_t)(u.from + u.bytes - lo), write ? PROT_NONE : PROT_READ);
			}
}

const char *verb(bool write) { return write ? "writes" : "reads"; }

} // namespace

void *pinned_alloc(size_t bytes)
{
	signals_open();
	size_t mapped = (std::max<size_t>(bytes, 1) + page_bytes - 1) / page_bytes * page_bytes;
	void *p = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return nullptr;
	all[(char *)p] = {bytes, mapped, {}};
	return p;
}

bool pinned_free(void *p)
{
	auto it = all.find((char *)p);
	if (it == all.end())
		return false;
	munmap(p, it->second.mapped);
	all.erase(it);
	return true;
}

size_t pinned_count() { return all.size(); }

CUresult pinned_open(const void *p, size_t bytes, bool write)
{
	char *start;
	Pinned *in = cells && bytes ? around(p, &start) : nullptr;
	if (!in)
		return CUDA_SUCCESS;
	for (const Use &u : in->uses)
		if ((write || u.write) && u.from < (const char *)p + bytes && (const char *)p < u.from + u.bytes && !order_done(u.stream, u.number, false)) {
			context_fail(CUDA_ERROR_LAUNCH_FAILED,
			             format("race: a copy %s %zu bytes of pinned memory at %p, which another copy in stream %zu %s: no event and no synchronization "
			                    "orders the two", verb(write), bytes, p, u.stream, verb(u.write)));
			return CUDA_ERROR_LAUNCH_FAILED;
		}
	mprotect(start, in->mapped, PROT_READ | PROT_WRITE);
	return CUDA_SUCCESS;
}

void pinned_use(const void *p, size_t bytes, bool write)
{
	char *start;
	Pinned *in = cells && bytes ? around(p, &start) : nullptr;
	if (!in)
		return;
	in->uses.push_back({(const char *)p, bytes, write, order_stream()->number, order_number()});
	protect(start, *in);
}

void pinned_release()
{
	for (auto &[start, p] : all) {
		size_t n = p.uses.size();
		std::erase_if(p.uses, [](const Use &u) { return order_done(u.stream, u.number, true); });
		if (p.uses.size() != n)
			protect(start, p);
	}
}

bool pinned_fault(uintptr_t address)
{
	std::lock_guard<std::recursive_mutex> hold(api_lock);
	char *start;
	Pinned *p = cells ? around((void *)address, &start) : nullptr;
	if (!p)
		return false;
	for (const Use &u : p->uses)
		if (address - (uintptr_t)u.from < u.bytes) {
			context_fail(CUDA_ERROR_LAUNCH_FAILED,
			             format("race: the host %s byte %zu of %zu bytes of pinned memory at %p, which a copy in stream %zu %s: the host has not "
			                    "waited for it", u.write ? "accesses" : "writes", (size_t)(address - (uintptr_t)start), p->bytes, (void *)start, u.stream,
			                    verb(u.write)));
			break;
		}
	p->uses.clear(); // one report is enough
	mprotect(start, p->mapped, PROT_READ | PROT_WRITE);
	return true;
}

} // namespace hdm
