/* Mappings: (space, virtual page) -> page of a container, with rights and an optional signal thread. */
#ifndef STRANGE_MAPPING_H
#define STRANGE_MAPPING_H

#include "state.h"

struct call;

result call_mapping_load(struct call *call);
result call_mapping_unload(struct call *call);
/* Their short ways: all that is asked, with what is at hand, or false: take the long way. With LOAD_RESUME the resuming is left
 * to do. Of unload the answer stands in r->rax. */
bool mapping_load_fast(struct thread *t, const struct registers *r);
bool mapping_unload_fast(const struct thread *t, struct registers *r);
result call_mapping_protect(struct call *call);
result call_mapping_read(struct call *call);

/* Unload up to a batch of the space's mappings. 1: there may be more; 0: none was left. */
result mapping_unload_some(struct space *space);
void mapping_unload_under(uint32_t table);
bool mapping_guarded_under(uint32_t table);
bool mapping_unused(uint32_t index);
/* Unload the signal mappings of a thread that is going. 1: there may be more. */
result mapping_unload_signals(struct thread *t);

/* Boot: map a locked page of root's. */
result mapping_make_locked(struct space *space, uint64_t address, struct page *page, uint64_t index, unsigned rights);

/* Call `visit` for every mapping of the page's frame that names a signal thread: (space, address of the page). */
struct signal_receiver {
	struct thread *thread;
	uint32_t generation;
	uint64_t address;
};
unsigned mapping_receivers(frame_number frame, struct signal_receiver *out, unsigned limit);

#endif
