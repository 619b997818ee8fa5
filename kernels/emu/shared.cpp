// shared.cpp: the shared memory of a block, and asynchronous copies into it.
#include "race.h"

namespace hdm {

void worker_shared_reset(Worker *w, size_t dynamic)
{
	shadow_set((uintptr_t)w->shared_base, w->shared_used + page, nothing);
	w->slots = 0;
	w->dynamic = w->shared_base;
	w->dynamic_bytes = dynamic;
	w->shared_used = (dynamic + 15) / 16 * 16;
	if (dynamic) {
		shadow_set((uintptr_t)w->dynamic, dynamic, undefined);
		memset(w->dynamic, 0xff, dynamic);
		w->shared_used += 16; // a gap, so that an overrun shows
	}
}

void *shared(const void *key, const char *name, size_t bytes, size_t align)
{
	Worker *w = worker;
	for (int i = 0; i < w->slots; i++)
		if (w->slot[i].key == key)
			return w->slot[i].memory;
	size_t at = (w->shared_used + std::max<size_t>(align, 16) - 1) / std::max<size_t>(align, 16) * std::max<size_t>(align, 16);
	size_t sum = bytes;
	for (int i = 0; i < w->slots; i++)
		sum += w->slot[i].bytes;
	if (sum > static_shared_limit || w->slots == max_slots)
		worker_fault(CUDA_ERROR_LAUNCH_FAILED, format("%zu bytes of static shared memory in %d arrays, more than %zu in %d", sum, w->slots + 1, static_shared_limit, max_slots));
	char *p = w->shared_base + at;
	w->slot[w->slots++] = {key, name, p, bytes};
	w->shared_used = at + bytes + 16;
	shadow_set((uintptr_t)p, bytes, undefined);
	memset(p, 0xff, bytes);
	return p;
}

void *dynamic_shared() { return worker->dynamic; }

std::string worker_shared_describe(uintptr_t address)
{
	Worker *w = worker;
	if (address - (uintptr_t)w->dynamic < w->dynamic_bytes)
		return format("byte %zu of the %zu bytes of dynamic shared memory", (size_t)(address - (uintptr_t)w->dynamic), w->dynamic_bytes);
	for (int i = 0; i < w->slots; i++)
		if (address - (uintptr_t)w->slot[i].memory < w->slot[i].bytes)
			return format("byte %zu of the shared array %s", (size_t)(address - (uintptr_t)w->slot[i].memory), w->slot[i].name);
	return memory_describe(address);
}

u32 atomic(Atomic what, void *p, u32 v)
{
	if ((uintptr_t)p % 4)
		worker_fault(CUDA_ERROR_MISALIGNED_ADDRESS, format("an atomic operation at %p, which is not aligned to 4", p));
	if (shadow)
		check_access((uintptr_t)p, 4, atomically, __builtin_return_address(0));
	int *at = (int *)p, by = (int)v;
	if (what == Atomic::add)
		return (u32)__atomic_fetch_add(at, by, __ATOMIC_RELAXED);
	int old = __atomic_load_n(at, __ATOMIC_RELAXED);
	while ((what == Atomic::max ? by > old : by < old) && !__atomic_compare_exchange_n(at, &old, by, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return (u32)old;
}

// ---- Asynchronous copies happen at the last moment that the program allows: a missing
// wait shows.

static void run_copies(Thread *t, int keep)
{
	size_t done = 0;
	for (Copy &c : *t->copies) {
		if (c.group > t->group - keep)
			break;
		done++;
		if (shadow)
			shadow_set((uintptr_t)c.to, (size_t)c.bytes, defined);
		if (cells)
			race_copied(t, (uintptr_t)c.to, (size_t)c.bytes);
		if (c.valid)
			memcpy(c.to, c.from, (size_t)c.bytes);
		else
			memset(c.to, 0, (size_t)c.bytes);
	}
	t->copies->erase(t->copies->begin(), t->copies->begin() + (std::ptrdiff_t)done);
}

void cp_async(void *to, const void *from, int bytes, bool valid)
{
	Thread *t = this_thread();
	if ((uintptr_t)to % (size_t)bytes || (uintptr_t)from % (size_t)bytes)
		worker_fault(CUDA_ERROR_MISALIGNED_ADDRESS, format("cp_async of %d bytes from %p to %p: not aligned to %d", bytes, from, to, bytes));
	if (shadow) { // it may happen at once
		const void *pc = __builtin_return_address(0);
		check_access((uintptr_t)to, (size_t)bytes, copying, pc);
		if (valid)
			check_access((uintptr_t)from, (size_t)bytes, reading, pc);
	}
	t->copies->push_back({to, from, bytes, valid, t->group + 1});
}

void cp_async_commit() { this_thread()->group++; }

void cp_async_wait(int groups) { run_copies(this_thread(), groups); }

} // namespace hdm
