/* Short ways: the same transfers as in forward.c and call.c, for the common case in which everything is there, nobody waits and nothing
 * was asked of the thread. Each checks, and then commits, or does nothing and says null.
 *
 * A thread is prepared while it runs in its program and the other level of its slot is the first block of its handler stack,
 * left there by the last resume: then its registers are saved right into the trap frame, and entering the handler is
 * a change of a few words. */
#include "fast.h"
#include "activation.h"
#include "cache.h"
#include "memory.h"
#include "portal.h"
#include "schedule.h"

static inline bool attention(const struct cpu *cpu, const struct thread *t)
{
	return t->asked || cpu->reschedule || cpu->flush_wanted != cpu->flush_done;
}

struct registers *trap_enter(struct cpu *cpu, struct thread *t)
{
	struct activation *lower = thread_top(t), *a = thread_lower(t);
	const struct kernel *k = t->slot.keeper;
	const struct portal *p = k->portal[TRAP_SYSCALL];

	if (attention(cpu, t) || p == NULL || p->slot.state != SLOT_LOADED || lower->space->slot.keeper != k)
		return NULL;
	if (a->map != cpu->map && a->map && !cpu_enter_map(cpu, a->map))
		return NULL;
	a->kind = ACTIVATION_HANDLER;
	a->link = 0;
	t->top ^= 1;
	t->count = 2;
	t->depth = 1;
	t->prepared = false;
	frame_touch_pointer(a->frame);
	a->frame->cause = TRAP_SYSCALL;
	a->frame->flags = 0;
	a->record->kind = ACTIVATION_HANDLER;
	t->launch.rip = p->entry;
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
	    !(lower->space->flags & SPACE_PROGRAM) || a->frame->flags || attention(cpu, t))
		return NULL;
	if (lower->map != cpu->map && !cpu_enter_map(cpu, lower->map))
		return NULL;
	frame_touch_pointer(a->record);
	a->record->kind = ACTIVATION_FREE;
	a->kind = ACTIVATION_FREE;
	t->top ^= 1;
	t->count = 1;
	t->depth = 0;
	t->prepared = true;
	cpu_hide_xstate(false);
	trap_save_to(&a->frame->registers);
	return trap_tagged(&a->frame->registers, TRAP_USER);
}

static inline struct reference *reference_recent(struct space *s, uint64_t handle)
{
	struct reference **recent = &s->recent[handle % 8], *f = *recent;
	struct slot *found;

	if (f && f->handle == handle && f->space == s && f->slot.state == SLOT_LOADED)
		return f;
	found = slot_find(KIND_REFERENCE, (uint64_t)slot_index(&s->slot) << 32 | (uint32_t)handle);
	if (found == NULL || found->state != SLOT_LOADED)
		return NULL;
	*recent = (struct reference *)found;
	return *recent;
}

/* The callee's level, committed; false when its map cannot be entered. */
static inline bool callee_enter(struct cpu *cpu, struct thread *t, struct activation *lower, struct portal *p,
				uint32_t stack)
{
	struct activation *a = thread_lower(t);
	bool supervisor = p->space->flags & SPACE_SUPERVISOR;
	struct space *map = supervisor ? lower->map : p->space;

	a->space = p->space;
	a->map = map;
	a->portal = p;
	a->stack = stack;
	a->record = p->record + stack;
	a->kind = ACTIVATION_EXPLICIT;
	a->link = 0;
	a->lower_in_frame = false;
	a->cause = 0;
	a->page_node.at = NULL;
	a->handler_sp = lower->kind == ACTIVATION_HANDLER ? lower->registers.rsp : lower->handler_sp;
	t->top ^= 1;
	t->count = 2;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (p->slot.state == SLOT_LOADED && p->space->slot.state == SLOT_LOADED && cpu_enter_map(cpu, map))
		return true;
	t->top ^= 1;
	t->count = 1;
	a->kind = ACTIVATION_FREE;
	portal_stack_give(p, stack);
	return false;
}

struct registers *strange_portal_call(struct registers *place, uint64_t handle)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *lower = thread_top(t), *a = thread_lower(t);
	struct reference *f;
	struct portal *p;
	uint32_t stack;

	if (place != &lower->registers || t->count != 1 || attention(cpu, t) || handle >= HANDLE_LIMIT ||
	    (lower->space->flags & SPACE_PROGRAM))
		return NULL;
	f = reference_recent(lower->space, handle);
	if (f == NULL || !(f->rights & RIGHT_CALL) || OBJECT_KIND(f->target->id) != KIND_PORTAL)
		return NULL;
	p = (struct portal *)f->target;
	if (!portal_stack_take(p, &stack) || !callee_enter(cpu, t, lower, p, stack))
		return NULL;
	t->prepared = false;
	t->depth++;
	a->record->kind = ACTIVATION_EXPLICIT;
	a->record->thread = t->slot.uid;
	a->registers.rip = p->entry;
	a->registers.rsp = portal_stack_top(p, stack);
	a->registers.rax = f->badge;
	a->registers.rbx = p->cookie;
	a->registers.flags = p->space->flags & SPACE_SUPERVISOR ? REGISTERS_SUPERVISOR : 0;
	cpu_hide_xstate(true);
	trap_save_to(&a->registers);
	return &a->registers;
}

struct registers *strange_portal_return(struct registers *place)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *a = thread_top(t), *lower = thread_lower(t);

	if (place != &a->registers || a->kind != ACTIVATION_EXPLICIT || t->count != 2 || attention(cpu, t))
		return NULL;
	if (lower->map != cpu->map && !cpu_enter_map(cpu, lower->map))
		return NULL;
	a->record->kind = ACTIVATION_FREE;
	portal_stack_give(a->portal, a->stack);
	a->kind = ACTIVATION_FREE;
	t->top ^= 1;
	t->count = 1;
	t->depth--;
	t->prepared = false;
	lower->registers.rax = 0;
	lower->registers.rbx = 0;
	cpu_hide_xstate(!t->program || lower->kind == ACTIVATION_EXPLICIT);
	trap_save_to(&lower->registers);
	return &lower->registers;
}
