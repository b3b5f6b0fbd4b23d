/* Activations. Homes: the thread's home for the lowest level, a record beside the stack it took for every other, in
 * memory of the kernel whose space it runs in. Both ends of a link carry the same random number and the thread's uid.
 *
 * Invariants
 *  1. A record's kind is not FREE exactly while its stack is in use.
 *  2. A level's registers lie in its slot, or, under a handler, in the handler's trap frame; never in both.
 *  3. A level in the slot has its space, map and portal loaded; they are unloaded after the thread. */
#include "activation.h"
#include "cache.h"
#include "capability.h"
#include "forward.h"
#include "abandon.h"
#include "memory.h"
#include "pool.h"
#include "portal.h"
#include "xstate.h"

bool registers_acceptable(const struct activation *a, const struct registers *r)
{
	uint64_t base = DOMAIN_BASE + a->space->domain * DOMAIN_BYTES;

	/* User mode, wherever: a bad address is the program's own exception, and its owner may have to go on from a stub page. */
	if (a->space->flags & SPACE_PROGRAM)
		return true;
	return r->rip - base < DOMAIN_BYTES || r->rip - STUBS_TRAPPING < 2 * PAGE_BYTES;
}

void registers_in(struct thread *t, const struct registers *r)
{
	if (t == NULL || r == NULL || r == &thread_top(t)->registers)
		return;
	thread_top(t)->registers = *r;
	thread_top(t)->registers.flags = REGISTERS_FULL;
}

uint64_t activation_address(const struct activation *a)
{
	if (a->kind == ACTIVATION_BASE)
		return 0;
	if (a->kind == ACTIVATION_HANDLER)
		return a->block + sizeof(struct trap_frame);
	return a->portal->records + a->stack * sizeof(struct activation_record);
}

/* A record may lie with a kernel that would rather have another kind of level there: see link_kind. */
static uint64_t link_of(struct activation *a)
{
	if (a->link == 0)
		a->link = (link_draw() & ~127ull) | a->kind | (a->cause & 7) << 3 | (a->cause & CAUSE_INDIRECT) >> 2;
	return a->link;
}

/* Below where the next handler block goes over what lies under this level: its own, if it is one, is the next. */
static uint64_t handler_sp_under(const struct activation *a)
{
	return a->kind == ACTIVATION_HANDLER ? a->block + 512 : a->handler_sp;
}

static struct activation_record *record_of(struct thread *t, struct activation *a)
{
	return a->kind == ACTIVATION_BASE ? &((struct thread_home *)t->slot.home)->base : a->record;
}

static uint32_t depth_of(const struct thread *t, const struct activation *a)
{
	return a == thread_top(t) ? t->depth : t->depth - 1;
}

void activation_note(struct activation *a, struct activation *lower)
{
	a->lower_link = link_of(lower);
	a->lower_record = activation_address(lower);
	a->lower_space = lower->space->slot.uid;
	a->lower_portal = lower->portal ? lower->portal->slot.uid : 0;
}

COLD void activation_write(struct thread *t, struct activation *a, struct activation *lower)
{
	struct activation_record *to = record_of(t, a);
	struct activation_record r = {
		.link = link_of(a), .thread = t->slot.uid, .kind = a->kind, .cause = (uint16_t)a->cause, .depth = depth_of(t, a),
		.space = a->space->slot.uid, .portal = a->portal ? a->portal->slot.uid : 0,
		.stack = a->kind == ACTIVATION_HANDLER ? a->block : a->stack, .registers = a->registers,
		.upper_link = a == thread_top(t) ? 0 : link_of(thread_top(t)),
	};

	if (lower)
		activation_note(a, lower);
	r.lower_link = a->lower_link;
	r.lower_record = a->lower_record;
	r.lower_space = a->lower_space;
	r.lower_portal = a->lower_portal;
	if (!(a->registers.flags & REGISTERS_FULL)) {   /* a call loses these, and they were not saved */
		r.registers.rcx = a->registers.rip;
		r.registers.r11 = a->registers.rflags;
	}
	if (to)
		frame_write(frame_of_pointer(to), to, &r, sizeof r);
}

