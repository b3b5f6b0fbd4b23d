/* Extended state, in XSAVE's standard format. */
#ifndef STRANGE_XSTATE_H
#define STRANGE_XSTATE_H

#include "state.h"

/* Make the area one that can be loaded: a wild one is EFORGED; an empty one gets the initial state. */
result xstate_check(uint8_t *x) MUST_CHECK;
/* cpu_hide_xstate, out of line. */
void xstate_hide(bool hidden);
void xstate_reset(uint8_t *x);

/* A thread's are those of its program, or of its base if that says so. Its own again, which are there. */
void xstate_own(struct thread *t);
/* A callee uses extended state and was not given it yet. False: it did not declare that. The thread runs on this CPU. */
bool xstate_take(struct thread *t);
/* The callee's is kept beside its record, and the thread's own is in the registers. No effect when that is so. */
void xstate_put(struct thread *t);
/* A level that has used it comes into the slot: until it is out of it again only the long ways are taken. */
static inline void xstate_mark(struct thread *t) { __atomic_fetch_or(&t->pool, POOL_XSTATE, __ATOMIC_SEQ_CST); }
/* The top, which has used it, returns. */
void xstate_leave(struct thread *t);
/* Before a thread with POOL_XSTATE runs on: is extended state hidden? */
bool xstate_look(struct thread *t);

#endif
