/* Root's frames and the containers that it manages. Frames are handed out in whole page groups, to memory containers and to kernels
 * that manage them themselves, and come back from them. Page records lie in root's locked memory:
 * Strange writes to the record of every page that it holds, at any time, so a record is never used for anything else.
 *
 * One call of the service at a time changes things here; misses, on all CPUs at once, only read: a record's frame tells
 * them whether it counts. */
#include "root.h"

#include "baryon/format.h"
#include "baryon/string.h"

enum { MEMORIES = 16, IMAGE_RECORDS = 512, IMAGE_AROUND = 8 };

struct memory {                 /* a container of page groups */
	struct container_home home __attribute__((aligned(64)));
	uint64_t groups;
	uint32_t page_flags;
	struct page_home *records;  /* one a group; frame 0: it has no memory */
};

static struct memory memories[MEMORIES];
static uint32_t memory_count;

static struct boot_range ranges[BOOT_RANGES]; /* of free frames */
static uint32_t range_count;

enum group_state {
	GROUP_NONE = 0,             /* not root's to give */
	GROUP_NEW,                  /* free, never used: all zero or never seen */
	GROUP_BACK,                 /* free, holds what its last owner left */
	GROUP_CONTAINER,            /* in a memory container */
	GROUP_GRANTED,              /* somebody else's to manage */
};

static struct {
	uint8_t *state;             /* enum group_state, by group number */
	uint64_t limit, free;
	uint64_t top;               /* none from here on is free */
} groups;

static uint8_t *heap_next, *heap_end;

static struct {
	struct container_home home __attribute__((aligned(64)));
	uint64_t first, pages;      /* pages of its container; those before are nobody's */
	uint64_t frame;             /* of page 0, if it were there */
	struct page_home *groups;   /* a record for each group that lies in it whole */
	struct page_home records[IMAGE_RECORDS] __attribute__((aligned(32))); /* of single pages, in use again and again */
	uint32_t next;
} image;

void *memory_heap(uint64_t bytes)
{
	uint8_t *at = heap_next;

	bytes = (bytes + 63) & ~63ull;
	if (bytes > (uint64_t)(heap_end - heap_next))
		return NULL;
	heap_next += bytes;
	return at;
}

void *memory_heap_pages(uint64_t pages, uint64_t *frame)
{
	uint8_t *at = (uint8_t *)(((uint64_t)heap_next + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1));

	if (pages * PAGE_BYTES > (uint64_t)(heap_end - at))
		return NULL;
	heap_next = at + pages * PAGE_BYTES;
	*frame = root_info->heap_frame + ((uint64_t)at - root_info->heap_first) / PAGE_BYTES;
	return at;
}

void memory_start(const struct root_start *start)
{
	range_count = start->free_count < BOOT_RANGES ? start->free_count : BOOT_RANGES;
	memcpy(ranges, start->free, sizeof ranges);
	heap_next = (uint8_t *)start->heap_first;
	heap_end = heap_next + start->heap_pages * PAGE_BYTES;
}

/* The first whole group of a range, and how many there are. */
static uint64_t range_groups(const struct boot_range *range, uint64_t *first)
{
	uint64_t start = (range->first + GROUP_PAGES - 1) / GROUP_PAGES;
	uint64_t end = (range->first + range->count) / GROUP_PAGES;

	*first = start;
	return end > start ? end - start : 0;
}

void memory_groups_start(void)
{
	uint64_t first, count;

	for (uint32_t i = 0; i < range_count; i++)
		if (range_groups(&ranges[i], &first) && first + range_groups(&ranges[i], &first) > groups.limit)
			groups.limit = first + range_groups(&ranges[i], &first);
	groups.top = groups.limit;
	groups.state = memory_heap(groups.limit);
	if (!groups.state)
		panic("root: %lu page groups of memory are too many", groups.limit);
	for (uint32_t i = 0; i < range_count; i++) {
		count = range_groups(&ranges[i], &first);
		memset(groups.state + first, GROUP_NEW, count);
		groups.free += count;
	}
}

uint64_t memory_free_groups(void)
{
	return groups.free;
}

static bool group_free(uint64_t group)
{
	return groups.state[group] == GROUP_NEW || groups.state[group] == GROUP_BACK;
}

static void group_give(uint64_t group)
{
	groups.state[group] = GROUP_BACK;
	groups.free++;
	if (group >= groups.top)
		groups.top = group + 1;
}

/* The highest free one, so that low memory stays for who needs it. The caller knows that there is one. */
static uint64_t group_take(void)
{
	uint64_t group = groups.top;

	do
		REQUIRE(group > 0);
	while (!group_free(--group));
	groups.state[group] = GROUP_CONTAINER;
	groups.free--;
	groups.top = group;
	return group;
}

