// context.cpp: the switch of context.h.
#if defined(__x86_64__)
asm(R"(
	.text
	.type hdm_switch, @function
	.hidden hdm_switch
	.globl hdm_switch
hdm_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size hdm_switch, .-hdm_switch
)");
#endif
