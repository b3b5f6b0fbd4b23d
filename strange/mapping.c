/* Mappings. Homes are never written: accessed and dirty bits are no part of them. A mapping is an entry of a page table, a
 * descriptor in the list of its frame (reverse map), and the table's shadow word that names the descriptor.
 * Locks: the space's for the entry and the shadow word, then the page's for the list.
 *
 * Taking out goes in three steps, so that no frame is reused while a CPU can still reach it: entries out; shoot-down;
 * descriptors out of the reverse map. This file has the steps and the short ways of loads and unloads; the calls themselves, which
 * do the rest one by one, are in mapping_calls.c. */
#include "mapping.h"
#include "activation.h"
#include "alias.h"
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
		*reverse_head(p, m->large, f) = m->next;
	if (m->next)
		mapping_at(m->next - 1u)->previous = m->previous;
}

/* taking out */

/* What only few mappings have. True: it was the first of an alias's list, and is out. */
static __attribute__((noinline, cold)) bool mapping_ungrant(struct kernel *k, const struct mapping *m, uint32_t table)
{
	if (m->thread) {
		__atomic_fetch_sub(&thread_at(m->thread - 1u)->signal_mappings, 1, __ATOMIC_RELAXED);
		signal_receivers_change();
	}
	if (m->locked) {
		__atomic_fetch_sub(&k->locked[KIND_MAPPING], 1, __ATOMIC_RELAXED);
		state.tables[table].pinned--;
	}
	if (m->first)
		alias_mapping_remove(m);
	return m->first;
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
		if (!(m->word[1] & MAPPING_IS_RARE) || !mapping_ungrant(b->space->slot.keeper, m, b->out[i].table))
			reverse_remove(p, m, b->out[i].frame);
		m->word[0] = chain;
		m->word[1] = 0;
		chain = b->out[i].mapping + 1;
	}
	spin_unlock(&p->lock);
	return chain;
}

/* The tables that became empty. */
static uint32_t batch_tables(const struct batch *b)
{
	uint32_t empty = 0;

	for (unsigned i = 0, n; i < b->count; i += n) {
		for (n = 1; i + n < b->count && b->out[i + n].table == b->out[i].table; n++)
			;
		table_entries_gone(b->space, b->out[i].table, n, &empty);
	}
	return empty;
}

