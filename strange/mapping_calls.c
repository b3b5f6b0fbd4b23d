/* The calls on mappings: each decodes and checks, does what the short ways of mapping.c can, and the rest one by one. */
#include "activation.h"
#include "alias.h"
#include "cache.h"
#include "call.h"
#include "container.h"
#include "mapping.h"
#include "mapping_entry.h"
#include "memory.h"
#include "reference.h"
#include "shootdown.h"
#include "signal.h"

enum { RANGE_STEP = 4096 };

struct plan {                   /* a checked mapping_home */
	struct mapping_home h;
	baryon_uid space;
	struct grant grant;
	struct page *page;
	uint32_t generation;        /* of that slot */
	struct thread *signal;
};

static result home_check(const struct space *s, const struct mapping_home *h)
{
	uint64_t align = h->flags & MAPPING_LARGE ? GROUP_BYTES - 1 : PAGE_BYTES - 1;

	if ((h->address & align) || !space_contains(s, h->address, align + 1))
		return -BARYON_EINVAL;
	if ((h->flags & MAPPING_LARGE) && (h->index % GROUP_PAGES | h->signal))
		return -BARYON_EINVAL;
	return rights_possible(h->rights) ? 0 : -BARYON_EINVAL;
}

static unsigned rights_needed(const struct mapping_home *h) { return h->rights | (h->signal ? RIGHT_SIGNAL : 0); }

static bool page_allows(const struct plan *p)
{
	return rights_granted(p->page, rights_needed(&p->h), p->grant.rights) &&
	       (!(p->h.flags & MAPPING_LARGE) || (p->page->flags & PAGE_LARGE));
}

/* Is the page, which is locked, the one that was found, and may it be mapped so? A slot that is being filled says more than it gives. */
static bool plan_holds(const struct plan *p)
{
	return p->page->generation == p->generation && page_granted(p->page, &p->grant, p->h.index) && page_allows(p);
}

static result plan_signal(struct plan *p, struct call *call, const struct space *s)
{
	uint32_t keeper = UID_KEEPER(p->h.signal);
	struct page *own;
	struct slot *t, *c;
	baryon_uid uid;
	bool same;
	result r;

	if (p->h.signal == 0)
		return 0;
	if (keeper != call->kernel->number && (s->principal == NULL || keeper != s->principal->number))
		return -BARYON_EPERM;
	r = slot_want(KIND_THREAD, p->h.signal, &t);
	p->signal = (struct thread *)t;
	if (r < 0)
		return r;
	/* A signal looks in the container of the frame's own page. */
	own = page_lock(p->page);
	c = slot_of(own->container);
	uid = c->uid;
	same = plan_holds(p);
	spin_unlock(&own->lock);
	return !same ? RESULT_RESTART :
	       container_signal_kernel((struct container *)c, uid,
				       keeper | (uint32_t)p->h.flags >> MAPPING_OTHERS << SIGNAL_OTHERS);
}

/* What refuses a mapping was true only if the reference was bound all the time: its target may be another by now. */
static result refused(const struct reference_view *v)
{
	return reference_is(v) ? -BARYON_EINVAL : RESULT_RESTART;
}

result grant_want(struct grant *g, struct space *from, uint64_t handle, unsigned needed, uint64_t index, struct reference_view *v)
{
	result r = reference_want(from, handle, KIND_CONTAINER, v);

	if (r < 0)
		return r;
	if (needed & ~v->rights)
		return -BARYON_EPERM;
	*g = (struct grant){ (struct container *)v->target, v->target_uid, v->rights };
	return index < g->container->size_pages ? 0 : refused(v);
}

result grant_page(const struct grant *g, uint64_t index, struct page **page)
{
	struct page *p = *page = page_find(g->container, index);
	result r = 0;

	if (p == NULL)
		return want_object(KIND_PAGE, g->uid, index);
	p->used = true;
	if (p->state == SLOT_DYING) {
		r = object_unload_id(OBJECT_ID(KIND_PAGE, page_number(p)), p->generation, false);
		r = r < 0 ? r : RESULT_RESTART;
	}
	return r;
}

