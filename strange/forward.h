/* Implicit calls: traps, faults, exceptions, alerts and misses, forwarded to the kernel that answers for them. */
#ifndef STRANGE_FORWARD_H
#define STRANGE_FORWARD_H

#include "state.h"

/* With the cause of an implicit level: the event was indirect. */
enum { CAUSE_INDIRECT = 256, CAUSE_XSTATE = 512 };

struct event {
	uint64_t cause;             /* enum trap_cause */
	uint64_t address, access, vector, error;
	struct space *space;        /* that faulted or trapped */
	uint32_t keeper;            /* miss: kernel number */
	bool indirect;              /* met while another event was forwarded: no miss of a call's waits for it */
};

/* The running thread enters the handler, waits for a stack of it, or executes again what it did. When nobody can answer it
 * is stopped and the log says so. */
void forward(struct cpu *cpu, struct thread *t, struct event *e);
/* What cpu->want names. */
void forward_want(struct cpu *cpu, struct thread *t);
/* True when the thread's top changed. */
bool forward_alert(struct cpu *cpu, struct thread *t);

#endif
