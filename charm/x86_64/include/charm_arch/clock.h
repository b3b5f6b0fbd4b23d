/* The inline part of charm/clock.h for x86-64. */
#ifndef CHARM_ARCH_CLOCK_H
#define CHARM_ARCH_CLOCK_H

#include "charm_arch/cpu.h"

extern uint64_t clock_zero, clock_multiplier;   /* clock.c: of the time-stamp counter */

static inline uint64_t clock_read(void)
{
	return (uint64_t)(((unsigned __int128)(cpu_cycles() - clock_zero) * clock_multiplier) >> 32);
}

#endif
