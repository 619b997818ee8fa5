// lanes.h: values in lanes, and loops over the lanes of a warp. The loops are for the
// compiler to vectorize: they compute every lane and keep what is of lanes that take part.
#pragma once
#include <bit>
#include <type_traits>

#include "program.h"

namespace hdm::ptx {

// Store is how a lane holds a T: 8 bytes, or 4 for all that is narrower.
template <class T> using Store = std::conditional_t<sizeof(T) == 8, u64, u32>;

template <class T, class S> inline T from_lane(S v)
{
	if constexpr (std::is_floating_point_v<T>)
		return std::bit_cast<T>((Store<T>)v);
	else
		return (T)v;
}

// to_lane extends narrow values as PTX does, by their sign if they have one. A result of
// arithmetic on floats that is not a number is the one that GPUs make.
template <class S = void, class T> inline auto to_lane(T v)
{
	typedef std::conditional_t<std::is_void_v<S>, Store<T>, S> Out;
	if constexpr (std::is_floating_point_v<T>)
		return (Out)std::bit_cast<Store<T>>(v);
	else
		return (Out)v;
}

inline float number(float v) { return v == v ? v : std::bit_cast<float>(0x7fffffffu); }
inline double number(double v) { return v == v ? v : std::bit_cast<double>(0x7fffffffffffffffull); }

// each sets lanes of d to f(lane).
template <class S, class F> inline void each(const Warp &w, Operand d, F f)
{
	S *out = (S *)w.at(d);
	if (w.act == all_lanes) {
#pragma GCC ivdep
		for (int l = 0; l < 32; l++)
			out[l] = f(l);
		return;
	}
	u32 act = w.act;
#pragma GCC ivdep
	for (int l = 0; l < 32; l++) {
		S v = f(l);
		out[l] = act >> l & 1 ? v : out[l];
	}
}

// bits makes a mask of the lanes where f holds.
template <class F> inline u32 bits(F f)
{
	u32 out = 0;
	for (int l = 0; l < 32; l++)
		out |= (u32)f(l) << l;
	return out;
}

inline void set(const Warp &w, Operand d, u32 value)
{
	Predicate &p = w.predicate(d);
	p.value = (p.value & ~w.act) | (value & w.act);
	p.defined |= w.act;
}

template <class S> void move(Warp &w, const Ins &i)
{
	auto *a = (const S *)w.at(i.s[0]);
	each<S>(w, i.d[0], [=](int l) { return a[l]; });
}

// ---- Instructions made of a function of their operands' types

template <class T, auto F> void unary(Warp &w, const Ins &i)
{
	auto *a = (const Store<T> *)w.at(i.s[0]);
	each<Store<T>>(w, i.d[0], [=](int l) { return to_lane((T)F(from_lane<T>(a[l]))); });
}

template <class T, auto F, class B = T> void binary(Warp &w, const Ins &i)
{
	auto *a = (const Store<T> *)w.at(i.s[0]);
	auto *b = (const Store<B> *)w.at(i.s[1]);
	each<Store<T>>(w, i.d[0], [=](int l) { return to_lane((T)F(from_lane<T>(a[l]), from_lane<B>(b[l]))); });
}

template <class T, auto F> void ternary(Warp &w, const Ins &i)
{
	auto *a = (const Store<T> *)w.at(i.s[0]), *b = (const Store<T> *)w.at(i.s[1]), *c = (const Store<T> *)w.at(i.s[2]);
	each<Store<T>>(w, i.d[0], [=](int l) { return to_lane((T)F(from_lane<T>(a[l]), from_lane<T>(b[l]), from_lane<T>(c[l]))); });
}

} // namespace hdm::ptx
