// memory.cpp: loads, stores, atomic operations and asynchronous copies. Every access is
// looked up in the shadow of device and shared memory, must be aligned to all that it
// takes, and lie in the space that the instruction names.
#include <algorithm>
#include <cstring>

#include "decode.h"
#include "place.h"

namespace hdm::ptx {

namespace {

template <class B> u64 address(const Warp &w, const Ins &i, int lane) { return (u64)((const B *)w.at(i.s[0]))[lane] + (u64)i.offset; }

// load reads i.count values of T into registers of D.
template <class T, class D, Space space, class B> void load(Warp &w, const Ins &i)
{
	D *out[4];
	for (int k = 0; k < i.count; k++)
		out[k] = (D *)w.at(i.d[k]);
	int bytes = i.count * (int)sizeof(T);
	for (int l = 0; l < 32; l++) {
		if (!(w.act >> l & 1))
			continue;
		const char *p = place<space>(w, l, address<B>(w, i, l), bytes, reading);
		for (int k = 0; k < i.count; k++) {
			T v;
			memcpy(&v, p + (size_t)k * sizeof(T), sizeof v);
			out[k][l] = to_lane<D>(v);
		}
	}
}

template <class T, class D, Space space, class B> void store(Warp &w, const Ins &i)
{
	const D *in[4];
	for (int k = 0; k < i.count; k++)
		in[k] = (const D *)w.at(i.s[k + 1]);
	int bytes = i.count * (int)sizeof(T);
	for (int l = 0; l < 32; l++) {
		if (!(w.act >> l & 1))
			continue;
		char *p = place<space>(w, l, address<B>(w, i, l), bytes, writing);
		for (int k = 0; k < i.count; k++) {
			T v = (T)in[k][l];
			memcpy(p + (size_t)k * sizeof(T), &v, sizeof v);
		}
	}
}

template <class T, class D> void load_parameter(Warp &w, const Ins &i)
{
	for (int k = 0; k < i.count; k++) {
		T v;
		memcpy(&v, worker->params + i.offset + k * (int)sizeof(T), sizeof v);
		D lane = to_lane<D>(v);
		each<D>(w, i.d[k], [=](int) { return lane; });
	}
}

// load_parameter_at has the address of a parameter in a register: where it is among the launch's.
template <class T, class D> void load_parameter_at(Warp &w, const Ins &i)
{
	auto *a = (const u64 *)w.at(i.s[0]);
	for (int l = 0; l < 32; l++) {
		if (!(w.act >> l & 1))
			continue;
		u64 at = a[l] + (u64)i.offset;
		if (at + (u64)i.count * sizeof(T) > worker->launch->params.size() || at % ((u64)i.count * sizeof(T)))
			misplaced(w, l, at, i.count * (int)sizeof(T), reading, parameters);
		for (int k = 0; k < i.count; k++) {
			T v;
			memcpy(&v, worker->params + at + (u64)k * sizeof(T), sizeof v);
			((D *)w.at(i.d[k]))[l] = to_lane<D>(v);
		}
	}
}

// cache_hints removes what changes no result.
void cache_hints(Decoder &d)
{
	d.choice({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
	d.choice({"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
	d.choice({"L2::64B", "L2::128B", "L2::256B"});
}

int take_count(Decoder &d) { return d.take("v2") ? 2 : d.take("v4") ? 4 : 1; }

// bits_of reads floats as bits: a move changes none.
Type bits_of(Type t) { return t == Type::f32 ? Type::u32 : t == Type::f64 ? Type::u64 : t == Type::f16 ? Type::u16 : t; }

template <class F> Run choose_bits(Decoder &d, Type t, F f) { return choose<u8, signed char, u16, short, u32, int, u64, i64>(d, bits_of(t), f); }

// choose_space gives f the space and the type of the address.
template <class F> Run choose_space(Space space, bool pair, F f)
{
	auto wide = [&](auto s) { return pair ? f(s, u64{}) : f(s, u32{}); };
	switch (space) {
	case global: return wide(std::integral_constant<Space, global>());
	case shared: return wide(std::integral_constant<Space, shared>());
	case local: return wide(std::integral_constant<Space, local>());
	default: return wide(std::integral_constant<Space, generic>());
	}
}

Space take_space(Decoder &d)
{
	if (d.take("shared") || d.take("shared::cta"))
		return shared;
	int k = d.choice({"global", "local"});
	return k == 0 ? global : k == 1 ? local : generic;
}

// load_param is of a kernel's parameter, or within a call.
void load_param(Decoder &d)
{
	d.out.count = take_count(d);
	Type t = d.type();
	std::vector<std::string_view> dests = split(d.peek().starts_with('{') ? d.peek().substr(1, d.peek().size() - 2) : d.peek());
	if ((int)dests.size() != d.out.count)
		d.fail("it has another number of registers");
	bool pair = d.is_pair(dests[0]);
	d.group_of_dests(pair ? Type::b64 : t, 4);
	if (d.peek().starts_with("[%")) {
		if (!d.address(0))
			d.fail("its address is a 64-bit register");
		d.out.run = choose_bits(d, t, [&](auto v) { return pair ? (Run)&load_parameter_at<decltype(v), u64> : (Run)&load_parameter_at<decltype(v), u32>; });
		return;
	}
	auto [name, offset] = d.named_address();
	auto [start, bytes] = d.parameter(name);
	if (start < 0) { // of a call
		if (offset || d.out.count > 1 || pair != (type_bytes(t) == 8))
			d.fail("parameters of functions are supported one by one, at offset 0");
		d.out.s[0] = d.slot(name, t);
		d.out.run = pair ? &move<u64> : &move<u32>;
		return;
	}
	if (offset < 0 || (size_t)offset + type_bytes(t) * (size_t)d.out.count > bytes)
		d.fail("it reads past the end of the parameter");
	d.out.offset = start + offset;
	d.out.run = choose_bits(d, t, [&](auto v) { return pair ? (Run)&load_parameter<decltype(v), u64> : (Run)&load_parameter<decltype(v), u32>; });
}

void make_ld(Decoder &d)
{
	if (d.take("param"))
		return load_param(d);
	cache_hints(d);
	d.take("nc");
	Space space = take_space(d);
	d.out.count = take_count(d);
	Type t = d.type();
	std::string_view first = d.peek();
	bool pair_out = d.is_pair(first.starts_with('{') ? split(first.substr(1, first.size() - 2))[0] : first);
	if (d.group_of_dests(pair_out ? Type::b64 : t, 4) != d.out.count)
		d.fail("it has another number of registers");
	bool pair = d.address(0);
	d.out.run = choose_bits(d, t, [&](auto v) {
		typedef decltype(v) T;
		return choose_space(space, pair, [&](auto s, auto b) { return pair_out ? (Run)&load<T, u64, s(), decltype(b)> : (Run)&load<T, u32, s(), decltype(b)>; });
	});
}

void make_st(Decoder &d)
{
	if (d.take("param")) {
		Type t = d.type();
		auto [name, offset] = d.named_address();
		if (offset)
			d.fail("parameters of functions are supported one by one, at offset 0");
		d.source(0, t);
		d.out.d[0] = d.slot(name, t);
		d.out.run = width_of(t) == Width::pair ? &move<u64> : &move<u32>;
		return;
	}
	cache_hints(d);
	Space space = take_space(d);
	d.out.count = take_count(d);
	Type t = d.type();
	bool pair = d.address(0);
	std::string_view first = d.peek();
	bool pair_in = type_bytes(t) == 8 || (d.is_register(first) && d.is_pair(first));
	if (d.group_of_sources(1, pair_in ? Type::b64 : t, 4) != d.out.count)
		d.fail("it has another number of registers");
	d.out.run = choose_bits(d, t, [&](auto v) {
		typedef decltype(v) T;
		return choose_space(space, pair, [&](auto s, auto b) { return pair_in ? (Run)&store<T, u64, s(), decltype(b)> : (Run)&store<T, u32, s(), decltype(b)>; });
	});
}

// ---- Between spaces. A generic address of shared memory is where the block's lies.

template <int direction> void convert_shared(Warp &w, const Ins &i)
{
	auto *a = (const u64 *)w.at(i.s[0]);
	u64 base = (u64)worker->shared_base;
	each<u64>(w, i.d[0], [=](int l) { return direction > 0 ? a[l] + base : a[l] - base; });
}

void make_cvta(Decoder &d)
{
	bool to = d.take("to");
	Space space = take_space(d);
	if (space == generic)
		d.fail("its space is not supported");
	d.need("u64");
	d.dest(0, Type::u64);
	d.source(0, Type::u64);
	d.out.run = space != shared ? &move<u64> : to ? &convert_shared<-1> : &convert_shared<1>;
}

// ---- Atomic operations

enum Change { add, least, most, both, either, differ, exchange, swap };

template <Change what, class T> T changed(T old, T b, T c)
{
	switch (what) {
	case add: return (T)(old + b);
	case least: return std::min(old, b);
	case most: return std::max(old, b);
	case exchange: return b;
	case swap: return old == b ? c : old;
	default: break;
	}
	if constexpr (!std::is_floating_point_v<T>)
		return what == both ? old & b : what == either ? old | b : old ^ b;
	return old;
}

template <Change what, class T, Space space, class B> void atomic_change(Warp &w, const Ins &i)
{
	auto *b = (const Store<T> *)w.at(i.s[1]), *c = (const Store<T> *)w.at(i.s[2]);
	auto *out = i.d[0] == no_operand ? nullptr : (Store<T> *)w.at(i.d[0]);
	for (int l = 0; l < 32; l++) {
		if (!(w.act >> l & 1))
			continue;
		auto *p = (Store<T> *)place<space>(w, l, address<B>(w, i, l), sizeof(T), atomically);
		Store<T> old = __atomic_load_n(p, __ATOMIC_RELAXED);
		while (!__atomic_compare_exchange_n(p, &old, to_lane(changed<what, T>(from_lane<T>(old), from_lane<T>(b[l]), from_lane<T>(c[l]))), true,
		                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
		if (out)
			out[l] = old;
	}
}

template <Change what> Run atomic_run(Decoder &d, Type t, Space space, bool pair)
{
	auto of = [&](auto v) {
		typedef decltype(v) T;
		return choose_space(space, pair, [&](auto s, auto b) { return (Run)&atomic_change<what, T, s(), decltype(b)>; });
	};
	if constexpr (what == add)
		return choose<u32, int, u64, i64, float>(d, t, of);
	return choose<u32, int, u64, i64>(d, t, of);
}

void atomic(Decoder &d, bool result)
{
	d.choice({"relaxed", "acquire", "release", "acq_rel"});
	d.choice({"cta", "gpu", "sys"});
	Space space = take_space(d);
	int what = d.choice({"add", "min", "max", "and", "or", "xor", "exch", "cas"});
	Type t = d.type();
	if (result)
		d.dest(0, t);
	bool pair = d.address(0);
	d.source(1, t);
	d.out.s[2] = d.out.s[1];
	if (what == swap)
		d.source(2, t);
	switch (what) {
	case add: d.out.run = atomic_run<add>(d, t, space, pair); break;
	case least: d.out.run = atomic_run<least>(d, t, space, pair); break;
	case most: d.out.run = atomic_run<most>(d, t, space, pair); break;
	case both: d.out.run = atomic_run<both>(d, t, space, pair); break;
	case either: d.out.run = atomic_run<either>(d, t, space, pair); break;
	case differ: d.out.run = atomic_run<differ>(d, t, space, pair); break;
	case exchange: d.out.run = atomic_run<exchange>(d, t, space, pair); break;
	case swap: d.out.run = atomic_run<swap>(d, t, space, pair); break;
	default: d.fail("its operation is not supported");
	}
}

// ---- Asynchronous copies: those of the C++ emulator (shared.cpp)

template <class B> void copy(Warp &w, const Ins &i)
{
	auto *to = (const B *)w.at(i.s[0]);
	auto *from = (const u64 *)w.at(i.s[1]);
	auto *valid = (const u32 *)w.at(i.s[2]);
	for (int l = 0; l < 32; l++) {
		if (!(w.act >> l & 1))
			continue;
		here(w, l);
		if (valid[l] && valid[l] != (u32)i.bytes)
			worker_fault(CUDA_ERROR_INVALID_PTX, format("cp.async of %u of %d bytes: all or none are supported", valid[l], i.bytes));
		u64 at = (u64)to[l];
		if (at > shared_stride / 2)
			worker_fault(CUDA_ERROR_ILLEGAL_ADDRESS, format("cp.async to 0x%llx, which is no address of shared memory", at));
		cp_async(worker->shared_base + at, (const void *)from[l], i.bytes, valid[l] != 0);
	}
}

template <bool commits> void groups(Warp &w, const Ins &i)
{
	for (int l = 0; l < 32; l++) {
		if (!(w.act >> l & 1))
			continue;
		here(w, l);
		if (commits)
			cp_async_commit();
		else
			cp_async_wait(i.count);
	}
}

void make_cp(Decoder &d)
{
	d.need("async");
	if (d.take("commit_group")) {
		d.out.run = &groups<true>;
		return;
	}
	bool all = d.take("wait_all");
	if (all || d.take("wait_group")) {
		d.out.count = all ? -1 : (int)d.number();
		d.out.run = &groups<false>;
		return;
	}
	bool whole = d.choice({"ca", "cg"}) == 1;
	d.choice({"L2::64B", "L2::128B", "L2::256B"});
	if (!d.take("shared") && !d.take("shared::cta"))
		d.need("shared");
	d.need("global");
	bool pair = d.address(0);
	if (d.out.offset)
		d.fail("an offset is not supported");
	if (!d.address(1) || d.out.offset)
		d.fail("its source is a 64-bit register without an offset");
	d.out.bytes = (int)d.number();
	if (whole ? d.out.bytes != 16 : d.out.bytes != 4 && d.out.bytes != 8 && d.out.bytes != 16)
		d.fail("it copies another number of bytes than the instruction can");
	if (d.peek().empty())
		d.out.s[2] = d.constant((u64)d.out.bytes, Width::word);
	else
		d.source(2, Type::u32);
	d.out.run = pair ? &copy<u64> : &copy<u32>;
}

void nothing(Warp &, const Ins &) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

void fence_proxy(Warp &w, const Ins &)
{
	for (int l = 0; l < 32; l++)
		if (w.act >> l & 1)
			race_proxy_fence(&worker->thread[w.first + l]);
}

void make_fence(Decoder &d)
{
	if (d.take("proxy")) {
		d.need("async");
		d.take("shared::cta");
		d.out.run = &fence_proxy;
		return;
	}
	d.choice({"sc", "acq_rel"});
	d.choice({"gl", "sys", "cta", "gpu"});
	d.out.run = &nothing;
}

} // namespace

const std::vector<Family> memory_family = {
    {"ld", make_ld},
    {"st", make_st},
    {"cvta", make_cvta},
    {"atom", [](Decoder &d) { atomic(d, true); }},
    {"red", [](Decoder &d) { atomic(d, false); }},
    {"cp", make_cp},
    {"membar", make_fence},
    {"fence", make_fence},
};

} // namespace hdm::ptx
