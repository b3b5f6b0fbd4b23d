/* Loss: levels that end because their space, their thread or their caller does. Homes: the levels' records. Nothing is derived. */
#include "loss.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "memory.h"
#include "pool.h"
#include "portal.h"

enum { CUT_STEPS = 64 };

/* What an owner's handler sees to is lost: a call in a space that is destroyed. */
static bool handles_lost(const struct thread *t)
{
	const struct activation *lower = thread_lower(t);

	return thread_top(t)->kind == ACTIVATION_HANDLER && t->count == 2 && lower->kind == ACTIVATION_EXPLICIT &&
	       lower->space->destroyed;
}

bool top_ends(const struct thread *t)
{
	const struct activation *a = thread_top(t);

	return a->space->destroyed || (a->kind == ACTIVATION_IMPLICIT && (a->portal->flags & PORTAL_RESTARTS)) || handles_lost(t);
}

/* Levels in a space that is destroyed are lost: an explicit call returns with ELOST, an implicit one is executed again. So is
 * one in a portal that restarts: its stack is not kept by a thread that cannot run. A level whose lower one cannot be
 * had right now stays: unloading may have begun below. */
void levels_lose(struct thread *t)
{
	this_cpu()->losing = true;
	while (t->depth > 0 && top_ends(t) && activation_want_lower(t) == 0) {
		bool explicit = thread_top(t)->kind == ACTIVATION_EXPLICIT;

		activation_pop(t);
		if (explicit)
			call_result(&thread_top(t)->registers, -BARYON_ELOST);
	}
	this_cpu()->losing = false;
}

result record_stack_give(const struct record_name *name)
{
	struct slot *s;
	struct portal *p;
	uint32_t i;
	result r = slot_want(KIND_PORTAL, name->portal, &s);

	if (r < 0)
		return r;
	p = (struct portal *)s;
	spin_lock(&s->lock);
	i = (uint32_t)((name->address - p->records) / sizeof *p->record);
	if (s->state != SLOT_LOADED || s->uid != name->portal || i >= p->stack_count) {
		spin_unlock(&s->lock);
		return RESULT_RESTART;
	}
	if (p->record[i].kind == ACTIVATION_FREE || p->record[i].link != name->link) {
		spin_unlock(&s->lock);
		return 0;
	}
	frame_touch_pointer(&p->record[i]);
	p->record[i].kind = ACTIVATION_FREE;
	p->revisited = true;
	pool_put(p, i);
	spin_unlock(&s->lock);          /* from now on the slot may be another portal's */
	pool_pass(p);
	return 0;
}

/* The level above takes the place of the one that is cut out: both ends of the link agree. */
static void level_cut(struct thread *t, const struct activation_record *r)
{
	struct activation *a = t->level[t->count - 1];

	a->link = r->link;
	a->lower_link = r->lower_link;
	a->lower_record = r->lower_record;
	a->lower_space = r->lower_space;
	a->lower_portal = r->lower_portal;
	t->depth--;
}

result levels_cut(struct thread *t)
{
	for (int step = 0; step < CUT_STEPS; step++) {
		struct activation_record record;
		struct record_name name;
		result r;

		if (t->depth <= t->count)       /* the base is next */
			return 0;
		r = activation_record_under(t, &name, &record);
		if (r == 0 && name.portal)
			r = record_stack_give(&name);
		if (r < 0)
			return r > -256 ? 0 : r;
		level_cut(t, &record);
	}
	return RESULT_RESTART;
}

void levels_release(struct thread *t)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct activation *a = t->level[i];

		if (a->record) {
			frame_touch_pointer(a->record);
			a->record->kind = ACTIVATION_FREE;
		}
		if (a->portal)
			pool_give(a->portal, a->stack);
	}
}
