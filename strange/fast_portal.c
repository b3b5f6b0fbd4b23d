/* The short way of explicit calls and returns; see fast.c. Compiled to leave the registers of the words alone (mk/kernel.mk), so nothing here may call
 * a function that is not inline. */
#include "activation.h"
#include "memory.h"
#include "schedule.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

/* Like pool_take, and a full fence. What it does not get at once the long way waits for. */
static ALWAYS_INLINE bool stack_take(struct portal *p, uint64_t *stack)
{
	uint32_t bits = p->free_stacks, bit;

	if (bits == 0)
		return false;
	*stack = (unsigned)__builtin_ctz(bits);
	bit = 1u << *stack;
	return __atomic_fetch_and(&p->free_stacks, ~bit, __ATOMIC_SEQ_CST) & bit;
}

/* Give the stack back. False: somebody waits for it, and it was taken again, so that the long way can wake him. When another has
 * it already, he will. */
static ALWAYS_INLINE bool stack_give(struct portal *p, struct activation *a)
{
	uint32_t bit = 1u << a->stack;

	a->record->kind = ACTIVATION_FREE;
	if (__atomic_fetch_or(&p->free_stacks, bit, __ATOMIC_SEQ_CST) & bit)
		return true;
	if (p->waiting == NULL || !(__atomic_fetch_and(&p->free_stacks, ~bit, __ATOMIC_SEQ_CST) & bit))
		return true;
	a->record->kind = ACTIVATION_EXPLICIT;
	return false;
}

static ALWAYS_INLINE void level_enter(struct thread *t, struct activation *a, struct activation *lower)
{
	t->level[0] = a;
	t->level[1] = lower;
	t->count = 2;
	t->depth++;
}

static ALWAYS_INLINE void level_drop(struct thread *t, struct activation *a, struct activation *lower)
{
	a->kind = ACTIVATION_FREE;
	t->level[0] = lower;
	t->level[1] = a;
	t->count = 1;
	t->depth--;
}

static ALWAYS_INLINE void callee_fill(struct activation *a, const struct activation *lower, struct portal *p)
{
	struct space *s = p->space;

	a->portal = p;
	a->space = s;
	a->map = s->flags & SPACE_SUPERVISOR ? lower->map : s;
	a->kind = ACTIVATION_EXPLICIT;
	a->lower_in_frame = false;
	a->link = 0;
	a->handler_sp = lower->kind == ACTIVATION_HANDLER ? lower->registers.rsp : lower->handler_sp;
}

static ALWAYS_INLINE void record_fill(struct activation *a, const struct thread *t, const struct portal *p, uint64_t stack)
{
	struct activation_record *record = p->record + stack;

	a->stack = (uint32_t)stack;
	a->record = record;
	record->thread = t->slot.uid;
	record->kind = ACTIVATION_EXPLICIT;
}

/* The portal is named, then a stack is taken, which is a fence, and then the binding is looked at once more: whoever unloads the reference takes it out of
 * the bindings first, and whoever unloads the portal does that after its references and then looks who enters it.
 * Where it gives up, call_portal_call goes on, and ends the entering. */
void strange_portal_call(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *lower = thread_top(t), *a = thread_lower(t);
	const struct bindings *b = &lower->space->bindings;
	uint64_t handle = lower->registers.rbx, i = handle % BINDINGS, badge;
	uint64_t changes = __atomic_load_n(&b->changes[i], __ATOMIC_ACQUIRE);
	struct portal *p;
	uint64_t stack;

	if (b->handle[i] != handle || t->count != 1 || cpu_attention(cpu, t))
		return trap_portal_long(CALL_PORTAL_CALL);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	p = b->portal[i];
	cpu->entering = p;
	if (!stack_take(p, &stack))
		return trap_portal_long(CALL_PORTAL_CALL);
	badge = b->badge[i];
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (b->changes[i] != changes || b->handle[i] != handle) {
		cpu->taken = (uint32_t)stack + 1;
		return trap_portal_long(CALL_PORTAL_CALL);
	}
	callee_fill(a, lower, p);
	record_fill(a, t, p, stack);
	level_enter(t, a, lower);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (!cpu_change_map(cpu, a->map, cpu_join_map)) {
		level_drop(t, a, lower);
		cpu->taken = (uint32_t)stack + 1;
		return trap_portal_long(CALL_PORTAL_CALL);
	}
	cpu->entering = NULL;
	if (t->program) {
		cpu_hide_xstate(true);
		if (lower->kind < ACTIVATION_IMPLICIT)
			bases_save(t);
	}
	trap_save_to(&a->registers);
	return trap_portal_run(&lower->registers, p->entry, p->top[stack], badge, p->cookie, a->space->flags & SPACE_SUPERVISOR);
}

void strange_portal_return(void)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *a = thread_top(t), *lower = thread_lower(t);

	if (a->kind != ACTIVATION_EXPLICIT || t->count != 2 || cpu_attention(cpu, t) || !cpu_change_map(cpu, lower->map, cpu_join_map) ||
	    !stack_give(a->portal, a))
		return trap_portal_long(CALL_PORTAL_RETURN);
	level_drop(t, a, lower);
	if (t->program && lower->kind < ACTIVATION_IMPLICIT) {
		cpu_hide_xstate(false);
		cpu_set_bases(t->fs_base, t->gs_base);
	}
	trap_save_to(&lower->registers);
	return trap_portal_run(&a->registers, lower->registers.rip, lower->registers.rsp, 0, 0, lower->registers.flags & REGISTERS_SUPERVISOR);
}
