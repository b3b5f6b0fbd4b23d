/* Device interrupts. */
#ifndef STRANGE_INTERRUPT_H
#define STRANGE_INTERRUPT_H

#include "state.h"

struct call;

/* Unbind and mask what the kernel `uid` bound, or what was bound in the space `uid`: it is destroyed. uid 0: what goes to these
 * frames, which are free next. */
void interrupts_unbind(baryon_uid uid, frame_number first, uint64_t count);

result call_interrupt_bind(struct call *call);
result call_interrupt_done(struct call *call);

#endif
