/* The sorted table of a space's regions. Neighbours that continue each other are merged. */
#include "baryon/string.h"
#include "process/space.h"


unsigned region_index_after(struct space *space, uint64_t address)
{
	unsigned low = 0, high = space->region_count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (region_at(space, middle)->end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct region *region_find(struct space *space, uint64_t address)
{
	unsigned i = region_index_after(space, address);

	return i < space->region_count && region_at(space, i)->start <= address ? region_at(space, i) : NULL;
}

bool region_range_free(struct space *space, uint64_t start, uint64_t end)
{
	unsigned i = region_index_after(space, start);

	return i == space->region_count || region_at(space, i)->start >= end;
}

/* From now on the regions are in pages. 0, -ENOMEM. */
static int chunks_start(struct space *space)
{
	struct region **chunks;
	page_index page = page_alloc();

	if (page == 0)
		return -ENOMEM;
	chunks = page_address(page);
	page = page_alloc_any();
	if (page == 0) {
		page_put(page_of_address(chunks));
		return -ENOMEM;
	}
	chunks[0] = page_address(page);
	memcpy(chunks[0], space->regions_inline, space->region_count * sizeof(struct region));
	space->chunks = chunks;
	space->region_capacity = REGION_CHUNK;
	return 0;
}

int region_room(struct space *space, unsigned more)
{
	while (space->region_count + more > space->region_capacity) {
		page_index page;

		if (space->chunks == NULL && chunks_start(space) != 0)
			return -ENOMEM;
		if (space->region_count + more <= space->region_capacity)
			break;
		page = space->region_capacity == REGION_LIMIT ? 0 : page_alloc_any();
		if (page == 0)
			return -ENOMEM;
		space->chunks[space->region_capacity / REGION_CHUNK] = page_address(page);
		space->region_capacity += REGION_CHUNK;
	}
	return 0;
}

/* Room for one at i: those from there on move up, chunk by chunk from the last. */
static void table_open(struct space *space, unsigned i)
{
	unsigned count = space->region_count++, start = count / REGION_CHUNK * REGION_CHUNK;

	for (; start > i; start -= REGION_CHUNK) {
		struct region *chunk = region_at(space, start);

		memmove(chunk + 1, chunk, (count - start) * sizeof *chunk);
		*chunk = *region_at(space, start - 1);
		count = start - 1;
	}
	memmove(region_at(space, i) + 1, region_at(space, i), (count - i) * sizeof(struct region));
}

static unsigned least(unsigned one, unsigned other)
{
	return one < other ? one : other;
}

/* Those behind `count` regions at i take their place, in runs that lie in one chunk each. */
static void table_close(struct space *space, unsigned i, unsigned count)
{
	space->region_count -= count;
	while (count > 0 && i < space->region_count) {
		unsigned from = i + count, run = space->region_count - i;

		run = least(run, REGION_CHUNK - i % REGION_CHUNK);
		run = least(run, REGION_CHUNK - from % REGION_CHUNK);
		memmove(region_at(space, i), region_at(space, from), run * sizeof(struct region));
		i += run;
	}
}

static bool continues(const struct region *low, const struct region *high)
{
	return low->end == high->start && low->file == high->file && low->flags == high->flags &&
		(low->file == NULL || low->offset + (low->end - low->start) == high->offset);
}

static void region_release(struct region *region)
{
	if (region->file != NULL)
		file_unmapped(region->file);
}

/* Joins region i with the one after it, if they continue each other. */
static void merge_with_next(struct space *space, unsigned i)
{
	if (i + 1 >= space->region_count || !continues(region_at(space, i), region_at(space, i + 1)))
		return;
	region_at(space, i)->end = region_at(space, i + 1)->end;
	region_release(region_at(space, i + 1));
	table_close(space, i + 1, 1);
}

int region_insert(struct space *space, const struct region *region)
{
	unsigned i = region_index_after(space, region->start);

	if (region_room(space, 1) != 0)
		return -ENOMEM;
	table_open(space, i);
	*region_at(space, i) = *region;
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
	struct region *low = region_at(space, i), *high;

	if (i == space->region_count || low->start >= address)
		return;
	table_open(space, i);
	high = region_at(space, i + 1);
	*high = *low;
	high->start = address;
	high->offset += address - low->start;
	low->end = address;
	if (low->file != NULL)
		file_get(low->file);
}

int region_remove(struct space *space, uint64_t start, uint64_t end)
{
	unsigned first, after;

	if (region_range_free(space, start, end))
		return 0;
	if (region_room(space, 2) != 0)
		return -ENOMEM;
	split_at(space, start);
	split_at(space, end);
	first = region_index_after(space, start);
	for (after = first; after < space->region_count && region_at(space, after)->start < end; after++)
		region_release(region_at(space, after));
	table_close(space, first, after - first);
	return 0;
}

/* The whole range must be covered, and each region allow the rights. */
static int protect_check(struct space *space, uint64_t start, uint64_t end, uint64_t rights)
{
	for (unsigned i = region_index_after(space, start); start < end; i++) {
		const struct region *region = region_at(space, i);

		if (i == space->region_count || region->start > start)
			return -ENOMEM;
		if ((rights & RIGHT_WRITE) && !(region->flags & REGION_MAY_WRITE))
			return -EACCES;
		if ((rights & RIGHT_EXECUTE) && region_is_vdso_data(region))
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
	if (region_room(space, 2) != 0)
		return -ENOMEM;
	split_at(space, start);
	split_at(space, end);
	first = region_index_after(space, start);
	for (unsigned i = first; i < space->region_count && region_at(space, i)->start < end; i++)
		region_at(space, i)->flags = (region_at(space, i)->flags & ~(uint64_t)REGION_RIGHTS) | rights;
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

	if (i < space->region_count && region_at(space, i)->start < top)
		top = region_at(space, i)->start;
	while (i > 0) {
		const struct region *below = region_at(space, i - 1);

		if (top >= bytes && top - bytes >= below->end)
			return top - bytes;
		top = below->start;
		i--;
	}
	return top > bytes + 65536 ? top - bytes : 0;
}

int regions_copy(struct space *to, struct space *from)
{
	if (region_room(to, from->region_count) != 0)
		return -ENOMEM;
	to->region_count = from->region_count;
	for (unsigned i = 0; i < to->region_count; i++) {
		*region_at(to, i) = *region_at(from, i);
		if (region_at(to, i)->file != NULL)
			file_get(region_at(to, i)->file);
	}
	return 0;
}

void regions_clear(struct space *space)
{
	for (unsigned i = 0; i < space->region_count; i++)
		region_release(region_at(space, i));
	space->region_count = 0;
	if (space->chunks == NULL)
		return;
	for (unsigned i = 0; i < space->region_capacity; i += REGION_CHUNK)
		page_put(page_of_address(space->chunks[i / REGION_CHUNK]));
	page_put(page_of_address(space->chunks));
	space->chunks = NULL;
	space->region_capacity = REGION_INLINE;
}
