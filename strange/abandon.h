/* Calls that end for the caller before the callee returns: abandoned by the thread's owner, or at their deadline. */
#ifndef STRANGE_ABANDON_H
#define STRANGE_ABANDON_H

#include "activation.h"

struct call;

result call_abandon(struct call *call);
/* Need one of the others be asked? */
static inline bool call_abandon_possible(const struct thread *t)
{
	return t->abandon_asked || t->lower_unseen || t->timed_count || thread_top(t)->kind >= ACTIVATION_IMPLICIT;
}
/* Before the running thread runs on: was a call that it is in abandoned, or did its deadline pass? True: its top changed. */
bool call_abandon_due(struct thread *t);

/* Deadlines, in ns on the monotonic clock; 0: none. The thread's lock is not needed: it is the running one. */

/* Of the call whose registers these are, when it is one that may wait. */
uint64_t deadline_of_call(const struct activation *a);
/* The first of those of the calls that the thread is in that is still to come, and `own`. */
uint64_t deadline_earliest(const struct thread *t, uint64_t own);
bool deadline_passed(const struct thread *t, uint64_t now);
/* The lower of the two levels leaves the slot: its call's deadline is remembered. */
void deadline_evict(struct thread *t);
/* Callers at that depth and above it are in the slot again, or gone. */
void deadline_drop(struct thread *t, uint32_t depth);

#endif
