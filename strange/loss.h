/* Levels of a thread's calls that end in another way than by a return. */
#ifndef STRANGE_LOSS_H
#define STRANGE_LOSS_H

#include "activation.h"

/* The thread is dying and off its CPU, or this CPU's; no lock is held. */

/* Does the top level not outlast the thread's slot? */
bool top_ends(const struct thread *t);
/* Take those off. */
void levels_lose(struct thread *t);
/* Destroying: the levels under those in the slot leave the chain and give back their stacks, one by one. RESULT_MISS, RESULT_FAULT or
 * RESULT_RESTART while one cannot be reached; call again. A chain that is broken ends there. */
result levels_cut(struct thread *t) MUST_CHECK;
/* The stack of a level that is in its record only. Errors as of levels_cut. */
result record_stack_give(const struct record_name *name) MUST_CHECK;
/* The same for those in the slot. */
void levels_release(struct thread *t);

#endif