void activation_forget(struct activation *a)
{
	if (a->page_node.at)
		memory_independ(frame_of_pointer(a->frame), &a->page_node);
	a->kind = ACTIVATION_FREE;
	a->cause = 0;           /* fast_portal.c sets none */
}

result activation_make_room(struct thread *t)
{
	struct activation *top = thread_top(t), *eldest = thread_lower(t);

	if (t->count < 2)
		return 0;
	t->entered = false;     /* fast.c wants both levels in the slot */
	deadline_evict(t);
	activation_note(top, eldest);
	activation_write(t, eldest, NULL);
	activation_forget(eldest);
	t->count = 1;
	return 0;
}

struct activation *activation_push(struct thread *t)
{
	struct activation *lower = thread_top(t), *a = thread_lower(t);

	thread_swap(t);
	t->count = 2;
	t->depth++;
	t->prepared = t->entered = false;
	a->link = 0;
	a->lower_in_frame = false;
	a->handler_sp = lower->kind == ACTIVATION_HANDLER ? lower->registers.rsp : lower->handler_sp;
	return a;
}

/* May the level be entered again without looking, once it was left? Its portals are as they are now. */
static bool level_prepares(struct thread *t, struct activation *a)
{
	const struct kernel *k = t->slot.keeper;

	if (a->kind != ACTIVATION_HANDLER || a->record != t->handler_record || t->depth != 1 ||
	    !(thread_lower(t)->space->flags & SPACE_PROGRAM) || thread_lower(t)->space->slot.keeper != k)
		return false;
	for (unsigned cause = TRAP_SYSCALL; cause <= TRAP_EXCEPTION; cause++) {
		const struct portal *p = k->portal[cause];

		if (p == NULL || p->space != a->space)
			return false;
		t->handler_entry[cause - TRAP_SYSCALL] = p->entry;
	}
	frame_touch_pointer(a->frame);
	a->frame->flags = 0;
	a->link = 0;
	return true;
}

COLD void bases_keep(struct thread *t)
{
	if (t->program && thread_top(t)->kind < ACTIVATION_IMPLICIT)
		bases_save(t);
}

void activation_pop(struct thread *t)
{
	struct activation *a = thread_top(t);

	if (a->kind >= ACTIVATION_IMPLICIT && thread_lower(t)->kind < ACTIVATION_IMPLICIT && t == this_cpu()->thread)
		cpu_set_bases(t->fs_base, t->gs_base);
	if (a->cause & CAUSE_XSTATE)
		xstate_leave(t);
	if (a->record) {
		frame_touch_pointer(a->record);
		a->record->kind = ACTIVATION_FREE;
	}
	if (a->portal)
		pool_give(a->portal, a->stack);
	t->portals_seen = __atomic_load_n(&t->slot.keeper->portals_changed, __ATOMIC_ACQUIRE);
	t->prepared = level_prepares(t, a);
	t->entered = t->takes_signals = false;
	activation_forget(a);
	if (t->prepared)
		a->kind = ACTIVATION_HANDLER;
	thread_swap(t);
	t->count = 1;
	t->depth--;
}

/* reading back */

static COLD result record_of_portal(const struct record_name *name, struct activation_record *r)
{
	struct portal *p;
	struct slot *s;
	uint64_t i;
	result e = slot_want(KIND_PORTAL, name->portal, &s);

	if (e < 0)
		return e;
	p = (struct portal *)s;
	spin_lock(&s->lock);
	i = (name->address - p->records) / sizeof *r;
	if (s->state != SLOT_LOADED || s->uid != name->portal)
		e = RESULT_RESTART;
	else if (p->space->slot.uid != name->space || i >= p->stack_count || name->address % sizeof *r)
		e = -BARYON_ELOST;
	else
		memory_move(r, &p->record[i], sizeof *r);
	spin_unlock(&s->lock);
	return e;
}

