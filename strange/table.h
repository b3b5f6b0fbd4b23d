/* Page tables, from a fixed pool. */
#ifndef STRANGE_TABLE_H
#define STRANGE_TABLE_H

#include "state.h"

#define TABLE_NONE 0xffffffffu

/* The leaf entry of an address, or 0. No lock when the space is active here, else the space's. table_walk is the same, inline. */
mmu_entry table_entry(struct space *space, uint64_t address);

static inline mmu_entry table_step(frame_number frame, uint64_t address, unsigned level)
{
	const mmu_entry *entries = frame_pointer(frame);

	return __atomic_load_n(&entries[mmu_index(address, level)], __ATOMIC_RELAXED);
}

static inline mmu_entry table_walk(const struct space *space, uint64_t address)
{
	frame_number frame = state.table_frame + space->table;
	mmu_entry e;

	if (space->table == TABLE_NONE)
		return 0;
	if (!(space->flags & SPACE_SUPERVISOR)) {
		e = table_step(frame, address, 3);
		if (!mmu_present(e))
			return 0;
		frame = mmu_frame(e);
	}
	e = table_step(frame, address, 2);
	if (!mmu_present(e))
		return 0;
	e = table_step(mmu_frame(e), address, 1);
	if (!mmu_present(e) || mmu_is_large(e))
		return mmu_present(e) ? e : 0;
	e = table_step(mmu_frame(e), address, 0);
	return mmu_present(e) ? e : 0;
}

_Static_assert(MMU_LEVELS == 4, "table_walk");

/* The table with the leaf entry of `address` (level 0, or 1 for large), making what is missing. The space is locked.
 * TABLE_NONE: no table is free: unlock, table_displace, again. -> entry's slot in *slot. EEXIST-like conflicts (a large mapping
 * in the way, or tables under a large one) give TABLE_NONE - 1. */
uint32_t table_leaf_long(struct space *space, uint64_t address, unsigned level, unsigned *slot);

/* Is space->leaf the one for the address? The space is locked. */
static inline bool table_is_leaf(const struct space *s, uint64_t address)
{
	return (address | (GROUP_BYTES - 1)) == s->leaf_last;
}

static inline uint32_t table_leaf(struct space *space, uint64_t address, unsigned level, unsigned *slot)
{
	if (level || !table_is_leaf(space, address))
		return table_leaf_long(space, address, level, slot);
	*slot = mmu_index(address, 0);
	return space->leaf;
}

static inline mmu_entry *table_entries(uint32_t table)
{
	return frame_pointer(state.table_frame + table);
}
static inline uint32_t *table_shadow(uint32_t table) { return &state.shadow[table * 512ull]; }

static inline void table_leaf_set(struct space *s, uint32_t table, uint64_t address)
{
	s->leaf = table;
	s->leaf_table = &state.tables[table];
	s->leaf_entries = table_entries(table);
	s->leaf_shadow = table_shadow(table);
	s->leaf_last = address | (GROUP_BYTES - 1);
}

/* The table in which the walk to `address` ends, and the level of its entry: present or not. */
uint32_t table_seek(struct space *space, uint64_t address, unsigned *level, unsigned *slot);

static inline void table_entry_new(struct table *t, uint16_t slot)
{
	t->entries++;
	if (slot < t->low)
		t->low = slot;
	if (slot > t->high)
		t->high = slot;
}
/* The first present entry at or after `from`; MMU_ENTRIES when there is none. */
unsigned table_scan(uint32_t table, unsigned from);

/* Entries were taken out: tables that became empty, too, in front of the list *empty (index + 1, by free_next). They are free once every
 * CPU that may walk them has flushed: then tables_give. The space is locked. */
void table_entries_gone(struct space *space, uint32_t table, unsigned count, uint32_t *empty);
void tables_give(uint32_t empty);

/* A table that table_leaf may just have made was not used after all. The space is locked. */
void table_unused(struct space *space, uint32_t table);

/* The top table of a space. RESULT_RESTART when none is free now. */
result table_root_take(struct space *space) MUST_CHECK;
void table_root_give(struct space *space);

/* Take one table from somebody: unloads what is under it. No lock is held. */
result table_displace(void) MUST_CHECK;

void table_pool_initialise(uint32_t count);

#endif
