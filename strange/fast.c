/* Short ways into a handler and back: the same as in forward.c and call.c, for the common case in which everything is there, nobody
 * waits and nothing was asked of the thread. Each checks, and then commits and does not return, or does nothing.
 *
 * A thread is prepared while it runs in its program and the other level of its slot is the first block of its handler stack,
 * left there by the last resume: then its registers are saved right into the trap frame, and entering the handler is
 * a change of a few words. */
#include "fast.h"
#include "activation.h"
#include "memory.h"
#include "schedule.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* While a thread is prepared, its other level is a handler without a link, and the flags of the frame are what the owner made of the 0
 * that was written there. */
static ALWAYS_INLINE void enter(struct thread *t, struct activation *a, unsigned cause)
{
	struct trap_frame *f = t->handler_frame;

	t->level[1] = t->level[0];
	t->level[0] = a;
	t->levels = LEVELS_IN_HANDLER;
	handler_touch(t);
	f->cause = cause;
	((struct activation_record *)(f + 1))->kind = ACTIVATION_HANDLER;
	trap_save_to(&a->registers);
	trap_handler_run(t->handler_entry[cause - TRAP_SYSCALL], t->handler_top - 512, t->cookie, cause, t->handler_supervisor);
}

/* With the map that was missing. */
static COLD __attribute__((noinline)) bool with_map(struct cpu *cpu, struct space *map, bool (*way)(void))
{
	return map && cpu_enter_map_out_of_line(cpu, map) && way();
}

bool strange_trap(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *a = thread_lower(t);

	if (!handler_ready(cpu, t))
		return false;
	if (!cpu_turn_map(cpu, a->map))
		return with_map(cpu, a->map, strange_trap);
	enter(t, a, TRAP_SYSCALL);
	return true;
}

struct registers *handler_enter(struct thread *t, unsigned cause)
{
	enter(t, thread_lower(t), cause);
	return NULL;
}

bool strange_resume(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *a = thread_top(t), *lower = thread_lower(t);
	struct trap_frame *f = t->handler_frame;

	if (!t->entered || f->flags || cpu_attention(cpu, t))
		return false;
	if (!cpu_turn_map(cpu, lower->map))
		return with_map(cpu, lower->map, strange_resume);
	handler_touch(t);
	((struct activation_record *)(f + 1))->kind = ACTIVATION_FREE;
	t->level[0] = lower;
	t->level[1] = a;
	t->levels = LEVELS_IN_PROGRAM;
	cpu_hide_xstate(false);
	trap_save_to(&f->registers);
	trap_user_run(&f->registers);
	return true;
}

static struct registers *(*const waits[])(struct cpu *, struct thread *, struct registers *) = {
	[CALL_WAIT - CALL_WAIT] = syscall_wait, [CALL_PARK - CALL_WAIT] = syscall_park,
	[CALL_UNPARK - CALL_WAIT] = syscall_unpark, [CALL_ALERT - CALL_WAIT] = syscall_alert,
	[CALL_SIGNAL - CALL_WAIT] = syscall_signal, [CALL_YIELD - CALL_WAIT] = syscall_yield,
};

struct registers *strange_syscall(struct registers *r)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	uint64_t wait = r->rax - CALL_WAIT;

	if (wait <= CALL_YIELD - CALL_WAIT && !(thread_top(t)->space->flags & SPACE_PROGRAM))
		return waits[wait](cpu, t, r);
	return syscall_long(cpu, t, r);
}
