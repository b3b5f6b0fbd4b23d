/* This kernel's own paging: a container of its own over raw frames, and a policy that suits a walk in a circle: the page
 * that came in last goes out first, so that a circle of P pages in F frames costs P - F + 1 faults a round, where the
 * common policy (the oldest goes first) costs P.
 *
 * The frames in use are dealt out to all its page groups. When the SRM asks for groups, the pages in the last ones go to the store and
 * the groups back; the others take more frames. What is taken by force is lost: those pages read zero, as the walker finds. */
#include "side.h"

#include "baryon/format.h"
#include "baryon/image.h"
#include "baryon/settings.h"
#include "baryon/srm.h"
#include "baryon/string.h"

enum { NO_FRAME = 0 };

static struct container_home container __attribute__((aligned(64)));
static struct reference_home reference __attribute__((aligned(64)));
static struct page_home records[WALK_PAGES] __attribute__((aligned(32)));
static uint8_t store[WALK_PAGES][PAGE_BYTES];   /* where pages are while they have no frame */
static bool stored[WALK_PAGES];
static uint64_t last_in;

/* Page groups: their numbers; and how many frames of each are in use: the first ones. */
static uint64_t groups[GRANTS];
static uint64_t frame_taken[GRANTS][GROUP_PAGES / 64];
static uint32_t group_count, frames_used;
static uint32_t asked_seen;     /* number of the asking that was answered last */
static uint64_t taken_seen;     /* how many taken ranges are known */
static uint32_t wanted;         /* page groups that the first thread saw asked for; the walker gives them */

uint64_t paging_faults;

static bool is_deaf(void)
{
	const struct image_header *image = image_mapped(side_start);
	const struct image_module *module = image_find(image, "settings");
	struct settings settings = { module ? image_module_bytes(image, module) : NULL, module ? module->bytes : 0 };
	const char *value = settings_find(&settings, "side");

	return value && strcmp(value, "deaf") == 0;
}

void paging_start(void)
{
	long result;

	if (side_start->grant_count == 0)
		panic("side: no page groups were granted");
	for (group_count = 0; group_count < side_start->grant_count && group_count < GRANTS; group_count++)
		groups[group_count] = side_start->grant_first + group_count;
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

/* ---- frames ---- */

static uint32_t group_of(uint64_t frame)
{
	uint32_t i = 0;

	while (i < group_count && groups[i] != frame / GROUP_PAGES)
		i++;
	return i;
}

static void frame_free(uint64_t frame)
{
	uint32_t group = group_of(frame);

	if (group < group_count)
		frame_taken[group][frame % GROUP_PAGES / 64] &= ~(1ull << frame % 64);
	frames_used--;
}

/* One of the groups in turn, so that each loses about the same when it goes. */
static uint64_t frame_new(void)
{
	uint64_t *taken = frame_taken[frames_used % group_count];
	uint64_t at = 0;

	while (taken[at / 64] >> at % 64 & 1)
		at++;
	taken[at / 64] |= 1ull << at % 64;
	return groups[frames_used++ % group_count] * GROUP_PAGES + at;
}

static void page_out(uint64_t page)
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
	frame_free(frame);
}

static void record_start(uint64_t page, uint64_t frame)
{
	records[page] = (struct page_home){
		.container = container.header.uid, .index = page, .frame = frame, .flags = PAGE_CLEAR, .version = HOME_VERSION,
	};
}

static uint64_t frame_take(void)
{
	if (frames_used >= WALK_FRAMES)
		page_out(last_in);
	return frame_new();
}

/* ---- giving back ---- */

static void group_forget(uint32_t i)
{
	group_count--;
	groups[i] = groups[group_count];
	memcpy(frame_taken[i], frame_taken[group_count], sizeof frame_taken[i]);
	memset(frame_taken[group_count], 0, sizeof frame_taken[0]);
}

/* What lay in a group that was taken is lost; there is nothing in the store that would be right. */
static void group_lost(uint64_t group)
{
	uint32_t i = group_of(group * GROUP_PAGES);

	if (i == group_count)
		return;
	for (uint64_t page = 0; page < WALK_PAGES; page++) {
		if (records[page].frame / GROUP_PAGES != group || records[page].frame == NO_FRAME)
			continue;
		frame_free(records[page].frame);
		records[page].frame = NO_FRAME;
		stored[page] = false;
	}
	group_forget(i);
}

static void taken_check(void)
{
	const volatile struct memory_asked *asked = srm_memory_asked(side_start);
	uint64_t number = __atomic_load_n(&asked->taken_number, __ATOMIC_ACQUIRE);

	if (number == taken_seen)
		return;
	for (; taken_seen < number; taken_seen++) {
		struct group_taken taken = asked->taken[taken_seen % ASKED_TAKEN];

		for (uint64_t n = 0; taken.sort == GROUPS_OF_FRAMES && n < taken.count; n++)
			group_lost(taken.first + n);
	}
	if (group_count == 0)
		panic("side: all its page groups were taken");
	log_format("side: page groups were taken, %u are left\n", group_count);
}

/* A page whose frame was taken by force, perhaps in the middle of its use, gets another, which is zero. */
long paging_miss(uint64_t index)
{
	long result;

	if (index >= WALK_PAGES)
		return -BARYON_ENOENT;
	taken_check();
	if (records[index].frame == NO_FRAME)
		record_start(index, frame_new());
	result = page_load(&records[index], 1);
	return result < 0 && result != -BARYON_EEXIST && result != -BARYON_EPERM ? result : 0;
}

/* The last group goes, after what is in it. */
static void group_return(void)
{
	uint64_t group = groups[group_count - 1];
	long result;

	for (uint64_t page = 0; page < WALK_PAGES; page++)
		if (records[page].frame != NO_FRAME && records[page].frame / GROUP_PAGES == group)
			page_out(page);
	group_forget(group_count - 1);
	result = srm_groups_return(GROUPS_OF_FRAMES, group, 1);
	if (result < 0)
		log_format("side: page group %lu does not go back: %s\n", group, baryon_error_text(result));
}

static void groups_return(void)
{
	uint32_t count = __atomic_exchange_n(&wanted, 0, __ATOMIC_ACQUIRE);

	for (; count > 0 && group_count > 1; count--)
		group_return();
	if (count)
		(void)!srm_groups_return(GROUPS_OF_FRAMES, 0, 0);
}

void paging_asked(void)
{
	const volatile struct memory_asked *asked = srm_memory_asked(side_start);
	uint32_t number = __atomic_load_n(&asked->number, __ATOMIC_ACQUIRE);

	if (number == asked_seen)
		return;
	asked_seen = number;
	if (is_deaf())
		return;
	if (asked->sort == GROUPS_OF_FRAMES)
		__atomic_store_n(&wanted, (uint32_t)asked->groups, __ATOMIC_RELEASE);
	else
		(void)!srm_groups_return((enum group_sort)asked->sort, 1, asked->groups);
}

void paging_fault(uint64_t page)
{
	bool comes_in;

	taken_check();
	if (__atomic_load_n(&wanted, __ATOMIC_RELAXED))
		groups_return();
	comes_in = records[page].frame == NO_FRAME;
	if (comes_in) {
		uint64_t frame = frame_take();

		paging_faults++;
		record_start(page, frame);
		last_in = page;
	}
	map(page);
	if (comes_in && stored[page])
		move(page, true);
}
