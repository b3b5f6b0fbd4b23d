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
#include "space.h"
#include "table.h"

enum { BATCH = 64, FEW = 8, RUN = 8, RANGE_STEP = 4096 };

/* Canonical, also in domains. */
static uint64_t mapping_address(const struct mapping *m)
{
	return (uint64_t)((int64_t)((uint64_t)m->page << (64 - 36)) >> (64 - 36 - PAGE_BITS));
}

/* Entries that were taken out and wait for the shoot-down. */
struct batch {
	struct space *space;
	unsigned count;
	mmu_entry seen;             /* marks of any */
	struct { uint32_t mapping, table; frame_number frame; } out[BATCH];
};

/* the reverse map; the page is locked */

static inline void list_set_head(struct page *p, bool large, frame_number f, uint32_t head)
{
	if (large)
		p->group_mappings = head;
	else
		frame_set_mappings(f, head);
}

static void reverse_remove(struct page *p, struct mapping *m, frame_number f)
{
	if (m->previous)
		mapping_at(m->previous - 1u)->next = m->next;
	else
		list_set_head(p, m->large, f, m->next);
	if (m->next)
		mapping_at(m->next - 1u)->previous = m->previous;
}

/* taking out */

/* What only few mappings have. */
static __attribute__((noinline, cold)) void mapping_ungrant(struct kernel *k, const struct mapping *m, uint32_t table)
{
	if (m->thread)
		__atomic_fetch_sub(&thread_at(m->thread - 1u)->signal_mappings, 1, __ATOMIC_RELAXED);
	if (m->locked) {
		__atomic_fetch_sub(&k->locked[KIND_MAPPING], 1, __ATOMIC_RELAXED);
		state.tables[table].pinned--;
	}
}

/* Step one for the entry `slot` of `table`. The space is locked. */
static inline void entry_take(struct batch *b, uint32_t table, unsigned slot)
{
	mmu_entry e = mmu_exchange(&table_entries(table)[slot], 0);

	b->seen |= e;
	if (mmu_dirty(e))
		frame_touch(mmu_frame(e));
	b->out[b->count].mapping = table_shadow(table)[slot] - 1;
	b->out[b->count].table = table;
	b->out[b->count].frame = mmu_frame(e);
	b->count++;
}

/* Step two. Few are forgotten one by one. */
static void batch_shootdown(const struct batch *b)
{
	if (b->count > FEW) {
		shootdown_space(b->space);
		return;
	}
	for (unsigned i = 1; i < b->count; i++)
		shootdown_own(b->space, mapping_address(mapping_at(b->out[i].mapping)));
	shootdown_page(b->space, mapping_address(mapping_at(b->out[0].mapping)));
}

/* Step three: out of the reverse map; the descriptors become a chain of the free list. A frame keeps its page until its last mapping
 * is out. */
static uint32_t batch_descriptors(struct batch *b)
{
	struct page *p = NULL;
	uint32_t chain = 0;

	for (unsigned i = 0; i < b->count; i++) {
		struct mapping *m = mapping_at(b->out[i].mapping);
		struct page *of = page_at(state.frames[b->out[i].frame].page - 1);

		if (of != p) {
			if (p)
				spin_unlock(&p->lock);
			p = of;
			spin_lock(&p->lock);
		}
		reverse_remove(p, m, b->out[i].frame);
		if (m->word[1] & MAPPING_IS_RARE)
			mapping_ungrant(b->space->slot.keeper, m, b->out[i].table);
		m->word[0] = chain;
		m->word[1] = 0;
		chain = b->out[i].mapping + 1;
	}
	spin_unlock(&p->lock);
	return chain;
}

static void batch_tables(const struct batch *b)
{
	for (unsigned i = 0, n; i < b->count; i += n) {
		for (n = 1; i + n < b->count && b->out[i + n].table == b->out[i].table; n++)
			;
		table_entries_gone(b->space, b->out[i].table, n);
	}
}

