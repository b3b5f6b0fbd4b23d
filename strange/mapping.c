/* Mappings. Homes are never written: accessed and dirty bits are no part of them. A mapping is an entry of a page table, a
 * descriptor in the list of its frame (reverse map), and the table's shadow word that names the descriptor.
 * Locks: the space's for the entry and the shadow word, then the page's for the list.
 *
 * Taking out goes in three steps, so that no frame is reused while a CPU can still reach it: entries out; shoot-down;
 * descriptors out of the reverse map. This file has the steps and the short ways of loads and unloads; the calls themselves, which
 * do the rest one by one, are in mapping_calls.c. */
#include "mapping.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "mapping_entry.h"
#include "memory.h"
#include "page.h"
#include "reference.h"
#include "shootdown.h"
#include "signal.h"
#include "space.h"
#include "table.h"

enum { BATCH = 64, FEW = 8 };

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

static inline void reverse_remove(struct page *p, struct mapping *m, frame_number f)
{
	if (m->previous)
		mapping_at(m->previous - 1u)->next = m->next;
	else
		reverse_set_head(p, m->large, f, m->next);
	if (m->next)
		mapping_at(m->next - 1u)->previous = m->previous;
}

/* taking out */

/* What only few mappings have. */
static __attribute__((noinline, cold)) void mapping_ungrant(struct kernel *k, const struct mapping *m, uint32_t table)
{
	if (m->thread) {
		__atomic_fetch_sub(&thread_at(m->thread - 1u)->signal_mappings, 1, __ATOMIC_RELAXED);
		signal_receivers_change();
	}
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
	b->space->changes++;
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

		level = 0;
		*slot = mmu_index(*address, 0);
		*table = s->leaf;
		if (!table_is_leaf(s, *address)) {
			*table = table_seek(s, *address, &level, slot);
			if (level == 0)
				table_leaf_set(s, *table, *address);
		}
		if (mmu_present(table_entries(*table)[*slot]))
			return true;
		span = PAGE_BYTES << (9 * level);
		next = (*address & ~(span * MMU_ENTRIES - 1)) + span * table_scan(*table, *slot + 1);
		*address = next > *address ? next : end;        /* beyond the last address there is none */
	}
	return false;
}

