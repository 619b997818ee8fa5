// convert.cpp: cvt between whole numbers, floats, bf16 and tf32.
#include <cmath>
#include <limits>

#include "decode.h"

namespace hdm::ptx {

namespace {

enum Rounding { nearest, zero, down, up, none }; // to a whole number: rni rzi rmi rpi

template <Rounding r, class T> T rounded(T v)
{
	switch (r) {
	case nearest: return std::nearbyint(v);
	case zero: return std::trunc(v);
	case down: return std::floor(v);
	case up: return std::ceil(v);
	default: return v;
	}
}

// to_whole keeps within the type's range; what is no number becomes 0.
template <Rounding r, class D, class F> D to_whole(F v)
{
	double q = (double)rounded<r>(v);
	if (q != q)
		return 0;
	double least = (double)std::numeric_limits<D>::min(), beyond = -2 * (double)std::numeric_limits<std::make_signed_t<D>>::min();
	if (std::is_signed_v<D>)
		beyond /= 2;
	return q < least ? std::numeric_limits<D>::min() : q >= beyond ? std::numeric_limits<D>::max() : (D)q;
}

// whole_to_whole reads S from lanes of Held and writes D to lanes of Out.
template <class D, class S, class Out, class Held> void whole_to_whole(Warp &w, const Ins &i)
{
	auto *a = (const Held *)w.at(i.s[0]);
	each<Out>(w, i.d[0], [=](int l) { return to_lane<Out>((D)from_lane<S>(a[l])); });
}

template <class D, class S> void whole_to_float(Warp &w, const Ins &i)
{
	auto *a = (const Store<S> *)w.at(i.s[0]);
	each<Store<D>>(w, i.d[0], [=](int l) { return to_lane((D)from_lane<S>(a[l])); });
}

template <Rounding r, class D, class S> void float_to_whole(Warp &w, const Ins &i)
{
	auto *a = (const Store<S> *)w.at(i.s[0]);
	each<Store<D>>(w, i.d[0], [=](int l) { return to_lane(to_whole<r, D>(from_lane<S>(a[l]))); });
}

template <Rounding r, class D, class S> void float_to_float(Warp &w, const Ins &i)
{
	auto *a = (const Store<S> *)w.at(i.s[0]);
	each<Store<D>>(w, i.d[0], [=](int l) { return to_lane(number((D)rounded<r>(from_lane<S>(a[l])))); });
}

template <class F> Run by_rounding(const Decoder &d, int r, F f)
{
	switch (r) {
	case nearest: return f(std::integral_constant<Rounding, nearest>());
	case zero: return f(std::integral_constant<Rounding, zero>());
	case down: return f(std::integral_constant<Rounding, down>());
	case up: return f(std::integral_constant<Rounding, up>());
	}
	d.fail("its rounding is missing");
}

template <class D> Run from_whole(const Decoder &d, Type s, bool pair_out, bool pair_in)
{
	return choose<u8, signed char, u16, short, u32, int, u64, i64>(d, s, [&](auto v) {
		typedef decltype(v) S;
		if (pair_out)
			return pair_in ? (Run)&whole_to_whole<D, S, u64, u64> : (Run)&whole_to_whole<D, S, u64, u32>;
		return pair_in ? (Run)&whole_to_whole<D, S, u32, u64> : (Run)&whole_to_whole<D, S, u32, u32>;
	});
}

// ---- Formats of the tensor cores

u32 bf16_of(u32 v)
{
	if ((v & 0x7fffffffu) > 0x7f800000u)
		return 0x7fff;
	return (v + 0x7fff + (v >> 16 & 1)) >> 16;
}

void to_bf16(Warp &w, const Ins &i)
{
	auto *a = (const u32 *)w.at(i.s[0]);
	each<u32>(w, i.d[0], [=](int l) { return bf16_of(a[l]); });
}

void to_bf16_pair(Warp &w, const Ins &i) // s[0] is the upper half
{
	auto *a = (const u32 *)w.at(i.s[0]), *b = (const u32 *)w.at(i.s[1]);
	each<u32>(w, i.d[0], [=](int l) { return bf16_of(a[l]) << 16 | bf16_of(b[l]); });
}

void of_bf16(Warp &w, const Ins &i)
{
	auto *a = (const u32 *)w.at(i.s[0]);
	each<u32>(w, i.d[0], [=](int l) { return a[l] << 16; });
}

void to_tf32(Warp &w, const Ins &i) // ties away from zero
{
	auto *a = (const u32 *)w.at(i.s[0]);
	each<u32>(w, i.d[0], [=](int l) {
		if ((a[l] & 0x7f800000u) == 0x7f800000u)
			return a[l] & 0x7fffffu ? 0x7fffffffu : a[l];
		return (a[l] + 0x1000u) & ~0x1fffu;
	});
}

u32 f16_of(u32 v)
{
	float f = std::bit_cast<float>(v);
	return f == f ? std::bit_cast<u16>((_Float16)f) : 0x7fff;
}

void to_f16(Warp &w, const Ins &i)
{
	auto *a = (const u32 *)w.at(i.s[0]);
	each<u32>(w, i.d[0], [=](int l) { return f16_of(a[l]); });
}

void to_f16_pair(Warp &w, const Ins &i)
{
	auto *a = (const u32 *)w.at(i.s[0]), *b = (const u32 *)w.at(i.s[1]);
	each<u32>(w, i.d[0], [=](int l) { return f16_of(a[l]) << 16 | f16_of(b[l]); });
}

void of_f16(Warp &w, const Ins &i)
{
	auto *a = (const u32 *)w.at(i.s[0]);
	each<u32>(w, i.d[0], [=](int l) { return to_lane(number((float)std::bit_cast<_Float16>((u16)a[l]))); });
}

bool tensor_format(Decoder &d)
{
	static const struct {
		const char *rounding;
		int operands; // 2: packed into one register
		Run narrow, widen;
	} formats[] = {{"rn", 2, &to_bf16_pair, nullptr}, {"rn", 1, &to_bf16, &of_bf16}, {"rn", 2, &to_f16_pair, nullptr},
	               {"rn", 1, &to_f16, &of_f16},          {"rna", 1, &to_tf32, nullptr}};
	int k = d.choice({"bf16x2", "bf16", "f16x2", "f16", "tf32"});
	if (k < 0)
		return false;
	auto &f = formats[k];
	d.need("f32");
	bool widens = f.widen && !d.take(f.rounding);
	if (!f.widen)
		d.need(f.rounding);
	Type narrow = f.widen ? Type::b16 : Type::b32;
	d.dest(0, widens ? Type::f32 : narrow);
	d.source(0, widens ? narrow : Type::f32);
	if (f.operands == 2)
		d.source(1, Type::f32);
	d.out.run = widens ? f.widen : f.narrow;
	return true;
}

void make_cvt(Decoder &d)
{
	if (tensor_format(d))
		return;
	int r = d.choice({"rni", "rzi", "rmi", "rpi"});
	bool rn = d.take("rn");
	Type to = d.type(), from = d.type();
	bool float_out = to == Type::f32 || to == Type::f64, float_in = from == Type::f32 || from == Type::f64;
	if (!float_out && !float_in) {
		bool pair_out = d.wide_dest(0, to) == Width::pair, pair_in = d.wide_source(0, from) == Width::pair;
		d.out.run = choose<u8, signed char, u16, short, u32, int, u64, i64>(d, to, [&](auto v) { return from_whole<decltype(v)>(d, from, pair_out, pair_in); });
		return;
	}
	d.dest(0, to);
	d.source(0, from);
	if (float_out && !float_in) {
		if (!rn)
			d.fail("its rounding is missing");
		d.out.run = choose<float, double>(d, to, [&](auto v) {
			typedef decltype(v) D;
			return choose<u8, signed char, u16, short, u32, int, u64, i64>(d, from, [](auto u) { return (Run)&whole_to_float<D, decltype(u)>; });
		});
	} else if (!float_out) {
		d.out.run = choose<u16, short, u32, int, u64, i64>(d, to, [&](auto v) {
			typedef decltype(v) D;
			return choose<float, double>(d, from, [&](auto u) {
				typedef decltype(u) S;
				return by_rounding(d, r, [](auto k) { return (Run)&float_to_whole<k(), D, S>; });
			});
		});
	} else if (to == from) {
		d.out.run = choose<float, double>(d, to, [&](auto v) {
			typedef decltype(v) T;
			return by_rounding(d, r, [](auto k) { return (Run)&float_to_float<k(), T, T>; });
		});
	} else {
		if (to == Type::f32 && !rn)
			d.fail("its rounding is missing");
		d.out.run = to == Type::f32 ? &float_to_float<none, float, double> : &float_to_float<none, double, float>;
	}
}

} // namespace

const std::vector<Family> convert_family = {{"cvt", make_cvt}};

} // namespace hdm::ptx
