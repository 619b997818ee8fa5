// wgmma.cpp: matrix descriptors, and products that wait for their wait.
#include "wgmma.h"

#include <array>
#include <deque>
#include <memory>

namespace hdm {

namespace {

constexpr int k_terms = 16, group_warps = 4, rows = 16;

// Accumulator is the D of products that are under way.
struct Accumulator {
	int n, uses;
	std::vector<float *> registers; // [n/2, 32]
	std::vector<float> d;           // [16, n]
};

struct Product {
	Wgmma w;
	Accumulator *to;
	long group;                // counts commits; the next one's while there was none
	std::vector<u64> written;  // race_mark of each word of the operands when it started
};

struct State {
	std::deque<Product> products;
	std::vector<std::unique_ptr<Accumulator>> accumulators;
	long groups;
	bool fenced;
	std::vector<std::array<u64, 3>> started; // descriptors and n, to compare with the other warps of the group
};

struct States {
	State warp[max_threads / 32];
	int used; // warps that have started products in this block
};

States all[max_workers];

State &state(int warp) { return all[worker->number].warp[warp]; }

[[noreturn]] void refuse(int warp, const std::string &what)
{
	self = &worker->thread[warp * 32];
	worker_fault(CUDA_ERROR_LAUNCH_FAILED, "wgmma: " + what);
}

// Matrix is what a descriptor of an operand with its terms along memory names: rows of 128 bytes,
// eight after each other, in which 16 bytes lie where the row's number moves them.
struct Matrix {
	uintptr_t start, stride;

