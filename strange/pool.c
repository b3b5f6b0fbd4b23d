/* The stacks of a portal: who gets one, who waits, who is woken, who hurries. Homes: none; the records say which stacks are in use. Derived:
 * the bits of free stacks, the queue, turns, lent urgencies. A free stack is taken with one atomic operation; the portal's lock guards
 * the queue, and implicit calls against each other. Order: portal, then thread.
 *
 * 1. A stack that is given back wakes one thread, and that has a turn (POOL_TURN) until it has taken a stack, waits again, does something
 *    else, or is not to run: then the next one is woken. So while a stack is free and somebody waits who may have it, somebody has a
 *    turn. tests/models/portal_wait.pml checks this.
 * 2. Who holds a stack is at least as urgent as who waits for one (POOL_LENT), until it has left the level that holds it. Its kernel's
 *    share counts all the same. What is lent stands in no home: a thread that is loaded again is lent it again. */
#include "pool.h"
#include "activation.h"
#include "cache.h"
#include "portal.h"
#include "schedule.h"
#include "thread.h"
#include "xstate.h"

enum { HURRY_DEPTH = 4 };

bool pool_held_by(const struct portal *p, const struct thread *t)
{
	for (uint32_t i = 0; i < p->stack_count; i++)
		if (p->record[i].kind != ACTIVATION_FREE && p->record[i].thread == t->slot.uid)
			return true;
	return false;
}

/* turns */

/* May kernel `number` have a stack for an implicit call? */
static bool pool_open(const struct portal *p, uint32_t number)
{
	uint32_t bits = p->free_stacks, free = 0;
	bool holds = false;

	for (uint32_t i = 0; i < p->stack_count; i++) {
		free += bits >> i & 1;
		holds |= p->holder[i] == number;
	}
	return free > (holds ? (p->stack_count + 2) / 4 : 0);
}

bool pool_open_for(const struct portal *p, const struct thread *t)
{
	return t->alertable ? p->free_stacks != 0 : pool_open(p, t->payer->number);
}

/* The most urgent who waits; open: and may have a stack. The portal is locked. */
static struct thread *pool_first(const struct portal *p, bool open)
{
	struct thread *first = NULL;

	for (struct thread *t = p->waiting; t; t = t->queue_next)
		if ((first == NULL || t->urgency > first->urgency) && (!open || pool_open_for(p, t)))
			first = t;
	return first;
}

/* The next one, or all one by one, when the portal goes. */
static bool pool_wake(struct portal *p, bool all)
{
	struct thread *t;

	spin_lock(&p->slot.lock);
	t = all ? p->waiting : pool_first(p, true);
	if (t) {
		t->turn = p;
		pool_set(t, POOL_TURN);
		pool_wait_end(p, t);
	}
	spin_unlock(&p->slot.lock);
	return t && (thread_wake(t, RUN_STACK), true);
}

void pool_pass(struct portal *p)
{
	if (p->waiting && p->free_stacks)
		(void)pool_wake(p, false);
}

void pool_close(struct portal *p)
{
	while (pool_wake(p, true))
		;
}

static void turn_end(struct thread *t)
{
	if (!(t->pool & POOL_TURN))
		return;
	pool_clear(t, POOL_TURN);
	pool_pass(t->turn);
}

/* taking and giving */

