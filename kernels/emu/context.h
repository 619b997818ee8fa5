// context.h: switching between stacks. By hand on amd64 (a few nanoseconds), through
// ucontext elsewhere.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)

struct Context {
	void *sp;
};

extern "C" void hdm_switch(void **save, void *load);

// context_make prepares a stack on which start runs at the first switch; it never returns.
static inline void context_make(Context *c, char *stack, size_t bytes, void (*start)())
{
	uintptr_t top = ((uintptr_t)stack + bytes) & ~(uintptr_t)15;
	void **sp = (void **)(top - 16);
	*sp = (void *)start; // where ret goes; the stack is then aligned as after a call
	sp -= 6;
	memset(sp, 0, 6 * sizeof(void *));
	c->sp = sp;
}

static inline void context_switch(Context *from, Context *to) { hdm_switch(&from->sp, to->sp); }

#else

#include <ucontext.h>

struct Context {
	ucontext_t uc;
};

static inline void context_make(Context *c, char *stack, size_t bytes, void (*start)())
{
	getcontext(&c->uc);
	c->uc.uc_stack.ss_sp = stack;
	c->uc.uc_stack.ss_size = bytes;
	c->uc.uc_link = nullptr;
	makecontext(&c->uc, start, 0);
}

static inline void context_switch(Context *from, Context *to) { swapcontext(&from->uc, &to->uc); }

#endif
