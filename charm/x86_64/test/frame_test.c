/* frame.c against a bitmap: whatever the loader's map looks like, no frame is given twice, and none that is not free. */
#include "charm/x86_64/frame.c"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { FRAMES = 4096 };

/* The image lies at 1 MiB and is one page long. */
uint8_t image_begin[1], image_end[1];

uint64_t image_physical(const void *in_image)
{
	return in_image == image_begin ? LOW_MEMORY : LOW_MEMORY + PAGE_BYTES;
}

static uint8_t is_free[FRAMES];
static struct boot_told told;

void panic(const char *format, ...)
{
	puts(format);
	abort();
}

static void map_add(uint64_t address, uint64_t bytes)
{
	uint64_t first = (address + PAGE_BYTES - 1) / PAGE_BYTES, end = (address + bytes) / PAGE_BYTES;

	told.usable[told.count++] = (struct memory_range){ address, bytes };
	for (; first < end; first++)
		is_free[first] = 1;
}

static void map_make(void)
{
	unsigned i;

	memset(is_free, 0, sizeof(is_free));
	memset(&told, 0, sizeof(told));
	range_count = 0;
	map_add(0x200000, 0x100000);
	for (i = 0; i < 20; i++) {
		uint64_t address = (uint64_t)random() % (FRAMES * PAGE_BYTES);

		map_add(address, (uint64_t)random() % (FRAMES * PAGE_BYTES - address) / 8);
	}
	told.image = (struct memory_range){ 0x280800, 0x3000 };
	memset(is_free, 0, LOW_MEMORY / PAGE_BYTES + 1);
	memset(is_free + 0x280, 0, 4);
	frame_initialise(&told);
}

static void ranges_agree(void)
{
	static uint8_t seen[FRAMES];
	uint64_t frame;
	uint32_t i;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < range_count; i++) {
		assert(ranges[i].count);
		assert(!i || ranges[i - 1].first + ranges[i - 1].count <= ranges[i].first);
		for (frame = ranges[i].first; frame < ranges[i].first + ranges[i].count; frame++)
			seen[frame] = 1;
	}
	assert(!memcmp(seen, is_free, sizeof(seen)));
}

static void frames_leave(uint64_t first, uint64_t count)
{
	for (; count; count--, first++) {
		assert(is_free[first]);
		is_free[first] = 0;
	}
}

static bool frames_free(uint64_t first, uint64_t count)
{
	for (; count; count--, first++)
		if (first >= FRAMES || !is_free[first])
			return false;
	return true;
}

static void take_some(void)
{
	uint64_t count = 1 + (uint64_t)random() % 40, align = 1ull << random() % 6, first = (uint64_t)random() % FRAMES;
	frame_number taken;

	if (random() % 2) {
		taken = frame_take(count, align);
		if (taken == FRAME_NONE)
			return;
		assert(taken % align == 0);
		frames_leave(taken, count);
	} else {
		bool expected = frames_free(first, count);

		assert(frame_take_at((frame_number)first, count) == expected);
		if (expected)
			frames_leave(first, count);
	}
}

int main(void)
{
	unsigned round, i;

	srandom(1);
	for (round = 0; round < 300; round++) {
		map_make();
		ranges_agree();
		for (i = 0; i < 60 && range_count < MAP_LIMIT - 2; i++)
			take_some();
		ranges_agree();
	}
	return 0;
}
