/* Mappings. Homes are never written: accessed and dirty bits are no part of them. A mapping is an entry of a page table, a
 * descriptor in the list of its frame (reverse map), and the table's shadow word that names the descriptor.
 * Locks: the space's for the entry and the shadow word, then the page's for the list.
 *
 * Taking out goes in three steps, so that no frame is reused while a CPU can still reach it: entries out; shoot-down;
 * descriptors out of the reverse map. */
#include "mapping.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "memory.h"
#include "page.h"
#include "reference.h"
#include "shootdown.h"
#include "table.h"

enum { BATCH = 64, RANGE_STEP = 4096 };

/* Canonical, also in domains. */
static uint64_t mapping_address(const struct mapping *m)
{
	return (uint64_t)((int64_t)((uint64_t)m->page << (64 - 36)) >> (64 - 36 - PAGE_BITS));
}

/* Entries that were taken out and wait for the shoot-down. */
struct batch {
	struct space *space;
	unsigned count;
	unsigned bits;              /* MAPPING_ACCESSED | MAPPING_DIRTY of any */
	uint64_t address;           /* of the last */
	uint32_t mapping[BATCH];
	uint32_t table[BATCH];
};

/* the reverse map; the page is locked */

static uint32_t list_head(const struct page *p, const struct mapping *m, frame_number f)
{
	return m->large ? p->group_mappings : state.frames[f].mappings;
}

static void list_set_head(struct page *p, const struct mapping *m, frame_number f, uint32_t head)
{
	if (m->large)
		p->group_mappings = head;
	else
		state.frames[f].mappings = head & 0xffffff;
}

static void reverse_add(struct page *p, struct mapping *m, frame_number f)
{
	uint32_t head = list_head(p, m, f);

	m->word[0] = head | (uint64_t)m->space << MAPPING_SPACE_SHIFT;
	if (head)
		mapping_at(head - 1)->previous = (mapping_number(m) + 1) & 0xffffff;
	list_set_head(p, m, f, mapping_number(m) + 1);
}

static void reverse_remove(struct page *p, struct mapping *m, frame_number f)
{
	if (m->previous)
		mapping_at(m->previous - 1u)->next = m->next;
	else
		list_set_head(p, m, f, m->next);
	if (m->next)
		mapping_at(m->next - 1u)->previous = m->previous;
}

/* taking out */

static void mapping_free(struct space *s, struct mapping *m, frame_number f)
{
	struct page *p = page_at(state.frames[f].page - 1);
	struct kernel *k = s->slot.keeper;

	spin_lock(&p->lock);
	reverse_remove(p, m, f);
	spin_unlock(&p->lock);
	if (m->thread)
		__atomic_fetch_sub(&thread_at(m->thread - 1u)->signal_mappings, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&k->loaded[KIND_MAPPING], 1, __ATOMIC_RELAXED);
	if (m->locked)
		__atomic_fetch_sub(&k->locked[KIND_MAPPING], 1, __ATOMIC_RELAXED);
	m->live = 0;
	cache_give(KIND_MAPPING, mapping_number(m));
	state.counters->unloaded[KIND_MAPPING]++;
}

struct out { uint32_t mapping; frame_number frame; };

/* Step one for the entry `slot` of `table`. The space is locked. */
static void entry_take(struct batch *b, struct out *out, uint32_t table, unsigned slot)
{
	mmu_entry e = mmu_exchange(&table_entries(table)[slot], 0);
	struct mapping *m = mapping_at(table_shadow(table)[slot] - 1);

	if (mmu_accessed(e))
		b->bits |= MAPPING_ACCESSED;
	if (mmu_dirty(e)) {
		b->bits |= MAPPING_DIRTY;
		frame_touch(mmu_frame(e));
	}
	if (m->locked)
		state.tables[table].pinned--;
	out->mapping = mapping_number(m);
	out->frame = mmu_frame(e);
	b->table[b->count] = table;
	b->address = mapping_address(m);
	b->count++;
}

