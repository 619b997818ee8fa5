// arithmetic.cpp: sums, products and quotients of whole numbers and floats.
#include <algorithm>
#include <cmath>

#include "decode.h"

namespace hdm::ptx {

namespace {

template <class T> constexpr bool is_float = std::is_floating_point_v<T>;
template <class T> using Bits = std::make_unsigned_t<std::conditional_t<sizeof(T) == 8, i64, int>>; // wraps around

struct Add {
	template <class T> T operator()(T a, T b) const
	{
		if constexpr (is_float<T>) return number(a + b);
		else return (T)((Bits<T>)a + (Bits<T>)b);
	}
};
struct Sub {
	template <class T> T operator()(T a, T b) const
	{
		if constexpr (is_float<T>) return number(a - b);
		else return (T)((Bits<T>)a - (Bits<T>)b);
	}
};
struct Mul {
	template <class T> T operator()(T a, T b) const
	{
		if constexpr (is_float<T>) return number(a * b);
		else return (T)((Bits<T>)a * (Bits<T>)b);
	}
};
struct Fma {
	template <class T> T operator()(T a, T b, T c) const
	{
		if constexpr (std::is_same_v<T, float>) return number(__builtin_fmaf(a, b, c));
		else if constexpr (is_float<T>) return number(__builtin_fma(a, b, c));
		else return (T)((Bits<T>)a * (Bits<T>)b + (Bits<T>)c);
	}
};

// High is the upper half of a product.
struct High {
	template <class T> T operator()(T a, T b) const
	{
		typedef std::conditional_t<sizeof(T) == 8, std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
		                           std::conditional_t<std::is_signed_v<T>, i64, u64>> Twice;
		return (T)(((Twice)a * (Twice)b) >> (8 * sizeof(T)));
	}
};

// least and most: of a number and what is none the number; -0 lies below 0.
struct Min {
	template <class T> T operator()(T a, T b) const
	{
		if constexpr (!is_float<T>) return std::min(a, b);
		else return number(a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? a : b) : a < b ? a : b);
	}
};
struct Max {
	template <class T> T operator()(T a, T b) const
	{
		if constexpr (!is_float<T>) return std::max(a, b);
		else return number(a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? b : a) : a > b ? a : b);
	}
};

struct Neg {
	template <class T> T operator()(T a) const
	{
		if constexpr (is_float<T>) return -a;
		else return (T)(0 - (Bits<T>)a);
	}
};
struct Abs {
	template <class T> T operator()(T a) const
	{
		if constexpr (is_float<T>) return std::fabs(a);
		else return a < 0 ? (T)(0 - (Bits<T>)a) : a;
	}
};

template <class F, class T> Run of(int operands)
{
	if constexpr (std::is_invocable_v<F, T>)
		return operands == 1 ? (Run)&unary<T, F{}> : nullptr;
	else if constexpr (std::is_invocable_v<F, T, T>)
		return operands == 2 ? (Run)&binary<T, F{}> : nullptr;
	else
		return operands == 3 ? (Run)&ternary<T, F{}> : nullptr;
}

void operands(Decoder &d, Type t, int n)
{
	d.dest(0, t);
	for (int k = 0; k < n; k++)
		d.source(k, t);
}

// arithmetic makes an instruction of any type, its operands all of it.
template <class F> void arithmetic(Decoder &d, int n)
{
	Type t = d.type();
	if (t == Type::f32 || t == Type::f64)
		d.take("rn");
	operands(d, t, n);
	d.out.run = choose<u16, short, u32, int, u64, i64, float, double>(d, t, [n](auto v) { return of<F, decltype(v)>(n); });
}

template <class F> void whole(Decoder &d, int n)
{
	Type t = d.type();
	operands(d, t, n);
	d.out.run = choose<u16, short, u32, int, u64, i64>(d, t, [n](auto v) { return of<F, decltype(v)>(n); });
}

// wide_product gives all bits; with a third operand of twice the width it is a sum.
template <class T, bool sum> void wide_product(Warp &w, const Ins &i)
{
	typedef std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, i64, u64>, std::conditional_t<std::is_signed_v<T>, int, u32>> Twice;
	auto *a = (const u32 *)w.at(i.s[0]), *b = (const u32 *)w.at(i.s[1]);
	auto *c = sum ? (const Store<Twice> *)w.at(i.s[2]) : nullptr;
	each<Store<Twice>>(w, i.d[0], [=](int l) {
		Twice p = (Twice)from_lane<T>(a[l]) * (Twice)from_lane<T>(b[l]);
		return (Store<Twice>)p + (sum ? c[l] : 0);
	});
}

template <bool sum> void wide(Decoder &d)
{
	Type t = d.type();
	Type twice = t == Type::u16 ? Type::u32 : t == Type::s16 ? Type::s32 : t == Type::u32 ? Type::u64 : Type::s64;
	d.dest(0, twice);
	d.source(0, t);
	d.source(1, t);
	if (sum)
		d.source(2, twice);
	d.out.run = choose<u16, short, u32, int>(d, t, [](auto v) { return (Run)&wide_product<decltype(v), sum>; });
}