static result plan_make(struct plan *p, struct call *call, struct space *s)
{
	const struct mapping_home *h = &p->h;
	struct reference_view v;
	bool allowed;
	result r = home_check(s, h);

	p->signal = NULL;
	if (r == 0)
		r = grant_want(&p->grant, call->space, h->container, rights_needed(h), h->index, &v);
	if (r == 0)
		r = grant_page(&p->grant, h->index, &p->page);
	if (r < 0)
		return r;
	p->generation = __atomic_load_n(&p->page->generation, __ATOMIC_ACQUIRE);
	allowed = page_allows(p);
	/* Bound all the time, the reference was to the container that the page is of: while that page is there, nothing was revoked. */
	if (!page_granted(p->page, &p->grant, h->index) || !reference_is(&v))
		return RESULT_RESTART;
	if (!allowed)
		return -BARYON_EINVAL;
	return plan_signal(p, call, s);
}

static void signal_release(const struct plan *p)
{
	if (p->signal)
		__atomic_fetch_sub(&p->signal->signal_mappings, 1, __ATOMIC_RELAXED);
}

/* Counted first, then looked at: who unloads the thread marks it first and then waits until the count is zero. */
static bool signal_claim(const struct plan *p)
{
	struct thread *t = p->signal;

	if (t == NULL)
		return true;
	__atomic_fetch_add(&t->signal_mappings, 1, __ATOMIC_SEQ_CST);
	if (t->slot.state == SLOT_LOADED && t->slot.uid == p->h.signal)
		return true;
	signal_release(p);
	return false;
}

static void entry_fill(struct space *s, const struct plan *p, uint64_t shape, uint32_t name, uint32_t table, unsigned slot)
{
	frame_number f = page_frame(p->page, p->h.index);
	unsigned rights = p->h.rights | entry_rights(s, p->page) | (shape & MAPPING_IS_LARGE ? MMU_LARGE : 0);

	reverse_add(s, reverse_head(p->page, shape & (MAPPING_IS_LARGE | MAPPING_IS_DERIVED), f), p->h.address, shape,
		    mapping_at(name - 1), name);
	if (shape & MAPPING_IS_DERIVED)
		alias_mapping_first(p->page, mapping_at(name - 1));
	table_shadow(table)[slot] = name;
	table_entry_new(&state.tables[table], (uint16_t)slot);
	(void)mmu_exchange(&table_entries(table)[slot], mmu_make(f, rights));
}

/* The point of no return is the page's recheck. Space locked, table and slot known, entry empty. */
static result entry_put(struct space *s, const struct plan *p, uint32_t index, uint32_t table, unsigned slot)
{
	uint64_t thread = p->signal ? slot_index(&p->signal->slot) + 1 : 0;
	uint64_t shape = thread | (p->h.flags & MAPPING_LOCKED ? MAPPING_IS_LOCKED : 0) |
			 (p->h.flags & MAPPING_LARGE ? MAPPING_IS_LARGE : 0);
	struct page *own;
	bool same = signal_claim(p);

	if (same) {
		own = page_lock(p->page);
		same = plan_holds(p);
		if (own != p->page)
			shape |= MAPPING_IS_DERIVED | MAPPING_IS_FIRST;
		if (same)
			entry_fill(s, p, shape, index + 1, table, slot);
		if (same && p->signal)
			signal_receivers_change();
		spin_unlock(&own->lock);
		if (!same)
			signal_release(p);
	}
	if (!same) {
		table_unused(s, table);
		return RESULT_RESTART;
	}
	if (p->h.flags & MAPPING_LOCKED) {
		state.tables[table].pinned++;
		__atomic_fetch_add(&s->slot.keeper->locked[KIND_MAPPING], 1, __ATOMIC_RELAXED);
	}
	mappings_count(s, 1);
	return 0;
}

/* Something is mapped there: out with it, or EEXIST. The space is locked. */
static result entry_conflict(struct space *s, const struct plan *p, unsigned flags)
{
	uint64_t address = p->h.address;

	if (!(flags & LOAD_REPLACE))
		return -BARYON_EEXIST;
	(void)mapping_range_take(s, &address, address + (p->h.flags & MAPPING_LARGE ? GROUP_BYTES : PAGE_BYTES), NULL);
	return RESULT_RESTART;
}