/* Steps two and three. */
static void batch_finish(struct batch *b, struct out *out)
{
	if (b->count == 0)
		return;
	if (b->count == 1)
		shootdown_page(b->space, b->address);
	else
		shootdown_space(b->space);
	for (unsigned i = 0; i < b->count; i++)
		mapping_free(b->space, mapping_at(out[i].mapping), out[i].frame);
	for (unsigned i = 0; i < b->count; i++)
		table_entry_gone(b->space, b->table[i]);
	b->count = 0;
}

/* The first present leaf at or after *address and before end. The space is locked. */
static bool leaf_next(struct space *s, uint64_t *address, uint64_t end, uint32_t *table, unsigned *slot)
{
	unsigned level;

	while (*address < end) {
		uint64_t span, next;

		*table = table_seek(s, *address, &level, slot);
		if (mmu_present(table_entries(*table)[*slot]))
			return true;
		span = PAGE_BYTES << (9 * level);
		next = (*address & ~(span * MMU_ENTRIES - 1)) + span * table_scan(*table, *slot + 1);
		if (next <= *address)
			return false;
		*address = next;
	}
	return false;
}

static uint64_t leaf_bytes(uint32_t table)
{
	return state.tables[table].level ? GROUP_BYTES : PAGE_BYTES;
}

/* Take out what lies in [*address, end), at most a batch; *address is where it stopped. keep_locked: pass over
 * locked ones. The space is locked. */
static unsigned range_take(struct space *s, uint64_t *address, uint64_t end, bool keep_locked)
{
	struct out out[BATCH];
	struct batch b = { .space = s };
	uint32_t table;
	unsigned slot;

	while (b.count < BATCH && leaf_next(s, address, end, &table, &slot)) {
		uint64_t bytes = leaf_bytes(table);

		if (!keep_locked || !mapping_at(table_shadow(table)[slot] - 1)->locked)
			entry_take(&b, &out[b.count], table, slot);
		*address = (*address & ~(bytes - 1)) + bytes;
	}
	batch_finish(&b, out);
	return b.bits;
}

static uint64_t space_first(const struct space *s)
{
	return s->flags & SPACE_PROGRAM ? 0 : DOMAIN_BASE + s->domain * DOMAIN_BYTES;
}

static uint64_t space_end(const struct space *s)
{
	return s->flags & SPACE_PROGRAM ? PROGRAM_LIMIT : DOMAIN_BASE + (s->domain + 1ull) * DOMAIN_BYTES;
}

result mapping_unload_some(struct space *s)
{
	uint64_t address = space_first(s), end = space_end(s);
	bool some;

	/* Another CPU may help to unload the space, and have ended it. */
	spin_lock(&s->slot.lock);
	some = s->table != TABLE_NONE && state.tables[s->table].entries;
	if (some)
		(void)range_take(s, &address, end, false);
	spin_unlock(&s->slot.lock);
	return some;
}

void mapping_unload_under(uint32_t table)
{
	struct table *t = &state.tables[table];
	struct space *s = space_at(t->space);
	uint64_t address, end;

	spin_lock(&s->slot.lock);
	address = t->address;
	end = address + GROUP_BYTES;
	while (t->live && t->level == 0 && space_at(t->space) == s && t->address + GROUP_BYTES == end && address < end)
		(void)range_take(s, &address, end, true);
	spin_unlock(&s->slot.lock);
}

result mapping_unload(uint32_t index, uint32_t generation, bool write)
{
	struct mapping *m = mapping_at(index);
	struct space *s = space_at(m->space);
	uint64_t address = mapping_address(m), end;

	(void)generation;
	(void)write;
	if (!m->live)
		return 0;
	end = address + PAGE_BYTES;
	spin_lock(&s->slot.lock);
	if (m->live && space_at(m->space) == s && s->table != TABLE_NONE)
		(void)range_take(s, &address, end, false);
	spin_unlock(&s->slot.lock);
	return 0;
}

