/* This kernel's own paging: a container of its own over raw frames, and a policy that suits a walk in a circle: the page
 * that came in last goes out first, so that a circle of P pages in F frames costs P - F + 1 faults a round, where the
 * common policy (the oldest goes first) costs P. */
#include "side.h"

#include "baryon/format.h"
#include "baryon/string.h"

enum { NO_FRAME = 0 };

static struct container_home container __attribute__((aligned(64)));
static struct reference_home reference __attribute__((aligned(64)));
static struct page_home records[WALK_PAGES] __attribute__((aligned(32)));
static uint8_t store[WALK_PAGES][PAGE_BYTES];   /* where pages are while they have no frame */
static bool stored[WALK_PAGES];
static uint32_t frames_used;
static uint64_t last_in;

uint64_t paging_faults;

void paging_start(void)
{
	long result;

	if (side_start->grant_count == 0)
		panic("side: no page groups were granted");
	home_start(&container, sizeof container, KIND_CONTAINER, side_uid(NUMBER_WALK_CONTAINER));
	container.size_pages = WALK_PAGES;
	side_load(KIND_CONTAINER, &container, 0);
	reference = (struct reference_home){ .space = side_start->space, .handle = HANDLE_WALK, .version = HOME_VERSION };
	result = capability_make(KIND_CONTAINER, container.header.uid, RIGHT_READ | RIGHT_WRITE, &reference.capability);
	if (result == 0)
		result = object_load(KIND_REFERENCE, &reference, 0);
	if (result < 0)
		panic("side: reference to its container: %s", baryon_error_text(result));
}

long paging_reference_miss(uint64_t handle)
{
	return handle == HANDLE_WALK ? object_load(KIND_REFERENCE, &reference, 0) : -BARYON_ENOENT;
}

static uint64_t address_of(uint64_t page)
{
	return WALK_ADDRESS + page * PAGE_BYTES;
}

long paging_miss(uint64_t index)
{
	long result;

	if (index >= WALK_PAGES || records[index].frame == NO_FRAME)
		return -BARYON_ENOENT;
	result = page_load(&records[index], 1);
	return result < 0 && result != -BARYON_EEXIST ? result : 0;
}

static void map(uint64_t page)
{
	struct mapping_home home = {
		.address = address_of(page), .index = page, .container = HANDLE_WALK, .rights = RIGHT_READ | RIGHT_WRITE,
	};
	long result = mapping_load(side_uid(NUMBER_SPACE), &home, 1, 0);

	if (result < 0 && result != -BARYON_EEXIST)
		panic("side: mapping page %lu: %s", page, baryon_error_text(result));
}

/* The program's thread is in here, so nobody else changes the page; its mapping may have been displaced. */
static void move(uint64_t page, bool in)
{
	struct copy_short at;
	uint64_t done = 0;

	while (done < PAGE_BYTES) {
		long moved = in ? copy_out(address_of(page) + done, store[page] + done, PAGE_BYTES - done, &at) :
			copy_in(store[page] + done, address_of(page) + done, PAGE_BYTES - done, &at);

		if (moved < 0)
			panic("side: copying page %lu: %s", page, baryon_error_text(moved));
		done += (uint64_t)moved;
		if (done < PAGE_BYTES)
			map(page);
	}
}

static uint64_t page_out(uint64_t page)
{
	uint64_t frame = records[page].frame;
	long result;

	move(page, false);
	stored[page] = true;
	result = mapping_unload(side_uid(NUMBER_SPACE), address_of(page), 1);
	if (result >= 0)
		result = page_unload(container.header.uid, page, 1);
	if (result < 0)
		panic("side: page %lu does not go: %s", page, baryon_error_text(result));
	records[page].frame = NO_FRAME;
	return frame;
}

static uint64_t frame_take(void)
{
	if (frames_used < WALK_FRAMES)
		return side_start->grant_first * GROUP_PAGES + frames_used++;
	return page_out(last_in);
}

void paging_fault(uint64_t page)
{
	struct page_home *record = &records[page];
	bool comes_in = record->frame == NO_FRAME;

	if (comes_in) {
		paging_faults++;
		*record = (struct page_home){
			.container = container.header.uid, .index = page, .frame = frame_take(), .flags = PAGE_CLEAR,
			.version = HOME_VERSION,
		};
		last_in = page;
	}
	map(page);
	if (comes_in && stored[page])
		move(page, true);
}
