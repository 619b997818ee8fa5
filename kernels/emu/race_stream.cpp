// race_stream.cpp: races between operations of streams. An operation comes after those
// before it in its stream, those before an event that its stream has waited for, and those
// that the host had waited for when it was queued. The records of race.h name operations
// by their stamps.
#include "race_stream.h"

#include <algorithm>
#include <map>

#include "race.h"

namespace hdm {

Operations operations;

namespace {

struct Operation {
	u32 first, count; // stamps
	u64 number;       // in its stream
	std::string name;
};

constexpr u32 most_stamps = 1u << 30;

std::map<size_t, std::deque<Operation>> streams; // what the host has not waited for
std::map<size_t, Timeline *> timelines;
size_t numbers;
u32 next_stamp = 1;
Clock host;
Clock ended; // of the streams that are no more
Timeline *running;
bool begun; // the present operation has a stamp
Clock before; // what comes before it

const Operation *find(u32 stamp, size_t *stream)
{
	for (auto &[number, list] : streams) {
		auto it = std::upper_bound(list.begin(), list.end(), stamp, [](u32 s, const Operation &o) { return s < o.first; });
		if (it != list.begin() && stamp - std::prev(it)->first < std::prev(it)->count) {
			*stream = number;
			return &*std::prev(it);
		}
	}
	return nullptr;
}

// begin gives the present operation its stamps and its place in the order.
void begin(const std::string &name, u32 count)
{
	if (next_stamp + (u64)count >= most_stamps) { // no stamp may come again
		race_forget(space, space_bytes);
		for (auto &[number, list] : streams)
			list.clear();
		next_stamp = 1;
	}
	Timeline &t = *running;
	t.clock.join(host);
	for (auto &[number, other] : timelines)
		if ((t.number == 0 && !other->free) || (number == 0 && !t.free))
			t.clock.join(other->clock);
	before = t.clock;
	if (t.clock.done.size() <= t.number)
		t.clock.done.resize(t.number + 1);
	u64 number = ++t.clock.done[t.number];
	streams[t.number].push_back({next_stamp, count, number, name});
	operations.first = next_stamp;
	next_stamp += count;
	u32 floor = operations.first;
	for (auto &[stream, list] : streams) {
		u64 done = before.of(stream);
		auto it = std::upper_bound(list.begin(), list.end(), done, [](u64 n, const Operation &o) { return n < o.number; });
		if (it != list.end())
			floor = std::min(floor, it->first);
	}
	operations.floor = (u64)floor << stamp_shift;
	begun = true;
}

} // namespace

void Clock::join(const Clock &c)
{
	if (done.size() < c.done.size())
		done.resize(c.done.size());
	for (size_t i = 0; i < c.done.size(); i++)
		done[i] = std::max(done[i], c.done[i]);
}

Timeline *timeline_new(bool free)
{
	Timeline *t = new Timeline{numbers++, free, {}};
	timelines[t->number] = t;
	return t;
}

void timeline_end(Timeline *t)
{
	ended.join(t->clock);
	timelines.erase(t->number);
	delete t;
}

void order_enter(Timeline *t)
{
	running = t;
	begun = false;
}

Timeline *order_stream() { return running; }

void order_launch(const char *kernel, const u32 grid[3])
{
	if (!cells)
		return;
	memcpy(operations.grid, grid, sizeof operations.grid);
	begin(format("kernel %s", kernel), grid[0] * grid[1] * grid[2] + 1);
}

std::string order_range(const char *what, uintptr_t address, size_t bytes, bool write)
{
	if (!cells || !running || dry_run())
		return "";
	if (!begun)
		begin(what, 1);
	u64 record = (u64)operations.first << stamp_shift;
	u32 good = 0; // a stamp that comes before
	auto bad = [&](u64 r) {
		u32 stamp = (u32)(r >> stamp_shift);
		if (r < operations.floor || stamp == operations.first || stamp == good)
			return false;
		if (!race_before(stamp))
			return true;
		good = stamp;
		return false;
	};
	for (uintptr_t word = address & ~(uintptr_t)3; word < address + bytes; word += 4) {
		Cell *c = cells + (word - space) / 4, *end = c + 1;
		if ((c->write & kind_bits) == 3 && c->write >= operations.floor) {
			c = byte_cells + (word - space);
			end = c + 4;
		}
		for (; c < end; c++) {
			bool read = write && !bad(c->write) && bad(c->read);
			if (read || bad(c->write)) {
				std::string at = memory_describe(word);
				return format("race: %s, %zu bytes at 0x%llx; %s, was %s by %s: no event and no synchronization orders the two", what, bytes,
				              (u64)address, at.c_str(), read ? "read" : "written",
				              race_name((u32)((read ? c->read : c->write) >> stamp_shift)).c_str());
			}
			if (write)
				*c = {record, 0};
			else
				c->read = record;
		}
		if (write)
			cells[(word - space) / 4] = {record, 0};
	}
	return "";
}

void order_host(const Clock *c)
{
	host.join(c ? *c : ended);
	for (auto &[number, t] : timelines)
		if (!c)
			host.join(t->clock);
	for (auto it = streams.begin(); it != streams.end();) {
		auto &list = it->second;
		while (!list.empty() && list.front().number <= host.of(it->first))
			list.pop_front();
		it = list.empty() ? streams.erase(it) : std::next(it);
	}
	pinned_release();
}

bool order_done(size_t stream, u64 number, bool by_host) { return number <= (by_host ? host : before).of(stream); }

u64 order_number() { return running->clock.of(running->number); }

bool race_before(u32 stamp)
{
	size_t stream;
	const Operation *o = find(stamp, &stream);
	return !o || o->number <= before.of(stream);
}

std::string race_name(u32 stamp)
{
	size_t stream;
	const Operation *o = find(stamp, &stream);
	return o ? format("%s in stream %zu", o->name.c_str(), stream) : std::string("an earlier operation");
}

} // namespace hdm
