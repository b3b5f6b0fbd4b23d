/* Waiting and waking. */
#ifndef STRANGE_WAIT_H
#define STRANGE_WAIT_H

#include "state.h"

/* Is what `run` waits for there already? The thread is locked. */
bool thread_wait_over(struct thread *t, unsigned run);

/* The wait that the thread is in (RUN_PARKED or RUN_SIGNAL) ends: its call returns `e`, and it is ready. Locked. */
void thread_end_wait_locked(struct thread *t, result e);

/* Something was asked of a thread: it comes out of its park or wait, which it calls again, or its CPU looks. Locked. */
void thread_disturb_locked(struct thread *t);
/* One that waits for a stack waits no more, and calls again. No lock. */
void thread_stop_queueing(struct thread *t);

/* The thread runs next here, its map is active, and signals ended its wait: its call returns them, when their place is there. */
void thread_take_signals(struct thread *t);

/* The deadline of a wait may have passed: the thread was in the timers. */
void thread_expire(struct thread *t, uint64_t now);

#endif
