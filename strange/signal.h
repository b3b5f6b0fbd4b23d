/* Address-valued signals. */
#ifndef STRANGE_SIGNAL_H
#define STRANGE_SIGNAL_H

#include "state.h"

/* Queue it; the thread is locked, and loaded. */
void signal_post_locked(struct thread *t, uint64_t address);
/* Queue an address to a thread, and wake it when it waits. False: it is not that thread any more, or going. */
bool signal_post(struct thread *t, uint32_t generation, uint64_t address);
/* To everybody with a signal mapping of that frame. */
void signal_frame(frame_number frame, uint64_t offset);

/* Both only rise, and a space's count is never that of another load of its slot: no sum comes twice. */
static inline uint64_t signal_stamp(const struct space *s) { return s->changes + state.receivers_changed; }

static inline struct receiver_memo *receiver_memo(struct cpu *cpu, uint64_t address)
{
	return &cpu->memo[address / PAGE_BYTES % MEMOS];
}

/* A mapping that names a signal thread came or went; its page is locked. */
static inline void signal_receivers_change(void)
{
	__atomic_fetch_add(&state.receivers_changed, 1, __ATOMIC_SEQ_CST);
}

#endif
