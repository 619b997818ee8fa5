// block.cpp: runs one block. Warps take turns from barrier to barrier. Within a warp the
// lanes that are furthest back in the code run, together with all that are at the same
// place, until they come to where others wait: so lanes that parted meet again.
#include <csetjmp>
#include <cstring>

#include "../wgmma.h"
#include "place.h"

namespace hdm::ptx {

namespace {

// Machine is what a worker keeps from block to block.
struct Machine {
	std::vector<char> registers;
	std::vector<Warp> warps;
	const Program *program = nullptr;
	Warp *running = nullptr; // what a fault is of
	sigjmp_buf out;
};

Machine machines[max_workers];

Machine &machine() { return machines[worker->number]; }

std::string place_of(const Warp &w)
{
	const Program &p = *machine().program;
	if (!w.now || !w.now->from)
		return "";
	const Statement &s = *w.now->from;
	std::string text(s.text);
	for (char &c : text)
		if (c == '\n' || c == '\t')
			c = ' ';
	return format("; %s:%d: %s", p.text->file.c_str(), s.line, text.c_str());
}

void save(Warp &w, u32 lanes, int pc)
{
	for (int l = 0; l < 32; l++)
		if (lanes >> l & 1)
			w.pc[l] = pc;
}

// guarded is the lanes whose guard holds.
u32 guarded(const Warp &w, const Ins &i, u32 lanes)
{
	u32 votes = w.votes(i.guard, lanes);
	return lanes & (i.negated ? ~votes : votes);
}

[[noreturn]] void refuse(const Warp &w, u32 lanes, const std::string &what)
{
	here(w, std::countr_zero(lanes));
	worker_fault(CUDA_ERROR_LAUNCH_FAILED, what);
}

// keep_off refuses an access to a register that belongs to a product under way.
void keep_off(const Warp &w, const Ins &i, u32 lanes)
{
	for (int k = i.accumulates ? i.count : 0; k < i.registers; k++)
		if (wgmma_writes(w.first / 32, (const float *)w.at(w.named[i.first_register + k])))
			refuse(w, lanes, "an access to a register of a wgmma that has not been waited for");
}

// meet runs an operation of a warp when all lanes that it names have come; false: others are missing.
bool meet(Warp &w, const Ins &i, u32 lanes, int pc)
{
	u32 wanted = w.exists;
	if (!i.whole)
		wanted &= ((const u32 *)w.at(i.mask))[std::countr_zero(lanes)];
	else if (wanted != all_lanes)
		refuse(w, lanes, "an operation of 32 lanes in a warp that has fewer");
	if ((lanes & wanted) != lanes)
		refuse(w, lanes & ~wanted, format("the mask %08x lacks the lane", wanted));
	u32 come = lanes;
	for (int l = 0; l < 32; l++)
		if ((w.meeting >> l & 1) && w.pc[l] == pc)
			come |= 1u << l;
	if (come != wanted) {
		w.meeting |= lanes;
		save(w, lanes, pc);
		return false;
	}
	w.meeting &= ~come;
	w.act = come;
	i.run(w, i);
	save(w, come, pc + 1);
	return true;
}

// advance runs lanes that are at one place until they part, wait, are gone, or come to `limit`,
// where or beyond which others are.
void advance(Warp &w, const Program &p, u32 lanes, int pc, int limit)
{
	do {
		const Ins &i = p.code[(size_t)pc];
		w.now = &i;
		if (w.products)
			keep_off(w, i, lanes);
		u32 act = i.guard == no_operand ? lanes : guarded(w, i, lanes);
		if (i.kind == Kind::plain) {
			if (act) {
				w.act = act;
				i.run(w, i);
			}
			pc++;
			continue;
		}
		if (act == 0) {
			pc++;
			continue;
		}
		if (i.kind == Kind::branch && act == lanes) {
			pc = i.target;
			continue;
		}
		if (act != lanes && i.kind >= Kind::barrier)
			refuse(w, lanes & ~act, "a barrier or an operation of the warp that the guard keeps the lane from");
		save(w, lanes & ~act, pc + 1);
		switch (i.kind) {
		case Kind::branch: save(w, act, i.target); return;
		case Kind::leave:
			save(w, act, pc);
			w.live &= ~act;
			return;
		case Kind::barrier:
			save(w, act, pc + 1);
			w.waiting |= act;
			return;
		case Kind::meeting:
			if (!meet(w, i, lanes, pc) || w.act != lanes)
				return;
			pc++;
			continue;
		case Kind::call:
			for (int l = 0; l < 32; l++)
				if (act >> l & 1)
					w.returns[w.depth[l]++][l] = pc + 1;
			save(w, act, i.target);
			return;
		default: // back
			for (int l = 0; l < 32; l++)
				if (act >> l & 1)
					w.pc[l] = w.returns[--w.depth[l]][l];
			return;
		}
	} while (pc < limit);
	save(w, lanes, pc);
}

// run_warp goes on until all lanes wait in a barrier or are gone.
void run_warp(Warp &w, const Program &p)
{
	for (;;) {
		u32 ready = w.live & ~w.waiting & ~w.meeting;
		if (!ready) {
			if (w.meeting) {
				u32 lanes = w.meeting;
				w.now = &p.code[(size_t)w.pc[std::countr_zero(lanes)]];
				refuse(w, lanes, format("divergent warp: lanes %08x wait in an operation of the warp that the others do not come to; %08x wait in a barrier, "
				                        "%08x have returned", lanes, w.waiting, w.exists & ~w.live));
			}
			return;
		}
		int pc = 1 << 30, limit = 1 << 30;
		u32 lanes = 0;
		for (int l = 0; l < 32; l++) {
			if (!(ready >> l & 1))
				continue;
			int at = w.pc[l];
			if (at < pc) {
				limit = pc;
				pc = at;
				lanes = 0;
			} else if (at > pc && at < limit) {
				limit = at;
			}
			if (at == pc)
				lanes |= 1u << l;
		}
		advance(w, p, lanes, pc, limit);
	}
}

// barrier lets all go on when they have come to the same one.
void barrier(Machine &m, std::vector<Warp> &warps)
{
	int first = -1;
	for (Warp &w : warps)
		for (int l = 0; l < 32; l++) {
			if (!(w.exists >> l & 1))
				continue;
			bool gone = !(w.live >> l & 1);
			if (!gone && (first < 0 || w.pc[l] == first)) {
				first = w.pc[l];
				continue;
			}
			m.running = &w;
			w.now = &m.program->code[(size_t)w.pc[l] - (gone ? 0 : 1)];
			refuse(w, 1u << l, gone ? std::string("divergent barrier: the thread has returned, others wait")
			                        : format("divergent barrier: the thread waits, others wait in line %d", m.program->code[(size_t)first - 1].from->line));
		}
	for (Warp &w : warps)
		w.waiting = 0;
	race_barrier(worker);
}

void set_specials(Machine &m, Warp &w, const std::vector<char *> &arrays)
{
	const BlockView &v = worker->view;
	auto axis = [](const Index &i, int k) { return k == 0 ? i.x : k == 1 ? i.y : i.z; };
	size_t array = 0;
	for (const Special &s : m.program->specials) {
		u64 at = s.what == Special::shared ? (u64)(arrays[array++] - worker->shared_base) : 0;
		for (int l = 0; l < 32; l++) {
			u32 *word = (u32 *)w.at(s.at) + l;
			u64 *pair = (u64 *)w.at(s.at) + l;
			const Thread &t = worker->thread[(w.first + l) % max_threads];
			switch (s.what) {
			case Special::tid: *word = axis(t.index, s.axis); break;
			case Special::ctaid: *word = axis(v.index, s.axis); break;
			case Special::ntid: *word = axis(v.dim, s.axis); break;
			case Special::nctaid: *word = axis(v.grid, s.axis); break;
			case Special::lane: *word = (u32)l; break;
			case Special::warp: *word = (u32)(w.first / 32); break;
			case Special::shared: *pair = at; break;
			case Special::local: *pair = (u64)worker->stacks + (u64)(w.first + l) * stack_bytes + (u64)s.axis; break;
			}
		}
	}
}

// begin gives the block its shared memory and its warps.
void begin(Machine &m)
{
	const Program &p = *m.program;
	std::vector<char *> arrays;
	for (const Special &s : p.specials)
		if (s.what == Special::shared)
			arrays.push_back((char *)(s.array->dynamic ? dynamic_shared() : hdm::shared(s.array, s.name.c_str(), s.array->bytes, s.array->align)));
	size_t warps = (size_t)(worker->threads + 31) / 32;
	m.registers.resize(std::max(m.registers.size(), warps * p.register_bytes + 64));
	char *base = (char *)(((uintptr_t)m.registers.data() + 63) / 64 * 64);
	memset(base, 0xff, warps * p.register_bytes); // what nobody has set is no number
	m.warps.resize(warps);
	for (size_t k = 0; k < warps; k++) {
		Warp &w = m.warps[k];
		w = Warp();
		w.registers = base + k * p.register_bytes;
		w.constants = p.constants.data();
		w.named = p.registers.data();
		w.first = (int)k * 32;
		int lanes = std::min(32, worker->threads - w.first);
		w.exists = w.live = lanes == 32 ? all_lanes : (1u << lanes) - 1;
		for (int &pc : w.pc)
			pc = p.start;
		set_specials(m, w, arrays);
		for (u32 at : p.predicates)
			w.predicate(at) = {};
	}
}

} // namespace

u32 Warp::votes(Operand o, u32 lanes) const
{
	const Predicate &p = predicate(o);
	if (u32 unset = lanes & ~p.defined)
		refuse(*this, unset, "a predicate that the thread has not set");
	return p.value;
}

void misplaced(const Warp &w, int lane, u64 address, int bytes, Access how, Space space)
{
	here(w, lane);
	const char *what = how == reading ? "read" : how == writing ? "write" : "atomic operation";
	if (address % (u64)bytes)
		worker_fault(CUDA_ERROR_MISALIGNED_ADDRESS, format("misaligned %s of %d bytes at 0x%llx", what, bytes, address));
	static const char *const spaces[] = {"any", "global", "shared", "local", "the kernel's parameters'"};
	worker_fault(CUDA_ERROR_ILLEGAL_ADDRESS, format("out of bounds %s of %d bytes at 0x%llx, which is no address of %s memory", what, bytes, address, spaces[space]));
}

char *local_place(const Warp &w, int lane, u64 address, int bytes, Access how, Space space)
{
	u64 own = (u64)worker->stacks + (u64)(w.first + lane) * stack_bytes;
	if ((space != local && space != generic) || address < own || address + (u64)bytes > own + machine().program->local_bytes)
		misplaced(w, lane, address, bytes, how, space);
	return (char *)address;
}

} // namespace hdm::ptx

