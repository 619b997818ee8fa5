// worker.cpp: what a thread of the processor that runs blocks needs, however it runs them:
// its memory, and the state in which a block begins.
#include <sys/mman.h>

#include <new>

#include "wgmma.h"

namespace hdm {

__thread ThreadView *self __attribute__((tls_model("initial-exec")));

__thread Worker *worker __attribute__((tls_model("initial-exec")));

static size_t worker_bytes()
{
	return (sizeof(Worker) + page - 1) / page * page + max_threads * stack_bytes;
}

Worker *worker_new(int number)
{
	void *memory = mmap(nullptr, worker_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return nullptr;
	Worker *w = new (memory) Worker();
	w->number = number;
	w->stacks = (char *)memory + (sizeof(Worker) + page - 1) / page * page;
	uintptr_t region = space + (size_t)number * shared_stride;
	w->shared_base = (char *)region + shared_stride / 2; // room on both sides faults
	mprotect(w->shared_base, static_shared_limit + most_block_shared + page, PROT_READ | PROT_WRITE);
	return w;
}

bool worker_owns(uintptr_t address)
{
	return worker && address - (uintptr_t)worker < worker_bytes();
}

std::string worker_thread_name(const Thread *t)
{
	return format("(%u,%u,%u)", t->index.x, t->index.y, t->index.z);
}

void worker_begin(Worker *w, const Launch &l, const u32 index[3])
{
	worker = w;
	w->launch = &l;
	w->view = {{index[0], index[1], index[2]}, {l.block[0], l.block[1], l.block[2]}, {l.grid[0], l.grid[1], l.grid[2]}};
	memcpy(w->params, l.params.data(), l.params.size());
	w->threads = (int)(l.block[0] * l.block[1] * l.block[2]);
	int n = 0;
	for (u32 z = 0; z < l.block[2]; z++)
		for (u32 y = 0; y < l.block[1]; y++)
			for (u32 x = 0; x < l.block[0]; x++, n++) {
				Thread *t = &w->thread[n];
				t->index = {x, y, z};
				t->block = &w->view;
				t->number = n;
				t->finished = false;
				t->copies = &w->copies[n];
				t->copies->clear();
				t->group = 0;
				t->fences = 0;
				t->together = nullptr;
			}
	worker_shared_reset(w, l.dynamic);
	wgmma_begin(w);
	if (cells)
		race_block(w, index[0] + (u64)l.grid[0] * (index[1] + (u64)l.grid[1] * index[2]));
}

} // namespace hdm
