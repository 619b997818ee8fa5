// launch.cpp: a grid of blocks over the processor's cores, and the faults of kernels.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "emu.h"
#include "race_stream.h"

#include "../hdm.cuh"

namespace hdm {

long env_number(const char *name, long otherwise)
{
	const char *v = getenv(name);
	return v && *v ? strtol(v, nullptr, 10) : otherwise;
}

std::string format(const char *f, ...)
{
	char text[2048];
	va_list args;
	va_start(args, f);
	vsnprintf(text, sizeof text, f, args);
	va_end(args);
	return text;
}

// ---- Faults

namespace {

std::mutex fault_lock;
Fault fault;
std::atomic<bool> failed;
thread_local std::string last_error;
thread_local CUresult last_code;

} // namespace

Fault *context_fault() { return failed ? &fault : nullptr; }

void context_fail(CUresult code, const std::string &text)
{
	std::lock_guard<std::mutex> hold(fault_lock);
	if (failed)
		return;
	fault = {code, text};
	failed = true;
}

void context_clear() { failed = false; }

CUresult api_error(CUresult code, const char *f, ...)
{
	char text[2048];
	va_list args;
	va_start(args, f);
	vsnprintf(text, sizeof text, f, args);
	va_end(args);
	last_error = text;
	last_code = code;
	return code;
}

const char *api_error_text(CUresult code)
{
	Fault *f = context_fault();
	if (f && f->code == code)
		return f->text.c_str();
	return last_code == code ? last_error.c_str() : "";
}

static struct sigaction old_segv, old_bus;

static void on_signal(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	std::string what = at ? format("illegal access at 0x%llx: %s", (u64)at, memory_describe(at).c_str())
	                      : std::string("illegal access: a misaligned vector, or an address that is none");
	worker_signal(CUDA_ERROR_ILLEGAL_ADDRESS, what); // returns only when no kernel runs here
	if (pinned_fault(at))
		return;
	struct sigaction *old = number == SIGBUS ? &old_bus : &old_segv;
	if (old->sa_flags & SA_SIGINFO)
		old->sa_sigaction(number, info, context);
	else if (old->sa_handler != SIG_IGN && old->sa_handler != SIG_DFL)
		old->sa_handler(number);
	else
		signal(number, SIG_DFL);
}

void signals_open()
{
	static std::once_flag once;
	std::call_once(once, [] {
		struct sigaction a = {};
		a.sa_sigaction = on_signal;
		a.sa_flags = SA_SIGINFO | SA_ONSTACK;
		sigaction(SIGSEGV, &a, &old_segv);
		sigaction(SIGBUS, &a, &old_bus);
	});
}

// ---- Blocks over threads

namespace {

struct Pool {
	std::mutex lock;
	std::condition_variable work, done;
	std::vector<Worker *> workers; // the caller of launch_run is the first
	const Launch *launch = nullptr;
	u64 generation = 0;
	int busy = 0;
	std::atomic<u64> next;
	u64 blocks = 0;
} pool;

void run_blocks(Worker *w, const Launch &l)
{
	for (;;) {
		u64 i = pool.next++;
		if (i >= pool.blocks || context_fault())
			return;
		u32 index[3] = {(u32)(i % l.grid[0]), (u32)(i / l.grid[0] % l.grid[1]), (u32)(i / l.grid[0] / l.grid[1])};
		worker_block(w, l, index);
	}
}

void thread_main(Worker *w)
{
	std::vector<char> stack(64 << 10); // for signals: the fibre's stack may be what failed
	stack_t ss = {};
	ss.ss_sp = stack.data();
	ss.ss_size = stack.size();
	sigaltstack(&ss, nullptr);
	u64 seen = 0;
	std::unique_lock<std::mutex> hold(pool.lock);
	for (;;) {
		pool.work.wait(hold, [&] { return pool.generation != seen; });
		seen = pool.generation;
		const Launch *l = pool.launch;
		hold.unlock();
		run_blocks(w, *l);
		hold.lock();
		if (--pool.busy == 0)
			pool.done.notify_one();
	}
}

void pool_open()
{
	signals_open();
	check_open();
	long n = env_number("HDMNET_EMU_THREADS", sysconf(_SC_NPROCESSORS_ONLN));
	n = std::max(1L, std::min(n, (long)max_workers));
	sigset_t all, old;
	sigfillset(&all);
	for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL})
		sigdelset(&all, s);
	pthread_sigmask(SIG_BLOCK, &all, &old); // signals belong to the program's own threads
	for (long i = 0; i < n; i++) {
		Worker *w = worker_new((int)i);
		if (!w)
			break;
		pool.workers.push_back(w);
		if (i)
			std::thread(thread_main, w).detach();
	}
	pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

} // namespace

