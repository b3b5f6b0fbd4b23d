/* The short ways of the most frequent transfers. */
#ifndef STRANGE_FAST_H
#define STRANGE_FAST_H

#include "schedule.h"

/* Strange writes to the thread's first handler block. */
static inline __attribute__((always_inline)) void handler_touch(const struct thread *t)
{
	if (!*t->handler_dirty)
		*t->handler_dirty = true;
}

/* May a thread, its registers in the trap frame, enter its owner's handler, which its other level is, when that one's map is active? False:
 * take the long way. A portal that ends is taken from its kernel first, and that is counted. */
static inline __attribute__((always_inline)) bool handler_ready(const struct cpu *cpu, const struct thread *t)
{
	return t->prepared && !cpu_attention(cpu, t) && t->slot.keeper->portals_changed == t->portals_seen;
}

/* It does, for `cause` (enum trap_cause up to TRAP_EXCEPTION), and this does not return (charm/trap.h). */
struct registers *handler_enter(struct thread *t, unsigned cause);

/* A system call, the long way (call.c). */
struct registers *syscall_long(struct cpu *cpu, struct thread *t, struct registers *r);
/* The end of a call, with any of its results: what runs next. */
struct registers *syscall_end(struct cpu *cpu, struct thread *t, struct registers *r, result e);

/* The calls that wait and wake, from a domain (wait.c, signal.c). */
struct registers *syscall_wait(struct cpu *cpu, struct thread *t, struct registers *r);
struct registers *syscall_park(struct cpu *cpu, struct thread *t, struct registers *r);
struct registers *syscall_unpark(struct cpu *cpu, struct thread *t, struct registers *r);
struct registers *syscall_alert(struct cpu *cpu, struct thread *t, struct registers *r);
struct registers *syscall_signal(struct cpu *cpu, struct thread *t, struct registers *r);
struct registers *syscall_yield(struct cpu *cpu, struct thread *t, struct registers *r);

#endif
