// register.h: how a kernel enters the emulator: by its C++ signature.
#pragma once
#include <cstddef>
#include <utility>
#include "emu.h"

namespace hdm {

template <class... A, size_t... I> void call_with(void (*f)(A...), void **p, std::index_sequence<I...>)
{
	f(*(A *)p[I]...);
}

struct Register {
	template <class... A> Register(const char *name, void (*f)(A...))
	{
		kernel_register({name, [](void (*g)(), void **p) { call_with((void (*)(A...))g, p, std::index_sequence_for<A...>{}); },
		                 (void (*)())f, {sizeof(A)...}});
	}
};

} // namespace hdm

#define HDM_REGISTER(name) static const hdm::Register hdm_register_##name(#name, &name)
