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

struct registers *handler_enter(struct cpu *cpu, struct thread *t, unsigned cause)
{
	struct activation *lower = thread_top(t), *a = thread_lower(t);
	const struct kernel *k = t->slot.keeper;
	const struct portal *p = k->portal[cause];

	if (cpu_attention(cpu, t) || p == NULL || p->slot.state != SLOT_LOADED || lower->space->slot.keeper != k ||
	    p->space != a->space || !cpu_enter_map(cpu, a->map))
		return NULL;
	a->kind = ACTIVATION_HANDLER;
	a->link = 0;
	thread_swap(t);
	t->count = 2;
	t->depth = 1;
	t->prepared = false;
	frame_touch(t->handler_frame_number);
	a->frame->cause = cause;
	a->frame->flags = 0;
	a->record->kind = ACTIVATION_HANDLER;
	t->launch.rip = p->entry;
	t->launch.cause = cause;
	trap_save_to(&a->registers);
	return trap_tagged(&t->launch, a->space->flags & SPACE_SUPERVISOR ? TRAP_LAUNCH | TRAP_LAUNCH_SUPERVISOR :
									    TRAP_LAUNCH);
}

struct registers *strange_resume(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *a = thread_top(t), *lower = thread_lower(t);

	if (a->kind != ACTIVATION_HANDLER || a->record != t->handler_record || t->count != 2 || t->depth != 1 ||
	    !(lower->space->flags & SPACE_PROGRAM) || a->frame->flags || cpu_attention(cpu, t) ||
	    !cpu_enter_map(cpu, lower->map))
		return NULL;
	frame_touch(t->handler_frame_number);
	a->record->kind = ACTIVATION_FREE;
	a->kind = ACTIVATION_FREE;
	thread_swap(t);
	t->count = 1;
	t->depth = 0;
	t->prepared = true;
	cpu_hide_xstate(false);
	trap_save_to(&a->frame->registers);
	return trap_tagged(&a->frame->registers, TRAP_USER);
}
