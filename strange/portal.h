/* Portals: entry points into spaces, with their stacks. */
#ifndef STRANGE_PORTAL_H
#define STRANGE_PORTAL_H

#include "state.h"

/* Until portal_entered, the portal does not end on another CPU, provided that after portal_enter it is still found
 * where it was found before: by its reference or by its kernel. A thread that is inside keeps it by being there. */
static inline void portal_enter(struct cpu *cpu, struct portal *p)
{
	__atomic_store_n(&cpu->entering, p, __ATOMIC_SEQ_CST);
}
void portal_entered(struct cpu *cpu);      /* pool.c */

static inline uint32_t portal_all_stacks(const struct portal *p)
{
	return p->stack_count == 32 ? ~0u : (1u << p->stack_count) - 1;
}

uint64_t portal_stack_top(const struct portal *p, uint32_t stack);

#endif