static void record_start(struct page_home *record, baryon_uid container, uint64_t index, uint32_t flags)
{
	record->container = container;
	record->index = index;
	record->flags = flags;
	record->version = HOME_VERSION;
	record->cleared = 0;
}

/* Loading the group as a page clears it. */
static long group_scrub(uint64_t group)
{
	static struct container_home home __attribute__((aligned(64)));
	static struct page_home record __attribute__((aligned(32)));
	long result;

	if (!home.header.uid)
		root_container_load(&home, NUMBER_SCRUB, GROUP_PAGES);
	record.frame = group * GROUP_PAGES;
	record_start(&record, home.header.uid, 0, PAGE_LARGE | PAGE_CLEAR);
	result = page_load(&record, 1);
	return result < 0 ? result : page_unload(home.header.uid, 0, 1);
}

long memory_groups_grant(uint64_t count, uint64_t *first)
{
	uint64_t row = 0, group = groups.limit;
	long result = 0;

	while (row < count && group > 0)
		row = group_free(--group) ? row + 1 : 0;
	if (count == 0 || row < count)
		return -BARYON_EQUOTA;
	for (uint64_t i = 0; i < count && result >= 0; i++)
		if (groups.state[group + i] == GROUP_BACK)
			result = group_scrub(group + i);
	if (result < 0)
		return result;
	memset(groups.state + group, GROUP_GRANTED, count);
	groups.free -= count;
	*first = group;
	return 0;
}

long memory_groups_return(uint64_t first, uint64_t count)
{
	if (first >= groups.limit || count > groups.limit - first)
		return -BARYON_EINVAL;
	for (uint64_t i = 0; i < count; i++)
		if (groups.state[first + i] != GROUP_GRANTED)
			return -BARYON_EINVAL;
	for (uint64_t i = 0; i < count; i++)
		group_give(first + i);
	return 0;
}

/* From here on the group's pages are found. */
static void group_back(struct memory *memory, uint64_t index)
{
	struct page_home *record = &memory->records[index];

	record_start(record, memory->home.header.uid, index * GROUP_PAGES, PAGE_LARGE | PAGE_CLEAR | memory->page_flags);
	__atomic_store_n(&record->frame, group_take() * GROUP_PAGES, __ATOMIC_RELEASE);
}

long memory_container_make(uint64_t number, uint64_t room, uint64_t backed, uint32_t page_flags)
{
	struct memory *memory = &memories[memory_count];

	if (room == 0 || backed > room || backed > groups.free)
		return -BARYON_EQUOTA;
	if (memory_count == MEMORIES)
		return -BARYON_EFULL;
	memory->records = memory_heap(room * sizeof *memory->records);
	if (!memory->records)
		return -BARYON_EFULL;
	memory->groups = room;
	memory->page_flags = page_flags;
	root_container_load(&memory->home, number, room * GROUP_PAGES);
	for (uint64_t i = 0; i < backed; i++)
		group_back(memory, i);
	__atomic_store_n(&memory_count, memory_count + 1, __ATOMIC_RELEASE);
	return 0;
}

static struct memory *memory_find(baryon_uid uid)
{
	uint32_t count = __atomic_load_n(&memory_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++)
		if (memories[i].home.header.uid == uid)
			return &memories[i];
	return NULL;
}

uint64_t memory_container_frame(baryon_uid uid)
{
	const struct memory *memory = memory_find(uid);

	return memory ? memory->records[0].frame : 0;
}

static bool is_backed(const struct memory *memory, uint64_t index)
{
	return index < memory->groups && __atomic_load_n(&memory->records[index].frame, __ATOMIC_ACQUIRE) != 0;
}

long memory_container_grow(baryon_uid uid, uint64_t wanted, uint64_t *first, uint64_t *count)
{
	struct memory *memory = memory_find(uid);
	uint64_t at = 0;

	if (!memory)
		return -BARYON_ENOENT;
	while (is_backed(memory, at))
		at++;
	*first = at;
	for (*count = 0; *count < wanted && at < memory->groups && !is_backed(memory, at) && groups.free; ++*count)
		group_back(memory, at++);
	return *count ? 0 : -BARYON_EQUOTA;
}

/* It is cleared first, if it was never used, so that no miss is at that any more. Then the record says that there is no memory, and
 * the page goes; a miss that read the record before finds that out when it has named the page (page_name in Strange). */
