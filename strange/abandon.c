/* Abandoned calls. Homes: the levels' records; the heirs' thread homes. Derived: deadlines of callers that are not in the slot.
 *
 * A thread abandons its call itself, on the CPU that runs it, before it runs on (call_abandon_due): whoever wants that only asks.
 * So a return and an abandonment never meet. The caller's part, up to the caller's level, stays with the thread and
 * gets an error. The callee's part, all above, goes over to the heir that the callee's portal names for the stack:
 * a thread of the callee's kernel, loaded and stopped, which runs on in it as if it had made the call. What is needed
 * must be there; otherwise it is done at a later entry.
 *
 * A level is in the heir before it is taken from the thread, and whoever unloads a space or a portal marks it first and
 * then looks for levels: one of us sees the other. Locks: the heir's; portals' for records, not at the same time. */
#include "abandon.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "forward.h"
#include "loss.h"
#include "memory.h"
#include "pool.h"
#include "portal.h"
#include "schedule.h"
#include "thread.h"
#include "wait.h"
#include "xstate.h"

enum { PART_LEVELS = 16 };

/* What a call took: the levels above the caller's. The thread's top is alone in the slot. */
struct part {
	struct thread *thread;
	long error;
	bool known;                 /* depth is given; else the caller is the first level of the thread's owner */
	uint32_t depth;             /* of the caller's level */
	struct record_name caller;
	/* the lowest level of the part */
	unsigned kind;
	uint64_t cause, address;
	baryon_uid portal;
};

/* deadlines */

uint64_t deadline_of_call(const struct activation *a)
{
	const struct registers *r = &a->registers;

	if (a->space->flags & SPACE_PROGRAM)
		return 0;
	return r->rax == CALL_PORTAL_CALL ? r->r14 : r->rax == CALL_WAIT || r->rax == CALL_PARK ? r->rdi : 0;
}

/* Of the call that made the top. */
static uint64_t deadline_of_top(const struct thread *t)
{
	const struct activation *top = thread_top(t), *lower = thread_lower(t);

	if (t->count < 2)
		return 0;
	if (top->kind == ACTIVATION_EXPLICIT)
		return lower->registers.r14;
	return top->kind == ACTIVATION_IMPLICIT && top->cause == TRAP_MISS ? deadline_of_call(lower) : 0;
}

uint64_t deadline_earliest(const struct thread *t, uint64_t own)
{
	uint64_t now = clock_now(), top = deadline_of_top(t);

	if (top > now && (own == 0 || top < own))
		own = top;
	for (unsigned i = 0; i < t->timed_count; i++)
		if (t->timed[i].ns > now && (own == 0 || t->timed[i].ns < own))
			own = t->timed[i].ns;
	return own;
}

/* The outermost caller whose time is over. */
static bool overdue(const struct thread *t, uint64_t now, uint32_t *depth)
{
	uint64_t top = deadline_of_top(t);

	for (unsigned i = 0; i < t->timed_count; i++)
		if (t->timed[i].ns <= now) {
			*depth = t->timed[i].depth;
			return true;
		}
	*depth = t->depth - 1;
	return top && top <= now;
}

bool deadline_passed(const struct thread *t, uint64_t now)
{
	uint32_t depth;

	return overdue(t, now, &depth);
}

void deadline_evict(struct thread *t)
{
	uint64_t ns = deadline_of_top(t);

	if (ns == 0 || t->timed_count == CALL_TIMERS || (t->timed_count && t->timed[t->timed_count - 1].ns <= ns))
		return;
	t->timed[t->timed_count++] = (struct call_timer){ ns, t->depth - 1 };
}

void deadline_drop(struct thread *t, uint32_t depth)
{
	while (t->timed_count && t->timed[t->timed_count - 1].depth >= depth)
		t->timed_count--;
}

/* the part */

