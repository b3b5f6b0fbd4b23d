/* Root's frames and the containers that it manages. Frames are handed out in whole page groups to memory containers, and
 * singly to root's own; what a container got it keeps. Page records lie in root's locked memory: Strange writes to
 * the record of every page that it holds, at any time, so a record is never used for anything else.
 *
 * Only one call at a time is in here (see root.h), apart from misses of boot image pages. */
#include "root.h"

#include "baryon/format.h"
#include "baryon/string.h"

enum { MEMORIES = 16, IMAGE_RECORDS = 512, IMAGE_AROUND = 8 };

struct memory {                 /* a container of page groups */
	struct container_home home __attribute__((aligned(64)));
	uint64_t groups;
	struct page_home *records;  /* one a group */
};

static struct memory memories[MEMORIES];
static uint32_t memory_count;

static struct boot_range ranges[BOOT_RANGES]; /* of free frames */
static uint32_t range_count;

static uint8_t *heap_next, *heap_end;

static struct {
	struct container_home home __attribute__((aligned(64)));
	uint64_t first_frame, pages;
	struct page_home records[IMAGE_RECORDS] __attribute__((aligned(32)));
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

void memory_start(const struct root_start *start)
{
	range_count = start->free_count < BOOT_RANGES ? start->free_count : BOOT_RANGES;
	memcpy(ranges, start->free, sizeof ranges);
	heap_next = (uint8_t *)start->heap_first;
	heap_end = heap_next + start->heap_pages * PAGE_BYTES;
	memset(heap_next, 0, start->heap_pages * PAGE_BYTES);
}

/* The first whole group of a range, and how many there are. */
static uint64_t range_groups(const struct boot_range *range, uint64_t *first)
{
	uint64_t start = (range->first + GROUP_PAGES - 1) / GROUP_PAGES;
	uint64_t end = (range->first + range->count) / GROUP_PAGES;

	*first = start;
	return end > start ? end - start : 0;
}

uint64_t memory_free_pages(void)
{
	uint64_t groups = 0, first;

	for (uint32_t i = 0; i < range_count; i++)
		groups += range_groups(&ranges[i], &first);
	return groups * GROUP_PAGES;
}

/* Takes groups from the end of the range; what lies after the last whole group becomes useless only if it was never used. */
static uint64_t range_take(struct boot_range *range, uint64_t wanted, struct page_home *records)
{
	uint64_t first, count = range_groups(range, &first), taken = wanted < count ? wanted : count;

	for (uint64_t i = 0; i < taken; i++)
		records[i].frame = (first + count - taken + i) * GROUP_PAGES;
	if (taken)
		range->count = (first + count - taken) * GROUP_PAGES - range->first;
	return taken;
}

long memory_groups_grant(uint64_t count, uint64_t *first)
{
	for (uint32_t i = range_count; i-- > 0;) {
		uint64_t start, groups = range_groups(&ranges[i], &start);

		if (count == 0 || groups < count)
			continue;
		*first = start + groups - count;
		ranges[i].count = *first * GROUP_PAGES - ranges[i].first;
		return 0;
	}
	return -BARYON_EQUOTA;
}

/* Frames in a row from a range's ragged start, or else from anywhere. */
static uint64_t frames_take(uint64_t count)
{
	uint32_t best = range_count;

	for (uint32_t i = 0; i < range_count; i++)
		if (ranges[i].count >= count && (best == range_count || ranges[i].first % GROUP_PAGES))
			best = i;
	REQUIRE(best < range_count);
	ranges[best].count -= count;
	ranges[best].first += count;
	return ranges[best].first - count;
}

static void record_start(struct page_home *record, baryon_uid container, uint64_t index, uint32_t flags)
{
	record->container = container;
	record->index = index;
	record->flags = flags;
	record->version = HOME_VERSION;
	record->cleared = 0;
}

void memory_pages_lock(baryon_uid container, struct page_home *records, uint64_t pages)
{
	uint64_t frame = frames_take(pages);

	for (uint64_t i = 0; i < pages; i++) {
		records[i].frame = frame + i;
		record_start(&records[i], container, i, PAGE_LOCKED | PAGE_CLEAR);
		if (page_load(&records[i], 1) < 0)
			panic("root: page %lu of container %lx cannot be loaded", i, container);
	}
}

void *memory_pages_map(struct container_home *home, uint64_t number, uint32_t handle, struct page_home *records, uint64_t pages,
	uint64_t offset)
{
	struct domain_part part = {
		.address = offset, .pages = pages, .container = handle, .rights = RIGHT_READ | RIGHT_WRITE, .flags = MAPPING_LOCKED,
		.around = DOMAIN_AROUND,
	};
	struct capability capability;

	root_container_load(home, number, pages);
	memory_pages_lock(home->header.uid, records, pages);
	root_capability(KIND_CONTAINER, number, RIGHT_READ | RIGHT_WRITE, &capability);
	if (root_reference_load(&capability, root_domain.space, handle) < 0 || !domain_add(&root_domain, &part) ||
	    domain_map_locked(&root_domain) < 0)
		panic("root: container %lu cannot be mapped", number);
	return (void *)(root_domain.base + offset);
}

/* *groups in: wanted. Takes them from the highest range down, so that low memory stays for who needs it. */
static void groups_take(struct memory *memory)
{
	uint64_t done = 0;

	for (uint32_t i = range_count; i-- > 0 && done < memory->groups;)
		done += range_take(&ranges[i], memory->groups - done, memory->records + done);
	REQUIRE(done == memory->groups);
}

long memory_container_make(uint64_t number, uint64_t pages, uint32_t page_flags)
{
	struct memory *memory = &memories[memory_count];
	uint64_t groups = (pages + GROUP_PAGES - 1) / GROUP_PAGES;

	if (groups == 0 || groups > memory_free_pages() / GROUP_PAGES)
		return -BARYON_EQUOTA;
	if (memory_count == MEMORIES)
		return -BARYON_EFULL;
	memory->records = memory_heap(groups * sizeof *memory->records);
	if (!memory->records)
		return -BARYON_EFULL;
	memory->groups = groups;
	groups_take(memory);
	for (uint64_t i = 0; i < groups; i++)
		record_start(&memory->records[i], ROOT_UID(number), i * GROUP_PAGES, PAGE_LARGE | PAGE_CLEAR | page_flags);
	__atomic_store_n(&memory_count, memory_count + 1, __ATOMIC_RELEASE);
	root_container_load(&memory->home, number, groups * GROUP_PAGES);
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

long memory_container_clear(baryon_uid uid)
{
	struct memory *memory = memory_find(uid);

	if (!memory)
		return -BARYON_ENOENT;
	for (uint64_t i = 0; i < memory->groups; i++) {
		long result = page_unload(uid, i * GROUP_PAGES, 1);

		if (result < 0)
			return result;
		record_start(&memory->records[i], uid, i * GROUP_PAGES, PAGE_LARGE | PAGE_CLEAR);
	}
	return 0;
}

void memory_image_start(const struct root_start *start)
{
	image.first_frame = start->image_frame;
	image.pages = (start->image_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	root_container_load(&image.home, NUMBER_BOOT_IMAGE, image.pages);
}

/* Image pages are never written, so what Strange writes to a record that is in use again changes nothing: only the flags
 * LOADED and DIRTY, which nobody reads. */
static long image_miss(uint64_t index)
{
	uint64_t count = IMAGE_AROUND - index % IMAGE_AROUND;
	uint32_t first = __atomic_fetch_add(&image.next, IMAGE_AROUND, __ATOMIC_RELAXED) % IMAGE_RECORDS;
	long result;

	if (index >= image.pages)
		return -BARYON_EINVAL;
	if (count > image.pages - index)
		count = image.pages - index;
	for (uint64_t i = 0; i < count; i++) {
		struct page_home *record = &image.records[first + i];

		record->frame = image.first_frame + index + i;
		record_start(record, ROOT_UID(NUMBER_BOOT_IMAGE), index + i, PAGE_READ_ONLY);
	}
	result = page_load(&image.records[first], count);
	return result < 0 ? result : 0;
}

long memory_miss(baryon_uid container, uint64_t index)
{
	struct memory *memory;
	long result;

	if (container == ROOT_UID(NUMBER_BOOT_IMAGE))
		return image_miss(index);
	memory = memory_find(container);
	if (!memory || index / GROUP_PAGES >= memory->groups)
		return -BARYON_ENOENT;
	result = page_load(&memory->records[index / GROUP_PAGES], 1);
	return result < 0 && result != -BARYON_EEXIST ? result : 0;
}