bool pool_take(struct portal *p, struct thread *t, uint32_t *stack)
{
	uint32_t bits = p->free_stacks;

	do {
		if (bits == 0)
			return false;
		*stack = (uint32_t)__builtin_ctz(bits);
	} while (!__atomic_compare_exchange_n(&p->free_stacks, &bits, bits & (bits - 1), false, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	if (t->turn == p)
		pool_clear(t, POOL_TURN);
	return true;
}

bool pool_take_implicit(struct portal *p, struct thread *t, uint32_t *stack)
{
	uint32_t number = t->payer->number;
	bool got;

	spin_lock(&p->slot.lock);
	got = (pool_open(p, number) || pool_held_by(p, t)) && pool_take(p, t, stack);
	if (got)
		p->holder[*stack] = number;
	spin_unlock(&p->slot.lock);
	return got;
}

void pool_put(struct portal *p, uint32_t stack)
{
	p->holder[stack] = 0;
	__atomic_fetch_or(&p->free_stacks, 1u << stack, __ATOMIC_SEQ_CST);
}

void pool_give(struct portal *p, uint32_t stack)
{
	pool_put(p, stack);
	pool_pass(p);
}

/* The short way gives stacks back without waking anybody. */
void portal_entered(struct cpu *cpu)
{
	struct portal *p = cpu->entering;

	if (cpu->taken) {
		p->record[cpu->taken - 1].kind = ACTIVATION_FREE;
		__atomic_fetch_or(&p->free_stacks, 1u << (cpu->taken - 1), __ATOMIC_SEQ_CST);
		cpu->taken = 0;
	}
	if (p)
		pool_pass(p);
	cpu->entering = NULL;
}

/* hurrying */

static void hurry(struct portal *p, int depth);

/* Somebody waits for the stack with this record, if it is the thread's. What the record says is its owner's word: it lends no more than
 * until the thread is out of the call that it is in. */
static void holder_hurry(struct portal *p, baryon_uid uid, uint8_t urgency, int depth)
{
	struct slot *s = slot_find(KIND_THREAD, uid);
	struct thread *t = (struct thread *)s;
	struct portal *next = NULL;
	uint32_t level;

	if (s == NULL)
		return;
	spin_lock(&s->lock);
	if (s->uid == uid && s->state == SLOT_LOADED && t->depth > 0 && t->urgency < urgency) {
		level = t->depth > 1 && thread_top(t)->portal != p ? t->depth - 1 : t->depth;
		if (!(t->pool & POOL_LENT) || level < t->lent_depth)
			t->lent_depth = level;
		t->lent = urgency;
		pool_set(t, POOL_LENT);
		t->urgency = urgency;
		thread_urgency_changed_locked(t);
		next = t->waits_for;
	}
	spin_unlock(&s->lock);
	if (next && depth)
		hurry(next, depth - 1);
}

static void hurry(struct portal *p, int depth)
{
	struct thread *first;
	uint8_t urgency = 0;

	spin_lock(&p->slot.lock);
	first = pool_first(p, false);
	if (first)
		urgency = first->urgency;
	spin_unlock(&p->slot.lock);
	for (uint32_t i = 0; urgency && i < p->stack_count; i++)
		if (p->record[i].kind != ACTIVATION_FREE)
			holder_hurry(p, p->record[i].thread, urgency, depth);
}

void pool_hurry(struct portal *p)
{
	if (p && p->waiting)
		hurry(p, HURRY_DEPTH);
}

bool pool_lent_end(struct thread *t)
{
	if (!(t->pool & POOL_LENT) || t->depth >= t->lent_depth)
		return false;
	pool_clear(t, POOL_LENT);
	t->lent = 0;
	t->urgency = thread_urgency(t);
	return true;
}

bool pool_look(struct thread *t)
{
	bool ended;

	if (t->depth != t->turn_depth || thread_top(t)->registers.rip != t->turn_rip)
		turn_end(t);
	spin_lock(&t->slot.lock);
	ended = pool_lent_end(t);
	if (ended)
		thread_urgency_changed_locked(t);
	spin_unlock(&t->slot.lock);
	/* It may hold another one. */
	if (ended)
		pool_hurry(thread_top(t)->portal);
	if (t->pool & POOL_LATE)
		thread_late_end(this_cpu(), t);
	xstate_hide(t->pool & POOL_XSTATE ? xstate_look(t) : activation_hides_xstate(t));
	return this_cpu()->attention == 0;
}

/* waiting */

/* False: it may have a stack now, or the portal is going. */
static bool pool_queue(struct portal *p, struct thread *t)
{
	bool wait;

	spin_lock(&p->slot.lock);
	wait = p->slot.state == SLOT_LOADED;
	if (wait) {
		t->queue_next = NULL;
		t->queue_at = p->waiting_end;
		*p->waiting_end = t;
		p->waiting_end = &t->queue_next;
		t->waits_for = p;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		wait = !pool_open_for(p, t);
		if (!wait)
			pool_wait_end(p, t);
	}
	spin_unlock(&p->slot.lock);
	return wait;
}

void pool_wait_end(struct portal *p, struct thread *t)
{
	if (t->waits_for != p)
		return;
	*t->queue_at = t->queue_next;
	if (t->queue_next)
		t->queue_next->queue_at = t->queue_at;
	else
		p->waiting_end = t->queue_at;
	t->queue_at = NULL;
	__atomic_store_n(&t->waits_for, NULL, __ATOMIC_RELEASE);
}

void pool_leave(struct thread *t)
{
	struct portal *p = t->waits_for;

	if (p) {
		spin_lock(&p->slot.lock);
		pool_wait_end(p, t);
		spin_unlock(&p->slot.lock);
	}
	turn_end(t);
}

result pool_wait(struct cpu *cpu, struct thread *t, struct portal *p, uint64_t deadline, bool explicit)
{
	struct registers *r = &thread_top(t)->registers;

	if (pool_held_by(p, t))
		return -BARYON_EDEADLK;
	if (deadline && clock_now() >= deadline)
		return -BARYON_ETIMEDOUT;
	t->alertable = explicit;
	turn_end(t);
	if (!pool_queue(p, t))
		return RESULT_RESTART;
	if (explicit)
		registers_rewind(r);
	t->turn_rip = r->rip;
	t->turn_depth = t->depth;
	pool_hurry(p);
	if (thread_block(cpu, t, RUN_STACK, deadline, clock_now()))
		return RESULT_BLOCKED;
	pool_leave(t);
	return explicit ? RESULT_TRANSFERRED : RESULT_RESTART;
}
