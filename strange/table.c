/* Page tables. Homes: none, tables are derived from mappings. A table that becomes empty is free again, and is all zero:
 * whoever takes it need not clear it. Locks: a table belongs to its space and is changed under the space's lock;
 * the free list has its own, a leaf. */
#include "table.h"
#include "cache.h"
#include "mapping.h"
#include "shootdown.h"

enum { SPACE_TABLES = 2 };      /* its top table, and one at least to be of use */

static uint32_t table_of_entry(mmu_entry e)
{
	return mmu_frame(e) - state.table_frame;
}

static unsigned top_level(const struct space *s)
{
	return s->flags & SPACE_SUPERVISOR ? MMU_LEVELS - 2 : MMU_LEVELS - 1;
}

mmu_entry table_entry(struct space *space, uint64_t address)
{
	return table_walk(space, address);
}

static uint32_t table_pop(void)
{
	uint32_t t;

	spin_lock(&state.table_lock);
	t = state.table_free;
	if (t) {
		state.table_free = state.tables[t - 1].free_next;
		state.tables_free--;
	}
	spin_unlock(&state.table_lock);
	return t ? t - 1 : TABLE_NONE;
}

static void table_push(uint32_t t)
{
	state.tables[t].live = false;
	spin_lock(&state.table_lock);
	state.tables[t].free_next = state.table_free;
	state.table_free = t + 1;
	state.tables_free++;
	spin_unlock(&state.table_lock);
}

static void table_set(uint32_t t, struct space *space, uint32_t parent, unsigned slot, unsigned level, uint64_t address)
{
	uint64_t span = PAGE_BYTES << (9 * (level + 1));

	state.tables[t] = (struct table){
		.parent = parent + 1, .slot = (uint16_t)slot, .level = (uint8_t)level,
		.space = slot_index(&space->slot), .low = MMU_ENTRIES - 1, .address = address & ~(span - 1),
	};
	__atomic_store_n(&state.tables[t].live, true, __ATOMIC_RELEASE);
}

static uint32_t table_make(struct space *space, uint32_t parent, unsigned slot, unsigned level, uint64_t address)
{
	uint32_t t = table_pop();

	if (t == TABLE_NONE)
		return t;
	table_set(t, space, parent, slot, level, address);
	(void)mmu_exchange(&table_entries(parent)[slot], mmu_make_table(state.table_frame + t));
	table_entry_new(&state.tables[parent], (uint16_t)slot);
	return t;
}

static uint32_t leaf_walk(struct space *space, uint64_t address, unsigned want, unsigned *slot);

uint32_t table_leaf_long(struct space *space, uint64_t address, unsigned want, unsigned *slot)
{
	uint32_t table = leaf_walk(space, address, want, slot);

	if (want == 0 && table < TABLE_NONE - 1)
		table_leaf_set(space, table, address);
	return table;
}

static uint32_t leaf_walk(struct space *space, uint64_t address, unsigned want, unsigned *slot)
{
	uint32_t table = space->table, next;

	for (unsigned level = top_level(space);; level--) {
		mmu_entry e;

		*slot = mmu_index(address, level);
		e = table_entries(table)[*slot];
		if (level == want)
			return mmu_present(e) && level == 1 && !mmu_is_large(e) ? TABLE_NONE - 1 : table;
		if (level == 1 && mmu_present(e) && mmu_is_large(e))
			return TABLE_NONE - 1;
		next = mmu_present(e) ? table_of_entry(e) : table_make(space, table, *slot, level - 1, address);
		if (next == TABLE_NONE) {
			if (state.tables[table].parent)
				table_unused(space, table);
			return next;
		}
		table = next;
	}
}

unsigned table_scan(uint32_t table, unsigned from)
{
	const struct table *t = &state.tables[table];
	const mmu_entry *e = table_entries(table);

	for (from = from < t->low ? t->low : from; from <= t->high; from++)
		if (e[from])
			return from;
	return MMU_ENTRIES;
}

uint32_t table_seek(struct space *space, uint64_t address, unsigned *level, unsigned *slot)
{
	uint32_t table = space->table;

	for (*level = top_level(space);; (*level)--) {
		mmu_entry e;

		*slot = mmu_index(address, *level);
		e = table_entries(table)[*slot];
		if (!mmu_present(e) || *level == 0 || (*level == 1 && mmu_is_large(e)))
			return table;
		table = table_of_entry(e);
	}
}

