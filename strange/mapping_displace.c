/* Unloading mappings for the other caches, and to make room for others: what may go, and how much at once. */
#include "cache.h"
#include "mapping.h"
#include "mapping_entry.h"
#include "space.h"
#include "table.h"

/* So much of the cache makes room behind one shoot-down. */
enum { DISPLACED_PART = 32 };

result mapping_unload_some(struct space *s)
{
	uint64_t address = s->first, end = address + s->bytes;
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

/* Take out the mapping, and what lies in so many pages from it on under the same table. */
static void unload_from(uint32_t index, uint64_t pages, bool keep)
{
	struct mapping *m = mapping_at(index);
	struct space *s = space_at(m->space);
	uint64_t address = mapping_address(m), end = address + pages * PAGE_BYTES, table_end = (address | (GROUP_BYTES - 1)) + 1;

	if (!m->live)
		return;
	spin_lock(&s->slot.lock);
	if (m->live && space_at(m->space) == s && mapping_address(m) == address && s->table != TABLE_NONE)
		(void)mapping_range_take(s, &address, end < table_end ? end : table_end, keep);
	spin_unlock(&s->slot.lock);
}

result mapping_unload(uint32_t index, uint32_t generation, bool write)
{
	(void)generation;
	(void)write;
	unload_from(index, 1, false);
	return 0;
}

void mapping_displace(uint32_t index, uint64_t most)
{
	uint64_t pages = state.cache[KIND_MAPPING].count / DISPLACED_PART;

	unload_from(index, most < pages ? most : pages, true);
}

static bool guarded(uint32_t index)
{
	uint32_t name = index + 1;

	for (unsigned i = 0; i < state.cpus; i++) {
		struct thread *t = state.cpu[i].thread;

		for (unsigned g = 0; t && g < GUARDS; g++)
			if (t->guard[g] == name)
				return true;
	}
	return false;
}

bool mapping_free(uint32_t index)
{
	return !mapping_at(index)->locked && !guarded(index);
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