/* A fault here is the owner's own: the space is that of the thread's handler stack. */
static COLD result record_of_block(struct thread *t, const struct record_name *name, struct activation_record *r)
{
	struct space *s = t->handler_space;
	struct memory_place place;
	result e;

	if (name->address % sizeof *r || name->space != s->slot.uid)
		return -BARYON_ELOST;
	spin_lock(&s->slot.lock);
	e = memory_place(s, name->address, RIGHT_READ | RIGHT_WRITE, &place);
	if (e == 0)
		memory_move(r, place.pointer, sizeof *r);
	spin_unlock(&s->slot.lock);
	return e;
}

COLD result activation_fetch(struct thread *t, const struct record_name *name, struct activation_record *r)
{
	if (name->address == 0) {
		memory_move(r, &((struct thread_home *)t->slot.home)->base, sizeof *r);
		return 0;
	}
	return name->portal ? record_of_portal(name, r) : record_of_block(t, name, r);
}

/* The base is its owner's to change. */
static result record_check(struct thread *t, const struct activation_record *r, const struct record_name *name,
			   uint32_t depth)
{
	if (r->thread != t->slot.uid)
		return -BARYON_ELOST;
	if (name->address == 0)
		return r->kind == ACTIVATION_BASE && depth == 0 ? 0 : -BARYON_ELOST;
	if (r->depth != depth || r->link != name->link || r->upper_link != name->upper_link)
		return -BARYON_ELOST;
	if (r->kind == ACTIVATION_ORPHAN ? depth != 1 : r->kind <= ACTIVATION_BASE || r->kind != link_kind(r->link))
		return -BARYON_ELOST;
	return 0;
}

static COLD result portal_of_record(struct activation *a, const struct activation_record *r, const struct record_name *name)
{
	struct slot *s;
	result e;

	a->portal = NULL;
	if (r->kind < ACTIVATION_IMPLICIT)
		return 0;
	e = slot_want(KIND_PORTAL, name->portal, &s);
	if (e < 0)
		return e;
	a->portal = (struct portal *)s;
	a->stack = (uint32_t)r->stack;
	if (r->portal != name->portal || r->stack >= a->portal->stack_count || a->portal->space != a->space ||
	    a->portal->records + r->stack * sizeof *r != name->address)
		return slot_refused(s, -BARYON_ELOST);
	a->record = a->portal->record + r->stack;
	a->portal->revisited = true;
	return 0;
}

static COLD result block_of_record(struct thread *t, struct activation *a, const struct activation_record *r, uint64_t address)
{
	struct memory_place place;
	result e;

	if (r->kind != ACTIVATION_HANDLER)
		return 0;
	a->block = r->stack;
	if (a->space != t->handler_space || a->block + sizeof(struct trap_frame) != address)
		return -BARYON_ELOST;
	if (a->block + 512 == t->handler_top) {
		a->frame = t->handler_frame;
		a->record = t->handler_record;
		return 0;
	}
	e = memory_place_depend(a->space, a->block, RIGHT_READ | RIGHT_WRITE, &place, &a->page_node, t->slot.id);
	if (e < 0)
		return e;
	a->frame = place.pointer;
	a->record = (struct activation_record *)(a->frame + 1);
	return 0;
}

static void level_fill(struct thread *t, struct activation *a, const struct activation_record *r)
{
	a->kind = (uint8_t)r->kind;
	a->link = r->link;
	a->lower_link = r->lower_link;
	a->lower_record = r->lower_record;
	a->lower_space = r->lower_space;
	a->lower_portal = r->lower_portal;
	a->handler_sp = handler_sp_under(thread_top(t));
	a->cause = link_cause(r->link);
	if (a->kind == ACTIVATION_EXPLICIT && (r->cause & CAUSE_XSTATE)) {
		a->cause = CAUSE_XSTATE;        /* the callee's own word, for its own state */
		xstate_mark(t);
	}
	a->lower_in_frame = r->kind == ACTIVATION_HANDLER;
	a->registers = r->registers;
	a->registers.flags &= ~(uint64_t)REGISTERS_SUPERVISOR;
	a->registers.flags |= REGISTERS_FULL;
	if (a->space->flags & SPACE_SUPERVISOR)
		a->registers.flags |= REGISTERS_SUPERVISOR;
	a->map = a->space;
	if (a->space->flags & SPACE_SUPERVISOR)
		a->map = t->base_space && !(t->base_space->flags & SPACE_SUPERVISOR) ? t->base_space : NULL;
}

