/* A call into Strange, decoded. */
#ifndef STRANGE_CALL_H
#define STRANGE_CALL_H

#include "state.h"

struct call {
	struct cpu *cpu;
	struct thread *thread;
	struct kernel *kernel;      /* on whose behalf: the principal of the space */
	struct space *space;        /* that called */
	struct registers *r;
	uint64_t a[6];
};

/* Change an argument for when the call is executed again. i: 0..5. */
void call_set_argument(struct call *call, unsigned i, uint64_t value);

/* The call that stopped at these registers is over with `r`. */
void call_result(struct registers *at, long r);
/* The call that a level made and that met the event `cause` fails, if it was one and can: else it is executed again, and
 * the result is false. */
bool call_fail(struct activation *a, uint64_t cause, long error);

result call_portal_call(struct call *call);
result call_portal_return(struct call *call);
result call_resume(struct call *call);
result call_copy_in(struct call *call);
result call_copy_out(struct call *call);

#endif