bool mapping_unused(uint32_t index)
{
	uint32_t name = index + 1;

	for (unsigned i = 0; i < state.cpus; i++) {
		struct thread *t = state.cpu[i].thread;

		for (unsigned g = 0; t && g < GUARDS; g++)
			if (t->guard[g] == name)
				return false;
	}
	return true;
}

bool mapping_guarded_under(uint32_t table)
{
	for (unsigned i = 0; i < state.cpus; i++) {
		struct thread *t = state.cpu[i].thread;

		for (unsigned g = 0; t && g < GUARDS; g++) {
			struct mapping *m = t->guard[g] ? mapping_at(t->guard[g] - 1) : NULL;

			if (m && m->live && m->space == state.tables[table].space &&
			    (((uint64_t)m->page << PAGE_BITS) ^ state.tables[table].address) << 16 >> 37 == 0)
				return true;
		}
	}
	return false;
}

result mapping_unload_signals(struct thread *t)
{
	uint32_t name = slot_index(&t->slot) + 1;

	if (t->signal_mappings == 0)
		return 0;
	for (uint32_t i = 0; i < state.cache[KIND_MAPPING].count; i++)
		if (mapping_at(i)->live && mapping_at(i)->thread == name)
			(void)mapping_unload(i, 0, false);
	return t->signal_mappings ? 1 : 0;
}

/* putting in */

struct plan {                   /* a checked mapping_home */
	struct mapping_home h;
	struct container *container;
	struct page *page;
	struct thread *signal;
	unsigned rights;
	bool large;
};

/* Without the right to read, an entry would count and not be there. */
static bool rights_possible(unsigned rights)
{
	return (rights & RIGHT_READ) && !(rights & ~(unsigned)(RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE));
}

static result home_check(const struct space *s, const struct mapping_home *h)
{
	uint64_t align = h->flags & MAPPING_LARGE ? GROUP_BYTES - 1 : PAGE_BYTES - 1;
	unsigned rights = h->rights;

	if ((h->address & align) || h->address < space_first(s) || h->address > space_end(s) - align - 1)
		return -BARYON_EINVAL;
	if ((h->flags & MAPPING_LARGE) && h->index % GROUP_PAGES)
		return -BARYON_EINVAL;
	if (!rights_possible(rights))
		return -BARYON_EINVAL;
	return (rights & RIGHT_WRITE) && (rights & RIGHT_EXECUTE) ? -BARYON_EINVAL : 0;
}

static result plan_signal(struct plan *p, struct call *call, const struct space *s)
{
	uint32_t keeper = UID_KEEPER(p->h.signal);
	struct slot *t;
	result r;

	if (p->h.signal == 0)
		return 0;
	if (keeper != call->kernel->number && (s->principal == NULL || keeper != s->principal->number))
		return -BARYON_EPERM;
	r = slot_want(KIND_THREAD, p->h.signal, &t);
	p->signal = (struct thread *)t;
	return r;
}

static result plan_make(struct plan *p, struct call *call, struct space *s)
{
	const struct mapping_home *h = &p->h;
	unsigned needed = h->rights | (h->signal ? RIGHT_SIGNAL : 0);
	struct reference *reference;
	result r = home_check(s, h);

	p->large = (h->flags & MAPPING_LARGE) != 0;
	p->signal = NULL;
	if (r == 0)
		r = reference_want(call->space, h->container, KIND_CONTAINER, &reference);
	if (r < 0)
		return r;
	if (needed & ~reference->rights)
		return -BARYON_EPERM;
	p->container = (struct container *)reference->target;
	if (h->index >= p->container->size_pages)
		return -BARYON_EINVAL;
	p->page = page_find(p->container, h->index);
	if (p->page == NULL)
		return want_object(KIND_PAGE, p->container->slot.uid, h->index);
	if (p->page->state == SLOT_DYING) {
		r = object_unload_id(OBJECT_ID(KIND_PAGE, page_number(p->page)), p->page->generation, false);
		return r < 0 ? r : RESULT_RESTART;
	}
	if ((p->large && !(p->page->flags & PAGE_LARGE)) ||
	    ((h->rights & RIGHT_WRITE) && (p->page->flags & PAGE_READ_ONLY)))
		return -BARYON_EINVAL;
	p->rights = h->rights | (s->flags & SPACE_SUPERVISOR ? 0 : MMU_USER) |
		    (p->page->flags & PAGE_DEVICE ? MMU_DEVICE : 0) | (p->large ? MMU_LARGE : 0);
	p->page->used = true;
	return plan_signal(p, call, s);
}

