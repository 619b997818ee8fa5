// predicate.cpp: comparisons, choices by them, moves.
#include "decode.h"

namespace hdm::ptx {

namespace {

enum Compare { eq, ne, lt, le, gt, ge, lo, ls, hi, hs, equ, neu, ltu, leu, gtu, geu, num, nan };

template <Compare how, class T> bool holds(T a, T b)
{
	if constexpr (std::is_floating_point_v<T>) {
		bool unordered = a != a || b != b;
		switch (how) {
		case eq: return a == b;
		case ne: return !unordered && a != b;
		case lt: return a < b;
		case le: return a <= b;
		case gt: return a > b;
		case ge: return a >= b;
		case equ: return unordered || a == b;
		case neu: return a != b;
		case ltu: return !(a >= b);
		case leu: return !(a > b);
		case gtu: return !(a <= b);
		case geu: return !(a < b);
		case num: return !unordered;
		case nan: return unordered;
		default: return false;
		}
	}
	switch (how) {
	case eq: return a == b;
	case ne: return a != b;
	case lt: case lo: return a < b;
	case le: case ls: return a <= b;
	case gt: case hi: return a > b;
	default: return a >= b;
	}
}

template <Compare how, class T> void compare(Warp &w, const Ins &i)
{
	auto *a = (const Store<T> *)w.at(i.s[0]), *b = (const Store<T> *)w.at(i.s[1]);
	u32 v[32];
#pragma GCC ivdep
	for (int l = 0; l < 32; l++)
		v[l] = holds<how, T>(from_lane<T>(a[l]), from_lane<T>(b[l])) ? 1u << l : 0;
	u32 all = 0;
	for (u32 x : v)
		all |= x;
	set(w, i.d[0], all);
}

template <class T, int... k> Run comparison(int how, std::integer_sequence<int, k...>)
{
	Run run = nullptr;
	((how == k && (run = &compare<(Compare)k, T>)), ...);
	return run;
}

void make_setp(Decoder &d)
{
	int how = d.choice({"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"});
	Type t = d.type();
	bool floats = t == Type::f32 || t == Type::f64;
	if (how < 0 || (floats ? how >= lo && how <= hs : how >= equ))
		d.fail("its comparison is not supported");
	d.dest(0, Type::pred);
	d.source(0, t);
	d.source(1, t);
	d.out.run = choose<u16, short, u32, int, u64, i64, float, double>(
	    d, t, [how](auto v) { return comparison<decltype(v)>(how, std::make_integer_sequence<int, nan + 1>()); });
}

template <class S> void select(Warp &w, const Ins &i)
{
	auto *a = (const S *)w.at(i.s[0]), *b = (const S *)w.at(i.s[1]);
	u32 p = w.votes(i.s[2], w.act);
	each<S>(w, i.d[0], [=](int l) { return p >> l & 1 ? a[l] : b[l]; });
}

void make_selp(Decoder &d)
{
	Type t = d.type();
	d.dest(0, t);
	d.source(0, t);
	d.source(1, t);
	d.source(2, Type::pred);
	d.out.run = width_of(t) == Width::pair ? &select<u64> : &select<u32>;
}

void move_predicate(Warp &w, const Ins &i) { set(w, i.d[0], w.votes(i.s[0], w.act)); }

// pack and unpack move between a register and the halves that braces list, lowest first.
template <class S> void pack(Warp &w, const Ins &i)
{
	auto *lo = (const u32 *)w.at(i.s[0]), *hi = (const u32 *)w.at(i.s[1]);
	constexpr int half = 4 * sizeof(S);
	each<S>(w, i.d[0], [=](int l) { return (S)hi[l] << half | ((S)lo[l] & (((S)1 << half) - 1)); });
}

template <class S> void unpack(Warp &w, const Ins &i)
{
	auto *a = (const S *)w.at(i.s[0]);
	constexpr int half = 4 * sizeof(S);
	S v[32];
	std::copy(a, a + 32, v);
	each<u32>(w, i.d[0], [&](int l) { return (u32)(v[l] & (((S)1 << half) - 1)); });
	each<u32>(w, i.d[1], [&](int l) { return (u32)(v[l] >> half); });
}

void make_mov(Decoder &d)
{
	Type t = d.type(), half = type_bytes(t) == 8 ? Type::b32 : Type::b16;
	bool pair = width_of(t) == Width::pair;
	if (d.peek().starts_with('{')) {
		if (d.group_of_dests(half, 2) != 2)
			d.fail("it takes two halves");
		d.source(0, t);
		d.out.run = pair ? &unpack<u64> : &unpack<u32>;
		return;
	}
	d.dest(0, t);
	if (d.peek().starts_with('{')) {
		if (d.group_of_sources(0, half, 2) != 2)
			d.fail("it takes two halves");
		d.out.run = pair ? &pack<u64> : &pack<u32>;
		return;
	}
	d.source(0, t);
	d.out.run = t == Type::pred ? &move_predicate : pair ? &move<u64> : &move<u32>;
}

} // namespace

const std::vector<Family> predicate_family = {{"setp", make_setp}, {"selp", make_selp}, {"mov", make_mov}};

} // namespace hdm::ptx