COLD void table_entries_gone(struct space *space, uint32_t table, unsigned count, uint32_t *empty)
{
	for (; (state.tables[table].entries -= (uint16_t)count) == 0 && state.tables[table].parent; count = 1) {
		uint32_t parent = state.tables[table].parent - 1;

		(void)mmu_exchange(&table_entries(parent)[state.tables[table].slot], 0);
		if (space->leaf == table)
			space->leaf_last = 0;
		state.tables[table].free_next = *empty;
		*empty = table + 1;
		table = parent;
	}
}

COLD void tables_give(uint32_t empty)
{
	while (empty) {
		uint32_t t = empty - 1;

		empty = state.tables[t].free_next;
		table_push(t);
	}
}

void table_unused(struct space *space, uint32_t table)
{
	uint32_t empty = 0;

	if (state.tables[table].entries)
		return;
	table_entries_gone(space, table, 0, &empty);
	shootdown_space(space);
	tables_give(empty);
}

/* Top tables come and go under table_lock, so that each gets the entry, and none that is free. */
static COLD void domain_install(struct space *space, mmu_entry e)
{
	unsigned slot = mmu_index(DOMAIN_BASE + space->domain * DOMAIN_BYTES, MMU_LEVELS - 1);

	spin_lock(&state.table_lock);
	mmu_set_shared(space->domain, e);
	for (uint32_t t = 0; t < state.table_count; t++)
		if (state.tables[t].live && state.tables[t].level == MMU_LEVELS - 1)
			(void)mmu_exchange(&table_entries(t)[slot], e);
	(void)mmu_exchange(&table_entries(state.blank_table)[slot], e);
	spin_unlock(&state.table_lock);
}

COLD result table_root_take(struct space *space)
{
	uint32_t t = table_pop();

	if (t == TABLE_NONE) {
		result r = table_displace();

		return r < 0 ? r : RESULT_RESTART;
	}
	spin_lock(&state.table_lock);
	table_set(t, space, TABLE_NONE, 0, top_level(space), 0);
	if (!(space->flags & SPACE_SUPERVISOR))
		mmu_root_initialise(state.table_frame + t);
	spin_unlock(&state.table_lock);
	state.tables[t].pinned = 1;
	space->table = t;
	space->root = state.table_frame + t;
	if (space->flags & SPACE_SUPERVISOR)
		domain_install(space, mmu_make_table(state.table_frame + t));
	return 0;
}

COLD void table_root_give(struct space *space)
{
	uint32_t t = space->table;
	mmu_entry *e = table_entries(t);

	if (space->flags & SPACE_SUPERVISOR)
		domain_install(space, 0);
	shootdown_space(space);
	space->table = TABLE_NONE;
	spin_lock(&state.table_lock);
	state.tables[t].live = false;
	spin_unlock(&state.table_lock);
	for (unsigned i = MMU_ENTRIES / 2; i < MMU_ENTRIES; i++)
		e[i] = 0;
	table_push(t);
}

static bool table_displaceable(uint32_t i, bool force)
{
	struct table *t = &state.tables[i];
	const struct space *s = space_at(t->space);

	return t->live && t->level == 0 && t->pinned == 0 && t->entries && (force || (s->cpus == 0 && !s->entered)) &&
	       !mapping_guarded_under(i);
}

static bool leaf_displace(bool force)
{
	for (uint32_t n = state.table_count; n > 0; n--) {
		uint32_t i = __atomic_fetch_add(&state.table_hand, 1, __ATOMIC_RELAXED) % state.table_count;

		if (!table_displaceable(i, force))
			continue;
		state.counters->displaced_tables++;
		mapping_unload_under(i);
		return true;
	}
	return false;
}

/* First a program's that no processor is in: nobody need be asked, and nobody faults at once. When there is none, and the top
 * tables of many spaces fill the pool, one of these goes; else what is in use. */
result table_displace(void)
{
	const struct cache *spaces = &state.cache[KIND_SPACE];
	bool many = (spaces->count - spaces->free_count) * SPACE_TABLES > state.table_count;

	if (leaf_displace(false) || (!many && leaf_displace(true)))
		return 0;
	return cache_displace(KIND_SPACE, NULL);
}

void table_pool_initialise(uint32_t count)
{
	state.table_count = count;
	for (uint32_t i = count; i-- > 0;)
		table_push(i);
	state.blank_table = table_pop();
	mmu_root_initialise(state.table_frame + state.blank_table);
}
