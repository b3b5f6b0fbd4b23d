/* Portals. Home: a portal_home at the owner; which stacks are in use stands in the activation records of the pool, one page
 * of the target space. Derived: the bits of free stacks, the wait queue: see pool.c. */
#include "portal.h"
#include "cache.h"
#include "call.h"
#include "memory.h"
#include "pool.h"
#include "schedule.h"
#include "space.h"
#include "thread.h"

uint64_t portal_stack_top(const struct portal *p, uint32_t stack)
{
	return p->top[stack];
}

/* No thread is inside or about to be: from here on no stack is to be had. The portal is locked and dying. */
static bool portal_closed(struct portal *p)
{
	uint32_t bits = __atomic_exchange_n(&p->free_stacks, 0, __ATOMIC_SEQ_CST), id, generation;
	bool closed = true;

	for (unsigned i = 0; i < state.cpus; i++)
		closed &= __atomic_load_n(&state.cpu[i].entering, __ATOMIC_SEQ_CST) != p;
	/* Who was about to enter before may be inside now. */
	closed = closed && ((bits == portal_all_stacks(p) && !p->revisited) || !thread_in_portal(p, &id, &generation));
	if (!closed)
		__atomic_fetch_or(&p->free_stacks, bits, __ATOMIC_SEQ_CST);
	return closed;
}

static result portal_check(const struct portal_home *h, const struct space *s)
{
	uint64_t each = sizeof(struct activation_record) + (h->flags & PORTAL_XSTATE ? XSTATE_BYTES : 0);
	uint64_t records = h->stack_count * each;

	if (s->flags & SPACE_PROGRAM)
		return -BARYON_EINVAL;
	if (h->stack_count > PORTAL_STACKS || (h->stack_count && (h->stack_bytes < 1024 || h->stack_bytes > (1u << 24))))
		return -BARYON_EINVAL;
	if (h->records % sizeof(struct activation_record) || h->stacks % 16 || h->stack_bytes % 16)
		return -BARYON_EINVAL;
	if (h->stack_count && h->records % PAGE_BYTES + records > PAGE_BYTES)
		return -BARYON_EINVAL;
	if (h->heirs && UID_KEEPER(h->heirs) != UID_KEEPER(h->header.uid))
		return -BARYON_EINVAL;
	if (h->entry - (DOMAIN_BASE + s->domain * DOMAIN_BYTES) >= DOMAIN_BYTES)
		return -BARYON_EINVAL;
	return h->stack_count && h->stacks - (DOMAIN_BASE + s->domain * DOMAIN_BYTES) >= DOMAIN_BYTES ?
		       -BARYON_EINVAL : 0;
}

/* The records say which stacks are in use. */
static void stacks_scan(struct portal *p)
{
	for (uint32_t i = 0; i < p->stack_count; i++)
		if (p->record[i].kind == ACTIVATION_FREE)
			p->free_stacks |= 1u << i;
		else
			p->holder[i] = UID_KEEPER(p->record[i].thread);
}

static result records_take(struct portal *p)
{
	struct memory_place place;
	result r;

	if (p->stack_count == 0)
		return 0;
	r = memory_place_depend(p->space, p->records, RIGHT_READ | RIGHT_WRITE, &place, &p->record_node, p->slot.id);
	if (r < 0)
		return r;
	p->record = place.pointer;
	frame_touch(place.frame);
	return 0;
}

/* The portal is locked: a kernel names none that was unloaded meanwhile, and forgets none that was loaded since. */
static void kernel_name(struct portal *p, struct portal *value)
{
	struct kernel *k = p->slot.keeper;

	for (unsigned i = 1; i < 6; i++)
		if (k->portal_uid[i] == p->slot.uid)
			k->portal[i] = value;
	__atomic_fetch_add(&k->portals_changed, 1, __ATOMIC_SEQ_CST);
}

static void portal_fill(struct portal *p, const struct portal_home *h, struct space *s)
{
	p->space = s;
	p->entry = h->entry;
	p->stacks = h->stacks;
	p->stack_bytes = h->stack_bytes;
	p->stack_count = h->stack_count;
	p->flags = h->flags;
	p->records = h->records;
	p->cookie = h->cookie;
	p->heirs = h->heirs;
	for (uint32_t i = 0; i < PORTAL_STACKS; i++)
		p->top[i] = h->stacks + (i + 1) * h->stack_bytes;
	p->waiting = NULL;
	p->waiting_end = &p->waiting;
}

static result portal_finish(struct portal *p, const struct portal_home *h)
{
	result r = records_take(p);

	if (r < 0)
		return r;
	if (!dependent_add(&p->space->slot, h->space, &p->space_node, p->slot.id)) {
		if (p->record)
			memory_independ(frame_of_pointer(p->record), &p->record_node);
		return RESULT_RESTART;
	}
	p->space->entered = true;
	stacks_scan(p);
	return 0;
}

result portal_load(struct call *call, uint64_t home, unsigned flags)
{
	struct portal_home h;
	struct space *space;
	struct slot *s;
	result r;

	if (home % sizeof h)
		return -BARYON_EINVAL;
	r = memory_read(call->space, home, &h, sizeof h);
	if (r == 0)
		r = space_want_own(call, h.space, &space);
	if (r == 0 && portal_check(&h, space) < 0)
		r = slot_refused(&space->slot, -BARYON_EINVAL);
	if (r == 0)
		r = slot_begin(call, KIND_PORTAL, home, flags, &h, sizeof h, &s);
	if (r < 0)
		return r;
	portal_fill((struct portal *)s, &h, space);
	r = portal_finish((struct portal *)s, &h);
	if (r < 0) {
		slot_abort(s);
		return slot_refused(&space->slot, r);
	}
	spin_lock(&s->lock);
	r = slot_publish(s);
	if (r == 0)
		kernel_name((struct portal *)s, (struct portal *)s);
	spin_unlock(&s->lock);
	return r;
}

void portal_write_back(uint32_t index) { (void)index; }

bool portal_dependent(uint32_t index, uint32_t *id, uint32_t *generation)
{
	struct portal *p = SLOT_AT(portal, KIND_PORTAL, index);

	return slot_dependent(&p->slot, id, generation) || thread_in_portal(p, id, generation);
}

result portal_unload(uint32_t index, uint32_t generation, bool write)
{
	struct portal *p = SLOT_AT(portal, KIND_PORTAL, index);

	(void)write;
	if (!slot_lock_dying(&p->slot, generation))
		return 0;
	kernel_name(p, NULL);
	spin_unlock(&p->slot.lock);
	pool_close(p);
	if (!slot_lock_dying(&p->slot, generation))
		return 0;
	if (!portal_closed(p)) {
		spin_unlock(&p->slot.lock);
		return RESULT_RESTART;
	}
	if (p->record)
		memory_independ(frame_of_pointer(p->record), &p->record_node);
	dependent_remove(&p->space->slot, &p->space_node);
	slot_end(&p->slot);
	return 0;
}