static bool space_own(const struct thread *t, const struct space *s)
{
	return s->slot.keeper == t->slot.keeper || s->principal == t->slot.keeper;
}

/* Is the thread in the callee's part? One that runs in its owner's own space is in no call to another kernel; a call there
 * can only reach its deadline. */
static bool away(const struct part *p)
{
	const struct thread *t = p->thread;
	const struct activation *top = thread_top(t);

	if (t->depth == 0 || top->kind < ACTIVATION_IMPLICIT || (p->known && t->depth <= p->depth))
		return false;
	return !space_own(t, top->space) || (p->known && t->depth == p->depth + 1);
}

static bool record_own(const struct thread *t, const struct record_name *name, const struct activation_record *r)
{
	const struct slot *s = name->portal ? slot_find(KIND_SPACE, name->space) : NULL;

	return name->portal == 0 || r->kind == ACTIVATION_HANDLER || (s && space_own(t, (const struct space *)s));
}

/* Go down from the top to the caller's level. The links are what is believed: a record may be the heir's already. */
static result part_find(struct part *p)
{
	struct thread *t = p->thread;
	const struct activation *top = thread_top(t);
	uint32_t depth = t->depth;

	p->caller = activation_under(t, top);
	p->kind = top->kind;
	p->cause = top->cause;
	p->portal = top->portal->slot.uid;
	p->address = activation_address(top);
	for (int n = 0; n < PART_LEVELS; n++) {
		struct activation_record r;
		result e = activation_fetch(t, &p->caller, &r);

		depth--;
		if (e < 0)
			return e;
		if (p->caller.portal && (r.link != p->caller.link || r.upper_link != p->caller.upper_link))
			return -BARYON_ELOST;
		if (p->known ? depth == p->depth : record_own(t, &p->caller, &r)) {
			p->depth = depth;
			return 0;
		}
		if (depth == 0 || record_own(t, &p->caller, &r))
			return -BARYON_EBUSY;   /* the owner's own part lies between */
		p->kind = link_kind(r.link);
		p->cause = link_cause(r.link);
		p->portal = p->caller.portal;
		p->address = p->caller.address;
		p->caller = (struct record_name){ r.lower_record, r.lower_space, r.lower_portal, r.lower_link, r.link };
	}
	return -BARYON_EFULL;
}

/* The caller's level into the slot, under the top. The thread is as deep as one call from it. */
static result caller_read(struct part *p)
{
	struct thread *t = p->thread;
	struct activation *top = thread_top(t), *caller = thread_lower(t);
	uint32_t depth = t->depth;
	result r;

	t->depth = p->depth + 1;
	r = activation_read(t, caller, &p->caller);
	if (r == 0 && (!registers_acceptable(caller, &caller->registers) || top->lower_in_frame)) {
		activation_forget(caller);
		r = -BARYON_ELOST;
	}
	if (r < 0) {
		t->depth = depth;
		return r;
	}
	t->count = 2;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (caller->space->slot.state == SLOT_LOADED)
		return 0;
	activation_forget(caller);
	t->count = 1;
	t->depth = depth;
	return RESULT_RESTART;
}

/* heirs */

static struct thread *heir_find(const struct part *p)
{
	const struct portal *portal = (const struct portal *)slot_find(KIND_PORTAL, p->portal);
	uint64_t stack = portal ? (p->address - portal->records) / sizeof(struct activation_record) : 0;
	struct slot *s;

	if (portal == NULL || portal->heirs == 0 || stack >= portal->stack_count)
		return NULL;
	s = slot_find(KIND_THREAD, portal->heirs + stack);
	return s && s->keeper == portal->slot.keeper ? (struct thread *)s : NULL;
}

static bool heir_ready(const struct thread *heir, const struct thread *t)
{
	return heir != t && heir->slot.state == SLOT_LOADED && heir->run == RUN_STOPPED && heir->depth == 0 &&
	       heir->count == 1 && !heir->ending && heir->asked == 0;
}