/* How many entries from `slot` on, whose address is `address`, are worth a look before `end`: more than one only among pages. */
static unsigned leaf_span(uint32_t table, unsigned slot, uint64_t address, uint64_t end)
{
	const struct table *t = &state.tables[table];
	uint64_t left = (end - address) / PAGE_BYTES;

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

unsigned mapping_range_take(struct space *s, uint64_t *address, uint64_t end, bool keep_locked)
{
	struct batch b;
	uint32_t table;
	unsigned slot;

	b.space = s;
	b.count = 0;
	b.seen = 0;
	while (b.count < BATCH && *address < end && leaf_next(s, address, end, &table, &slot)) {
		const mmu_entry *e = table_entries(table);
		unsigned n = leaf_span(table, slot, *address, end), i;

		for (i = 0; i < n && b.count < BATCH; i++)
			if (mmu_present(e[slot + i]) && (!keep_locked || !entry_locked(table, slot + i)))
				entry_take(&b, table, slot + i);
		*address = (*address & ~(leaf_bytes(table) - 1)) + i * leaf_bytes(table);
	}
	return batch_finish(&b);
}

bool mapping_range_step(struct space *s, baryon_uid uid, uint64_t *address, uint64_t end, unsigned *seen)
{
	bool there;

	spin_lock(&s->slot.lock);
	there = s->slot.uid == uid && s->table != TABLE_NONE;
	if (there)
		*seen |= mapping_range_take(s, address, end, false);
	spin_unlock(&s->slot.lock);
	return there;
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

unsigned mapping_range_protect(struct space *s, uint64_t *address, uint64_t end, unsigned rights, unsigned limit)
{
	unsigned changed = 0, seen = 0, slot;
	uint32_t table;

	while (seen < limit && leaf_next(s, address, end, &table, &slot)) {
		unsigned n = leaf_span(table, slot, *address, end);

		changed += entries_protect(table, slot, n, rights);
		*address = (*address & ~(leaf_bytes(table) - 1)) + n * leaf_bytes(table);
		seen += n;
	}
	return changed;
}

/* putting in, the short way: homes in a row, of pages that are loaded, into a space that stays locked. What is anything else ends it */

static uint32_t rights_allowed(unsigned granted, const struct page *p)
{
	uint32_t allowed = 0;

	for (unsigned rights = 0; rights < RIGHT_CALL; rights++)
		if (rights_possible(rights) && rights_granted(p, rights, granted))
			allowed |= 1u << rights;
	return allowed;
}

static uint64_t reach_handle(const struct space *into, const struct mapping_home *h)
{
	return h->container | (into->flags & SPACE_SUPERVISOR ? REACH_SUPERVISOR : 0);
}

/* Find the page again, and what the handle gives. False: one of them is not loaded. */
static __attribute__((noinline, cold)) bool reach_fill(struct reach *e, struct space *from, const struct space *into,
						       const struct mapping_home *h)
{
	struct reference_view v;
	struct grant g;
	struct page *p;

	e->from = NULL;
	if (reference_want(from, h->container, KIND_CONTAINER, &v) < 0)
		return false;
	g = (struct grant){ (struct container *)v.target, v.target_uid, v.rights };
	p = page_find(g.container, h->index);
	if (p == NULL)
		return false;
	spin_lock(&p->lock);
	if (page_granted(p, &g, h->index))
		*e = (struct reach){
			.from = from, .handle = reach_handle(into, h), .first = p->index,
			.pages = p->flags & PAGE_LARGE ? GROUP_PAGES : 1, .reference = v.from, .page = p,
			.reference_generation = v.generation, .page_generation = p->generation,
			.allowed = rights_allowed(g.rights, p), .frame = p->frame - (frame_number)p->index,
			.like = mmu_make(0, RIGHT_READ | entry_rights(into, p)),
		};
	spin_unlock(&p->lock);
	return e->from != NULL;
}

/* A call that goes on home by home. */
struct run {
	struct reach *reach;        /* of this CPU */
	struct space *from, *into;
	struct thread *thread;
	uint64_t flags;
};

static inline struct reach *reach_find(const struct run *u, const struct mapping_home *h)
{
	struct reach *e = &u->reach[(h->index / GROUP_PAGES ^ h->container) % REACHES];

	if (e->from == u->from && e->handle == reach_handle(u->into, h) && h->index - e->first < e->pages &&
	    e->reference->slot.generation == e->reference_generation)
		return e;
	return reach_fill(e, u->from, u->into, h) ? e : NULL;
}

/* Its place is taken: then it is there, or makes room. */
static __attribute__((noinline)) bool home_conflict(struct space *s, uint64_t address, uint64_t flags)
{
	if (flags & LOAD_REPLACE)
		(void)mapping_range_take(s, &address, address + PAGE_BYTES, false);
	return !(flags & LOAD_REPLACE);
}

/* The table of an address that is not the last one's. TABLE_NONE: none, now. */
static __attribute__((noinline)) uint32_t home_table(struct space *s, uint64_t address)
{
	unsigned slot;
	uint32_t table = space_contains(s, address, PAGE_BYTES) ? table_leaf_long(s, address, 0, &slot) : TABLE_NONE;

	return table == TABLE_NONE - 1 ? TABLE_NONE : table;
}

/* The page is locked here and rechecked: the point of no return. */
static inline bool reach_enter(const struct reach *e, const struct space *s, uint64_t address, frame_number f, uint32_t name)
{
	struct page *p = e->page;
	bool same;

	spin_lock(&p->lock);
	same = p->generation == e->page_generation && p->state == SLOT_LOADED;
	if (same) {
		p->used = true;
		reverse_add(s, p, f, address, 0, name);
	}
	spin_unlock(&p->lock);
	return same;
}

enum one { ONE_END, ONE_IN, ONE_THERE };

/* What could not be entered leaves nothing behind. */
static __attribute__((noinline, cold)) enum one home_end(struct space *s, uint32_t table, uint32_t name)
{
	if (name)
		cache_give(KIND_MAPPING, name - 1);
	table_unused(s, table);
	return ONE_END;
}

static enum one home_put(struct run *u, const struct mapping_home *h, const struct reach *e, uint32_t table)
{
	unsigned slot = mmu_index(h->address, 0);
	mmu_entry *entry = &table_entries(table)[slot];
	frame_number f = e->frame + (frame_number)h->index;
	uint32_t name;

	if (mmu_present(*entry))
		return ONE_THERE;
	name = mapping_take();
	if (name == 0 || !reach_enter(e, u->into, h->address, f, name))
		return home_end(u->into, table, name);
	table_shadow(table)[slot] = name;
	table_entry_new(table, slot);
	(void)mmu_exchange(entry, mmu_like(e->like, f, h->rights));
	mapping_guard(u->thread, name);
	return ONE_IN;
}

static __attribute__((noinline)) enum one home_load(struct run *u, uint64_t at)
{
	struct mapping_home h;
	struct reach *e;
	uint32_t table;
	enum one one;

	if (!trap_read_home(&h, (const void *)at) || h.flags | h.signal || h.address % PAGE_BYTES)
		return ONE_END;
	e = reach_find(u, &h);
	if (e == NULL || h.rights >= RIGHT_CALL || !(e->allowed >> h.rights & 1))
		return ONE_END;
	do {
		table = table_is_leaf(u->into, h.address) ? u->into->leaf : home_table(u->into, h.address);
		if (table == TABLE_NONE)
			return ONE_END;
		one = home_put(u, &h, e, table);
	} while (one == ONE_THERE && !home_conflict(u->into, h.address, u->flags));
	return one;
}

/* Does it what the call asks for, and may it? */
static inline bool run_good(const struct run *u, const struct registers *r)
{
	const struct activation *top = thread_top(u->thread);
	uint64_t count = r->rdx;

	return u->into && count - 1 < BATCH_LIMIT && !(r->rsi & 7) &&
	       domain_contains(u->from, r->rsi, count * sizeof(struct mapping_home)) &&
	       (!(u->flags & LOAD_RESUME) || (u->thread->count == 2 && top->kind == ACTIVATION_HANDLER));
}

uint64_t mapping_load_run(struct cpu *cpu, struct thread *t, const struct registers *r, uint64_t done)
{
	struct run u = { cpu->reach, thread_top(t)->space, (struct space *)cpu->recent[KIND_SPACE][r->rdi % RECENT], t, r->r10 };
	uint64_t at = r->rsi + done * sizeof(struct mapping_home), left = r->rdx - done;
	unsigned in = 0;

	if (!run_good(&u, r))
		return done;
	spin_lock(&u.into->slot.lock);
	/* A program is nobody's principal. */
	if (u.into->slot.uid == r->rdi && u.into->slot.state == SLOT_LOADED && u.into->slot.keeper == u.from->principal)
		for (u.into->slot.used = true; left > 0; left--, at += sizeof(struct mapping_home)) {
			enum one one = home_load(&u, at);

			if (one == ONE_END || (one == ONE_THERE && r->rdx == 1))
				break;
			in += one == ONE_IN;
		}
	spin_unlock(&u.into->slot.lock);
	if (in)
		mappings_count(u.into, in);
	return r->rdx - left;
}

/* taking out, the short way */

bool mapping_unload_fast(struct cpu *cpu, const struct thread *t, struct registers *r)
{
	struct space *s = (struct space *)cpu->recent[KIND_SPACE][r->rdi % RECENT];
	uint64_t address = r->rsi, pages = r->rdx;
	unsigned seen = 0;

	/* No more pages than a batch: then all is done at once. */
	if (s == NULL || pages > BATCH || s->slot.keeper != thread_top(t)->space->principal || !mapping_range_good(s, address, pages) ||
	    !mapping_range_step(s, r->rdi, &address, address + pages * PAGE_BYTES, &seen))
		return false;
	s->slot.used = true;
	r->rax = seen;
	return true;
}

/* for the other caches */

result mapping_unload_some(struct space *s)
{
	uint64_t address = space_first(s), end = address + space_bytes(s);
	bool some;

	/* Another CPU may help to unload the space, and have ended it. */
	spin_lock(&s->slot.lock);
	some = s->table != TABLE_NONE && state.tables[s->table].entries;
	if (some)
		(void)mapping_range_take(s, &address, end, false);
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
		(void)mapping_range_take(s, &address, end, true);
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
		(void)mapping_range_take(s, &address, end, false);
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

/* signals */

static void receiver_present(struct signal_receivers *out, const struct thread *t)
{
	for (unsigned i = 0; i < SIGNAL_KERNELS; i++)
		if (out->absent[i] == t->slot.keeper->number)
			out->absent[i] = 0;
}

COLD void mapping_receivers(frame_number frame, struct signal_receivers *out)
{
	uint32_t name = state.frames[frame].page;
	struct page *p = name ? page_at(name - 1) : NULL;

	out->count = 0;
	memory_zero(out->absent, sizeof out->absent);
	if (p == NULL)
		return;
	spin_lock(&p->lock);
	if (p->state == SLOT_LOADED) {
		out->container = p->container->slot.uid;
		out->index = p->index;
		memory_move(out->absent, p->container->signal_kernels, sizeof out->absent);
	}
	for (uint32_t i = state.frames[frame].mappings; i && out->count < RECEIVERS; i = mapping_at(i - 1)->next) {
		struct mapping *m = mapping_at(i - 1);
		struct thread *t = thread_at(m->thread - 1u);

		if (m->thread == 0)
			continue;
		out->to[out->count].thread = t;
		out->to[out->count].generation = t->slot.generation;
		out->to[out->count++].address = mapping_address(m);
		receiver_present(out, t);
	}
	spin_unlock(&p->lock);
}
