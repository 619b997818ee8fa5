// emu.h: the inside of the emulated CUDA driver.
//
//   worker.cpp   where a block runs: its memory, the state in which it begins (worker.h)
//   fibre.cpp    one block: its threads as fibres, barriers
//   warp.cpp     operations of a warp; warpgroup.cpp: of four
//   shared.cpp   shared memory of the block, asynchronous copies
//   wgmma.cpp    products of a warpgroup, which run beside the program
//   launch.cpp   a grid: blocks over the processor's cores, checks of the launch, faults
//   memory.cpp   device and shared memory: guard pages, what is allocated, what was written
//   check.cpp    every access of a kernel looked up there (libcuda-check only)
//   race.cpp     who accessed what last: races between threads, blocks and streams (libcuda-check
//                only); race_stream.cpp: the order of operations; race_host.cpp: pinned memory
//   image.cpp    what a driver refuses of PTX text
//   module.cpp   which kernels of a PTX text the emulator was built with
//   ptx/         runs the PTX text itself, in the place of fibre, warp and module
//   api.cpp, stream.cpp, graph.cpp   the driver's functions
//
// The environment: HDMNET_EMU_SEED=n starts and wakes warps in a random order drawn from n, and with an
// odd n a graph runs what was captured last as soon as it can;
// HDMNET_EMU_RACES=0 looks for no races; HDMNET_EMU_TENSOR=name is how the interpreter's
// tensor cores add; HDMNET_EMU_THREADS=n runs blocks on n threads;
// HDMNET_EMU_MEMORY=n is the device's memory in MiB, of which other programs hold
// HDMNET_EMU_TAKEN=n; HDMNET_EMU_DRIVER=n is the driver's CUDA version (12000);
// HDMNET_EMU_DEVICES=n devices (1), of which a process uses one at a time;
// HDMNET_EMU_CC=n the device's compute capability (80); HDMNET_EMU_REFUSE=load refuses to
// load kernels. CUDA_VISIBLE_DEVICES counts as on a GPU.
#pragma once

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cuda.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

namespace hdm {

// ---- Limits of the emulated device: what every GPU of compute capability ≥ 8.0 has, but for the
// dynamic shared memory of a block on 9.0 (block_shared_limit)

constexpr int max_threads = 1024;
constexpr size_t static_shared_limit = 48 << 10;
constexpr size_t most_block_shared = 227 << 10;

long env_number(const char *name, long otherwise);

// ---- memory.cpp

// The whole of device memory, and each worker's shared memory before it, lies in one
// reserved range. In the checked build a shadow byte says what each of its bytes holds.
enum : u8 { nothing = 0, undefined = 1, defined = 2 };
extern uintptr_t space;        // start of the range
extern u8 *shadow;             // its shadow, or null in the fast build
constexpr size_t space_bytes = (size_t)64 << 30;
constexpr size_t shared_stride = 1 << 20; // the range's first part: one stride a worker
constexpr int max_workers = 64;

size_t block_shared_limit();
void memory_open();
CUresult memory_alloc(size_t bytes, uintptr_t *address);
CUresult memory_free(uintptr_t address);
size_t memory_total();
size_t memory_idle();
// memory_range finds the live allocation around an address.
bool memory_range(uintptr_t address, uintptr_t *base, size_t *bytes);
// memory_describe says where an address lies, for messages.
std::string memory_describe(uintptr_t address);
// memory_leaks describes the allocations that are still alive, "" when there are none.
std::string memory_leaks();
// shadow_set marks bytes; nothing happens in the fast build.
void shadow_set(uintptr_t address, size_t bytes, u8 state);
// shadow_problem returns what forbids an access of [address, address+bytes), or null.
const char *shadow_problem(uintptr_t address, size_t bytes, bool write);
// host_access checks a copy or memset of the host on device memory.
CUresult host_access(const char *what, uintptr_t address, size_t bytes, bool write);

// ---- image.cpp

// image_check finds what no driver, or none of this GPU's, would load; log tells it in words.
CUresult image_check(const std::string &text, std::string *log);
// image_number is the number after a word of PTX text.
long image_number(const std::string &text, const char *word, long otherwise);

// ---- module.cpp

struct Kernel {
	const char *name;
	void (*call)(void (*f)(), void **params);
	void (*f)();
	std::vector<size_t> sizes; // of the parameters
};
void kernel_register(Kernel k);

struct Function {
	const Kernel *kernel;
	int max_threads;       // .maxntid of the PTX, or 0
	size_t dynamic_limit;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
};
struct Module {
	std::vector<std::pair<std::string, Function *>> functions;
};
CUresult module_load(const char *text, Module **out, std::string *log);
void module_unload(Module *m);

// ---- launch.cpp

struct Launch {
	const Kernel *kernel;
	u32 grid[3], block[3];
	size_t dynamic;
	std::vector<u8> params; // values one after another, each in 16 bytes or a multiple
};
// launch_check finds what a driver would refuse, and packs the parameters.
CUresult launch_check(const Function *f, const u32 grid[3], const u32 block[3], size_t dynamic, void **params, Launch *out);
// launch_run runs all blocks; a fault of the kernel is the context's fault from then on.
void launch_run(const Launch &l);
// dry_run tells that kernels and fills shall not run: only what allocates counts
// (HDMNET_EMU_DRY).
bool dry_run();
// signals_open makes accesses to pages that are none a fault of the kernel or of the host.
void signals_open();

// ---- Faults. The first stays until the context is released, as on a GPU.

struct Fault {
	CUresult code;
	std::string text;
};
Fault *context_fault();                      // null while all is well
void context_fail(CUresult code, const std::string &text);
void context_clear();
// api_error keeps a text for cuGetErrorString and returns code.
CUresult api_error(CUresult code, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *api_error_text(CUresult code);   // "" when there is none
std::string format(const char *format, ...) __attribute__((format(printf, 1, 2)));

// ---- worker.cpp, fibre.cpp

struct Worker;
Worker *worker_new(int number);
// worker_block runs one block of a launch; false after a fault.
bool worker_block(Worker *w, const Launch &l, const u32 index[3]);
// worker_fault ends the block that this thread runs; it does not return.
[[noreturn]] void worker_fault(CUresult code, const std::string &what);
// worker_signal is worker_fault from a signal handler; it returns where no kernel runs.
void worker_signal(CUresult code, const std::string &what);
// worker_owns tells whether an address is a fibre's stack or the worker's own data.
bool worker_owns(uintptr_t address);

// ---- check.cpp

void check_open();
// check_place says where in this library code lies, for addr2line; "" for null.
std::string check_place(const void *pc);
enum Access : u8 { reading, writing, atomically, copying };
// check_access is what the checked build asks at each access, of code at pc; the fast build
// never does. What a cp_async copies is defined only when it has been waited for.
void check_access(uintptr_t address, size_t bytes, Access how, const void *pc);

} // namespace hdm