	Matrix(int warp, u64 descriptor)
	    : start((descriptor & 0x3fff) << 4), stride((descriptor >> 32 & 0x3fff) << 4)
	{
		if (descriptor >> 62 != 1)
			refuse(warp, format("descriptor 0x%llx: a swizzle other than of 128 bytes is not supported", descriptor));
		if (descriptor >> 49 & 7 || start & 0x380)
			refuse(warp, format("descriptor 0x%llx: the swizzle's pattern begins at 0x%llx, not at a multiple of 1024", descriptor, (u64)start));
		if (stride % 1024)
			refuse(warp, format("descriptor 0x%llx: %llu bytes from 8 rows to the next 8, no multiple of 1024", descriptor, (u64)stride));
		if (descriptor & 0x3ff1c000c000c000ull)
			refuse(warp, format("descriptor 0x%llx: reserved bits are set", descriptor));
	}
	// at is where 8 halves of a row lie; half: the first 8 of 16 terms or the others.
	const u16 *at(int row, int half) const
	{
		uintptr_t a = start + (uintptr_t)(row / 8) * stride + (uintptr_t)(row % 8) * 128 + (uintptr_t)half * 16;
		return (const u16 *)(worker->shared_base + (a ^ (a >> 3 & 0x70)));
	}
};

// each_chunk calls f for every 16 bytes that the warp's part of a product reads.
template <class F> void each_chunk(int warp, const Wgmma &w, F f)
{
	Matrix a(warp, w.a), b(warp, w.b);
	int first = warp % group_warps * rows;
	for (int r = 0; r < rows; r++)
		for (int half = 0; half < 2; half++)
			f(a.at(first + r, half));
	for (int r = 0; r < w.n; r++)
		for (int half = 0; half < 2; half++)
			f(b.at(r, half));
}

// writers tells who wrote the operands last, by words.
std::vector<u64> writers(int warp, const Wgmma &w)
{
	std::vector<u64> marks;
	if (cells)
		each_chunk(warp, w, [&](const u16 *at) {
			for (uintptr_t word = (uintptr_t)at; word < (uintptr_t)at + 16; word += 4)
				marks.push_back(race_mark(word));
		});
	return marks;
}

// check_operands is for when they may be read: at the start, and at the wait.
void check_operands(int warp, const Wgmma &w)
{
	self = &worker->thread[warp * 32];
	if (shadow)
		each_chunk(warp, w, [](const u16 *at) { check_access((uintptr_t)at, 16, reading, nullptr); });
}

// where names word number k of the operands.
std::string where(int warp, const Wgmma &w, size_t k)
{
	std::string text;
	each_chunk(warp, w, [&, at = (size_t)0](const u16 *chunk) mutable {
		if (at++ == k / 4)
			text = worker_shared_describe((uintptr_t)chunk + k % 4 * 4);
	});
	return text;
}

float *place(Accumulator &a, int r, int lane) { return a.registers[(size_t)r * 32 + (size_t)lane]; }

// element is where register r of a lane lies in D: as of mma, 8 columns after each other.
float &element(Accumulator &a, int r, int lane)
{
	return a.d[(size_t)(lane / 4 + r / 2 % 2 * 8) * (size_t)a.n + (size_t)(r / 4 * 8 + lane % 4 * 2 + r % 2)];
}

template <class F> void each_register(Accumulator &a, F f)
{
	for (int r = 0; r < a.n / 2; r++)
		for (int lane = 0; lane < 32; lane++)
			f(place(a, r, lane), element(a, r, lane));
}

// accumulator is the one of w's registers: under way, or taken from them.
Accumulator *accumulator(int warp, const Wgmma &w)
{
	State &s = state(warp);
	for (auto &a : s.accumulators) {
		bool same = a->n == w.n;
		for (int r = 0; r < w.n / 2 && same; r++)
			same = place(*a, r, 0) == w.at(w.registers, r, 0);
		if (same)
			return a.get();
		for (int r = 0; r < w.n / 2; r++)
			if (wgmma_writes(warp, w.at(w.registers, r, 0)))
				refuse(warp, "it has registers in common with a product of another shape that has not been waited for");
	}
	if (!s.fenced)
		refuse(warp, "no wgmma.fence comes before it and after what else has accessed its registers");
	auto &a = s.accumulators.emplace_back(new Accumulator{w.n, 0, {}, std::vector<float>((size_t)w.n * rows)});
	for (int r = 0; r < w.n / 2; r++)
		for (int lane = 0; lane < 32; lane++)
			a->registers.push_back(w.at(w.registers, r, lane));
	each_register(*a, [](float *from, float &to) {
		to = *from;
		*from = __builtin_nanf("");
	});
	return a.get();
}

// finish makes a product.
void finish(int warp, Product &p)
{
	std::vector<u64> now = writers(warp, p.w);
	for (size_t k = 0; k < now.size(); k++)
		if (now[k] != p.written[k])
			refuse(warp, "while it was under way, " + race_mark_text(now[k]) + " wrote " + where(warp, p.w, k));
	check_operands(warp, p.w);
	Matrix ma(warp, p.w.a), mb(warp, p.w.b);
	float a[rows][k_terms];
	std::vector<float> b((size_t)(k_terms * p.w.n));
	auto value = [](const Matrix &m, int row, int k) { return (float)__builtin_bit_cast(_Float16, m.at(row, k / 8)[k % 8]); };
	for (int k = 0; k < k_terms; k++) {
		for (int r = 0; r < rows; r++)
			a[r][k] = value(ma, warp % group_warps * rows + r, k);
		for (int j = 0; j < p.w.n; j++)
			b[(size_t)(k * p.w.n + j)] = value(mb, j, k);
	}
	if (!p.w.add)
		std::fill(p.to->d.begin(), p.to->d.end(), 0.0f);
	p.w.product(p.to->d.data(), a, b.data(), p.w.n);
	if (--p.to->uses == 0)
		each_register(*p.to, [](float *to, float &from) { *to = from; });
}

} // namespace

void wgmma_start(int warp, const Wgmma &w)
{
	State &s = state(warp);
	int first = warp / group_warps * group_warps;
	if ((first + group_warps) * 32 > worker->threads)
		refuse(warp, "its warpgroup has fewer than 128 threads");
	std::array<u64, 3> me = {w.a, w.b, (u64)w.n};
	for (int other = first; other < first + group_warps; other++) {
		auto &theirs = state(other).started;
		if (theirs.size() > s.started.size() && theirs[s.started.size()] != me)
			refuse(warp, format("warp %d of its warpgroup has started another product in its place", other));
	}
	s.started.push_back(me);
	all[worker->number].used = std::max(all[worker->number].used, first + group_warps);
	check_operands(warp, w);
	std::vector<u64> written = writers(warp, w);
	for (size_t k = 0; k < written.size(); k++)
		if (!race_fenced(written[k]))
			refuse(warp, where(warp, w, k) + ": " + race_mark_text(written[k]) + " has executed no fence.proxy.async since it wrote it");
	Accumulator *to = accumulator(warp, w);
	to->uses++;
	s.products.push_back({w, to, s.groups, std::move(written)});
}

void wgmma_fence(int warp) { state(warp).fenced = true; }

void wgmma_commit(int warp) { state(warp).groups++; }

void wgmma_wait(int warp, int groups)
{
	State &s = state(warp);
	while (!s.products.empty() && s.products.front().group < s.groups - groups) {
		finish(warp, s.products.front());
		s.products.pop_front();
	}
	std::erase_if(s.accumulators, [](auto &a) { return a->uses == 0; });
	s.fenced = false;
}

bool wgmma_waits(int warp) { return !state(warp).products.empty(); }

bool wgmma_writes(int warp, const float *at)
{
	for (auto &a : state(warp).accumulators)
		for (int r = 0; r < a->n / 2; r++)
			if (place(*a, r, 0) == at)
				return true;
	return false;
}

void wgmma_begin(Worker *w)
{
	States &s = all[w->number];
	for (State *warp = s.warp; warp < s.warp + s.used; warp++)
		*warp = State();
	s.used = 0;
}

void wgmma_end(Worker *w)
{
	States &s = all[w->number];
	for (int warp = 0; warp < s.used; warp++) {
		if (!s.warp[warp].products.empty())
			refuse(warp, "the kernel ends before it was waited for");
		int first = warp / group_warps * group_warps;
		if (s.warp[warp].started.size() != s.warp[first].started.size())
			refuse(warp, format("the warps of a warpgroup have started %zu and %zu products", s.warp[first].started.size(), s.warp[warp].started.size()));
	}
}

} // namespace hdm
