/* How C calls Strange: through the stub page that fits the caller's privilege (see abi/layout.h). The stub puts the call
 * number and the fourth argument (here in rcx) in place; every register that a C function may change is taken as changed. */
#ifndef BARYON_X86_64_STUB_H
#define BARYON_X86_64_STUB_H

#include "abi/layout.h"

/* Base of the stub page, chosen by lib/x86_64/start.S before any C code runs. */
extern uint64_t baryon_stubs;

static inline long stub_call4(unsigned number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t stub = baryon_stubs + number * STUB_BYTES;
	long result;

	__asm__ volatile("call *%[stub]"
		: "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+c"(d), [stub] "+r"(stub)
		:
		: "r8", "r9", "r10", "r11", "memory", "cc");
	return result;
}

static inline long stub_call3(unsigned number, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t stub = baryon_stubs + number * STUB_BYTES;
	long result;

	__asm__ volatile("call *%[stub]"
		: "=a"(result), "+D"(a), "+S"(b), "+d"(c), [stub] "+r"(stub)
		:
		: "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
	return result;
}

static inline long stub_call2(unsigned number, uint64_t a, uint64_t b)
{
	return stub_call3(number, a, b, 0);
}

static inline long stub_call1(unsigned number, uint64_t a)
{
	return stub_call3(number, a, 0, 0);
}

static inline long stub_call0(unsigned number)
{
	return stub_call3(number, 0, 0, 0);
}

#endif
