/* The sorted table of a space's regions. Neighbours that continue each other are merged. */
#include "baryon/string.h"
#include "process/space.h"

#define REGION_BLOCK (16384u / sizeof(struct region))

unsigned region_index_after(struct space *space, uint64_t address)
{
	unsigned low = 0, high = space->region_count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (space->regions[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct region *region_find(struct space *space, uint64_t address)
{
	unsigned i = region_index_after(space, address);

	return i < space->region_count && space->regions[i].start <= address ? &space->regions[i] : NULL;
}

bool region_range_free(struct space *space, uint64_t start, uint64_t end)
{
	unsigned i = region_index_after(space, start);

	return i == space->region_count || space->regions[i].start >= end;
}

/* Room for `more` regions. */
static int table_grow(struct space *space, unsigned more)
{
	struct region *block;

	if (space->region_count + more <= space->region_capacity)
		return 0;
	if (space->region_capacity > REGION_INLINE || space->region_count + more > REGION_BLOCK)
		return -ENOMEM;
	block = page_block_alloc();
	if (block == NULL)
		return -ENOMEM;
	memcpy(block, space->regions, space->region_count * sizeof *block);
	space->regions = block;
	space->region_capacity = REGION_BLOCK;
	return 0;
}

static void table_open(struct space *space, unsigned i)
{
	memmove(&space->regions[i + 1], &space->regions[i], (space->region_count - i) * sizeof *space->regions);
	space->region_count++;
}

static void table_close(struct space *space, unsigned i, unsigned count)
{
	memmove(&space->regions[i], &space->regions[i + count],
		(space->region_count - i - count) * sizeof *space->regions);
	space->region_count -= count;
}

static bool continues(const struct region *low, const struct region *high)
{
	return low->end == high->start && low->file == high->file && low->flags == high->flags &&
		(low->file == NULL || low->offset + (low->end - low->start) == high->offset);
}

static void region_release(struct region *region)
{
	if (region->file != NULL)
		file_put(region->file);
}

/* Joins region i with the one after it, if they continue each other. */
static void merge_with_next(struct space *space, unsigned i)
{
	if (i + 1 >= space->region_count || !continues(&space->regions[i], &space->regions[i + 1]))
		return;
	space->regions[i].end = space->regions[i + 1].end;
	region_release(&space->regions[i + 1]);
	table_close(space, i + 1, 1);
}

int region_insert(struct space *space, const struct region *region)
{
	unsigned i = region_index_after(space, region->start);

	if (table_grow(space, 1) != 0)
		return -ENOMEM;
	table_open(space, i);
	space->regions[i] = *region;
	if (region->file != NULL)
		file_get(region->file);
	merge_with_next(space, i);
	if (i > 0)
		merge_with_next(space, i - 1);
	return 0;
}

/* Makes `address` a border between regions. There is room. */
static void split_at(struct space *space, uint64_t address)
{
	unsigned i = region_index_after(space, address);
	struct region *low = &space->regions[i];

	if (i == space->region_count || low->start >= address)
		return;
	table_open(space, i);
	low[1].start = address;
	low[1].offset += address - low->start;
	low->end = address;
	if (low->file != NULL)
		file_get(low->file);
}

int region_remove(struct space *space, uint64_t start, uint64_t end)
{
	unsigned first, after;

	if (region_range_free(space, start, end))
		return 0;
	if (table_grow(space, 2) != 0)
		return -ENOMEM;
	split_at(space, start);
	split_at(space, end);
	first = region_index_after(space, start);
	for (after = first; after < space->region_count && space->regions[after].start < end; after++)
		region_release(&space->regions[after]);
	table_close(space, first, after - first);
	return 0;
}

/* The whole range must be covered, and each region allow the rights. */
static int protect_check(struct space *space, uint64_t start, uint64_t end, uint64_t rights)
{
	for (unsigned i = region_index_after(space, start); start < end; i++) {
		const struct region *region = &space->regions[i];

		if (i == space->region_count || region->start > start)
			return -ENOMEM;
		if ((rights & RIGHT_WRITE) && !(region->flags & REGION_MAY_WRITE))
			return -EACCES;
		start = region->end;
	}
	return 0;
}

int region_protect(struct space *space, uint64_t start, uint64_t end, uint64_t rights)
{
	int status = protect_check(space, start, end, rights);
	unsigned first;

	if (status != 0)
		return status;
	if (table_grow(space, 2) != 0)
		return -ENOMEM;
	split_at(space, start);
	split_at(space, end);
	first = region_index_after(space, start);
	for (unsigned i = first; i < space->region_count && space->regions[i].start < end; i++)
		space->regions[i].flags = (space->regions[i].flags & ~(uint64_t)REGION_RIGHTS) | rights;
	for (unsigned i = region_index_after(space, end - 1) + 1; i-- > first;)
		merge_with_next(space, i);
	if (first > 0)
		merge_with_next(space, first - 1);
	return 0;
}

uint64_t region_gap(struct space *space, uint64_t bytes)
{
	uint64_t top = space->map_top;
	unsigned i = region_index_after(space, top - 1);

	if (i < space->region_count && space->regions[i].start < top)
		top = space->regions[i].start;
	while (i > 0) {
		const struct region *below = &space->regions[i - 1];

		if (top >= bytes && top - bytes >= below->end)
			return top - bytes;
		top = below->start;
		i--;
	}
	return top > bytes + 65536 ? top - bytes : 0;
}

int regions_copy(struct space *to, struct space *from)
{
	if (table_grow(to, from->region_count) != 0)
		return -ENOMEM;
	memcpy(to->regions, from->regions, from->region_count * sizeof *to->regions);
	to->region_count = from->region_count;
	for (unsigned i = 0; i < to->region_count; i++) {
		if (to->regions[i].file != NULL)
			file_get(to->regions[i].file);
	}
	return 0;
}

void regions_clear(struct space *space)
{
	for (unsigned i = 0; i < space->region_count; i++)
		region_release(&space->regions[i]);
	space->region_count = 0;
	if (space->regions != space->regions_inline)
		page_block_free(space->regions);
	space->regions = space->regions_inline;
	space->region_capacity = REGION_INLINE;
}
