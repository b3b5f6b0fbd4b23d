/* Slot tables: which page of M is at which address of a space. Four levels of 512 words, each table a page; tables are
 * freed with the space, and are zero then, because every slot was cleared. */
#include "page.h"
#include "process/space.h"

enum { LEVEL_BITS = 9, LEVELS = 4, TABLE_WORDS = 512 };
#define LEAF_BYTES (PAGE_BYTES * TABLE_WORDS)

static unsigned level_index(uint64_t address, unsigned level)
{
	return (unsigned)(address >> (PAGE_BITS + LEVEL_BITS * level)) % TABLE_WORDS;
}

/* The leaf table for an address, made if asked for; remembers it. */
static uint64_t *leaf_of(struct space *space, uint64_t address, bool make)
{
	page_index *root = &space->slots;
	uint64_t *table;

	if (space->leaf != NULL && address / LEAF_BYTES * LEAF_BYTES == space->leaf_base)
		return space->leaf;
	if (*root == 0 && (!make || (*root = page_alloc()) == 0))
		return NULL;
	table = page_address(*root);
	for (unsigned level = LEVELS - 1; level > 0; level--) {
		uint64_t *entry = &table[level_index(address, level)];

		if (*entry == 0 && (!make || (*entry = page_alloc()) == 0))
			return NULL;
		table = page_address((page_index)*entry);
	}
	space->leaf = table;
	space->leaf_base = address / LEAF_BYTES * LEAF_BYTES;
	return table;
}

uint64_t *slot_find(struct space *space, uint64_t address)
{
	uint64_t *leaf = leaf_of(space, address, false);

	return leaf == NULL ? NULL : &leaf[level_index(address, 0)];
}

uint64_t *slot_make(struct space *space, uint64_t address)
{
	uint64_t *leaf = leaf_of(space, address, true);

	return leaf == NULL ? NULL : &leaf[level_index(address, 0)];
}

static uint64_t leaf_end(uint64_t address, uint64_t end)
{
	uint64_t next = address / LEAF_BYTES * LEAF_BYTES + LEAF_BYTES;

	return next < end ? next : end;
}

void slots_clear(struct space *space, uint64_t start, uint64_t end)
{
	for (uint64_t next; start < end; start = next) {
		uint64_t *slot = slot_find(space, start);

		next = leaf_end(start, end);
		if (slot == NULL)
			continue;
		for (uint64_t *after = slot + (next - start) / PAGE_BYTES; slot < after; slot++) {
			if (*slot == 0)
				continue;
			page_put(slot_page(*slot));
			*slot = 0;
			space->resident--;
		}
	}
}

/* Copies one leaf's part of a region; both tables exist. */
static void leaf_copy(struct space *to, uint64_t *target, const uint64_t *source, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (source[i] == 0)
			continue;
		page_get(slot_page(source[i]));
		target[i] = source[i];
		to->resident++;
	}
}

int slots_copy(struct space *to, struct space *from, const struct region *region)
{
	uint64_t next;

	for (uint64_t at = region->start; at < region->end; at = next) {
		uint64_t *source = slot_find(from, at), *target;

		next = leaf_end(at, region->end);
		if (source == NULL)
			continue;
		target = slot_make(to, at);
		if (target == NULL)
			return -ENOMEM;
		leaf_copy(to, target, source, (next - at) / PAGE_BYTES);
	}
	return 0;
}

int slots_move(struct space *space, uint64_t from, uint64_t to, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
		uint64_t *source = slot_find(space, from + at), *target;

		if (source == NULL || *source == 0)
			continue;
		target = slot_make(space, to + at);
		if (target == NULL)
			return -ENOMEM;
		source = slot_find(space, from + at);
		*slot_make(space, to + at) = *source;
		*slot_find(space, from + at) = 0;
	}
	return 0;
}

static void table_free(page_index page, unsigned level)
{
	uint64_t *table = page_address(page);

	for (unsigned i = 0; level > 0 && i < TABLE_WORDS; i++) {
		if (table[i] == 0)
			continue;
		table_free((page_index)table[i], level - 1);
		table[i] = 0;
	}
	page_put_clean(page);
}

void slots_free(struct space *space)
{
	for (unsigned i = 0; i < space->region_count; i++)
		slots_clear(space, space->regions[i].start, space->regions[i].end);
	if (space->slots != 0)
		table_free(space->slots, LEVELS - 1);
	space->slots = 0;
	space->leaf = NULL;
}