static void mapping_fill(struct mapping *m, const struct plan *p, struct space *s, bool locked)
{
	uint64_t thread = p->signal ? slot_index(&p->signal->slot) + 1 : 0;

	m->word[0] = (uint64_t)slot_index(&s->slot) << MAPPING_SPACE_SHIFT;
	m->word[1] = ((p->h.address >> PAGE_BITS) & ((1ull << 36) - 1)) | thread << MAPPING_THREAD_SHIFT | MAPPING_IS_LIVE |
		     (locked ? MAPPING_IS_LOCKED : 0) | (p->large ? MAPPING_IS_LARGE : 0);
}

static void guard(struct thread *t, struct mapping *m)
{
	if (t)
		t->guard[t->guard_next++ % GUARDS] = mapping_number(m) + 1;
}

static void mapping_count(struct space *s, bool locked)
{
	struct kernel *k = s->slot.keeper;

	__atomic_fetch_add(&k->loaded[KIND_MAPPING], 1, __ATOMIC_RELAXED);
	if (locked)
		__atomic_fetch_add(&k->locked[KIND_MAPPING], 1, __ATOMIC_RELAXED);
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

/* Enter it: the point of no return is the page's recheck. Space locked, table and slot known, entry empty. */
static result entry_put(struct space *s, const struct plan *p, struct mapping *m, uint32_t table, unsigned slot, bool locked)
{
	struct page *page = p->page;
	frame_number f;

	if (!signal_claim(p)) {
		table_unused(s, table);
		return RESULT_RESTART;
	}
	spin_lock(&page->lock);
	if (!page_is(page, p->container, p->h.index)) {
		spin_unlock(&page->lock);
		signal_release(p);
		table_unused(s, table);
		return RESULT_RESTART;
	}
	f = page_frame(page, p->h.index);
	mapping_fill(m, p, s, locked);
	reverse_add(page, m, f);
	spin_unlock(&page->lock);
	table_shadow(table)[slot] = mapping_number(m) + 1;
	table_entry_new(table, slot);
	if (locked)
		state.tables[table].pinned++;
	mapping_count(s, locked);
	(void)mmu_exchange(&table_entries(table)[slot], mmu_make(f, p->rights));
	state.counters->loaded[KIND_MAPPING]++;
	return 0;
}

/* Something is mapped there: out with it, or EEXIST. The space is locked. */
static result entry_conflict(struct space *s, const struct plan *p, unsigned flags)
{
	uint64_t address = p->h.address;

	if (!(flags & LOAD_REPLACE))
		return -BARYON_EEXIST;
	(void)range_take(s, &address, address + (p->large ? GROUP_BYTES : PAGE_BYTES), false);
	return RESULT_RESTART;
}

static result plan_enter(struct space *s, const struct plan *p, struct mapping *m, unsigned flags)
{
	bool locked = (p->h.flags & MAPPING_LOCKED) != 0;
	unsigned slot;
	uint32_t table;
	result r;

	spin_lock(&s->slot.lock);
	if (s->slot.state != SLOT_LOADED || s->table == TABLE_NONE) {
		spin_unlock(&s->slot.lock);
		return RESULT_RESTART;
	}
	table = table_leaf(s, p->h.address, p->large ? 1 : 0, &slot);
	if (table == TABLE_NONE) {
		spin_unlock(&s->slot.lock);
		r = table_displace();
		return r < 0 ? r : RESULT_RESTART;
	}
	if (table == TABLE_NONE - 1 || mmu_present(table_entries(table)[slot]))
		r = entry_conflict(s, p, flags);
	else
		r = entry_put(s, p, m, table, slot, locked);
	spin_unlock(&s->slot.lock);
	return r;
}

static result map_one(struct call *call, struct space *s, uint64_t address, unsigned flags)
{
	struct plan p;
	uint32_t m;
	result r = memory_read(call->space, address, &p.h, sizeof p.h);

	if (r == 0)
		r = plan_make(&p, call, s);
	if (r == 0 && (p.h.flags & MAPPING_LOCKED) &&
	    call->kernel->locked[KIND_MAPPING] >= call->kernel->lock_quota[KIND_MAPPING])
		r = -BARYON_EQUOTA;
	for (int tries = 0; r == 0 && tries < 8; tries++) {
		r = cache_take(KIND_MAPPING, call->kernel, &m);
		if (r < 0)
			return r;
		r = plan_enter(s, &p, mapping_at(m), flags);
		if (r == 0) {
			guard(call->thread, mapping_at(m));
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

result call_mapping_load(struct call *call)
{
	uint64_t count = call->a[2], done;
	unsigned flags = (unsigned)call->a[3];
	struct space *s;
	result r = space_of_caller(call, call->a[0], &s);

	if (r < 0)
		return r;
	if (count == 0 || count > BATCH_LIMIT || (call->a[1] & 7))
		return -BARYON_EINVAL;
	/* What resuming may miss is missed first: nothing is loaded twice. */
	if (flags & LOAD_RESUME)
		r = thread_top(call->thread)->kind == ACTIVATION_HANDLER ? activation_want_lower(call->thread) :
									  -BARYON_EINVAL;
	if (r < 0)
		return r;
	for (done = 0; done < count; done++) {
		r = map_one(call, s, call->a[1] + done * sizeof(struct mapping_home), flags);
		if (r == -BARYON_EEXIST && count > 1)
			continue;
		/* A miss of a later one is not worth a call to its manager: the first is what matters. */
		if (r < 0 && done > 0 && r != RESULT_RESTART && r != RESULT_FAULT)
			break;
		if (r < 0)
			return r;
	}
	return flags & LOAD_RESUME ? RESULT_RESUME : (result)done;
}

static result range_check(struct call *call, struct space **s, uint64_t *first, uint64_t *end)
{
	result r = space_of_caller(call, call->a[0], s);

	*first = call->a[1];
	*end = *first + call->a[2] * PAGE_BYTES;
	if (r < 0)
		return r;
	if (*first % PAGE_BYTES || call->a[2] == 0 || call->a[2] > DOMAIN_BYTES / PAGE_BYTES)
		return -BARYON_EINVAL;
	return *first < space_first(*s) || *end > space_end(*s) || *end < *first ? -BARYON_EINVAL : 0;
}

/* The call goes on from `address`: its arguments say so when it is executed again. */
static result range_again(struct call *call, uint64_t address, uint64_t end)
{
	call_set_argument(call, 1, address);
	call_set_argument(call, 2, (end - address) / PAGE_BYTES);
	return RESULT_RESTART;
}

result call_mapping_unload(struct call *call)
{
	struct space *s;
	uint64_t address, end;
	unsigned bits = 0;
	result r = range_check(call, &s, &address, &end);

	if (r < 0)
		return r;
	for (int step = 0; step < 16 && address < end; step++) {
		spin_lock(&s->slot.lock);
		bits |= s->table == TABLE_NONE ? 0 : range_take(s, &address, end, false);
		if (s->table == TABLE_NONE)
			address = end;
		spin_unlock(&s->slot.lock);
	}
	return address < end ? range_again(call, address, end) : (result)bits;
}

static unsigned entry_protect(struct space *s, uint32_t table, unsigned slot, unsigned rights)
{
	mmu_entry *at = &table_entries(table)[slot], e = *at, old;
	unsigned now = mmu_rights(e), then = now & (rights | MMU_USER);
	unsigned shape = (mmu_is_large(e) ? MMU_LARGE : 0) | (mmu_is_device(e) ? MMU_DEVICE : 0);

	(void)s;
	if (now == then)
		return 0;
	old = mmu_exchange(at, mmu_make(mmu_frame(e), then | shape));
	if (mmu_dirty(old))
		frame_touch(mmu_frame(old));
	return 1;
}

result call_mapping_protect(struct call *call)
{
	struct space *s;
	uint64_t address, end;
	unsigned changed = 0, rights = (unsigned)call->a[3], slot, seen = 0;
	uint32_t table;
	result r = range_check(call, &s, &address, &end);

	if (r < 0)
		return r;
	if (!rights_possible(rights))
		return -BARYON_EINVAL;
	spin_lock(&s->slot.lock);
	while (s->table != TABLE_NONE && seen++ < RANGE_STEP && leaf_next(s, &address, end, &table, &slot)) {
		changed += entry_protect(s, table, slot, rights);
		address = (address & ~(leaf_bytes(table) - 1)) + leaf_bytes(table);
	}
	if (changed)
		shootdown_space(s);
	spin_unlock(&s->slot.lock);
	return seen > RANGE_STEP && address < end ? range_again(call, address, end) : 0;
}

result call_mapping_read(struct call *call)
{
	struct mapping_home h = { 0 };
	struct space *s;
	struct page *p;
	mmu_entry e;
	result r = space_of_caller(call, call->a[0], &s);

	if (r < 0)
		return r;
	spin_lock(&s->slot.lock);
	e = call->a[1] < space_first(s) || call->a[1] >= space_end(s) ? 0 : table_entry(s, call->a[1]);
	if (mmu_present(e) && state.frames[mmu_frame(e)].page) {
		p = page_at(state.frames[mmu_frame(e)].page - 1);
		h.address = call->a[1] & ~(PAGE_BYTES - 1);
		h.index = p->index + (mmu_frame(e) - p->frame);
		h.rights = (uint16_t)(mmu_rights(e) & 7);
		h.flags = (uint16_t)((mmu_is_large(e) ? MAPPING_LARGE : 0) | (mmu_accessed(e) ? MAPPING_ACCESSED : 0) |
				     (mmu_dirty(e) ? MAPPING_DIRTY : 0));
	}
	spin_unlock(&s->slot.lock);
	return h.rights ? memory_write(call->space, call->a[2], &h, sizeof h) : -BARYON_ENOENT;
}

result mapping_make_locked(struct space *space, uint64_t address, struct page *page, uint64_t index, unsigned rights)
{
	struct plan p = {
		.h = { .address = address, .index = index, .flags = MAPPING_LOCKED },
		.container = page->container, .page = page, .rights = rights | MMU_USER,
	};
	uint32_t m;
	result r = cache_take(KIND_MAPPING, space->slot.keeper, &m);

	return r < 0 ? r : plan_enter(space, &p, mapping_at(m), 0);
}

/* signals */

unsigned mapping_receivers(frame_number frame, struct signal_receiver *out, unsigned limit)
{
	uint32_t name = state.frames[frame].page;
	struct page *p = name ? page_at(name - 1) : NULL;
	unsigned n = 0;

	if (p == NULL)
		return 0;
	spin_lock(&p->lock);
	for (uint32_t i = state.frames[frame].mappings; i && n < limit; i = mapping_at(i - 1)->next) {
		struct mapping *m = mapping_at(i - 1);

		if (m->thread == 0)
			continue;
		out[n].thread = thread_at(m->thread - 1u);
		out[n].generation = out[n].thread->slot.generation;
		out[n].address = mapping_address(m);
		n++;
	}
	spin_unlock(&p->lock);
	return n;
}