void make_mul(Decoder &d)
{
	switch (d.choice({"wide", "hi", "lo"})) {
	case 0: return wide<false>(d);
	case 1: return whole<High>(d, 2);
	case 2: return whole<Mul>(d, 2);
	}
	Type t = d.type();
	d.take("rn");
	operands(d, t, 2);
	d.out.run = choose<float, double>(d, t, [](auto v) { return of<Mul, decltype(v)>(2); });
}

void make_mad(Decoder &d)
{
	if (d.take("wide"))
		return wide<true>(d);
	d.need("lo");
	whole<Fma>(d, 3);
}

void make_fma(Decoder &d)
{
	d.need("rn");
	arithmetic<Fma>(d, 3);
}

// ---- Quotients. What 0 divides into is not defined: a kernel that asks is wrong.

template <class T, bool rest> void divide(Warp &w, const Ins &i)
{
	auto *a = (const Store<T> *)w.at(i.s[0]), *b = (const Store<T> *)w.at(i.s[1]);
	auto *out = (Store<T> *)w.at(i.d[0]);
	for (int l = 0; l < 32; l++) {
		if (!(w.act >> l & 1))
			continue;
		T p = from_lane<T>(a[l]), q = from_lane<T>(b[l]);
		if (q == 0) {
			here(w, l);
			worker_fault(CUDA_ERROR_LAUNCH_FAILED, "division by 0");
		}
		if (std::is_signed_v<T> && q == (T)-1) // the smallest number has no opposite
			out[l] = to_lane((T)(rest ? 0 : 0 - (Bits<T>)p));
		else
			out[l] = to_lane((T)(rest ? p % q : p / q));
	}
}

struct Quotient {
	template <class T> T operator()(T a, T b) const { return number(a / b); }
};

void make_div(Decoder &d)
{
	Type t = d.type();
	if (t == Type::f32 || t == Type::f64) {
		if (d.choice({"rn", "full", "approx"}) < 0)
			d.need("rn");
		operands(d, t, 2);
		d.out.run = choose<float, double>(d, t, [](auto v) { return of<Quotient, decltype(v)>(2); });
		return;
	}
	operands(d, t, 2);
	d.out.run = choose<u16, short, u32, int, u64, i64>(d, t, [](auto v) { return (Run)&divide<decltype(v), false>; });
}

void make_rem(Decoder &d)
{
	Type t = d.type();
	operands(d, t, 2);
	d.out.run = choose<u16, short, u32, int, u64, i64>(d, t, [](auto v) { return (Run)&divide<decltype(v), true>; });
}

// ---- Functions of floats. The approximate ones are computed exactly and rounded; .ftz makes
// what is below the normal numbers zero.

template <bool ftz> float flushed(float v) { return ftz && std::fabs(v) < 0x1p-126f ? std::copysign(0.0f, v) : v; }

template <auto F, bool ftz> void function(Warp &w, const Ins &i)
{
	unary<float, [](float a) { return number(flushed<ftz>(F(flushed<ftz>(a)))); }>(w, i);
}

template <auto F> void make_function(Decoder &d)
{
	if (d.choice({"rn", "approx"}) < 0)
		d.need("rn");
	bool ftz = d.take("ftz");
	if (d.type() != Type::f32)
		d.fail("its type is not supported");
	operands(d, Type::f32, 1);
	d.out.run = ftz ? &function<F, true> : &function<F, false>;
}

// ex2.approx takes a small operand for zero, whatever .ftz says of the result.
float power_of_two(float v) { return std::exp2(flushed<true>(v)); }

} // namespace

const std::vector<Family> arithmetic_family = {
    {"add", [](Decoder &d) { arithmetic<Add>(d, 2); }},
    {"sub", [](Decoder &d) { arithmetic<Sub>(d, 2); }},
    {"mul", make_mul},
    {"mad", make_mad},
    {"fma", make_fma},
    {"min", [](Decoder &d) { arithmetic<Min>(d, 2); }},
    {"max", [](Decoder &d) { arithmetic<Max>(d, 2); }},
    {"neg", [](Decoder &d) { arithmetic<Neg>(d, 1); }},
    {"abs", [](Decoder &d) { arithmetic<Abs>(d, 1); }},
    {"div", make_div},
    {"rem", make_rem},
    {"rcp", make_function<[](float v) { return 1 / v; }>},
    {"sqrt", make_function<[](float v) { return std::sqrt(v); }>},
    {"rsqrt", make_function<[](float v) { return (float)(1 / std::sqrt((double)v)); }>},
    {"ex2", make_function<power_of_two>},
    {"lg2", make_function<[](float v) { return std::log2(v); }>},
};

} // namespace hdm::ptx