COLD result activation_read(struct thread *t, struct activation *a, const struct record_name *name)
{
	uint64_t address = name->address;
	struct activation_record r;
	struct slot *s;
	result e = activation_fetch(t, name, &r);

	if (e == 0)
		e = record_check(t, &r, name, depth_of(t, a));
	if (e == 0)
		e = slot_want(KIND_SPACE, r.space, &s);
	/* The home may change at any time: the base stays where the thread was loaded or rebased to. */
	if (e == 0 && (address ? r.space != name->space : (struct space *)s != t->base_space))
		e = slot_refused(s, -BARYON_ELOST);
	if (e < 0)
		return e;
	a->space = (struct space *)s;
	a->record = NULL;
	a->page_node.at = NULL;
	e = portal_of_record(a, &r, name);
	if (e == 0)
		e = block_of_record(t, a, &r, address);
	if (e < 0)
		return e;
	level_fill(t, a, &r);
	return 0;
}

/* Whoever unloads what the level needs marks that first, and then looks for levels: one of us sees the other. */
COLD bool activation_there(const struct activation *a, const struct record_name *name)
{
	const struct slot *s = &a->space->slot, *p = a->portal ? &a->portal->slot : NULL;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return s->state == SLOT_LOADED && (name->address == 0 || s->uid == name->space) &&
	       (p == NULL || (p->state == SLOT_LOADED && p->uid == name->portal));
}

/* A block of the handler stack lies in the part of it that is in use, whoever says where. */
struct record_name activation_under(const struct thread *t, const struct activation *a)
{
	uint64_t sp = handler_sp_under(a);
	bool nowhere = a->lower_record && a->lower_portal == 0 && a->lower_record - sp >= t->handler_top - sp;

	return (struct record_name){ nowhere ? 1 : a->lower_record, a->lower_space, a->lower_portal, a->lower_link, a->link };
}

result activation_record_under(struct thread *t, struct record_name *name, struct activation_record *r)
{
	result e;

	*name = activation_under(t, t->level[t->count - 1]);
	e = activation_fetch(t, name, r);
	return e < 0 ? e : record_check(t, r, name, t->depth - t->count);
}

result activation_want_lower(struct thread *t)
{
	struct activation *top = thread_top(t);
	struct record_name name = activation_under(t, top);
	result r;

	if (t->count == 2)
		return 0;
	if (t->depth == 0)
		return -BARYON_EINVAL;
	t->prepared = t->entered = false;
	r = activation_read(t, thread_lower(t), &name);
	/* A program makes no explicit calls. */
	if (r == 0 && !top->lower_in_frame && (!registers_acceptable(thread_lower(t), &thread_lower(t)->registers) ||
	    (top->kind == ACTIVATION_EXPLICIT && (thread_lower(t)->space->flags & SPACE_PROGRAM)))) {
		activation_forget(thread_lower(t));
		r = -BARYON_ELOST;
	}
	if (r < 0)
		return r;
	t->count = 2;
	deadline_drop(t, t->depth - 1);
	if (activation_there(thread_lower(t), &name))
		return 0;
	activation_forget(thread_lower(t));
	t->count = 1;
	return RESULT_RESTART;
}

bool activation_leave(struct cpu *cpu, struct thread *t)
{
	const struct activation *a = thread_top(t);

	if (call_abandon_possible(t) && call_abandon_due(t))
		return false;
	if (t->alert_pending && (a->space->flags & SPACE_PROGRAM) && forward_alert(cpu, t))
		return false;
	if (t->pool)
		return pool_look(t);
	xstate_hide(activation_hides_xstate(t));
	return true;
}