namespace hdm {

using namespace ptx;

void worker_fault(CUresult code, const std::string &what)
{
	Worker *w = worker;
	Machine &m = machine();
	const Thread *t = self ? this_thread() : &w->thread[m.running->first + std::countr_zero(m.running->act | 0x80000000u)];
	context_fail(code, format("kernel %s, block (%u,%u,%u), thread %s: %s%s", w->launch->kernel->name, w->view.index.x, w->view.index.y, w->view.index.z,
	                          worker_thread_name(t).c_str(), what.c_str(), place_of(*m.running).c_str()));
	siglongjmp(m.out, 1);
}

void worker_signal(CUresult code, const std::string &what)
{
	if (worker && machine().running)
		worker_fault(code, what);
}

bool worker_block(Worker *w, const Launch &l, const u32 index[3])
{
	worker_begin(w, l, index);
	Machine &m = machine();
	m.program = ((const PtxKernel *)l.kernel)->program.get();
	bool whole = !sigsetjmp(m.out, 1);
	if (whole) {
		begin(m);
		for (bool waits = true; waits;) {
			waits = false;
			for (ptx::Warp &warp : m.warps) {
				m.running = &warp;
				run_warp(warp, *m.program);
				waits |= warp.waiting != 0;
			}
			if (waits)
				barrier(m, m.warps);
		}
		wgmma_end(w);
	}
	m.running = nullptr;
	self = nullptr;
	return whole;
}

} // namespace hdm
