/* The inline part of charm/trap.h for x86-64. */
#ifndef CHARM_ARCH_TRAP_H
#define CHARM_ARCH_TRAP_H

#include "abi/calls.h"

/* The word at LOCAL_SAVE (charm/x86_64/offsets.h), which entry.S reads. */
static inline void trap_save_to(struct registers *place)
{
	__asm__ volatile("movq %0, %%gs:16" : : "r"(place) : "memory");
}

/* entry.S */
_Noreturn void portal_call_long(void);
_Noreturn void portal_return_long(void);

static inline __attribute__((always_inline)) _Noreturn void trap_user_run(const struct registers *place)
{
	__asm__ volatile("jmp run_user" : : "a"(place) : "memory");
	__builtin_unreachable();
}

static inline __attribute__((always_inline)) _Noreturn void trap_handler_run(uint64_t rip, uint64_t rsp, uint64_t argument, uint64_t cause,
									     bool supervisor)
{
	if (supervisor)
		__asm__ volatile("movq %%rdi, %%rsp; jmp portal_run_supervisor"
				 : : "c"(rip), "D"(rsp), "S"(argument), "d"(cause) : "memory");
	else
		__asm__ volatile("jmp run_handler" : : "c"(rip), "D"(rsp), "S"(argument), "d"(cause) : "memory");
	__builtin_unreachable();
}

#define RUN_CLEARED "movq %[rsp], %%rsp; xorl %%ebp, %%ebp; xorl %%r14d, %%r14d; xorl %%r15d, %%r15d; "

static inline __attribute__((always_inline)) _Noreturn void trap_portal_run(const struct registers *place, uint64_t rip, uint64_t rsp,
									    uint64_t rax, uint64_t rbx, bool supervisor)
{
	if (supervisor)
		__asm__ volatile(RUN_CLEARED "jmp portal_run_supervisor"
				 : : "c"(rip), [rsp] "r"(rsp), "a"(rax), "b"(rbx), "d"(place->rdx) : "memory");
	else
		__asm__ volatile(RUN_CLEARED "movl $0x202, %%r11d; swapgs; sysretq"
				 : : "c"(rip), [rsp] "r"(rsp), "a"(rax), "b"(rbx), "d"(place->rdx) : "memory");
	__builtin_unreachable();
}

static inline __attribute__((always_inline)) _Noreturn void trap_portal_long(unsigned number)
{
	if (number == CALL_PORTAL_CALL)
		portal_call_long();
	portal_return_long();
}

#endif
