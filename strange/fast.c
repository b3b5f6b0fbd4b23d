/* Short ways into a handler and back: the same as in forward.c and call.c, for the common case in which everything is there, nobody
 * waits and nothing was asked of the thread. Each checks, and then commits, or does nothing and says null.
 *
 * A thread is prepared while it runs in its program and the other level of its slot is the first block of its handler stack,
 * left there by the last resume: then its registers are saved right into the trap frame, and entering the handler is
 * a change of a few words. */
#include "fast.h"
#include "activation.h"
#include "memory.h"
#include "schedule.h"

static inline struct registers *enter(struct cpu *cpu, struct thread *t, unsigned cause)
{
	struct activation *a = thread_lower(t);
	const struct kernel *k = t->slot.keeper;
	const struct portal *p = k->portal[cause];
	struct trap_frame *f = t->handler_frame;
	uint64_t entry = p ? p->entry : 0;

	/* A portal that ends is taken from its kernel first, and that is counted: the entry was read before. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (cpu_attention(cpu, t) || p == NULL || k->portals_changed != t->portals_seen || !cpu_enter_map(cpu, a->map))
		return NULL;
	a->kind = ACTIVATION_HANDLER;
	a->link = 0;
	thread_swap(t);
	t->count = 2;
	t->depth = 1;
	t->prepared = false;
	t->entered = true;
	frame_touch(t->handler_frame_number);
	f->cause = cause;
	f->flags = 0;
	t->handler_record->kind = ACTIVATION_HANDLER;
	t->launch.rip = entry;
	t->launch.cause = cause;
	trap_save_to(&a->registers);
	return trap_tagged(&t->launch, t->launch_tag);
}

struct registers *handler_enter(struct cpu *cpu, struct thread *t, unsigned cause)
{
	return enter(cpu, t, cause);
}

static struct registers *(*const waits[])(struct cpu *, struct thread *, struct registers *) = {
	[CALL_WAIT - CALL_WAIT] = syscall_wait, [CALL_PARK - CALL_WAIT] = syscall_park,
	[CALL_UNPARK - CALL_WAIT] = syscall_unpark, [CALL_ALERT - CALL_WAIT] = syscall_alert,
	[CALL_SIGNAL - CALL_WAIT] = syscall_signal, [CALL_YIELD - CALL_WAIT] = syscall_yield,
};

struct registers *strange_resume(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *a = thread_top(t);
	struct trap_frame *f = t->handler_frame;

	if (!t->entered || f->flags || cpu_attention(cpu, t) || !cpu_enter_map(cpu, thread_lower(t)->map))
		return NULL;
	frame_touch(t->handler_frame_number);
	t->handler_record->kind = ACTIVATION_FREE;
	a->kind = ACTIVATION_FREE;
	thread_swap(t);
	t->count = 1;
	t->depth = 0;
	t->prepared = true;
	t->entered = false;
	cpu_hide_xstate(false);
	trap_save_to(&f->registers);
	return trap_tagged(&f->registers, TRAP_USER);
}

/* From a program. */
static __attribute__((noinline)) struct registers *syscall_prepared(struct cpu *cpu, struct thread *t, struct registers *r)
{
	struct registers *fast = enter(cpu, t, TRAP_SYSCALL);

	return fast ? fast : syscall_long(cpu, t, r);
}

static __attribute__((noinline)) struct registers *syscall_resume(struct cpu *cpu, struct thread *t, struct registers *r)
{
	struct registers *fast = strange_resume();

	return fast ? fast : syscall_long(cpu, t, r);
}

struct registers *strange_syscall(struct registers *r)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	uint64_t wait = r->rax - CALL_WAIT;

	if (t->prepared)
		return syscall_prepared(cpu, t, r);
	if (wait <= CALL_YIELD - CALL_WAIT && !(thread_top(t)->space->flags & SPACE_PROGRAM))
		return waits[wait](cpu, t, r);
	if (t->entered && r->rax == CALL_RESUME)
		return syscall_resume(cpu, t, r);
	return syscall_long(cpu, t, r);
}
