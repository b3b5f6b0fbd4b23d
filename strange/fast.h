/* The short ways of the most frequent transfers. */
#ifndef STRANGE_FAST_H
#define STRANGE_FAST_H

#include "state.h"

/* A prepared thread, its registers in the trap frame, enters its owner's handler for `cause` (enum trap_cause). Null: take
 * the long way. */
struct registers *handler_enter(struct cpu *cpu, struct thread *t, unsigned cause);

#endif
