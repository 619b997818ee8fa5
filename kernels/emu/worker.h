// worker.h: one thread of the processor and the block that it runs.
#pragma once
#include "context.h"
#include "emu.h"

#include "../hdm.cuh"

namespace hdm {

constexpr size_t stack_bytes = 128 << 10;
constexpr size_t page = 4096;
constexpr int max_slots = 32;

struct Fibre {
	Context context;
	bool used; // its stack holds a thread's frames
};

struct Copy {
	void *to;
	const void *from;
	int bytes;
	bool valid;
	int group;
};

// RaceBlock and the records of a thread say what comes before its next access: race.h.
struct Cell {
	u64 write, read;
};
struct RaceBlock {
	u64 own;         // this block's first record
	u64 since;       // the records of this block below are from before a barrier
	u64 old;         // in device memory, records below are from before the launch
	u64 old_shared;  // in shared memory, from before the block
	u64 warps, blocks; // read by several warps since the barrier, by several blocks
	u64 time;
	struct {
		u64 all;    // when all lanes met last
		bool parted; // some met since: known[i][j] is when i last met j
		u64 known[32][32];
	} warp[max_threads / 32];
};

struct Thread : ThreadView {
	u64 record, warp_record; // of an access now: its own, its warp's
	int number;    // within the block
	Fibre *fibre;  // while it waits
	bool finished;
	const char *waits; // for what, while it waits
	Where where;
	std::vector<Copy> *copies; // cp.async that are under way
	int group;
	u64 fences;    // fence.proxy.async that it has executed
	void *together; // products that it collects (warp.cpp), or null
};

struct Warp {
	u32 present; // lanes that wait in an operation
	WarpOp *ops[32];
	u32 masks[32];
	Where wheres[32];
};

struct Slot {
	const void *key;
	const char *name;
	char *memory;
	size_t bytes;
};

struct Worker {
	int number;
	BlockView view;
	const Launch *launch;
	void *values[64]; // the kernel's parameters
	alignas(16) u8 params[4096];
	Context scheduler;
	bool failed;

	int threads; // of the block
	Thread thread[max_threads];
	int order[max_threads];
	int next, finished;
	Thread *ready[max_threads]; // a ring
	int ready_head, ready_count;
	Warp warp[max_threads / 32];

	Thread *barrier[max_threads];
	int barrier_count;
	Where barrier_where;

	Fibre fibre[max_threads];
	Fibre *idle[max_threads];
	int idle_count, fibre_count;
	Fibre *current;

	char *shared_base; // shared memory of the block
	size_t shared_used;
	Slot slot[max_slots];
	int slots;
	char *dynamic;
	size_t dynamic_bytes;

	u64 random;
	std::vector<Copy> copies[max_threads];
	RaceBlock race;
	char *stacks;
};

// worker is the one that this thread of the processor is.
extern __thread Worker *worker __attribute__((tls_model("initial-exec")));

inline Thread *this_thread() { return (Thread *)self; }

std::string worker_thread_name(const Thread *t);
// worker_begin makes everything ready for a block but what runs it.
void worker_begin(Worker *w, const Launch &l, const u32 index[3]);
// worker_shared_describe says which array of the block's shared memory an address lies in.
std::string worker_shared_describe(uintptr_t address);
// worker_shared_reset forgets the shared memory of the last block.
void worker_shared_reset(Worker *w, size_t dynamic);

} // namespace hdm
