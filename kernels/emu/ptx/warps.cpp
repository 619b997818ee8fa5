// warps.cpp: what the lanes of a warp do together: barriers, shuffles, votes, tensor cores.
#include <cstring>

#include "decode.h"
#include "place.h"
#include "tensor.h"

namespace hdm::ptx {

namespace {

void nothing(Warp &, const Ins &) {}

void meet(Warp &w, const Ins &) { race_warp(worker, w.first, w.act); }

// bar.sync and barrier.sync 0 are of the whole block, bar.warp.sync of a warp.
void make_bar(Decoder &d)
{
	bool warp = d.take("warp");
	d.need("sync");
	d.take("aligned");
	d.take("cta");
	if (warp) {
		d.out.kind = Kind::meeting;
		d.out.mask = d.operand(d.next(), Type::u32, false);
		d.out.run = &meet;
		return;
	}
	if (d.number() != 0 || !d.peek().empty())
		d.fail("barriers other than 0 of all threads are not supported");
	d.out.kind = Kind::barrier;
	d.out.run = &nothing;
}

enum Shuffle { up, down, bfly, idx };

// By the formulas of the PTX manual, shfl.sync.
template <Shuffle mode> void shuffle(Warp &w, const Ins &i)
{
	auto *a = (const u32 *)w.at(i.s[0]), *b = (const u32 *)w.at(i.s[1]), *c = (const u32 *)w.at(i.s[2]);
	u32 out[32] = {}, inside = 0;
	for (int l = 0; l < 32; l++) {
		if (!(w.act >> l & 1))
			continue;
		int by = (int)(b[l] & 31), clamp = (int)(c[l] & 31), segment = (int)(c[l] >> 8 & 31);
		int last = (l & segment) | (clamp & ~segment), first = l & segment;
		int from = mode == up ? l - by : mode == down ? l + by : mode == bfly ? l ^ by : first | (by & ~segment);
		bool in = mode == up ? from >= last : from <= last;
		if (!in)
			from = l;
		inside |= (u32)in << l;
		if (!(w.act >> from & 1)) {
			here(w, l);
			worker_fault(CUDA_ERROR_LAUNCH_FAILED, format("lane %d reads lane %d, which takes no part", l, from));
		}
		out[l] = a[from];
	}
	each<u32>(w, i.d[0], [&](int l) { return out[l]; });
	if (i.d[1] != no_operand)
		set(w, i.d[1], inside);
}

void make_shfl(Decoder &d)
{
	d.need("sync");
	int mode = d.choice({"up", "down", "bfly", "idx"});
	d.need("b32");
	std::string_view to = d.next();
	size_t bar = to.find('|');
	d.out.d[0] = d.operand(trimmed(to.substr(0, bar)), Type::b32, true);
	if (bar != to.npos)
		d.out.d[1] = d.operand(trimmed(to.substr(bar + 1)), Type::pred, true);
	for (int k = 0; k < 3; k++)
		d.source(k, Type::b32);
	d.out.mask = d.operand(d.next(), Type::b32, false);
	d.out.kind = Kind::meeting;
	switch (mode) {
	case up: d.out.run = &shuffle<up>; break;
	case down: d.out.run = &shuffle<down>; break;
	case bfly: d.out.run = &shuffle<bfly>; break;
	case idx: d.out.run = &shuffle<idx>; break;
	default: d.fail("its mode is missing");
	}
}

enum Vote { any, all, uni, ballot };

template <Vote what> void vote(Warp &w, const Ins &i)
{
	u32 votes = w.votes(i.s[0], w.act) & w.act;
	if (i.negated_source)
		votes = ~votes & w.act;
	if constexpr (what == ballot)
		each<u32>(w, i.d[0], [=](int) { return votes; });
	else
		set(w, i.d[0], (what == any ? votes != 0 : what == all ? votes == w.act : votes == w.act || !votes) ? all_lanes : 0);
}

void make_vote(Decoder &d)
{
	d.need("sync");
	int what = d.choice({"any", "all", "uni", "ballot"});
	Type t = d.type();
	if (what < 0 || t != (what == ballot ? Type::b32 : Type::pred))
		d.fail("its mode or its type is not supported");
	d.dest(0, t);
	std::string_view p = d.next();
	d.out.negated_source = p.starts_with('!');
	d.out.s[0] = d.operand(d.out.negated_source ? p.substr(1) : p, Type::pred, false);
	d.out.mask = d.operand(d.next(), Type::b32, false);
	d.out.kind = Kind::meeting;
	d.out.run = what == any ? &vote<any> : what == all ? &vote<all> : what == uni ? &vote<uni> : &vote<ballot>;
}

void active(Warp &w, const Ins &i)
{
	u32 act = w.act;
	each<u32>(w, i.d[0], [=](int) { return act; });
}

void make_activemask(Decoder &d)
{
	d.need("b32");
	d.dest(0, Type::b32);
	d.out.run = &active;
}

// ---- Tensor cores. Lane 4g+t holds of A rows g and g+8, of B column g, of D columns 2t, 2t+1.

template <bool trans> void load_matrices(Warp &w, const Ins &i)
{
	auto *at = (const u32 *)w.at(i.s[0]);
	const u16 *row[32];
	for (int l = 0; l < 8 * i.count; l++)
		row[l] = (const u16 *)place<shared>(w, l, (u64)at[l] + (u64)i.offset, 16, reading);
	for (int m = 0; m < i.count; m++) {
		u32 *out = (u32 *)w.at(i.d[m]);
		const u16 **r = row + 8 * m;
		for (int l = 0; l < 32; l++) {
			int g = l / 4, t = l % 4;
			out[l] = trans ? (u32)r[2 * t][g] | (u32)r[2 * t + 1][g] << 16 : (u32)r[g][2 * t] | (u32)r[g][2 * t + 1] << 16;
		}
	}
}

void make_ldmatrix(Decoder &d)
{
	for (const char *word : {"sync", "aligned", "m8n8", "b16"})
		d.need(word);
	int k = d.choice({"x1", "x2", "x4"});
	bool trans = d.take("trans");
	if (!d.take("shared") && !d.take("shared::cta"))
		d.need("shared");
	d.out.count = k == 0 ? 1 : k == 1 ? 2 : 4;
	if (k < 0 || d.group_of_dests(Type::b32, 4) != d.out.count)
		d.fail("it has another number of registers");
	if (d.address(0))
		d.fail("its address is a 32-bit register");
	d.out.kind = Kind::meeting;
	d.out.whole = true;
	d.out.run = trans ? &load_matrices<true> : &load_matrices<false>;
}

enum Format { tf32, bf16_pairs, f16_pairs };

// part is one of the numbers of a register: tf32 is its upper 19 bits, the others are its halves.
template <Format format> float part(u32 v, int h)
{
	if (format == f16_pairs)
		return (float)std::bit_cast<_Float16>((u16)(h ? v >> 16 : v));
	return std::bit_cast<float>(format == tf32 ? v & ~0x1fffu : h ? v & 0xffff0000u : v << 16);
}

// product: register r of A holds row g+8(r%2) and columns parts·t…, 4·parts·(r/2) further on; of
// B column g and rows likewise.
template <int K, Format format> void product(Warp &w, const Ins &i)
{
	constexpr int parts = format == tf32 ? 1 : 2, step = 4 * parts, of_a = 2 * K / step, of_b = K / step;
	float a[16][K], b[K][8], d[16][8];
	for (int r = 0; r < of_a; r++) {
		auto *v = (const u32 *)w.at(i.s[r]);
		for (int l = 0; l < 32; l++)
			for (int h = 0; h < parts; h++)
				a[l / 4 + r % 2 * 8][l % 4 * parts + h + r / 2 * step] = part<format>(v[l], h);
	}
	for (int r = 0; r < of_b; r++) {
		auto *v = (const u32 *)w.at(i.s[of_a + r]);
		for (int l = 0; l < 32; l++)
			for (int h = 0; h < parts; h++)
				b[l % 4 * parts + h + r * step][l / 4] = part<format>(v[l], h);
	}
	for (int r = 0; r < 4; r++) {
		auto *v = (const float *)w.at(i.s[of_a + of_b + r]);
		for (int l = 0; l < 32; l++)
			d[l / 4 + r / 2 * 8][l % 4 * 2 + r % 2] = v[l];
	}
	const TensorModel &m = tensor_model();
	tensor_product<K>(d, a, b, format == tf32 ? m.tf32 : m.halves, m.extra);
	for (int r = 0; r < 4; r++) {
		auto *out = (float *)w.at(i.d[r]);
		for (int l = 0; l < 32; l++)
			out[l] = number(d[l / 4 + r / 2 * 8][l % 4 * 2 + r % 2]);
	}
}

void make_mma(Decoder &d)
{
	for (const char *word : {"sync", "aligned", "row", "col", "f32", "f32"})
		d.need(word);
	static const char *const names[] = {"tf32", "bf16", "f16"};
	int format = d.choice({"tf32", "bf16", "f16"});
	if (format < 0)
		d.fail("its type is not supported");
	d.need(names[format]); // of B
	int shape = d.choice({"m16n8k4", "m16n8k8", "m16n8k16"}), k = 4 << shape, step = format == tf32 ? 4 : 8;
	if (shape < 0 || (format == tf32 ? k == 16 : k == 4))
		d.fail("its shape is not supported");
	int a = 2 * k / step, b = k / step;
	if (d.group_of_dests(Type::f32, 4) != 4 || d.group_of_sources(0, Type::b32, 4) != a || d.group_of_sources(a, Type::b32, 2) != b ||
	    d.group_of_sources(a + b, Type::f32, 4) != 4)
		d.fail("it has another number of registers");
	d.out.kind = Kind::meeting;
	d.out.whole = true;
	static constexpr Run runs[][2] = {
	    {&product<4, tf32>, &product<8, tf32>}, {&product<8, bf16_pairs>, &product<16, bf16_pairs>}, {&product<8, f16_pairs>, &product<16, f16_pairs>}};
	d.out.run = runs[format][k == step ? 0 : 1];
}

} // namespace

const std::vector<Family> warp_family = {
    {"bar", make_bar},   {"barrier", make_bar},    {"shfl", make_shfl}, {"vote", make_vote}, {"activemask", make_activemask},
    {"ldmatrix", make_ldmatrix}, {"mma", make_mma},
};

} // namespace hdm::ptx
