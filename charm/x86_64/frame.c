/* Free frames at boot: ascending ranges that neither touch nor overlap. Used by one CPU, before Strange takes over. */
#include "charm/frame.h"

#include "abi/layout.h"
#include "charm/console.h"
#include "charm/x86_64/internal.h"

enum { LOW_PAGE_LAST = 0x8f000 };

static struct boot_range ranges[MAP_LIMIT];
static uint32_t range_count;
static uint64_t highest;

static void range_remove_at(uint32_t i)
{
	range_count--;
	memmove(ranges + i, ranges + i + 1, (range_count - i) * sizeof(*ranges));
}

static bool range_insert_at(uint32_t i, uint64_t first, uint64_t count)
{
	if (range_count == MAP_LIMIT)
		return false;
	memmove(ranges + i + 1, ranges + i, (range_count - i) * sizeof(*ranges));
	ranges[i] = (struct boot_range){ first, count };
	range_count++;
	return true;
}

/* Take [first, first+count) out of whatever is free of it. */
static void range_exclude(uint64_t first, uint64_t count)
{
	uint64_t end = first + count;
	uint32_t i = 0;

	while (i < range_count) {
		struct boot_range *r = &ranges[i];
		uint64_t r_first = r->first, r_end = r->first + r->count;

		if (r_end <= first || r_first >= end) {
			i++;
		} else if (r_first < first) {
			r->count = first - r_first;
			if (r_end > end)
				range_insert_at(i + 1, end, r_end - end);
			i++;
		} else if (r_end > end) {
			r->first = end;
			r->count = r_end - end;
			i++;
		} else {
			range_remove_at(i);
		}
	}
}

/* Overlapping reports are counted once; neighbours become one range. */
static void range_include(uint64_t first, uint64_t count)
{
	uint32_t i;

	if (!count)
		return;
	range_exclude(first, count);
	for (i = 0; i < range_count && ranges[i].first < first; i++)
		;
	if (!range_insert_at(i, first, count))
		return;
	if (i + 1 < range_count && first + count == ranges[i + 1].first) {
		ranges[i].count += ranges[i + 1].count;
		range_remove_at(i + 1);
	}
	if (i > 0 && ranges[i - 1].first + ranges[i - 1].count == first) {
		ranges[i - 1].count += ranges[i].count;
		range_remove_at(i);
	}
}

static void exclude_bytes(uint64_t address, uint64_t bytes)
{
	uint64_t first = address / PAGE_BYTES;

	range_exclude(first, (address + bytes + PAGE_BYTES - 1) / PAGE_BYTES - first);
}

void frame_initialise(const struct boot_told *told)
{
	uint64_t limit = (DOMAIN_BASE - PHYSMAP_BASE) / PAGE_BYTES;
	uint32_t i;

	if (limit > 512ull << 18)
		limit = 512ull << 18;   /* the physmap's one table of 1 GiB entries */
	for (i = 0; i < told->count; i++) {
		uint64_t first = (told->usable[i].address + PAGE_BYTES - 1) / PAGE_BYTES;
		uint64_t end = (told->usable[i].address + told->usable[i].bytes) / PAGE_BYTES;

		if (end > limit)
			end = limit;
		if (first < end)
			range_include(first, end - first);
	}
	exclude_bytes(0, LOW_MEMORY);
	exclude_bytes(image_physical(image_begin), image_physical(image_end) - image_physical(image_begin));
	if (told->image.bytes)
		exclude_bytes(told->image.address, told->image.bytes);
	if (!range_count)
		panic("the loader reports no usable memory");
	highest = ranges[range_count - 1].first + ranges[range_count - 1].count;
	if (highest * PAGE_BYTES < told->image.address + told->image.bytes)
		highest = (told->image.address + told->image.bytes + PAGE_BYTES - 1) / PAGE_BYTES;
}

static bool range_holds(const struct memory_range *range, uint64_t address, uint64_t bytes)
{
	return range->address <= address && address + bytes <= range->address + range->bytes;
}

static bool range_touches(const struct memory_range *range, uint64_t address, uint64_t bytes)
{
	return address < range->address + range->bytes && range->address < address + bytes;
}

uint64_t frame_low_page(const struct boot_told *told)
{
	uint64_t page;
	uint32_t i;

	for (page = LOW_PAGE_LAST; page; page -= PAGE_BYTES) {
		if (range_touches(&told->image, page, PAGE_BYTES))
			continue;
		for (i = 0; i < told->count; i++)
			if (range_holds(&told->usable[i], page, PAGE_BYTES))
				return page;
	}
	return 0;
}

uint64_t frame_limit(void)
{
	return highest;
}

frame_number frame_take(uint64_t count, uint64_t align)
{
	uint32_t i;

	for (i = 0; i < range_count; i++) {
		uint64_t first = (ranges[i].first + align - 1) & ~(align - 1);
		uint64_t end = ranges[i].first + ranges[i].count;

		if (first < end && count <= end - first) {
			range_exclude(first, count);
			return (frame_number)first;
		}
	}
	return FRAME_NONE;
}

bool frame_take_at(frame_number first, uint64_t count)
{
	uint32_t i;

	for (i = 0; i < range_count; i++) {
		uint64_t end = ranges[i].first + ranges[i].count;

		if (ranges[i].first <= first && first < end && count <= end - first) {
			range_exclude(first, count);
			return true;
		}
	}
	return false;
}

static uint32_t range_smallest(void)
{
	uint32_t i, smallest = 0;

	for (i = 1; i < range_count; i++)
		if (ranges[i].count < ranges[smallest].count)
			smallest = i;
	return smallest;
}

/* When there are more ranges than the caller can take, the smallest are given up for good. */
uint32_t frame_remaining(struct boot_range *range, uint32_t limit)
{
	while (range_count > limit)
		range_remove_at(range_smallest());
	memcpy(range, ranges, range_count * sizeof(*range));
	return range_count;
}
