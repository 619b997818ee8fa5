// shared.cpp: the shared memory of a block, and asynchronous copies into it.
#include "worker.h"

namespace hdm {

void worker_shared_reset(Worker *w, size_t dynamic)
{
	shadow_set((uintptr_t)w->shared_base, static_shared_limit + block_shared_limit + page, nothing);
	w->slots = 0;
	w->dynamic = w->shared_base;
	w->shared_used = (dynamic + 15) / 16 * 16;
	if (dynamic) {
		shadow_set((uintptr_t)w->dynamic, dynamic, undefined);
		memset(w->dynamic, 0xff, dynamic);
		w->shared_used += 16; // a gap, so that an overrun shows
	}
}

void *shared(const void *key, size_t bytes, size_t align)
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
	w->slot[w->slots++] = {key, p, bytes};
	w->shared_used = at + bytes + 16;
	shadow_set((uintptr_t)p, bytes, undefined);
	memset(p, 0xff, bytes);
	return p;
}

void *dynamic_shared() { return worker->dynamic; }

// ---- Asynchronous copies happen at the last moment that the program allows: a missing
// wait shows.

static void run_copies(Thread *t, int keep)
{
	size_t done = 0;
	for (Copy &c : *t->copies) {
		if (c.group > t->group - keep)
			break;
		done++;
		if (shadow) {
			check_access((uintptr_t)c.to, (size_t)c.bytes, true);
			if (c.valid)
				check_access((uintptr_t)c.from, (size_t)c.bytes, false);
		}
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
	t->copies->push_back({to, from, bytes, valid, t->group + 1});
}

void cp_async_commit() { this_thread()->group++; }

void cp_async_wait(int groups) { run_copies(this_thread(), groups); }

} // namespace hdm
