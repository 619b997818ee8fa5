// integer.cpp: bits of whole numbers.
#include "decode.h"

namespace hdm::ptx {

namespace {

struct And {
	template <class T> T operator()(T a, T b) const { return a & b; }
};
struct Or {
	template <class T> T operator()(T a, T b) const { return a | b; }
};
struct Xor {
	template <class T> T operator()(T a, T b) const { return a ^ b; }
};

// logic of predicates is that of all lanes' bits at once.
template <class F> void predicate_logic(Warp &w, const Ins &i) { set(w, i.d[0], F{}(w.votes(i.s[0], w.act), w.votes(i.s[1], w.act))); }

template <class F> void make_logic(Decoder &d)
{
	Type t = d.type();
	d.dest(0, t);
	d.source(0, t);
	d.source(1, t);
	d.out.run = t == Type::pred ? (Run)&predicate_logic<F> : choose<u16, u32, u64>(d, t, [](auto v) { return (Run)&binary<decltype(v), F{}>; });
}

void predicate_not(Warp &w, const Ins &i) { set(w, i.d[0], ~w.votes(i.s[0], w.act)); }

void make_not(Decoder &d)
{
	Type t = d.type();
	d.dest(0, t);
	d.source(0, t);
	d.out.run = t == Type::pred ? &predicate_not : choose<u16, u32, u64>(d, t, [](auto v) {
		typedef decltype(v) T;
		return (Run)&unary<T, [](T a) { return (T)~a; }>;
	});
}

// Shifts by the width or more give zeros, or the sign.
struct Left {
	template <class T> T operator()(T a, u32 n) const { return n < 8 * sizeof(T) ? (T)(a << n) : T(0); }
};
struct Right {
	template <class T> T operator()(T a, u32 n) const
	{
		constexpr u32 all = 8 * sizeof(T);
		if constexpr (std::is_signed_v<T>) return (T)(a >> (n < all ? n : all - 1));
		else return n < all ? (T)(a >> n) : T(0);
	}
};

void shift_operands(Decoder &d, Type t)
{
	d.dest(0, t);
	d.source(0, t);
	d.source(1, Type::u32);
}

void make_shl(Decoder &d)
{
	Type t = d.type();
	shift_operands(d, t);
	d.out.run = choose<u16, u32, u64>(d, t, [](auto v) { return (Run)&binary<decltype(v), Left{}, u32>; });
}

void make_shr(Decoder &d)
{
	Type t = d.type();
	shift_operands(d, t);
	d.out.run = choose<u16, short, u32, int, u64, i64>(d, t, [](auto v) { return (Run)&binary<decltype(v), Right{}, u32>; });
}

// A funnel shift takes 32 bits out of 64: s[1] above s[0].
template <bool left, bool wrap> void funnel(Warp &w, const Ins &i)
{
	auto *lo = (const u32 *)w.at(i.s[0]), *hi = (const u32 *)w.at(i.s[1]), *by = (const u32 *)w.at(i.s[2]);
	each<u32>(w, i.d[0], [=](int l) {
		u32 n = wrap ? by[l] & 31 : by[l] < 32 ? by[l] : 32;
		u64 both = (u64)hi[l] << 32 | lo[l];
		return left ? (u32)(both << n >> 32) : (u32)(both >> n);
	});
}

void make_shf(Decoder &d)
{
	bool left = d.choice({"l", "r"}) == 0, wrap = d.choice({"wrap", "clamp"}) == 0;
	d.need("b32");
	d.dest(0, Type::b32);
	for (int k = 0; k < 3; k++)
		d.source(k, Type::b32);
	d.out.run = left ? (wrap ? &funnel<true, true> : &funnel<true, false>) : wrap ? &funnel<false, true> : &funnel<false, false>;
}

template <class T, auto F> void count(Warp &w, const Ins &i)
{
	auto *a = (const T *)w.at(i.s[0]);
	each<u32>(w, i.d[0], [=](int l) { return (u32)F(a[l]); });
}

struct Ones {
	template <class T> int operator()(T a) const { return std::popcount(a); }
};
struct Zeros {
	template <class T> int operator()(T a) const { return std::countl_zero(a); }
};

template <class F> void make_count(Decoder &d)
{
	Type t = d.type();
	d.dest(0, Type::u32);
	d.source(0, t);
	d.out.run = choose<u32, u64>(d, t, [](auto v) { return (Run)&count<decltype(v), F{}>; });
}

// A field of n bits from bit p on; beyond the number lies its sign.
template <class T> void field(Warp &w, const Ins &i)
{
	auto *a = (const Store<T> *)w.at(i.s[0]);
	auto *from = (const u32 *)w.at(i.s[1]), *length = (const u32 *)w.at(i.s[2]);
	each<Store<T>>(w, i.d[0], [=](int l) {
		constexpr u32 all = 8 * sizeof(T);
		u32 p = from[l] & 255, n = length[l] & 255;
		T v = Right{}(from_lane<T>(a[l]), p);
		if (n == 0)
			return to_lane(T(0));
		if (n < all)
			v = std::is_signed_v<T> && p + n >= all ? v : (T)Right{}((T)Left{}((std::make_unsigned_t<T>)v, all - n), all - n);
		return to_lane(v);
	});
}

void make_bfe(Decoder &d)
{
	Type t = d.type();
	d.dest(0, t);
	d.source(0, t);
	d.source(1, Type::u32);
	d.source(2, Type::u32);
	d.out.run = choose<u32, int, u64, i64>(d, t, [](auto v) { return (Run)&field<decltype(v)>; });
}

template <class T> void insert(Warp &w, const Ins &i)
{
	auto *a = (const T *)w.at(i.s[0]), *b = (const T *)w.at(i.s[1]);
	auto *from = (const u32 *)w.at(i.s[2]), *length = (const u32 *)w.at(i.s[3]);
	each<T>(w, i.d[0], [=](int l) {
		u32 p = from[l] & 255, n = length[l] & 255;
		T ones = n < 8 * sizeof(T) ? (T)(Left{}(T(1), n) - 1) : (T)~T(0), mask = Left{}(ones, p);
		return (T)((b[l] & ~mask) | (Left{}(a[l], p) & mask));
	});
}

void make_bfi(Decoder &d)
{
	Type t = d.type();
	d.dest(0, t);
	d.source(0, t);
	d.source(1, t);
	d.source(2, Type::u32);
	d.source(3, Type::u32);
	d.out.run = choose<u32, u64>(d, t, [](auto v) { return (Run)&insert<decltype(v)>; });
}

// prmt picks four of the eight bytes of s[1]:s[0]; bit 3 of a pick spreads the byte's sign.
void permute(Warp &w, const Ins &i)
{
	auto *a = (const u32 *)w.at(i.s[0]), *b = (const u32 *)w.at(i.s[1]), *picks = (const u32 *)w.at(i.s[2]);
	each<u32>(w, i.d[0], [=](int l) {
		u64 both = (u64)b[l] << 32 | a[l];
		u32 out = 0;
		for (int k = 0; k < 4; k++) {
			u32 pick = picks[l] >> 4 * k, byte = (u32)(both >> 8 * (pick & 7)) & 255;
			out |= (pick & 8 ? (byte & 128 ? 255u : 0u) : byte) << 8 * k;
		}
		return out;
	});
}

void make_prmt(Decoder &d)
{
	d.need("b32");
	d.dest(0, Type::b32);
	for (int k = 0; k < 3; k++)
		d.source(k, Type::b32);
	d.out.run = &permute;
}

} // namespace

const std::vector<Family> integer_family = {
    {"and", make_logic<And>}, {"or", make_logic<Or>},      {"xor", make_logic<Xor>},    {"not", make_not}, {"shl", make_shl},   {"shr", make_shr},
    {"shf", make_shf},        {"popc", make_count<Ones>}, {"clz", make_count<Zeros>}, {"bfe", make_bfe}, {"bfi", make_bfi}, {"prmt", make_prmt},
};

} // namespace hdm::ptx