static result plan_enter(struct space *s, const struct plan *p, uint32_t index, unsigned flags)
{
	unsigned slot;
	uint32_t table;
	result r;

	spin_lock(&s->slot.lock);
	/* Another load of it may have another range. */
	if (s->slot.state != SLOT_LOADED || s->slot.uid != p->space || s->table == TABLE_NONE || !space_contains(s, p->h.address, 1)) {
		spin_unlock(&s->slot.lock);
		return RESULT_RESTART;
	}
	table = table_leaf(s, p->h.address, p->h.flags & MAPPING_LARGE ? 1 : 0, &slot);
	if (table == TABLE_NONE) {
		spin_unlock(&s->slot.lock);
		r = table_displace();
		return r < 0 ? r : RESULT_RESTART;
	}
	if (table == TABLE_NONE - 1 || mmu_present(table_entries(table)[slot]))
		r = entry_conflict(s, p, flags);
	else
		r = entry_put(s, p, index, table, slot);
	spin_unlock(&s->slot.lock);
	return r;
}

static result map_one(struct call *call, struct space *s, uint64_t address, unsigned flags)
{
	struct plan p;
	uint32_t m;
	result r = memory_read(call->space, address, &p.h, sizeof p.h);

	p.space = call->a[0];
	if (r == 0)
		r = plan_make(&p, call, s);
	if (r == 0 && (p.h.flags & MAPPING_LOCKED) &&
	    call->kernel->locked[KIND_MAPPING] >= call->kernel->lock_quota[KIND_MAPPING])
		r = -BARYON_EQUOTA;
	for (int tries = 0; r == 0 && tries < 8; tries++) {
		r = cache_take(KIND_MAPPING, call->kernel, &m);
		if (r < 0)
			return r;
		r = plan_enter(s, &p, m, flags);
		if (r == 0) {
			mapping_guard(call->thread, m + 1);
			return 0;
		}
		cache_give(KIND_MAPPING, m);
		if (r == RESULT_RESTART)
			r = plan_make(&p, call, s);
	}
	return r < 0 ? r : RESULT_RESTART;
}

static result space_of_caller(struct call *call, baryon_uid uid, struct space **space)
{
	struct slot *s;
	result r;

	if (UID_KEEPER(uid) != call->kernel->number)
		return -BARYON_EPERM;
	r = slot_want(KIND_SPACE, uid, &s);
	*space = (struct space *)s;
	return r;
}

/* As many as the short way and the long way put in; the first that neither does decides. */
static result homes_load(struct call *call, struct space *s, unsigned flags)
{
	uint64_t count = call->a[2], left = count;

	do {
		uint64_t done;
		result r;

		left = mapping_load_run(call->cpu, call->thread, call->r, left);
		if (left == 0)
			break;
		done = count - left;
		r = map_one(call, s, call->a[1] + done * sizeof(struct mapping_home), flags);

		/* A miss of a later one is not worth a call to its manager: the first is what matters. */
		if (r < 0 && !(r == -BARYON_EEXIST && count > 1))
			return done > 0 && r != RESULT_RESTART && r != RESULT_FAULT ? (result)done : r;
	} while (--left > 0);
	return (result)count;
}

result call_mapping_load(struct call *call)
{
	uint64_t count = call->a[2];
	unsigned flags = (unsigned)call->a[3];
	struct space *s;
	result r = 0;

	if (count == 0 || count > BATCH_LIMIT || (call->a[1] & 7))
		return -BARYON_EINVAL;
	/* What resuming may miss is missed first: nothing is loaded twice. */
	if (flags & LOAD_RESUME)
		r = thread_top(call->thread)->kind == ACTIVATION_HANDLER ? activation_want_lower(call->thread) :
									  -BARYON_EINVAL;
	if (r == 0)
		r = space_of_caller(call, call->a[0], &s);
	if (r < 0)
		return r;
	r = homes_load(call, s, flags);
	if (r < 0)
		return slot_refused(&s->slot, r);
	return flags & LOAD_RESUME ? RESULT_RESUME : r;
}

/* Pages of a range, and what was seen of it before the call was executed again. */
static uint64_t pages_of(uint64_t count) { return count & ~UNLOAD_SEEN; }
static unsigned seen_of(uint64_t count) { return (unsigned)(count >> UNLOAD_SEEN_SHIFT) & (MAPPING_ACCESSED | MAPPING_DIRTY); }

