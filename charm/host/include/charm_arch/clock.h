/* The inline part of charm/clock.h for a Linux process. */
#ifndef CHARM_ARCH_CLOCK_H
#define CHARM_ARCH_CLOCK_H

uint64_t clock_now(void);

static inline uint64_t clock_read(void) { return clock_now(); }

#endif
