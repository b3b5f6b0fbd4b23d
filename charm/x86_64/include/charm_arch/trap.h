/* The inline part of charm/trap.h for x86-64. */
#ifndef CHARM_ARCH_TRAP_H
#define CHARM_ARCH_TRAP_H

#include "abi/calls.h"

/* The word at LOCAL_SAVE (charm/x86_64/offsets.h), which entry.S reads. */
static inline void trap_save_to(struct registers *place)
{
	__asm__ volatile("movq %0, %%gs:16" : : "r"(place) : "memory");
}

/* Words of user memory: after a fault trap_own goes on at the label, with r9 changed. */
static inline bool trap_store(uint64_t address, uint64_t value)
{
	__asm__ goto("stac\n"
		     "1: movq %[value], (%[address])\n"
		     "clac\n"
		     ".pushsection .rodata.fixups, \"a\"\n"
		     ".quad 1b, %l[fault]\n"
		     ".popsection"
		     : : [address] "r"(address), [value] "r"(value) : "memory", "r9" : fault);
	return true;
fault:
	__asm__ volatile("clac" ::: "memory");
	return false;
}

static inline bool trap_read_home(uint64_t own[4], uint64_t from)
{
	uint64_t a, b, c;
	register uint64_t d __asm__("r9");

	__asm__ goto("stac\n"
		     "1: movq (%[from]), %[a]\n"
		     "2: movq 8(%[from]), %[b]\n"
		     "3: movq 16(%[from]), %[c]\n"
		     "4: movq 24(%[from]), %[d]\n"
		     "clac\n"
		     ".pushsection .rodata.fixups, \"a\"\n"
		     ".quad 1b, %l[fault], 2b, %l[fault], 3b, %l[fault], 4b, %l[fault]\n"
		     ".popsection"
		     : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d) : [from] "r"(from) : "memory" : fault);
	own[0] = a, own[1] = b, own[2] = c, own[3] = d;
	return true;
fault:
	__asm__ volatile("clac" ::: "memory");
	return false;
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