CUresult launch_check(const Function *f, const u32 grid[3], const u32 block[3], size_t dynamic, void **params, Launch *out)
{
	const char *name = f->kernel->name;
	u64 threads = (u64)block[0] * block[1] * block[2];
	if (threads == 0 || threads > max_threads || block[2] > 64)
		return api_error(CUDA_ERROR_INVALID_VALUE, "kernel %s: a block of %u×%u×%u threads; the limit is %d", name, block[0], block[1], block[2], max_threads);
	if (f->max_threads && threads > (u64)f->max_threads)
		return api_error(CUDA_ERROR_INVALID_VALUE, "kernel %s: a block of %llu threads; its __launch_bounds__ is %d", name, threads, f->max_threads);
	if (!f->max_threads && threads > 256)
		return api_error(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "kernel %s: a block of %llu threads without __launch_bounds__ may not have registers enough", name, threads);
	if (!grid[0] || !grid[1] || !grid[2] || grid[0] > 0x7fffffff || grid[1] > 65535 || grid[2] > 65535)
		return api_error(CUDA_ERROR_INVALID_VALUE, "kernel %s: a grid of %u×%u×%u blocks; the limits are 1…2³¹−1, 65535, 65535", name, grid[0], grid[1], grid[2]);
	if (dynamic > f->dynamic_limit)
		return api_error(CUDA_ERROR_INVALID_VALUE, "kernel %s: %zu bytes of dynamic shared memory; its limit is %zu (CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)", name, dynamic, f->dynamic_limit);
	out->kernel = f->kernel;
	memcpy(out->grid, grid, sizeof out->grid);
	memcpy(out->block, block, sizeof out->block);
	out->dynamic = dynamic;
	size_t bytes = 0;
	for (size_t n : f->kernel->sizes)
		bytes += (n + 15) / 16 * 16;
	if (bytes > 4096 || f->kernel->sizes.size() > 64)
		return api_error(CUDA_ERROR_INVALID_VALUE, "kernel %s: too many parameters", name);
	if (!params && bytes)
		return api_error(CUDA_ERROR_INVALID_VALUE, "kernel %s: launched without its parameters", name);
	out->params.assign(bytes, 0);
	size_t at = 0;
	for (size_t i = 0; i < f->kernel->sizes.size(); i++) {
		memcpy(out->params.data() + at, params[i], f->kernel->sizes[i]);
		at += (f->kernel->sizes[i] + 15) / 16 * 16;
	}
	return CUDA_SUCCESS;
}

bool dry_run()
{
	static const bool dry = env_number("HDMNET_EMU_DRY", 0) != 0;
	return dry;
}

void launch_run(const Launch &l)
{
	if (dry_run())
		return;
	static std::once_flag once;
	std::call_once(once, pool_open);
	order_launch(l.kernel->name, l.grid);
	pool.blocks = (u64)l.grid[0] * l.grid[1] * l.grid[2];
	pool.next = 0;
	bool together = pool.blocks > 1 && pool.workers.size() > 1;
	if (together) {
		std::lock_guard<std::mutex> hold(pool.lock);
		pool.launch = &l;
		pool.generation++;
		pool.busy = (int)pool.workers.size() - 1;
		pool.work.notify_all();
	}
	run_blocks(pool.workers[0], l);
	if (together) {
		std::unique_lock<std::mutex> hold(pool.lock);
		pool.done.wait(hold, [] { return pool.busy == 0; });
	}
}

} // namespace hdm
