/* Portals: entry points into spaces, with their stacks. */
#ifndef STRANGE_PORTAL_H
#define STRANGE_PORTAL_H

#include "state.h"

/* Take a stack of the pool. False: none is free. */
bool portal_stack_take(struct portal *p, uint32_t *stack);
/* Give it back and wake one who waits. */
void portal_stack_give(struct portal *p, uint32_t stack);
uint64_t portal_stack_top(const struct portal *p, uint32_t stack);
/* Does the thread hold a stack of the pool? */
bool portal_held_by(const struct portal *p, const struct thread *t);
/* Wait queue; the portal's lock is taken inside. False: a stack became free meanwhile, or the portal is going. */
bool portal_wait(struct portal *p, struct thread *t);
void portal_wait_end(struct portal *p, struct thread *t);

#endif