static void record_rename(struct activation *a, baryon_uid thread, unsigned kind)
{
	frame_touch_pointer(a->record);
	a->kind = (uint8_t)kind;
	a->record->kind = (uint16_t)kind;
	a->record->thread = thread;
}

/* The heir, locked, goes over its base to the thread's top, which is one of `levels` of the part. 0; ENOENT: it cannot;
 * RESULT_RESTART: the level is going. */
static result heir_take(struct thread *heir, struct thread *t, uint32_t levels)
{
	struct activation *top = thread_top(t), *base = thread_top(heir), *a = thread_lower(heir);
	unsigned kind = top->kind;

	if (!heir_ready(heir, t))
		return -BARYON_ENOENT;
	activation_write(heir, base, NULL);
	*a = *top;
	a->map = !(a->space->flags & SPACE_SUPERVISOR) ? a->space :
		 base->space->flags & SPACE_SUPERVISOR ? NULL : base->space;
	a->handler_sp = heir->handler_top;
	if (levels == 1)
		activation_note(a, base);
	if (a->cause & CAUSE_XSTATE)
		xstate_mark(heir);
	record_rename(a, heir->slot.uid, levels == 1 ? ACTIVATION_ORPHAN : kind);
	thread_swap(heir);
	heir->depth = levels;
	heir->prepared = heir->entered = false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (a->space->slot.state == SLOT_LOADED && a->portal->slot.state == SLOT_LOADED)
		return 0;
	record_rename(a, t->slot.uid, kind);
	thread_swap(heir);
	heir->depth = 0;
	return RESULT_RESTART;
}

/* One record of the part becomes the heir's. */
static void record_adopt(struct slot *s, const struct record_name *name, struct thread *heir, uint32_t depth)
{
	struct portal *p = (struct portal *)s;
	uint64_t i = (name->address - p->records) / sizeof *p->record;
	struct activation_record *r = p->record + i;

	spin_lock(&s->lock);
	if (s->state == SLOT_LOADED && s->uid == name->portal && i < p->stack_count && r->link == name->link) {
		const struct thread_home *h = heir->slot.home;

		frame_touch_pointer(r);
		r->thread = heir->slot.uid;
		r->depth = depth;
		if (depth == 1) {
			r->kind = ACTIVATION_ORPHAN;
			r->lower_record = 0;
			r->lower_link = h->base.link;
			r->lower_space = h->base.space;
			r->lower_portal = 0;
		}
	}
	spin_unlock(&s->lock);
}

/* Go through the records between the top and the caller: they are the heir's, or, without one, give back their stacks. */
static void part_records(const struct part *p, struct record_name name, uint32_t levels, struct thread *heir)
{
	for (uint32_t depth = levels - 1; depth > 0; depth--) {
		struct activation_record r;
		struct slot *s;

		if (activation_fetch(p->thread, &name, &r) < 0 || (s = slot_find(KIND_PORTAL, name.portal)) == NULL)
			return;
		if (heir)
			record_adopt(s, &name, heir, depth);
		else if (record_stack_give(&name) < 0)
			return;
		name = (struct record_name){ r.lower_record, r.lower_space, r.lower_portal, r.lower_link, r.link };
	}
}

/* The part runs on in the heir. */
static result part_inherit(struct part *p, uint32_t levels, struct thread *heir)
{
	struct record_name under = activation_under(p->thread, thread_top(p->thread));
	struct portal *portal = thread_top(p->thread)->portal;
	result r;

	spin_lock(&heir->slot.lock);
	r = heir_take(heir, p->thread, levels);
	spin_unlock(&heir->slot.lock);
	if (r < 0)
		return r;
	part_records(p, under, levels, heir);
	spin_lock(&heir->slot.lock);
	if (heir->slot.state == SLOT_LOADED && heir->run == RUN_STOPPED && heir->depth == levels)
		thread_ready_locked(heir);
	spin_unlock(&heir->slot.lock);
	pool_hurry(portal);
	return 0;
}

