// race.h: who accessed what last, and whether an access comes after it (libcuda-check only).
//
// A cell belongs to each word of device and shared memory. It holds two records: of the
// last write, and of the reads since.
//
//   bits 34…63  stamp   a block of a launch, or a copy; stamps grow. A launch has one more
//                       than blocks, for what several blocks did
//        12…33  time    counts the barriers and __syncwarps of the block
//         2…11  thread  of the block
//         0, 1  kind    of a write: plain, atomic, a cp_async under way, or "see the bytes"
//                       of reads: by one thread, a warp, several warps, several blocks
//
// A word that is accessed in parts has a cell for each of its bytes besides.
#pragma once
#include "worker.h"

namespace hdm {

// ---- race.cpp: threads of a launch

extern Cell *cells, *byte_cells; // null in the fast build

constexpr int thread_shift = 2, time_shift = 12, stamp_shift = 34;
constexpr u64 kind_bits = 3, warp_bits = 31 << thread_shift, time_bits = (((u64)1 << 22) - 1) << time_shift;

void race_open(); // reserves the cells
// race_forget makes the cells of memory empty.
void race_forget(uintptr_t address, size_t bytes);
void race_block(Worker *w, u64 number); // a block begins
void race_barrier(Worker *w);           // all its threads have met
void race_warp(Worker *w, int first, u32 mask); // lanes of the warp of thread first have met
// race_slowly checks and records any access of a thread; pc is its place in the code.
void race_slowly(Thread *t, uintptr_t address, size_t bytes, Access how, const void *pc);
// race_copied tells that a cp_async of the thread has been waited for.
void race_copied(Thread *t, uintptr_t to, size_t bytes);

// What tensor cores read of shared memory by themselves (wgmma.h) they read by another proxy than
// threads write by: the writer must execute a fence.proxy.async first.
void race_proxy_fence(Thread *t);
void race_written(const Thread *t, uintptr_t address, size_t bytes); // in shared memory
// race_mark tells who wrote a word of the block's shared memory last, and between which of the
// writer's fences; 0: nobody.
u64 race_mark(uintptr_t word);
bool race_fenced(u64 mark);
std::string race_mark_text(u64 mark);

// ---- race_stream.cpp

// Operations is what the threads of a launch need to know of it and of earlier ones.
struct Operations {
	u32 first;   // its first stamp
	u32 grid[3];
	u64 floor;   // every record below is of an operation that comes before
};
extern Operations operations;
// race_before tells whether the operation of a stamp comes before the present one.
bool race_before(u32 stamp);
// race_name describes the operation of a stamp, in a stream.
std::string race_name(u32 stamp);

// ---- The quick way for most accesses; everything else is race_slowly's

inline bool race_shared(uintptr_t address) { return address - space < max_workers * shared_stride; }

// race_settled: the last write of a word was by t, before a barrier, or before the launch.
inline bool race_settled(u64 w, const Thread *t, const RaceBlock &b, u64 old)
{
	return w < old || !((w ^ t->record) & ~time_bits) || (w - b.own < b.since - b.own && !(w & 2));
}

inline bool race_word(Cell *c, const Thread *t, const RaceBlock &b, u64 old, bool write)
{
	u64 r = __atomic_load_n(&c->read, __ATOMIC_RELAXED);
	if (!write && r == t->record)
		return true;
	if (!race_settled(__atomic_load_n(&c->write, __ATOMIC_RELAXED), t, b, old))
		return false;
	bool mine = r < old || !((r ^ t->record) & ~time_bits) || r - b.own < b.since - b.own;
	if (write) {
		if (!mine)
			return false;
		__atomic_store_n(&c->write, t->record, __ATOMIC_RELAXED);
		if (r)
			__atomic_store_n(&c->read, 0, __ATOMIC_RELAXED);
		return true;
	}
	if (mine) {
		__atomic_store_n(&c->read, t->record, __ATOMIC_RELAXED);
		return true;
	}
	return r == t->warp_record || r == b.warps || r == b.blocks;
}

// race_access is called at each access of bytes in device or shared memory.
inline void race_access(uintptr_t address, size_t bytes, bool write, const void *pc)
{
	Thread *t = this_thread();
	const RaceBlock &b = worker->race;
	if (write && race_shared(address))
		race_written(t, address, bytes);
	if (bytes % 4 == 0 && address % 4 == 0) {
		u64 old = race_shared(address) ? b.old_shared : b.old;
		Cell *c = cells + (address - space) / 4;
		bool quick = true;
		for (size_t i = 0; i < bytes / 4; i++)
			quick &= race_word(c + i, t, b, old, write);
		if (quick)
			return;
	}
	race_slowly(t, address, bytes, write ? writing : reading, pc);
}

} // namespace hdm
