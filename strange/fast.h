/* The short ways of the most frequent transfers. */
#ifndef STRANGE_FAST_H
#define STRANGE_FAST_H

#include "state.h"

/* A system call of a prepared thread enters its owner's trap handler. Null: take the long way. */
struct registers *trap_enter(struct cpu *cpu, struct thread *t);

#endif
