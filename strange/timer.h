/* Deadlines of waiting threads: a pairing heap a CPU. */
#ifndef STRANGE_TIMER_H
#define STRANGE_TIMER_H

#include "state.h"

void timer_insert(struct cpu *cpu, struct thread *t, uint64_t deadline);
void timer_remove(struct thread *t);
/* One thread whose deadline has passed, taken out; null when there is none. */
struct thread *timer_expired(struct cpu *cpu, uint64_t now);
/* The first deadline, or UINT64_MAX. */
uint64_t timer_first(struct cpu *cpu);

#endif