static result range_check(struct call *call, struct space **s, uint64_t *end)
{
	result r = space_of_caller(call, call->a[0], s);

	*end = call->a[1] + pages_of(call->a[2]) * PAGE_BYTES;
	if (r < 0)
		return r;
	return mapping_range_good(*s, call->a[1], pages_of(call->a[2])) ? 0 : slot_refused(&(*s)->slot, -BARYON_EINVAL);
}

/* The call goes on from `address`: its arguments say so when it is executed again. */
static result range_again(struct call *call, uint64_t address, uint64_t end, unsigned seen)
{
	call_set_argument(call, 1, address);
	call_set_argument(call, 2, (end - address) / PAGE_BYTES | (uint64_t)seen << UNLOAD_SEEN_SHIFT);
	return RESULT_RESTART;
}

result call_mapping_unload(struct call *call)
{
	struct space *s;
	uint64_t address = call->a[1], end;
	unsigned seen = seen_of(call->a[2]);
	result r = range_check(call, &s, &end);

	if (r < 0)
		return r;
	for (int step = 0; step < 16 && address < end; step++)
		if (!mapping_range_step(s, call->a[0], call->kernel, &address, end, &seen))
			address = end;
	return address < end ? range_again(call, address, end, seen) : (result)seen;
}

result call_mapping_protect(struct call *call)
{
	struct space *s;
	uint64_t address = call->a[1], end;
	unsigned rights = (unsigned)call->a[3];
	result r = range_check(call, &s, &end);
	bool there;

	if (r < 0)
		return r;
	if (!(rights & RIGHT_READ) || rights >= RIGHT_CALL)
		return -BARYON_EINVAL;
	spin_lock(&s->slot.lock);
	there = s->slot.uid == call->a[0] && s->table != TABLE_NONE;
	if (there && mapping_range_protect(s, &address, end, rights, RANGE_STEP))
		shootdown_space(s);
	spin_unlock(&s->slot.lock);
	return there && address < end ? range_again(call, address, end, 0) : 0;
}

result call_mapping_read(struct call *call)
{
	struct mapping_home h = { 0 };
	struct space *s;
	struct page *p, *own;
	mmu_entry e;
	result r = space_of_caller(call, call->a[0], &s);

	if (r < 0)
		return r;
	spin_lock(&s->slot.lock);
	e = space_contains(s, call->a[1], 1) ? table_entry(s, call->a[1]) : 0;
	if (mmu_present(e) && state.frames[mmu_frame(e)].page) {
		own = page_at(state.frames[mmu_frame(e)].page - 1);
		spin_lock(&own->lock);
		p = page_mapped(s, call->a[1], mmu_frame(e), own);
		h.address = call->a[1] & ~(PAGE_BYTES - 1);
		if (p)
			h.index = p->index + (mmu_frame(e) - p->frame);
		else
			r = RESULT_RESTART;
		spin_unlock(&own->lock);
		h.rights = (uint16_t)(mmu_rights(e) & 7);
		h.flags = (uint16_t)((mmu_is_large(e) ? MAPPING_LARGE : 0) | (mmu_accessed(e) ? MAPPING_ACCESSED : 0) |
				     (mmu_dirty(e) ? MAPPING_DIRTY : 0));
	}
	spin_unlock(&s->slot.lock);
	if (r == 0)
		r = slot_refused(&s->slot, h.rights ? 0 : -BARYON_ENOENT);
	return r < 0 ? r : memory_write(call->space, call->a[2], &h, sizeof h);
}

result mapping_make_locked(struct space *space, uint64_t address, struct page *page, uint64_t index, unsigned rights)
{
	struct plan p = {
		.h = { .address = address, .index = index, .rights = (uint16_t)rights, .flags = MAPPING_LOCKED | MAPPING_LARGE },
		.space = space->slot.uid, .page = page, .generation = page->generation,
		.grant = { (struct container *)slot_of(page->container), slot_of(page->container)->uid, rights },
	};
	uint32_t m;
	result r = cache_take(KIND_MAPPING, space->slot.keeper, &m);

	return r < 0 ? r : plan_enter(space, &p, m, 0);
}

