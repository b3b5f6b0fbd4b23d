/* What C cannot say in code that runs as part of a Linux program. */
#ifndef BARYON_X86_64_PROGRAM_H
#define BARYON_X86_64_PROGRAM_H

#include "abi/types.h"

/* A system call of Linux's with two arguments. Its result, or a negated error. */
static inline long program_call(long number, long a, long b)
{
	long result = number;

	__asm__ volatile("syscall" : "+a"(result) : "D"(a), "S"(b) : "rcx", "r11", "memory");
	return result;
}

/* The time-stamp counter, read after all that the program read before. */
static inline uint64_t program_cycles(void)
{
	__asm__ volatile("lfence" : : : "memory");
	return __builtin_ia32_rdtsc();
}

#endif
