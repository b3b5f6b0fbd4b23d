/* Slot tables: which page of M is at which address of a space. A table is a page with 512 slots; a sorted directory says which
 * tables there are. The directory lies in struct space as long as it is small, then in a block of pages. Tables are freed with
 * the space, and are zero then, because every slot was cleared. */
#include "baryon/string.h"
#include "page.h"
#include "process/space.h"

enum { TABLE_SLOTS = 512, BLOCK_TABLES = 16384 / sizeof(struct slot_table) };
#define TABLE_BYTES (PAGE_BYTES * TABLE_SLOTS)

/* The place of the first table whose number is not below. */
static unsigned directory_place(const struct space *space, uint32_t number)
{
	unsigned low = 0, high = space->table_count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (space->tables[middle].number >= number)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool directory_grow(struct space *space)
{
	struct slot_table *block;

	if (space->tables != space->tables_inline || (block = page_block_alloc()) == NULL)
		return false;
	memcpy(block, space->tables, space->table_count * sizeof *block);
	space->tables = block;
	return true;
}

/* Puts a new table at its place. 0: no memory. */
static page_index table_make(struct space *space, unsigned place, uint32_t number)
{
	unsigned room = space->tables == space->tables_inline ? TABLES_INLINE : BLOCK_TABLES;
	page_index page;

	if (space->table_count == room && !directory_grow(space))
		return 0;
	page = page_alloc();
	if (page == 0)
		return 0;
	memmove(&space->tables[place + 1], &space->tables[place], (space->table_count - place) * sizeof *space->tables);
	space->tables[place] = (struct slot_table) { number, page };
	space->table_count++;
	return page;
}

static unsigned slot_index(uint64_t address)
{
	return (unsigned)(address / PAGE_BYTES % TABLE_SLOTS);
}

/* The table for an address, made if asked for; the last one is remembered. */
static uint64_t *leaf_of(struct space *space, uint64_t address, bool make)
{
	uint32_t number = (uint32_t)(address / TABLE_BYTES);
	unsigned place;
	page_index page;

	if (space->leaf != NULL && number == space->leaf_number)
		return space->leaf;
	place = directory_place(space, number);
	if (place < space->table_count && space->tables[place].number == number)
		page = space->tables[place].page;
	else
		page = make ? table_make(space, place, number) : 0;
	if (page == 0)
		return NULL;
	space->leaf = page_address(page);
	space->leaf_number = number;
	return space->leaf;
}

uint64_t *slot_find(struct space *space, uint64_t address)
{
	uint64_t *leaf = leaf_of(space, address, false);

	return leaf == NULL ? NULL : &leaf[slot_index(address)];
}

uint64_t *slot_make(struct space *space, uint64_t address)
{
	uint64_t *leaf = leaf_of(space, address, true);

	return leaf == NULL ? NULL : &leaf[slot_index(address)];
}

uint64_t slot_table_next(const struct space *space, uint64_t address)
{
	uint32_t number = (uint32_t)(address / TABLE_BYTES);
	unsigned place = directory_place(space, number);

	if (place == space->table_count)
		return UINT64_MAX;
	return space->tables[place].number == number ? address : space->tables[place].number * TABLE_BYTES;
}

static uint64_t leaf_end(uint64_t address, uint64_t end)
{
	uint64_t next = address / TABLE_BYTES * TABLE_BYTES + TABLE_BYTES;

	return next < end ? next : end;
}

/* How many slots, of up to `limit`, one after the other are certainly empty; most of most tables are. */
static inline uint64_t slots_empty(const uint64_t *slot, uint64_t limit)
{
	uint64_t count = 0;

	while (limit - count >= 8 && (slot[count] | slot[count + 1] | slot[count + 2] | slot[count + 3] | slot[count + 4] |
				      slot[count + 5] | slot[count + 6] | slot[count + 7]) == 0)
		count += 8;
	return count;
}

void slots_clear(struct space *space, uint64_t start, uint64_t end)
{
	if (space->resident > space->resident_most)
		space->resident_most = space->resident;
	for (uint64_t next; start < end; start = next) {
		uint64_t *slot = slot_find(space, start);

		next = leaf_end(start, end);
		if (slot == NULL)
			continue;
		for (uint64_t *after = slot + (next - start) / PAGE_BYTES; slot < after; slot++) {
			if (*slot == 0) {
				slot += slots_empty(slot + 1, (uint64_t)(after - slot) - 1);
				continue;
			}
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
		if (source[i] == 0) {
			i += slots_empty(&source[i + 1], count - i - 1);
			continue;
		}
		page_get(slot_page(source[i]));
		target[i] = source[i] & ~(uint64_t)SLOT_LOADED;
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
	for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {   /* all tables first: then nothing fails */
		uint64_t *source = slot_find(space, from + at);

		if (source != NULL && *source != 0 && slot_make(space, to + at) == NULL)
			return -ENOMEM;
	}
	for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
		uint64_t *source = slot_find(space, from + at), slot = source == NULL ? 0 : *source;

		if (slot == 0)
			continue;
		*source = 0;
		*slot_find(space, to + at) = slot;
	}
	return 0;
}

/* Tables are given back as pages that are zero: what lies outside of regions, after a call that failed half-way, goes here. */
static void tables_clear(struct space *space)
{
	for (unsigned i = 0; i < space->table_count; i++) {
		uint64_t start = space->tables[i].number * TABLE_BYTES;

		slots_clear(space, start, start + TABLE_BYTES);
	}
}

void slots_free(struct space *space)
{
	for (unsigned i = 0; i < space->region_count; i++)
		slots_clear(space, region_at(space, i)->start, region_at(space, i)->end);
	if (space->resident != 0)
		tables_clear(space);
	for (unsigned i = 0; i < space->table_count; i++)
		page_put_clean(space->tables[i].page);
	if (space->tables != space->tables_inline)
		page_block_free(space->tables);
	space->tables = space->tables_inline;
	space->table_count = 0;
	space->leaf = NULL;
}
