/* The short way of explicit calls and returns; see fast.c. Compiled to leave the registers of the words alone (mk/kernel.mk), so nothing here may call
 * a function that is not inline. */
#include "activation.h"
#include "memory.h"
#include "schedule.h"

/* Like portal_stack_take. */
static inline uint32_t stack_take(struct portal *p)
{
	uint32_t bits = p->free_stacks;

	do {
		if (bits == 0)
			return PORTAL_STACKS;
	} while (!__atomic_compare_exchange_n(&p->free_stacks, &bits, bits & (bits - 1), false, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return (uint32_t)__builtin_ctz(bits);
}

static inline void callee_fill(struct thread *t, struct activation *a, const struct activation *lower, struct portal *p,
			       uint32_t stack)
{
	struct activation_record *record = p->record + stack;
	uint64_t supervisor = p->space->flags & SPACE_SUPERVISOR;

	a->space = p->space;
	a->map = supervisor ? lower->map : p->space;
	a->portal = p;
	a->stack = stack;
	a->record = record;
	a->kind = ACTIVATION_EXPLICIT;
	a->lower_in_frame = false;
	a->link = 0;
	a->cause = 0;
	a->handler_sp = lower->kind == ACTIVATION_HANDLER ? lower->registers.rsp : lower->handler_sp;
	a->registers.rip = p->entry;
	a->registers.rsp = p->stacks + (stack + 1ull) * p->stack_bytes;
	a->registers.rbx = p->cookie;
	a->registers.flags = supervisor;
	record->thread = t->slot.uid;
	record->kind = ACTIVATION_EXPLICIT;
}

_Static_assert((int)SPACE_SUPERVISOR == (int)REGISTERS_SUPERVISOR, "callee_fill relies on it");

static inline void level_drop(struct thread *t, struct activation *a)
{
	a->kind = ACTIVATION_FREE;
	thread_swap(t);
	t->count = 1;
	t->depth--;
}

/* Give the stack back. False: somebody waits for it, and it was taken again, so that the long way can wake him. When another has
 * it already, he will. */
static inline bool stack_give(struct portal *p, struct activation *a)
{
	uint32_t bit = 1u << a->stack;

	a->record->kind = ACTIVATION_FREE;
	__atomic_fetch_or(&p->free_stacks, bit, __ATOMIC_SEQ_CST);
	if (p->waiting == NULL || !(__atomic_fetch_and(&p->free_stacks, ~bit, __ATOMIC_SEQ_CST) & bit))
		return true;
	a->record->kind = ACTIVATION_EXPLICIT;
	return false;
}

/* Null: call_portal_call goes on, and ends the entering. */
struct registers *strange_portal_call(struct registers *place, uint64_t handle)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *lower = thread_top(t), *a = thread_lower(t);
	struct binding *b = &lower->space->binding[handle % BINDINGS];
	struct portal *p = b->portal;
	uint32_t stack;

	if (handle == 0 || b->handle != handle || place != &lower->registers || t->count != 1 || cpu_attention(cpu, t))
		return NULL;
	cpu->entering = p;
	a->registers.rax = b->badge;
	/* Whoever unloads the reference or the portal said so first, and then looks who enters it: taking a stack is the fence between. */
	stack = stack_take(p);
	if (stack == PORTAL_STACKS)
		return NULL;
	if (b->handle != handle || b->portal != p || p->slot.state != SLOT_LOADED) {
		__atomic_fetch_or(&p->free_stacks, 1u << stack, __ATOMIC_SEQ_CST);
		return NULL;
	}
	callee_fill(t, a, lower, p, stack);
	thread_swap(t);
	t->count = 2;
	t->depth++;
	t->prepared = t->entered = false;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (cpu_enter_map(cpu, a->map)) {
		cpu->entering = NULL;
		cpu_hide_xstate(true);
		trap_save_to(&a->registers);
		return &a->registers;
	}
	a->record->kind = ACTIVATION_FREE;
	__atomic_fetch_or(&p->free_stacks, 1u << stack, __ATOMIC_SEQ_CST);
	level_drop(t, a);
	return NULL;
}

struct registers *strange_portal_return(struct registers *place)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *a = thread_top(t), *lower = thread_lower(t);

	if (a->kind != ACTIVATION_EXPLICIT || place != &a->registers || t->count != 2 || cpu_attention(cpu, t) ||
	    !cpu_enter_map(cpu, lower->map) || !stack_give(a->portal, a))
		return NULL;
	level_drop(t, a);
	lower->registers.rax = 0;
	lower->registers.rbx = 0;
	cpu_hide_xstate(activation_hides_xstate(t));
	trap_save_to(&lower->registers);
	return &lower->registers;
}
