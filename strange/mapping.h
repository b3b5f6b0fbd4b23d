/* Mappings: (space, virtual page) -> page of a container, with rights and an optional signal thread. */
#ifndef STRANGE_MAPPING_H
#define STRANGE_MAPPING_H

#include "state.h"

struct call;

result call_mapping_load(struct call *call);
result call_mapping_unload(struct call *call);
result call_mapping_protect(struct call *call);
result call_mapping_read(struct call *call);

/* The short ways, with what is at hand. Load: the last `left` homes of the call; returns how many it leaves to others, 1 for a call
 * of none. Resuming is left to do. Unload: false, or all is done and r->rax is the answer. */
uint64_t mapping_load_run(struct cpu *cpu, struct thread *t, const struct registers *r, uint64_t left);
bool mapping_unload_fast(struct cpu *cpu, const struct thread *t, struct registers *r);

/* Unload up to a batch of the space's mappings. 1: there may be more; 0: none was left. */
result mapping_unload_some(struct space *space);
void mapping_unload_under(uint32_t table);
bool mapping_guarded_under(uint32_t table);
/* Is it one that may be displaced, neither locked nor among the last of what runs? */
bool mapping_free(uint32_t index);
/* Take out this one, and of the next `looks` slots that the clock comes to what may go and is of the same space, with one shoot-down:
 * `most` at most, and a batch. Says how many went. */
uint32_t mapping_displace(uint32_t index, uint32_t most, uint32_t looks);
/* Unload the signal mappings of a thread that is going. 1: there may be more. */
result mapping_unload_signals(struct thread *t);

/* Boot: map a locked page group of root's. */
result mapping_make_locked(struct space *space, uint64_t address, struct page *page, uint64_t index, unsigned rights);

#endif
