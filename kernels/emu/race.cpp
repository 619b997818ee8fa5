// race.cpp: races between threads of a launch. Two accesses of different threads to the
// same bytes, at least one a write, are a race unless one comes before the other:
//
//   in a block        a __syncthreads between them, or a __syncwarp that both lanes take part in;
//                     shuffles, votes and operations of the tensor cores order no memory
//   between blocks    never, in one launch
//   atomic operations among themselves, always
//   a cp_async        writes at any time until the thread that issued it has waited for it; then
//                     it is as a write of that thread
//
// Lanes of a warp have no order of themselves. Of several reads the record keeps who may
// still be in a race with a later write, as FastTrack does (Flanagan, Freund 2009); a write
// that races with nothing makes what was before it irrelevant.
#include "race.h"

#include <sys/mman.h>

namespace hdm {

Cell *cells, *byte_cells;
static u64 *marks; // of words of shared memory: the block's stamp, the writer, and how many fences it had executed

namespace {

constexpr u64 most_time = time_bits >> time_shift;

u32 stamp_of(u64 record) { return (u32)(record >> stamp_shift); }
u64 time_of(u64 record) { return (record & time_bits) >> time_shift; }
int thread_of(u64 record) { return (int)(record >> thread_shift & (max_threads - 1)); }

// met tells whether all that lane `other` did at a time comes before what t does now.
bool met(const Thread *t, int other, u64 time)
{
	const auto &warp = worker->race.warp[t->number / 32];
	return warp.all > time || (warp.parted && warp.known[t->number & 31][other & 31] > time);
}

bool all_met(const Thread *t, u64 time)
{
	const auto &warp = worker->race.warp[t->number / 32];
	if (warp.all > time || !warp.parted)
		return warp.all > time;
	for (int i = 0; i < std::min(32, worker->threads - (t->number & ~31)); i++)
		if (i != (t->number & 31) && warp.known[t->number & 31][i] <= time)
			return false;
	return true;
}

// after tells whether an access of t now comes after the one of a record. Whether the
// record is a read matters for its kind.
bool after(u64 record, bool read, const Thread *t, u64 old)
{
	const RaceBlock &b = worker->race;
	u64 kind = record & kind_bits;
	if (record < old)
		return true;
	if (stamp_of(record) != stamp_of(b.own))
		return stamp_of(record) < operations.first && race_before(stamp_of(record));
	if (!read && kind == 2)
		return false;
	if (record < b.since)
		return true;
	if (read && kind)
		return kind == 1 && thread_of(record) / 32 == t->number / 32 && all_met(t, time_of(record));
	if (thread_of(record) == t->number)
		return true;
	return thread_of(record) / 32 == t->number / 32 && met(t, thread_of(record), time_of(record));
}

// joined is the record of reads when t has read too.
u64 joined(u64 r, const Thread *t, u64 old)
{
	const RaceBlock &b = worker->race;
	if (after(r, true, t, old))
		return t->record;
	if (stamp_of(r) != stamp_of(b.own)) // of two streams the later is kept
		return stamp_of(r) < operations.first ? t->record : b.blocks;
	if ((r & kind_bits) == 2 || thread_of(r) / 32 != t->number / 32)
		return b.warps;
	return std::max(r & time_bits, t->record & time_bits) | (t->warp_record & ~time_bits);
}

struct Conflict {
	u64 record;
	bool read;
};

// step checks an access against a cell and records it.
bool step(Cell &cell, const Thread *t, u64 old, Access how, Conflict *conflict)
{
	u64 w = __atomic_load_n(&cell.write, __ATOMIC_RELAXED), r = __atomic_load_n(&cell.read, __ATOMIC_RELAXED);
	bool atomic = how == atomically && (w & kind_bits) == 1;
	if (!atomic && !after(w, false, t, old)) {
		*conflict = {w, false};
		return false;
	}
	if (how == reading) {
		__atomic_store_n(&cell.read, joined(r, t, old), __ATOMIC_RELAXED);
		return true;
	}
	if (!after(r, true, t, old)) {
		*conflict = {r, true};
		return false;
	}
	u64 now = t->record;
	if (how == copying)
		now |= 2;
	if (how == atomically) {
		now |= 1;
		if (atomic && w >= old && stamp_of(w) >= operations.first && stamp_of(w) != stamp_of(now))
			now = (worker->race.blocks & ~kind_bits) | 1;
	}
	__atomic_store_n(&cell.write, now, __ATOMIC_RELAXED);
	__atomic_store_n(&cell.read, 0, __ATOMIC_RELAXED);
	return true;
}

// word does the same for bytes of one word.
bool word(uintptr_t address, size_t bytes, const Thread *t, u64 old, Access how, Conflict *conflict)
{
	Cell &whole = cells[(address - space) / 4];
	u64 w = __atomic_load_n(&whole.write, __ATOMIC_RELAXED), r = __atomic_load_n(&whole.read, __ATOMIC_RELAXED);
	bool split = (w & kind_bits) == 3 && w >= old;
	if (bytes == 4 && !split)
		return step(whole, t, old, how, conflict);
	Cell *each = byte_cells + (address - space);
	if (!split) {
		Cell before = w >= old || r >= old ? Cell{(w & kind_bits) == 3 ? 0 : w, r} : Cell{};
		for (Cell *c = each - address % 4, *end = c + 4; c < end; c++)
			*c = before;
	}
	for (size_t i = 0; i < bytes; i++)
		if (!step(each[i], t, old, how, conflict))
			return false;
	bool again = bytes == 4 && how == writing;
	__atomic_store_n(&whole.write, again ? t->record : t->record | 3, __ATOMIC_RELAXED);
	__atomic_store_n(&whole.read, 0, __ATOMIC_RELAXED);
	return true;
}

std::string thread_text(int number)
{
	u32 n = (u32)number, x = worker->view.dim.x, y = worker->view.dim.y;
	return format("thread (%u,%u,%u)", n % x, n / x % y, n / x / y);
}

std::string block_text(u32 n)
{
	u32 x = operations.grid[0], y = operations.grid[1];
	return format("block (%u,%u,%u)", n % x, n / x % y, n / x / y);
}

// accuse says with whose access the one of t has no order, and why.
std::string accuse(Conflict c, const Thread *t)
{
	const RaceBlock &b = worker->race;
	u64 kind = c.record & kind_bits;
	const char *did = c.read ? "read" : kind == 1 ? "changed by an atomic operation" : "written";
	if (stamp_of(c.record) < operations.first)
		return format("%s by %s: no event and no synchronization orders the two", did, race_name(stamp_of(c.record)).c_str());
	if (stamp_of(c.record) != stamp_of(b.own)) {
		std::string who = c.record >> stamp_shift == b.blocks >> stamp_shift
		                      ? std::string("several blocks")
		                      : block_text(stamp_of(c.record) - operations.first) + ", " + thread_text(thread_of(c.record));
		return format("%s by %s of this launch: blocks have no order", did, who.c_str());
	}
	if (!c.read && kind == 2)
		return format("being written by a cp_async of %s: it has not been waited for", thread_text(thread_of(c.record)).c_str());
	if (c.read && kind == 2)
		return "read by threads of several warps: no __syncthreads lies between";
	bool same = thread_of(c.record) / 32 == t->number / 32;
	std::string who = c.read && kind == 1 ? format("lanes of warp %d", thread_of(c.record) / 32) : thread_text(thread_of(c.record));
	return format("%s by %s: no __syncthreads%s lies between", did, who.c_str(), same ? " or __syncwarp" : "");
}

[[noreturn]] void refuse(Thread *t, uintptr_t address, size_t bytes, Access how, Conflict c, const void *pc)
{
	static const char *const names[] = {"read", "write", "atomic operation", "cp_async"};
	std::string at = race_shared(address) ? worker_shared_describe(address) : memory_describe(address);
	self = t;
	worker_fault(CUDA_ERROR_LAUNCH_FAILED, format("race: %s of %zu bytes at 0x%llx, %s%s, %s", names[how], bytes, (u64)address, at.c_str(),
	                                              check_place(pc).c_str(), accuse(c, t).c_str()));
}

} // namespace

void race_open()
{
	auto reserve = [](size_t n) {
		void *p = mmap(nullptr, n * sizeof(Cell), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		return p == MAP_FAILED ? nullptr : (Cell *)p;
	};
	if (env_number("HDMNET_EMU_RACES", 1) == 0 || dry_run())
		return;
	byte_cells = reserve(space_bytes);
	marks = (u64 *)reserve(max_workers * shared_stride / 8);
	cells = byte_cells && marks ? reserve(space_bytes / 4) : nullptr;
	if (!cells)
		fprintf(stderr, "emulated CUDA driver: no address space for the records of accesses: races are not looked for\n");
}

void race_forget(uintptr_t address, size_t bytes)
{
	if (!cells)
		return;
	madvise(cells + (address - space) / 4, bytes / 4 * sizeof(Cell), MADV_DONTNEED);
	madvise(byte_cells + (address - space), bytes * sizeof(Cell), MADV_DONTNEED);
}

void race_block(Worker *w, u64 number)
{
	RaceBlock &b = w->race;
	u64 blocks = (u64)operations.grid[0] * operations.grid[1] * operations.grid[2];
	b.own = b.since = (operations.first + number) << stamp_shift;
	b.blocks = (operations.first + blocks) << stamp_shift | 3;
	b.warps = b.since | 2;
	b.old = operations.floor;
	b.old_shared = b.own;
	b.time = 0;
	for (int i = 0; i < (w->threads + 31) / 32; i++) {
		b.warp[i].all = 0;
		b.warp[i].parted = false;
	}
	for (int i = 0; i < w->threads; i++) {
		w->thread[i].record = b.own | (u64)i << thread_shift;
		w->thread[i].warp_record = (w->thread[i].record & ~warp_bits) | 1;
	}
}

// tick is the next time. A block that meets more often than times can be told apart is not
// looked at any more.
static u64 tick(RaceBlock &b)
{
	if (b.time < most_time)
		return ++b.time;
	b.old = b.old_shared = ~(u64)0;
	return b.time;
}

static void advance(Thread *t, u64 time)
{
	t->record = (t->record & ~time_bits) | time << time_shift;
	t->warp_record = (t->warp_record & ~time_bits) | time << time_shift;
}

void race_barrier(Worker *w)
{
	if (!cells)
		return;
	RaceBlock &b = w->race;
	u64 now = tick(b);
	b.since = b.own | now << time_shift;
	b.warps = b.since | 2;
	for (int i = 0; i < w->threads; i++)
		advance(&w->thread[i], now);
}

void race_warp(Worker *w, int first, u32 mask)
{
	if (!cells)
		return;
	RaceBlock &b = w->race;
	auto &warp = b.warp[first / 32];
	int lanes = std::min(32, w->threads - first);
	u64 now = tick(b);
	for (int i = 0; i < lanes; i++)
		if (mask >> i & 1)
			advance(&w->thread[first + i], now);
	if (__builtin_popcount(mask) == lanes) {
		warp.all = now;
		warp.parted = false;
		return;
	}
	if (!warp.parted)
		for (auto &row : warp.known)
			for (u64 &k : row)
				k = warp.all;
	warp.parted = true;
	u64 joined[32] = {};
	for (int i = 0; i < lanes; i++)
		for (int j = 0; j < 32 && (mask >> i & 1); j++)
			joined[j] = mask >> j & 1 ? now : std::max(joined[j], warp.known[i][j]);
	for (int i = 0; i < lanes; i++)
		if (mask >> i & 1)
			memcpy(warp.known[i], joined, sizeof joined);
}

void race_slowly(Thread *t, uintptr_t address, size_t bytes, Access how, const void *pc)
{
	u64 old = race_shared(address) ? worker->race.old_shared : worker->race.old;
	if (how >= atomically && race_shared(address))
		race_written(t, address, bytes);
	Conflict conflict;
	for (size_t done = 0; done < bytes;) {
		size_t n = std::min(bytes - done, 4 - (address + done) % 4);
		if (!word(address + done, n, t, old, how, &conflict))
			refuse(t, address, bytes, how, conflict, pc);
		done += n;
	}
}

void race_copied(Thread *t, uintptr_t to, size_t bytes)
{
	for (Cell *c = cells + (to - space) / 4, *end = c + bytes / 4; c < end; c++)
		*c = {t->record, 0};
	race_written(t, to, bytes);
}

// ---- The asynchronous proxy

constexpr int writer_shift = 24;
constexpr u64 fence_bits = ((u64)1 << writer_shift) - 1;

void race_proxy_fence(Thread *t) { t->fences++; }

void race_written(const Thread *t, uintptr_t address, size_t bytes)
{
	u64 mark = (worker->race.own >> stamp_shift << stamp_shift) | (u64)t->number << writer_shift | (t->fences & fence_bits);
	for (uintptr_t word = (address - space) / 4, end = (address - space + bytes + 3) / 4; word < end; word++)
		marks[word] = mark;
}

u64 race_mark(uintptr_t word)
{
	u64 mark = marks[(word - space) / 4];
	return stamp_of(mark) == stamp_of(worker->race.own) ? mark : 0;
}

static const Thread *writer(u64 mark) { return &worker->thread[mark >> writer_shift & (max_threads - 1)]; }

bool race_fenced(u64 mark) { return !mark || (writer(mark)->fences & fence_bits) != (mark & fence_bits); }

std::string race_mark_text(u64 mark) { return thread_text(writer(mark)->number); }

} // namespace hdm
