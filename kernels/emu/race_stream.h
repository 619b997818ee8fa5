// race_stream.h: the order of operations in streams, events and on the host, and what of
// the host's memory they use (libcuda-check only; every function may be called in any build).
#pragma once
#include <deque>

#include "emu.h"

namespace hdm {

// Clock holds, of every stream, how many of its operations come before something.
struct Clock {
	std::vector<u64> done; // by number of stream
	u64 of(size_t stream) const { return stream < done.size() ? done[stream] : 0; }
	void join(const Clock &c);
};

// Timeline is a stream as the order sees it. The one of the default stream waits for all
// that are not `free`, and they for it.
struct Timeline {
	size_t number; // of the stream
	bool free;
	Clock clock; // what comes before its next operation
};
Timeline *timeline_new(bool free);
void timeline_end(Timeline *t);

// order_enter makes t the stream that runs the next operation.
void order_enter(Timeline *t);
Timeline *order_stream();
// order_launch begins a launch of so many blocks.
void order_launch(const char *kernel, const u32 grid[3]);
// order_range checks an access of an operation that is no kernel; "" when it comes after
// all that it must.
std::string order_range(const char *what, uintptr_t address, size_t bytes, bool write);
// order_host tells that the host waits for all that a clock holds, null: for everything.
void order_host(const Clock *c);

// order_done tells whether an operation comes before the present one, or the host waited for it.
bool order_done(size_t stream, u64 number, bool by_host);
u64 order_number(); // of the present operation in its stream

// ---- race_host.cpp. Pinned memory: while a copy that the host has not waited for uses it, its pages are
// protected, and an access of the host is a fault of the context.

void *pinned_alloc(size_t bytes);
bool pinned_free(void *p);
size_t pinned_count();
// pinned_open lets the present operation access the host's memory, pinned_use tells that it
// does so until the host waits for it.
CUresult pinned_open(const void *p, size_t bytes, bool write);
void pinned_use(const void *p, size_t bytes, bool write);
// pinned_release lets the host have what it has waited for.
void pinned_release();
// pinned_fault is asked when the host has accessed protected memory; true: go on.
bool pinned_fault(uintptr_t address);

} // namespace hdm
