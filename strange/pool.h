/* The stacks of a portal: who gets one, who waits for one. */
#ifndef STRANGE_POOL_H
#define STRANGE_POOL_H

#include "state.h"

static inline void pool_set(struct thread *t, uint8_t bit) { __atomic_fetch_or(&t->pool, bit, __ATOMIC_SEQ_CST); }
static inline void pool_clear(struct thread *t, uint8_t bit) { __atomic_fetch_and(&t->pool, (uint8_t)~bit, __ATOMIC_SEQ_CST); }

/* Take a stack for an explicit call. False: none is free. */
bool pool_take(struct portal *p, struct thread *t, uint32_t *stack);
/* The same for an implicit call: the last quarter of the stacks, at least one of two, is kept for kernels that have none. A thread that
 * is in the portal already may have it as well. */
bool pool_take_implicit(struct portal *p, struct thread *t, uint32_t *stack);
/* Give it back; the most urgent of those who wait and may have it is woken. */
void pool_give(struct portal *p, uint32_t stack);
/* The same in two steps: the first under the portal's lock, the second under none. */
void pool_put(struct portal *p, uint32_t stack);
void pool_pass(struct portal *p);
/* Does the thread hold a stack of the pool? */
bool pool_held_by(const struct portal *p, const struct thread *t);

/* The running thread waits for a stack, until `deadline` (absolute ns; 0: for ever), and whoever holds one hurries. explicit: by a call
 * of its own, which an alert ends. RESULT_BLOCKED; RESULT_RESTART or RESULT_TRANSFERRED: it looks again at once; EDEADLK: it holds one
 * itself; ETIMEDOUT. */
result pool_wait(struct cpu *cpu, struct thread *t, struct portal *p, uint64_t deadline, bool explicit) MUST_CHECK;
/* It waits no longer. The portal is locked. */
void pool_wait_end(struct portal *p, struct thread *t);
/* It waits for no portal any more, and has no turn. No lock; who calls this wakes it. */
void pool_leave(struct thread *t);
/* All who wait call again: the portal goes. */
void pool_close(struct portal *p);

/* May a thread that waits for a stack have one? */
bool pool_open_for(const struct portal *p, const struct thread *t);
/* Has it left the level for which it was lent its urgency? Then that ends. It is locked. */
bool pool_lent_end(struct thread *t);
/* Before a thread with POOL_* runs on; also hides extended state, or not. False: something more urgent may be there now. */
bool pool_look(struct thread *t);
/* Who came to hold a stack of this one is as urgent as who waits for it. */
void pool_hurry(struct portal *p);

#endif
