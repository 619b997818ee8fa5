// fibre.cpp: one block of threads on one thread of the processor. Each CUDA thread is a
// fibre; it runs until it must wait, for a barrier or for its warp. Then the next thread
// that can run does. A thread that never waits costs one call.
#include <signal.h>

#include "wgmma.h"

namespace hdm {

static u32 draw(u32 n)
{
	worker->random = worker->random * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)((worker->random >> 33) % n);
}

static bool shuffled()
{
	static const long seed = env_number("HDMNET_EMU_SEED", 0);
	return seed != 0;
}

// ---- Faults

static void leave(CUresult code, const std::string &what)
{
	Worker *w = worker;
	Thread *t = this_thread();
	context_fail(code, format("kernel %s, block (%u,%u,%u), thread %s: %s", w->launch->kernel->name, w->view.index.x,
	                          w->view.index.y, w->view.index.z, worker_thread_name(t).c_str(), what.c_str()));
	w->failed = true;
	Context dropped;
	context_switch(&dropped, &w->scheduler);
}

void worker_fault(CUresult code, const std::string &what)
{
	leave(code, what);
	__builtin_unreachable();
}

void worker_signal(CUresult code, const std::string &what)
{
	if (!worker || !self)
		return;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigaddset(&set, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
	leave(code, what);
}

// stuck says why no thread of the block can go on.
[[noreturn]] static void stuck()
{
	Worker *w = worker;
	std::string text;
	int shown = 0, exited = 0;
	Thread *first = nullptr;
	for (int i = 0; i < w->threads; i++) {
		Thread *t = &w->thread[i];
		if (t->finished) {
			exited++;
			continue;
		}
		if (first && t->where.line == first->where.line && t->waits == first->waits)
			continue;
		if (!first)
			first = t;
		if (shown++ < 4)
			text += format("%s thread %s waits for %s at %s:%d", shown > 1 ? ";" : "", worker_thread_name(t).c_str(), t->waits,
			               t->where.file, t->where.line);
	}
	self = first;
	worker_fault(CUDA_ERROR_LAUNCH_FAILED,
	             format("divergent barrier: no thread can go on; %d of %d threads have returned;%s", exited, w->threads, text.c_str()));
}

// ---- The scheduler

static void fibre_main();

static Fibre *take_fibre()
{
	Worker *w = worker;
	Fibre *f;
	if (w->idle_count) {
		f = w->idle[--w->idle_count];
	} else {
		int n = w->fibre_count++;
		f = &w->fibre[n];
	}
	if (!f->used) {
		size_t n = f - w->fibre;
		char *stack = w->stacks + n * stack_bytes;
		// Stacks start at different places of a cache set.
		context_make(&f->context, stack, stack_bytes - n % 61 * 192, fibre_main);
		f->used = true;
	}
	return f;
}

static Thread *take_ready()
{
	Worker *w = worker;
	if (shuffled() && w->ready_count > 1) {
		int pick = (w->ready_head + (int)draw((u32)w->ready_count)) % max_threads;
		std::swap(w->ready[pick], w->ready[w->ready_head]);
	}
	Thread *t = w->ready[w->ready_head];
	w->ready_head = (w->ready_head + 1) % max_threads;
	w->ready_count--;
	return t;
}

static void wake(Thread *t)
{
	Worker *w = worker;
	w->ready[(w->ready_head + w->ready_count++) % max_threads] = t;
}

// next_fibre chooses what runs now; it does not return when nothing can.
static Fibre *next_fibre()
{
	Worker *w = worker;
	bool unstarted = w->next < w->threads;
	if (w->ready_count && !(unstarted && shuffled() && draw(2)))
		return take_ready()->fibre;
	if (!unstarted)
		stuck();
	return take_fibre();
}

// park makes the calling thread wait until somebody wakes it.
static void park(const char *waits, Where where)
{
	Worker *w = worker;
	Thread *me = this_thread();
	Fibre *mine = w->current;
	me->fibre = mine;
	me->waits = waits;
	me->where = where;
	Fibre *to = next_fibre();
	w->current = to;
	context_switch(&mine->context, &to->context);
	self = me;
}

static void fibre_main()
{
	Worker *w = worker;
	for (;;) {
		Fibre *mine = w->current;
		while (w->next < w->threads) {
			Thread *t = &w->thread[w->order[w->next++]];
			self = t;
			w->launch->kernel->call(w->launch->kernel->f, w->values);
			t->finished = true;
			w->finished++;
			if (w->ready_count)
				break;
		}
		w->idle[w->idle_count++] = mine;
		Context *to = &w->scheduler;
		if (w->finished == w->threads) {
			wgmma_end(w);
		} else {
			if (!w->ready_count && w->next >= w->threads)
				stuck();
			Fibre *f = next_fibre();
			w->current = f;
			if (f == mine)
				continue;
			to = &f->context;
		}
		context_switch(&mine->context, to);
	}
}

bool worker_block(Worker *w, const Launch &l, const u32 index[3])
{
	worker_begin(w, l, index);
	w->failed = false;
	for (size_t i = 0, at = 0; i < l.kernel->sizes.size(); i++) {
		w->values[i] = w->params + at;
		at += (l.kernel->sizes[i] + 15) / 16 * 16;
	}
	for (int n = 0; n < w->threads; n++)
		w->order[n] = n;
	if (shuffled()) {
		w->random = (u64)env_number("HDMNET_EMU_SEED", 0) * 0x9E3779B97F4A7C15ull + index[0] + 65537ull * index[1] + 4294967311ull * index[2];
		for (int i = w->threads - 1; i > 0; i--)
			std::swap(w->order[i], w->order[draw((u32)i + 1)]);
	}
	w->next = w->finished = 0;
	w->ready_head = w->ready_count = 0;
	w->barrier_count = 0;
	for (int i = 0; i < (w->threads + 31) / 32; i++)
		w->warp[i].present = 0;

	w->current = take_fibre();
	context_switch(&w->scheduler, &w->current->context);
	self = nullptr;
	if (w->failed) { // the other threads' stacks are abandoned
		for (int i = 0; i < w->fibre_count; i++)
			w->fibre[i].used = false;
		w->fibre_count = w->idle_count = 0;
	}
	return !w->failed;
}

// ---- What kernels call

void sync_threads(Where where)
{
	Worker *w = worker;
	if (w->barrier_count == 0) {
		w->barrier_where = where;
	} else if (w->barrier_where.line != where.line || strcmp(w->barrier_where.file, where.file)) {
		worker_fault(CUDA_ERROR_LAUNCH_FAILED,
		             format("divergent barrier: __syncthreads at %s:%d while thread %s waits in the one at %s:%d", where.file, where.line,
		                    worker_thread_name(w->barrier[0]).c_str(), w->barrier_where.file, w->barrier_where.line));
	}
	w->barrier[w->barrier_count++] = this_thread();
	if (w->barrier_count < w->threads) {
		park("__syncthreads", where);
		return;
	}
	race_barrier(w);
	for (int i = 0; i < w->threads - 1; i++)
		wake(w->barrier[i]);
	w->barrier_count = 0;
}

void warp_op(WarpOp *op, u32 mask, Where where)
{
	Worker *w = worker;
	Thread *me = this_thread();
	int lane = me->number & 31;
	int first = me->number & ~31;
	int size = std::min(32, w->threads - first);
	Warp *warp = &w->warp[me->number / 32];
	if (size < 32)
		mask &= (1u << size) - 1;
	if (!(mask >> lane & 1))
		worker_fault(CUDA_ERROR_LAUNCH_FAILED, format("%s at %s:%d: the mask %08x lacks the calling lane %d", op->name, where.file, where.line, mask, lane));
	for (int i = 0; i < 32; i++) {
		if (!(mask >> i & 1) || !(warp->present >> i & 1))
			continue;
		if (warp->ops[i]->run != op->run || warp->masks[i] != mask || warp->wheres[i].line != where.line)
			worker_fault(CUDA_ERROR_LAUNCH_FAILED,
			             format("divergent warp: %s at %s:%d (mask %08x) while lane %d waits in %s at %s:%d (mask %08x)", op->name, where.file,
			                    where.line, mask, i, warp->ops[i]->name, warp->wheres[i].file, warp->wheres[i].line, warp->masks[i]));
		break; // the others agreed with this one
	}
	warp->ops[lane] = op;
	warp->masks[lane] = mask;
	warp->wheres[lane] = where;
	warp->present |= 1u << lane;
	if ((warp->present & mask) != mask) {
		park(op->name, where);
		return;
	}
	WarpOp *lanes[32];
	for (int i = 0; i < 32; i++)
		lanes[i] = mask >> i & 1 ? warp->ops[i] : nullptr;
	warp->present &= ~mask;
	op->run(lanes);
	if (op->orders)
		race_warp(w, first, mask);
	for (int i = 0; i < size; i++)
		if ((mask >> i & 1) && i != lane)
			wake(&w->thread[first + i]);
}

} // namespace hdm