/* Steps two and three. Says what was seen. */
static unsigned batch_finish(struct batch *b)
{
	if (b->count == 0)
		return 0;
	batch_shootdown(b);
	mappings_give(batch_descriptors(b), b->out[0].mapping, b->count);
	__atomic_fetch_sub(&b->space->slot.keeper->loaded[KIND_MAPPING], b->count, __ATOMIC_RELAXED);
	state.counters->unloaded[KIND_MAPPING] += b->count;
	batch_tables(b);
	return (mmu_accessed(b->seen) ? MAPPING_ACCESSED : 0) | (mmu_dirty(b->seen) ? MAPPING_DIRTY : 0);
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

/* How many entries from `slot` on, whose address is `address`, are worth a look before `end`: more than one only among pages. */
static unsigned leaf_span(uint32_t table, unsigned slot, uint64_t address, uint64_t end)
{
	const struct table *t = &state.tables[table];
	uint64_t left = (end - address + PAGE_BYTES - 1) / PAGE_BYTES;

	if (t->level || slot > t->high)
		return 1;
	return left < t->high - slot + 1u ? (unsigned)left : t->high - slot + 1u;
}

static uint64_t leaf_bytes(uint32_t table)
{
	return state.tables[table].level ? GROUP_BYTES : PAGE_BYTES;
}

static bool entry_locked(uint32_t table, unsigned slot)
{
	return mapping_at(table_shadow(table)[slot] - 1)->locked;
}

/* Take out what lies in [*address, end), at most a batch; *address is where it stopped. keep_locked: pass over
 * locked ones. Says what was seen. The space is locked. */
static unsigned range_take(struct space *s, uint64_t *address, uint64_t end, bool keep_locked)
{
	struct batch b;
	uint32_t table;
	unsigned slot;

	b.space = s;
	b.count = 0;
	b.seen = 0;
	while (b.count < BATCH && leaf_next(s, address, end, &table, &slot)) {
		const mmu_entry *e = table_entries(table);
		unsigned n = leaf_span(table, slot, *address, end), i;

		for (i = 0; i < n && b.count < BATCH; i++)
			if (mmu_present(e[slot + i]) && (!keep_locked || !entry_locked(table, slot + i)))
				entry_take(&b, table, slot + i);
		*address = (*address & ~(leaf_bytes(table) - 1)) + i * leaf_bytes(table);
	}
	return batch_finish(&b);
}

result mapping_unload_some(struct space *s)
{
	uint64_t address = space_first(s), end = address + space_bytes(s);
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

/* What a handle of a container gives, read while it was bound. */
struct grant {
	struct container *container;
	baryon_uid uid;             /* of the container: its slot may become another's */
	unsigned rights;
};

static inline bool grant_read(const struct reference *f, baryon_uid name, struct grant *g)
{
	uint32_t generation = __atomic_load_n(&f->slot.generation, __ATOMIC_ACQUIRE);

	g->container = (struct container *)f->target;
	g->uid = f->target_uid;
	g->rights = f->rights;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return f->slot.uid == name && f->slot.state == SLOT_LOADED && f->slot.generation == generation &&
	       OBJECT_KIND(g->container->slot.id) == KIND_CONTAINER;
}

/* Is the locked page that one of the container's? */
static inline bool page_granted(const struct page *p, const struct grant *g, uint64_t index)
{
	return page_is(p, g->container, index) && g->container->slot.uid == g->uid;
}

/* Without the right to read, an entry would count and not be there. Never writable and executable. */
static inline bool rights_possible(unsigned rights)
{
	enum { POSSIBLE = 1 << RIGHT_READ | 1 << (RIGHT_READ | RIGHT_WRITE) | 1 << (RIGHT_READ | RIGHT_EXECUTE) };

	return rights < 8 && (POSSIBLE >> rights & 1);
}

static inline bool rights_granted(const struct page *p, unsigned rights, unsigned granted)
{
	return !(rights & ~granted) && !((rights & RIGHT_WRITE) && (p->flags & PAGE_READ_ONLY));
}

/* Enter it. Space and page are locked, the page is the one, the entry is empty. shape: MAPPING_IS_* and thread. */
static inline void entry_fill(struct space *s, struct page *p, const struct mapping_home *h, uint64_t shape, uint32_t index,
			      uint32_t table, unsigned slot)
{
	bool large = (shape & MAPPING_IS_LARGE) != 0;
	frame_number f = page_frame(p, h->index);
	struct mapping *m = mapping_at(index);
	uint32_t head = large ? p->group_mappings : state.frames[f].mappings;
	unsigned rights = h->rights | (s->flags & SPACE_SUPERVISOR ? 0 : MMU_USER) |
			  (p->flags & PAGE_DEVICE ? MMU_DEVICE : 0) | (large ? MMU_LARGE : 0);

	m->word[0] = head | (uint64_t)slot_index(&s->slot) << MAPPING_SPACE_SHIFT;
	m->word[1] = ((h->address >> PAGE_BITS) & ((1ull << 36) - 1)) | MAPPING_IS_LIVE | shape;
	if (head)
		mapping_at(head - 1)->previous = (index + 1) & 0xffffff;
	list_set_head(p, large, f, index + 1);
	table_shadow(table)[slot] = index + 1;
	table_entry_new(table, slot);
	(void)mmu_exchange(&table_entries(table)[slot], mmu_make(f, rights));
}

static inline void guard(struct thread *t, uint32_t index)
{
	t->guard[t->guard_next++ % GUARDS] = index + 1;
}

static void mappings_count(struct space *s, unsigned count)
{
	__atomic_fetch_add(&s->slot.keeper->loaded[KIND_MAPPING], count, __ATOMIC_RELAXED);
	state.counters->loaded[KIND_MAPPING] += count;
}

/* the short way: a run of homes whose pages are loaded, into a space that stays locked. What is anything else ends the run; the
 * long way says what it is */

struct run {
	struct space *from, *into;
	struct thread *thread;
	uint32_t handle;            /* that the grant is of */
	struct grant grant;         /* container null: none yet */
	struct page *page;          /* the last one, locked; or null */
	unsigned flags, count;
};

static inline void run_unlock(struct run *u)
{
	if (u->page)
		spin_unlock(&u->page->lock);
	u->page = NULL;
}

static inline bool run_grant(struct run *u, uint32_t handle)
{
	baryon_uid name = reference_name(u->from, handle);
	struct slot *s = slot_recent(KIND_REFERENCE, name);

	u->handle = handle;
	if (s && grant_read((struct reference *)s, name, &u->grant)) {
		s->used = true;
		return true;
	}
	u->grant.container = NULL;
	return false;
}

static inline bool run_page(struct run *u, const struct mapping_home *h)
{
	struct container *c = u->grant.container;
	struct page *p = u->page;

	if (p && u->handle == h->container && page_is(p, c, h->index))
		return true;
	run_unlock(u);
	if ((c == NULL || u->handle != h->container) && !run_grant(u, h->container))
		return false;
	p = page_find(u->grant.container, h->index);
	if (p == NULL)
		return false;
	spin_lock(&p->lock);
	u->page = p;
	p->used = true;
	return page_granted(p, &u->grant, h->index);
}

/* The leaf table of the address, made if need be. */
static inline uint32_t run_table(struct run *u, uint64_t address, unsigned *slot)
{
	if (!table_is_leaf(u->into, u->into->leaf, address) && !space_contains(u->into, address, PAGE_BYTES))
		return TABLE_NONE;
	return table_leaf(u->into, address, 0, slot);
}

static bool run_conflict(struct run *u, uint64_t address)
{
	run_unlock(u);
	if (u->flags & LOAD_REPLACE)
		(void)range_take(u->into, &address, address + PAGE_BYTES, false);
	return u->flags & LOAD_REPLACE;
}

enum run_result { RUN_DONE, RUN_THERE, RUN_AGAIN, RUN_END };

static inline enum run_result run_one(struct run *u, const struct mapping_home *h)
{
	uint32_t table, index;
	unsigned slot;

	if (h->flags | h->signal || h->address % PAGE_BYTES || !rights_possible(h->rights) || !run_page(u, h) ||
	    !rights_granted(u->page, h->rights, u->grant.rights))
		return RUN_END;
	table = run_table(u, h->address, &slot);
	if (table >= TABLE_NONE - 1)
		return RUN_END;
	if (mmu_present(table_entries(table)[slot]))
		return run_conflict(u, h->address) ? RUN_AGAIN : RUN_THERE;
	if (!mapping_take(&index)) {
		table_unused(u->into, table);
		return RUN_END;
	}
	entry_fill(u->into, u->page, h, 0, index, table, slot);
	guard(u->thread, index);
	u->count++;
	return RUN_DONE;
}

/* `n` homes, at most RUN, from the caller's address `at` on. Returns how many need nothing more. many: those whose place is taken are
 * passed over. */
static unsigned run(struct run *u, baryon_uid uid, uint64_t at, unsigned n, bool many)
{
	struct mapping_home h[RUN];
	enum run_result r;
	unsigned done = 0;
	uint64_t where;

	if (!space_contains(u->from, at, n * sizeof *h))
		return 0;
	n = (unsigned)(trap_read(h, (const void *)at, n * sizeof *h, &where) / sizeof *h);
	u->count = 0;
	spin_lock(&u->into->slot.lock);
	if (u->into->slot.state == SLOT_LOADED && u->into->slot.uid == uid && u->into->table != TABLE_NONE)
		while (done < n) {
			r = run_one(u, &h[done]);
			if (r == RUN_DONE || (r == RUN_THERE && many))
				done++;
			else if (r != RUN_AGAIN)
				break;
		}
	run_unlock(u);
	spin_unlock(&u->into->slot.lock);
	if (u->count)
		mappings_count(u->into, u->count);
	return done;
}

/* the long way */

struct plan {                   /* a checked mapping_home */
	struct mapping_home h;
	baryon_uid space;
	struct grant grant;
	struct page *page;
	struct thread *signal;
};

static result home_check(const struct space *s, const struct mapping_home *h)
{
	uint64_t align = h->flags & MAPPING_LARGE ? GROUP_BYTES - 1 : PAGE_BYTES - 1;

	if ((h->address & align) || !space_contains(s, h->address, align + 1))
		return -BARYON_EINVAL;
	if ((h->flags & MAPPING_LARGE) && h->index % GROUP_PAGES)
		return -BARYON_EINVAL;
	return rights_possible(h->rights) ? 0 : -BARYON_EINVAL;
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

/* What refuses a mapping was true only if the reference was bound all the time: its target may be another by now. */
static result refused(const struct reference_view *v)
{
	return reference_is(v) ? -BARYON_EINVAL : RESULT_RESTART;
}

static result plan_grant(struct plan *p, struct space *from, struct reference_view *v)
{
	unsigned needed = p->h.rights | (p->h.signal ? RIGHT_SIGNAL : 0);
	result r = reference_want(from, p->h.container, KIND_CONTAINER, v);

	if (r < 0)
		return r;
	if (needed & ~v->rights)
		return -BARYON_EPERM;
	p->grant = (struct grant){ (struct container *)v->target, v->target_uid, v->rights };
	return p->h.index < p->grant.container->size_pages ? 0 : refused(v);
}

static result plan_make(struct plan *p, struct call *call, struct space *s)
{
	const struct mapping_home *h = &p->h;
	struct reference_view v;
	result r = home_check(s, h);

	p->signal = NULL;
	if (r == 0)
		r = plan_grant(p, call->space, &v);
	if (r < 0)
		return r;
	p->page = page_find(p->grant.container, h->index);
	if (p->page == NULL)
		return want_object(KIND_PAGE, p->grant.uid, h->index);
	if (p->page->state == SLOT_DYING) {
		r = object_unload_id(OBJECT_ID(KIND_PAGE, page_number(p->page)), p->page->generation, false);
		return r < 0 ? r : RESULT_RESTART;
	}
	if (((h->flags & MAPPING_LARGE) && !(p->page->flags & PAGE_LARGE)) ||
	    !rights_granted(p->page, h->rights, p->grant.rights))
		return page_granted(p->page, &p->grant, h->index) ? refused(&v) : RESULT_RESTART;
	p->page->used = true;
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

/* The point of no return is the page's recheck. Space locked, table and slot known, entry empty. */
static result entry_put(struct space *s, const struct plan *p, uint32_t index, uint32_t table, unsigned slot)
{
	uint64_t thread = p->signal ? slot_index(&p->signal->slot) + 1 : 0;
	uint64_t shape = thread << MAPPING_THREAD_SHIFT | (p->h.flags & MAPPING_LOCKED ? MAPPING_IS_LOCKED : 0) |
			 (p->h.flags & MAPPING_LARGE ? MAPPING_IS_LARGE : 0);
	bool same = signal_claim(p);

	if (same) {
		spin_lock(&p->page->lock);
		same = page_granted(p->page, &p->grant, p->h.index);
		if (same)
			entry_fill(s, p->page, &p->h, shape, index, table, slot);
		spin_unlock(&p->page->lock);
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
	(void)range_take(s, &address, address + (p->h.flags & MAPPING_LARGE ? GROUP_BYTES : PAGE_BYTES), false);
	return RESULT_RESTART;
}

static result plan_enter(struct space *s, const struct plan *p, uint32_t index, unsigned flags)
{
	unsigned slot;
	uint32_t table;
	result r;

	spin_lock(&s->slot.lock);
	if (s->slot.state != SLOT_LOADED || s->slot.uid != p->space || s->table == TABLE_NONE) {
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
			guard(call->thread, m);
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
	uint64_t count = call->a[2], done = 0;
	struct run u = { .from = call->space, .into = s, .thread = call->thread, .flags = flags };

	while (done < count) {
		unsigned n = count - done < RUN ? (unsigned)(count - done) : RUN;
		unsigned got = run(&u, call->a[0], call->a[1] + done * sizeof(struct mapping_home), n, count > 1);
		result r;

		done += got;
		if (got == n)
			continue;
		r = map_one(call, s, call->a[1] + done * sizeof(struct mapping_home), flags);
		/* A miss of a later one is not worth a call to its manager: the first is what matters. */
		if (r < 0 && !(r == -BARYON_EEXIST && count > 1))
			return done > 0 && r != RESULT_RESTART && r != RESULT_FAULT ? (result)done : r;
		done++;
	}
	return (result)done;
}

result call_mapping_load(struct call *call)
{
	uint64_t count = call->a[2];
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
	r = homes_load(call, s, flags);
	return r >= 0 && (flags & LOAD_RESUME) ? RESULT_RESUME : r;
}

/* The space of a short way: the caller's own, found without missing anything; or null. */
static inline struct space *space_at_hand(const struct space *from, baryon_uid uid)
{
	if ((from->flags & SPACE_PROGRAM) || UID_KEEPER(uid) != from->principal->number)
		return NULL;
	return (struct space *)slot_recent(KIND_SPACE, uid);
}

bool mapping_load_fast(struct thread *t, const struct registers *r)
{
	const struct activation *top = thread_top(t);
	uint64_t at = r->rsi, left = r->rdx;
	struct space *s = space_at_hand(top->space, r->rdi);
	struct run u;

	if (s == NULL || left - 1 >= BATCH_LIMIT || (at & 7) ||
	    ((r->r10 & LOAD_RESUME) && (t->count != 2 || top->kind != ACTIVATION_HANDLER)))
		return false;
	s->slot.used = true;
	u.from = top->space;
	u.into = s;
	u.thread = t;
	u.flags = (unsigned)r->r10;
	u.grant.container = NULL;
	u.page = NULL;
	for (unsigned n; left > 0; left -= n, at += n * sizeof(struct mapping_home)) {
		n = left < RUN ? (unsigned)left : RUN;
		if (run(&u, r->rdi, at, n, r->rdx > 1) != n)
			return false;
	}
	return true;
}

/* Pages of a range, and what was seen of it before the call was executed again. */
static uint64_t pages_of(uint64_t count) { return count & ~UNLOAD_SEEN; }
static unsigned seen_of(uint64_t count) { return (unsigned)(count >> UNLOAD_SEEN_SHIFT) & (MAPPING_ACCESSED | MAPPING_DIRTY); }

static inline bool range_good(const struct space *s, uint64_t first, uint64_t pages)
{
	return first % PAGE_BYTES == 0 && pages - 1 < DOMAIN_BYTES / PAGE_BYTES &&
	       space_contains(s, first, pages * PAGE_BYTES);
}

static result range_check(struct call *call, struct space **s, uint64_t *end)
{
	result r = space_of_caller(call, call->a[0], s);

	*end = call->a[1] + pages_of(call->a[2]) * PAGE_BYTES;
	if (r < 0)
		return r;
	return range_good(*s, call->a[1], pages_of(call->a[2])) ? 0 : -BARYON_EINVAL;
}

/* The call goes on from `address`: its arguments say so when it is executed again. */
static result range_again(struct call *call, uint64_t address, uint64_t end, unsigned seen)
{
	call_set_argument(call, 1, address);
	call_set_argument(call, 2, (end - address) / PAGE_BYTES | (uint64_t)seen << UNLOAD_SEEN_SHIFT);
	return RESULT_RESTART;
}

/* One batch. False: the space is another, or has nothing. */
static inline bool range_step(struct space *s, baryon_uid uid, uint64_t *address, uint64_t end, unsigned *seen)
{
	bool there;

	spin_lock(&s->slot.lock);
	there = s->slot.uid == uid && s->table != TABLE_NONE;
	if (there)
		*seen |= range_take(s, address, end, false);
	spin_unlock(&s->slot.lock);
	return there;
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
		if (!range_step(s, call->a[0], &address, end, &seen))
			address = end;
	return address < end ? range_again(call, address, end, seen) : (result)seen;
}

bool mapping_unload_fast(const struct thread *t, struct registers *r)
{
	struct space *s = space_at_hand(thread_top(t)->space, r->rdi);
	uint64_t address = r->rsi, pages = r->rdx;
	unsigned seen = 0;

	/* No more pages than a batch: then all is done at once. */
	if (s == NULL || pages > BATCH || !range_good(s, address, pages))
		return false;
	s->slot.used = true;
	if (!range_step(s, r->rdi, &address, address + pages * PAGE_BYTES, &seen))
		return false;
	r->rax = seen;
	return true;
}

/* Takes rights from the entries of one table, from `slot` on. */
static unsigned entries_protect(uint32_t table, unsigned slot, unsigned n, unsigned rights)
{
	mmu_entry *e = table_entries(table) + slot;
	unsigned changed = 0;

	for (; n > 0; n--, e++)
		if (mmu_present(*e) && mmu_restrict(*e, rights) != *e) {
			mmu_entry old = *e;

			while (!__atomic_compare_exchange_n(e, &old, mmu_restrict(old, rights), false, __ATOMIC_SEQ_CST,
							    __ATOMIC_RELAXED))
				;
			if (mmu_dirty(old))
				frame_touch(mmu_frame(old));
			changed++;
		}
	return changed;
}

result call_mapping_protect(struct call *call)
{
	struct space *s;
	uint64_t address = call->a[1], end;
	unsigned changed = 0, rights = (unsigned)call->a[3], slot, seen = 0;
	uint32_t table;
	result r = range_check(call, &s, &end);

	if (r < 0)
		return r;
	if (!(rights & RIGHT_READ) || rights >= RIGHT_CALL)
		return -BARYON_EINVAL;
	spin_lock(&s->slot.lock);
	while (s->slot.uid == call->a[0] && s->table != TABLE_NONE && seen < RANGE_STEP &&
	       leaf_next(s, &address, end, &table, &slot)) {
		unsigned n = leaf_span(table, slot, address, end);

		changed += entries_protect(table, slot, n, rights);
		address = (address & ~(leaf_bytes(table) - 1)) + n * leaf_bytes(table);
		seen += n;
	}
	if (changed)
		shootdown_space(s);
	spin_unlock(&s->slot.lock);
	return seen >= RANGE_STEP && address < end ? range_again(call, address, end, 0) : 0;
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
	e = space_contains(s, call->a[1], 1) ? table_entry(s, call->a[1]) : 0;
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
		.h = { .address = address, .index = index, .rights = (uint16_t)rights, .flags = MAPPING_LOCKED },
		.space = space->slot.uid, .page = page, .grant = { page->container, page->container->slot.uid, rights },
	};
	uint32_t m;
	result r = cache_take(KIND_MAPPING, space->slot.keeper, &m);

	return r < 0 ? r : plan_enter(space, &p, m, 0);
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