/* The caller's level is the top now; its call fails. */
static void caller_go_on(struct part *p)
{
	struct activation *caller = thread_top(p->thread);

	deadline_drop(p->thread, p->depth);
	if (p->kind == ACTIVATION_EXPLICIT)
		call_result(&caller->registers, p->error);
	else
		call_fail(caller, p->cause, p->error);
}

static result part_abandon(struct part *p)
{
	struct thread *t = p->thread, *heir;
	uint32_t levels;
	result r = activation_make_room(t);

	if (r == 0)
		r = part_find(p);
	levels = t->depth - p->depth;
	if (r == 0)
		r = caller_read(p);
	if (r < 0)
		return r;
	heir = heir_find(p);
	r = heir ? part_inherit(p, levels, heir) : -BARYON_ENOENT;
	if (r == RESULT_RESTART) {
		activation_forget(thread_lower(t));
		t->count = 1;
		t->depth = p->depth + levels;
		return r;
	}
	if (r == 0) {
		thread_top(t)->record = NULL;
		thread_top(t)->portal = NULL;
	} else {
		part_records(p, activation_under(t, thread_top(t)), levels, NULL);
	}
	activation_pop(t);
	caller_go_on(p);
	return 0;
}

/* Calls in portals that restart need no heir. */
static result restarting_drop(struct part *p)
{
	struct thread *t = p->thread;

	while (away(p) && thread_top(t)->kind == ACTIVATION_IMPLICIT && (thread_top(t)->portal->flags & PORTAL_RESTARTS)) {
		result r = activation_want_lower(t);

		if (r < 0)
			return r;
		p->cause = thread_top(t)->cause;
		p->kind = ACTIVATION_IMPLICIT;
		activation_pop(t);
	}
	return 0;
}

static bool abandon(struct thread *t, struct part *p)
{
	uint32_t depth = t->depth;
	result r;

	xstate_put(t);
	this_cpu()->losing = true;
	r = restarting_drop(p);
	if (r == 0 && away(p)) {
		r = part_abandon(p);
	} else if (r == 0) {
		p->depth = t->depth;
		caller_go_on(p);
	}
	this_cpu()->losing = false;
	return r == 0 || t->depth < depth;
}

bool call_abandon_due(struct thread *t)
{
	struct part p = { .thread = t, .error = -BARYON_EABANDONED };

	t->due_asked = false;
	if (t->abandon_asked) {
		t->abandon_asked = false;
		return away(&p) && abandon(t, &p);
	}
	if (t->lower_unseen) {
		t->lower_unseen = false;
		if (thread_top(t)->kind == ACTIVATION_EXPLICIT && activation_want_lower(t) < 0)
			return false;
	}
	p.known = true;
	p.error = -BARYON_ETIMEDOUT;
	return (t->timed_count || deadline_of_top(t)) && overdue(t, clock_now(), &p.depth) && away(&p) && abandon(t, &p);
}

result call_abandon(struct call *call)
{
	bool waits = false;
	struct thread *t;
	result r = thread_want(call, call->a[0], &t);

	if (r < 0)
		return r;
	spin_lock(&t->slot.lock);
	if (t->slot.uid != call->a[0] || t->slot.state != SLOT_LOADED)
		r = RESULT_RESTART;
	else if (t == call->thread || (t->run != RUN_RUNNING && !away(&(struct part){ .thread = t })))
		r = -BARYON_ENOENT;
	if (r == 0) {
		/* One that waits, waits in the callee: there the wait begins again, in the heir. */
		t->abandon_asked = true;
		thread_disturb_locked(t);
		waits = t->run == RUN_STACK;
	}
	spin_unlock(&t->slot.lock);
	if (waits)
		thread_stop_queueing(t);
	return r;
}