static long group_withdraw(struct memory *memory, uint64_t index)
{
	struct page_home *record = &memory->records[index];
	uint64_t frame = record->frame;
	long result = record->flags & PAGE_CLEAR ? page_load(record, 1) : 0;

	if (result < 0)
		return result;
	__atomic_store_n(&record->frame, 0, __ATOMIC_SEQ_CST);
	result = page_unload(memory->home.header.uid, index * GROUP_PAGES, 1);
	if (result < 0)
		__atomic_store_n(&record->frame, frame, __ATOMIC_RELEASE);
	else
		group_give(frame / GROUP_PAGES);
	return result < 0 ? result : 0;
}

long memory_container_shrink(baryon_uid uid, uint64_t first, uint64_t count, uint64_t *had)
{
	struct memory *memory = memory_find(uid);
	long result = 0;

	if (!memory)
		return -BARYON_ENOENT;
	for (uint64_t i = first; i < memory->groups && i - first < count && result == 0; i++) {
		if (!is_backed(memory, i))
			continue;
		result = group_withdraw(memory, i);
		*had += result == 0;
	}
	return result;
}

long memory_container_last(baryon_uid uid, uint64_t wanted, uint64_t *first, uint64_t *count)
{
	struct memory *memory = memory_find(uid);
	uint64_t end;

	if (!memory)
		return -BARYON_ENOENT;
	for (end = memory->groups; end > 0 && !is_backed(memory, end - 1); end--)
		;
	for (*first = end; *first > 0 && end - *first < wanted && is_backed(memory, *first - 1); --*first)
		;
	*count = end - *first;
	return 0;
}

long memory_container_clear(baryon_uid uid)
{
	struct memory *memory = memory_find(uid);
	long result = 0;

	if (!memory)
		return -BARYON_ENOENT;
	for (uint64_t i = 0; i < memory->groups && result >= 0; i++) {
		if (!is_backed(memory, i))
			continue;
		result = page_unload(uid, i * GROUP_PAGES, 1);
		if (result >= 0)
			record_start(&memory->records[i], uid, i * GROUP_PAGES, PAGE_LARGE | PAGE_CLEAR);
	}
	return result < 0 ? result : 0;
}

/* Does the group of page `index` lie in the image whole? */
static bool image_has_group(uint64_t index)
{
	uint64_t group = index & ~(GROUP_PAGES - 1);

	return group >= image.first && group + GROUP_PAGES <= image.first + image.pages;
}

static void image_record(struct page_home *record, uint64_t index, uint32_t flags)
{
	record->frame = image.frame + index;
	record_start(record, ROOT_UID(NUMBER_BOOT_IMAGE), index, PAGE_READ_ONLY | flags);
}

void memory_image_start(const struct root_start *start)
{
	uint64_t groups;

	image.first = memory_image_first(start);
	image.pages = (start->image_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	image.frame = start->image_frame - image.first;
	groups = (image.first + image.pages) / GROUP_PAGES;
	image.groups = memory_heap(groups * sizeof *image.groups);
	if (!image.groups)
		panic("root: a boot image of %lu pages is too large", image.pages);
	for (uint64_t i = 0; i < groups; i++)
		if (image_has_group(i * GROUP_PAGES))
			image_record(&image.groups[i], i * GROUP_PAGES, PAGE_LARGE);
	root_container_load(&image.home, NUMBER_BOOT_IMAGE, image.first + image.pages);
}

/* Image pages are never written, so what Strange writes to a record that is in use again changes nothing: only the flags
 * LOADED and DIRTY, which nobody reads. */
static long image_miss(uint64_t index)
{
	uint64_t count = IMAGE_AROUND - index % IMAGE_AROUND, end = image.first + image.pages;
	uint32_t first;

	if (index < image.first || index >= end)
		return -BARYON_EINVAL;
	if (image_has_group(index))
		return miss_result(page_load(&image.groups[index / GROUP_PAGES], 1));
	if (count > end - index)
		count = end - index;
	first = __atomic_fetch_add(&image.next, IMAGE_AROUND, __ATOMIC_RELAXED) % IMAGE_RECORDS;
	for (uint64_t i = 0; i < count; i++)
		image_record(&image.records[first + i], index + i, 0);
	return miss_result(page_load(&image.records[first], count));
}

long memory_miss(baryon_uid container, uint64_t index)
{
	struct memory *memory;

	if (container == ROOT_UID(NUMBER_BOOT_IMAGE))
		return image_miss(index);
	memory = memory_find(container);
	if (!memory || !is_backed(memory, index / GROUP_PAGES))
		return -BARYON_ENOENT;
	return miss_result(page_load(&memory->records[index / GROUP_PAGES], 1));
}
