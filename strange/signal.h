/* Address-valued signals. */
#ifndef STRANGE_SIGNAL_H
#define STRANGE_SIGNAL_H

#include "state.h"

/* Queue it; the thread is locked, and loaded. */
void signal_post_locked(struct thread *t, uint64_t address);
/* Queue an address to a thread, and wake it when it waits. False: it is not that thread any more, or going. */
bool signal_post(struct thread *t, uint32_t generation, uint64_t address);
enum { RECEIVERS = 16 };
struct signal_receivers {
	unsigned count;
	struct {
		struct thread *thread;
		uint32_t generation, number;    /* number: of its kernel */
		uint64_t address;
	} to[RECEIVERS];
	/* what a redirect thread is told, and the kernels that miss a receiver (SIGNAL_KERNEL); zero: none */
	baryon_uid container;
	uint64_t index;
	uint32_t absent[SIGNAL_KERNELS];
};
/* To everybody with a signal mapping of that frame, and to the redirect threads of kernels that miss one. `caller`: who waits for a
 * kernel that is not there; null: nobody, what would wait is dropped. 1: a redirect thread was told; or RESULT_*. `found` says who
 * was there. */
result signal_frame(frame_number frame, uint64_t offset, const struct kernel *caller, struct signal_receivers *found);

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
