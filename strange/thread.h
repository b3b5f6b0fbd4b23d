/* Threads: the only abstraction over execution. */
#ifndef STRANGE_THREAD_H
#define STRANGE_THREAD_H

#include "state.h"

struct call;

/* A loaded thread that has the space, or a stack of the portal, in its two top activations. */
bool thread_in_space(const struct space *s, uint32_t *id, uint32_t *generation);
bool thread_in_portal(const struct portal *p, uint32_t *id, uint32_t *generation);

/* The running thread was asked to unload, or it is dying: does so. */
void thread_serve_asked(struct cpu *cpu, struct thread *t);
/* The map of its top activation is going: the thread is unloaded, and its owner told. */
void thread_map_lost(struct cpu *cpu, struct thread *t);
/* The caller's own thread `uid`, loaded. EPERM, or as slot_want. */
result thread_want(struct call *call, baryon_uid uid, struct thread **t) MUST_CHECK;

result call_thread_set(struct call *call);
result call_thread_rebase(struct call *call);
/* Ask a thread to go: 0 when it is not running, RESULT_RESTART while it is on another CPU. */
result thread_unload_self(struct call *call, bool destroy);

/* The caller is about to destroy the space of its own lowest activation: it is in no program any more. */
void thread_leave_base(struct call *call);

struct thread *thread_make_root(struct kernel *root, baryon_uid uid, struct space *space, uint64_t entry, uint64_t stack,
				uint64_t argument, uint64_t handler_top, struct thread_home *home);

#endif
