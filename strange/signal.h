/* Address-valued signals. */
#ifndef STRANGE_SIGNAL_H
#define STRANGE_SIGNAL_H

#include "state.h"

struct call;

/* Queue an address to a thread, and wake it when it waits. */
void signal_post(struct thread *t, uint32_t generation, uint64_t address);
/* To everybody with a signal mapping of that frame. */
void signal_frame(frame_number frame, uint64_t offset);

result call_wait(struct call *call);
result call_signal(struct call *call);
result call_interrupt_bind(struct call *call);
result call_interrupt_done(struct call *call);

#endif