/* Steps two and three. Says what was seen. To forget one page is to forget the tables above it, whose entries a CPU may keep. */
static unsigned batch_finish(struct batch *b)
{
	uint32_t empty;

	if (b->count == 0)
		return 0;
	empty = batch_tables(b);
	batch_shootdown(b);
	mappings_give(batch_descriptors(b), b->out[0].mapping, b->count);
	__atomic_fetch_sub(&b->space->slot.keeper->loaded[KIND_MAPPING], b->count, __ATOMIC_RELAXED);
	state.counters->unloaded[KIND_MAPPING] += b->count;
	if (empty)
		tables_give(empty);
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

/* Is the mapping one of the space's? That is locked. */
static COLD bool is_in(struct space *s, uint32_t index, uint64_t address)
{
	unsigned level, slot;
	uint32_t table;

	if (!mapping_at(index)->live || space_at(mapping_at(index)->space) != s || !space_contains(s, address, PAGE_BYTES))
		return false;
	table = table_seek(s, address, &level, &slot);
	return mmu_present(table_entries(table)[slot]) && table_shadow(table)[slot] == index + 1;
}

/* The place of the next. */
static COLD bool pick_next(struct pick *pick, const struct batch *b, uint64_t *address, uint64_t *end)
{
	pick->taken = b->count;
	while (b->count < pick->most && b->count < BATCH && pick->looks > 0) {
		uint32_t index = cache_next(&state.cache[KIND_MAPPING]);

		pick->looks--;
		*address = mapping_address(mapping_at(index));
		*end = *address + PAGE_BYTES;
		if (mapping_free(index) && is_in(b->space, index, *address))
			return true;
	}
	return false;
}

unsigned mapping_range_take(struct space *s, uint64_t *address, uint64_t end, struct pick *pick)
{
	struct batch b;
	uint32_t table;
	unsigned slot;

	b.space = s;
	b.count = 0;
	b.seen = 0;
	do
		while (b.count < BATCH && *address < end && leaf_next(s, address, end, &table, &slot)) {
			const mmu_entry *e = table_entries(table);
			unsigned n = leaf_span(table, slot, *address, end), i;

			for (i = 0; i < n && b.count < BATCH; i++)
				if (mmu_present(e[slot + i]))
					entry_take(&b, table, slot + i);
			*address = (*address & ~(leaf_bytes(table) - 1)) + i * leaf_bytes(table);
		}
	while (pick && pick_next(pick, &b, address, &end));
	return batch_finish(&b);
}

bool mapping_range_step(struct space *s, baryon_uid uid, const struct kernel *keeper, uint64_t *address, uint64_t end, unsigned *seen)
{
	bool there;

	spin_lock(&s->slot.lock);
	there = s->slot.uid == uid && s->slot.keeper == keeper && s->table != TABLE_NONE;
	if (there)
		*seen |= mapping_range_take(s, address, end, NULL);
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

/* The words of a home. */
enum { HOME_ADDRESS, HOME_INDEX, HOME_WHAT, HOME_SIGNAL, HOME_WORDS };
_Static_assert(sizeof(struct mapping_home) == HOME_WORDS * 8 && offsetof(struct mapping_home, container) == HOME_WHAT * 8 &&
	       offsetof(struct mapping_home, rights) == HOME_WHAT * 8 + 4, "HOME_WHAT: handle, rights, flags");

static uint64_t reach_from(const struct space *from, const struct space *into)
{
	return (uint64_t)from | (into->flags & SPACE_SUPERVISOR);
}

static void reach_set(struct reach *e, struct page *p, unsigned granted, unsigned rights)
{
	for (unsigned r = 0; r < RIGHT_CALL; r++)
		e->entry[r] = rights_possible(r) && rights_granted(p, r, granted) ?
			mmu_after(mmu_make(p->frame, r | rights), -p->index) : 0;
	e->first = p->index;
	e->pages = p->flags & PAGE_LARGE ? GROUP_PAGES : 1;
	e->page = p;
	e->page_generation = p->generation;
	e->frames = state.frames + ((int64_t)p->frame - (int64_t)p->index);
}

/* Find the page again, and what the handle gives. False: one of them is not loaded. */
static __attribute__((noinline, cold)) bool reach_fill(struct reach *e, const struct thread *t, const struct space *into,
						       uint32_t handle, uint64_t index)
{
	struct space *from = thread_top(t)->space;
	struct reference_view v;
	struct grant g;
	struct page *p, *own;

	e->from = 0;
	if (reference_want(from, handle, KIND_CONTAINER, &v) < 0)
		return false;
	g = (struct grant){ (struct container *)v.target, v.target_uid, v.rights };
	p = page_find(g.container, index);
	if (p == NULL)
		return false;
	own = page_lock(p);
	/* An alias has another lock: the long way. Bound all the time, the reference was to the container that the page is of, and then
	 * both generations say that it still is. */
	if (own == p && page_granted(p, &g, index) && reference_is(&v)) {
		reach_set(e, p, g.rights, entry_rights(into, p));
		e->container = handle;
		e->reference = v.from;
		e->reference_generation = v.generation;
		e->from = reach_from(from, into);
	}
	spin_unlock(&own->lock);
	return e->from != 0;
}

static inline bool reach_fits(const struct reach *e, uint64_t from, uint64_t what, uint64_t index)
{
	return e->from == from && e->container == (uint32_t)what && index - e->first < e->pages &&
	       e->reference->slot.generation == e->reference_generation;
}

enum place { PLACE_NONE, PLACE_FREE, PLACE_TAKEN };

/* The table of an address is not the last one's, or its entry is taken: then its mapping makes room, or stays. */
static __attribute__((noinline)) enum place home_place(struct space *s, const struct thread *t, uint64_t address)
{
	const struct registers *r = &thread_top(t)->registers;

	for (;;) {
		uint64_t at = address;
		unsigned slot = mmu_index(address, 0);

		if (!space_contains(s, address, PAGE_BYTES) ||
		    (!table_is_leaf(s, address) && table_leaf_long(s, address, 0, &slot) >= TABLE_NONE - 1))
			return PLACE_NONE;
		if (!mmu_present(s->leaf_entries[slot]))
			return PLACE_FREE;
		if (!(r->r10 & LOAD_REPLACE))
			return r->rdx == 1 ? PLACE_NONE : PLACE_TAKEN;
		(void)mapping_range_take(s, &at, address + PAGE_BYTES, NULL);
	}
}

/* What could not be entered leaves nothing behind. */
static __attribute__((noinline, cold)) bool home_end(struct space *s)
{
	table_unused(s, s->leaf);
	return false;
}

/* Into the space's last table. The page is locked and rechecked: the point of no return. */
static inline bool home_put(struct cpu *cpu, struct space *s, const struct reach *e, uint64_t address, uint32_t *head, mmu_entry entry)
{
	uint64_t slot = mmu_index(address, 0), name = 0;
	struct page *p = e->page;
	struct mapping *m;

	spin_lock(&p->lock);
	if (__builtin_expect(p->generation != e->page_generation || p->state != SLOT_LOADED || (name = mapping_take(&m)) == 0, 0)) {
		spin_unlock(&p->lock);
		return home_end(s);
	}
	p->used = true;
	reverse_add(s, head, address, 0, m, name);
	spin_unlock(&p->lock);
	s->leaf_shadow[slot] = (uint32_t)name;
	table_entry_new(s->leaf_table, (uint16_t)slot);
	(void)mmu_exchange(&s->leaf_entries[slot], entry);
	mapping_guard(cpu->thread, (uint32_t)name);
	return true;
}

/* Does it what the call asks for, and may it? A program's registers may change meanwhile: of none left there is never one done. */
static inline bool run_good(const struct space *from, const struct thread *t, const struct registers *r, uint64_t left)
{
	uint64_t at = r->rsi - from->first, last = DOMAIN_BYTES - BATCH_LIMIT * sizeof(struct mapping_home);

	/* Words, in the domain; what is not at a multiple of 8 becomes too large. The last ones of a domain go the long way. */
	return left - 1 < BATCH_LIMIT && (at >> 3 | at << 61) <= last >> 3 &&
	       (!(r->r10 & LOAD_RESUME) || (t->count == 2 && thread_top(t)->kind == ACTIVATION_HANDLER));
}

/* False: it is not for this way. */
static inline __attribute__((always_inline)) bool home_load(struct cpu *cpu, struct space *into, uint64_t from, uint64_t at, unsigned *in)
{
	uint64_t h[HOME_WORDS];
	struct reach *e;
	mmu_entry entry;
	uint64_t offset;

	if (!trap_read_home(h, at) || (h[HOME_ADDRESS] % PAGE_BYTES | h[HOME_SIGNAL]) || h[HOME_WHAT] >> 32 >= RIGHT_CALL)
		return false;
	offset = (h[HOME_INDEX] / GROUP_PAGES ^ h[HOME_WHAT]) % REACHES * sizeof *e;
	e = (struct reach *)((char *)cpu->reach + cpu_once(offset));
	if (__builtin_expect(!reach_fits(e, from, h[HOME_WHAT], h[HOME_INDEX]), 0) &&
	    !reach_fill(e, cpu->thread, into, (uint32_t)h[HOME_WHAT], h[HOME_INDEX]))
		return false;
	entry = e->entry[h[HOME_WHAT] >> 32];
	if (__builtin_expect(entry == 0, 0))
		return false;
	/* A program's space ends a page before its last table does. */
	if (__builtin_expect(!table_is_leaf(into, h[HOME_ADDRESS]) || h[HOME_ADDRESS] == into->bytes ||
			     mmu_present(into->leaf_entries[mmu_index(h[HOME_ADDRESS], 0)]), 0)) {
		enum place place = home_place(into, cpu->thread, h[HOME_ADDRESS]);

		if (place != PLACE_FREE)
			return place == PLACE_TAKEN;
	}
	if (!home_put(cpu, into, e, h[HOME_ADDRESS], &e->frames[h[HOME_INDEX]].mappings, mmu_after(entry, h[HOME_INDEX])))
		return false;
	++*in;
	return true;
}

uint64_t mapping_load_run(struct cpu *cpu, struct thread *t, const struct registers *r, uint64_t left)
{
	baryon_uid uid = r->rdi;
	struct space *from = thread_top(t)->space, *into = (struct space *)cpu->recent[KIND_SPACE][uid % RECENT];
	uint64_t at = r->rsi + (r->rdx - left) * sizeof(struct mapping_home), key;
	unsigned in = 0;

	if (__builtin_expect(into == NULL || !run_good(from, t, r, left), 0))
		return left ? left : 1;
	spin_lock(&into->slot.lock);
	/* A program is nobody's principal. */
	if (__builtin_expect(into->slot.uid == uid && into->slot.state == SLOT_LOADED && into->slot.keeper == from->principal, 1)) {
		into->slot.used = true;
		key = reach_from(from, into);
		while (home_load(cpu, into, key, at, &in) && --left)
			at += sizeof(struct mapping_home);
		mappings_count(into, in);
	}
	spin_unlock(&into->slot.lock);
	return left;
}

/* taking out, the short way */

bool mapping_unload_fast(struct cpu *cpu, const struct thread *t, struct registers *r)
{
	struct space *s = (struct space *)cpu->recent[KIND_SPACE][r->rdi % RECENT];
	uint64_t address = r->rsi, pages = r->rdx;
	unsigned seen = 0;

	/* No more pages than a batch: then all is done at once. */
	if (s == NULL || pages > BATCH || !mapping_range_good(s, address, pages) ||
	    !mapping_range_step(s, r->rdi, thread_top(t)->space->principal, &address, address + pages * PAGE_BYTES, &seen))
		return false;
	s->slot.used = true;
	r->rax = seen;
	return true;
}

/* for the other caches */

COLD result mapping_unload_some(struct space *s)
{
	uint64_t address = s->first, end = address + s->bytes;
	bool some;

	/* Another CPU may help to unload the space, and have ended it. */
	spin_lock(&s->slot.lock);
	some = s->table != TABLE_NONE && state.tables[s->table].entries;
	if (some)
		(void)mapping_range_take(s, &address, end, NULL);
	spin_unlock(&s->slot.lock);
	return some;
}

COLD void mapping_unload_under(uint32_t table)
{
	struct table *t = &state.tables[table];
	struct space *s = space_at(t->space);
	uint64_t address, end;

	spin_lock(&s->slot.lock);
	address = t->address;
	end = address + GROUP_BYTES;
	while (t->live && t->level == 0 && t->pinned == 0 && space_at(t->space) == s && t->address + GROUP_BYTES == end && address < end)
		(void)mapping_range_take(s, &address, end, NULL);
	spin_unlock(&s->slot.lock);
}

/* Take out this one, if it is still there; `pick`: if it may go, and what else is said. */
static COLD void take_one(uint32_t index, struct pick *pick)
{
	struct mapping *m = mapping_at(index);
	struct space *s = space_at(m->space);
	uint64_t address = mapping_address(m), end = address + PAGE_BYTES;

	spin_lock(&s->slot.lock);
	if (s->table != TABLE_NONE && is_in(s, index, address) && (!pick || mapping_free(index)))
		(void)mapping_range_take(s, &address, end, pick);
	spin_unlock(&s->slot.lock);
}

COLD result mapping_unload(uint32_t index, uint32_t generation, bool write)
{
	(void)generation;
	(void)write;
	take_one(index, NULL);
	return 0;
}

COLD uint32_t mapping_displace(uint32_t index, uint32_t most, uint32_t looks)
{
	struct pick pick = { .most = most, .looks = looks };

	take_one(index, &pick);
	return pick.taken;
}

COLD bool mapping_free(uint32_t index)
{
	uint32_t name = index + 1;

	if (!mapping_at(index)->live || mapping_at(index)->locked)
		return false;
	for (unsigned i = 0; i < state.cpus; i++) {
		struct thread *t = state.cpu[i].thread;

		for (unsigned g = 0; t && g < GUARDS; g++)
			if (t->guard[g] == name)
				return false;
	}
	return true;
}

COLD bool mapping_guarded_under(uint32_t table)
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

COLD result mapping_unload_signals(struct thread *t)
{
	uint32_t name = slot_index(&t->slot) + 1, left = BATCH;

	if (t->signal_mappings == 0)
		return 0;
	for (uint32_t i = 0; i < state.cache[KIND_MAPPING].count && left > 0; i++)
		if (mapping_at(i)->live && mapping_at(i)->thread == name) {
			(void)mapping_unload(i, 0, false);
			left--;
		}
	return t->signal_mappings ? 1 : 0;
}
