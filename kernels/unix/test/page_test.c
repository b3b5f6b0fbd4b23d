/* Pages, heap and slots: what is given out belongs to one owner, fresh pages are zero, nothing is lost. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "process/space.h"

enum { PAGES = 5120, THREADS = 4, ROUNDS = 20000, HELD = 32 };

static const struct kernel_start start = { .number = 16, .memory_pages = PAGES, .memory_groups = PAGES / GROUP_PAGES };
const struct kernel_start *kernel_start = &start;

void unix_panic(const char *format, ...)
{
	fprintf(stderr, "panic: %s\n", format);
	abort();
}

void mutex_lock_slow(struct mutex *mutex)
{
	while (!mutex_try(mutex))
		sched_yield();
}

void mutex_unlock_slow(struct mutex *mutex)
{
	abort();
	(void)mutex;
}

static bool more;               /* the SRM has two page groups more */

bool memory_more(void)
{
	bool had = more;

	if (had)
		page_groups_add(2);
	more = false;
	return had;
}

static bool is_zero(const void *page)
{
	const uint64_t *words = page;

	for (unsigned i = 0; i < PAGE_BYTES / 8; i++) {
		if (words[i] != 0)
			return false;
	}
	return true;
}

static void *pages_are_owned_by_one(void *argument)
{
	page_index held[HELD] = { 0 };
	unsigned seed = (unsigned)(uintptr_t)argument;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned i = (unsigned)rand_r(&seed) % HELD;
		uint64_t *words;

		if (held[i] != 0) {
			words = page_address(held[i]);
			assert(words[7] == (uintptr_t)argument * 1000 + i);
			page_put(held[i]);
		}
		held[i] = page_alloc();
		assert(held[i] != 0 && page_references(held[i]) == 1);
		words = page_address(held[i]);
		assert(is_zero(words));
		words[7] = (uintptr_t)argument * 1000 + i;
	}
	for (unsigned i = 0; i < HELD; i++) {
		if (held[i] != 0)
			page_put(held[i]);
	}
	return NULL;
}

static void *records_are_owned_by_one(void *argument)
{
	struct { unsigned char *at; unsigned bytes; } held[HELD] = { 0 };
	unsigned seed = (unsigned)(uintptr_t)argument;
	unsigned char mark = (unsigned char)(uintptr_t)argument;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned i = (unsigned)rand_r(&seed) % HELD;

		for (unsigned k = 0; k < held[i].bytes; k++)
			assert(held[i].at[k] == mark);
		heap_free(held[i].at);
		held[i].bytes = 1 + (unsigned)rand_r(&seed) % 600;
		held[i].at = heap_alloc(held[i].bytes);
		assert(held[i].at != NULL && ((uintptr_t)held[i].at & 31) == 0);
		for (unsigned k = 0; k < held[i].bytes; k++)
			assert(held[i].at[k] == 0);
		memset(held[i].at, mark, held[i].bytes);
	}
	for (unsigned i = 0; i < HELD; i++)
		heap_free(held[i].at);
	return NULL;
}

static void in_threads(void *(*body)(void *))
{
	pthread_t threads[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, body, (void *)(i + 1));
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void blocks_are_aligned(void)
{
	void *one = page_block_alloc(), *other = page_block_alloc();

	assert(((uintptr_t)one & 16383) == 0 && ((uintptr_t)other & 16383) == 0 && one != other);
	page_block_free(one);
	assert(page_block_alloc() == one);
	page_block_free(one);
	page_block_free(other);
}

static void slots_give_everything_back(void)
{
	static struct space space, child;
	struct region region = { .start = 0x1ff000, .end = 0x2604000 };
	uint64_t before;

	space.tables = space.tables_inline;
	child.tables = child.tables_inline;
	space.regions_inline[0] = region;
	space.region_count = 1;
	before = page_count_free();
	for (uint64_t at = region.start; at < region.end; at += 3 * PAGE_BYTES)
		*slot_make(&space, at) = (uint64_t)page_alloc() << PAGE_BITS | SLOT_PRESENT;
	child.regions_inline[0] = region;
	child.region_count = 1;
	assert(slots_copy(&child, &space, &region) == 0);
	assert(page_references(slot_page(*slot_find(&child, region.start))) == 2);
	slots_clear(&space, 0x300000, 0x400000);
	assert(*slot_find(&space, 0x300000) == 0);
	slots_free(&space);
	assert(page_references(slot_page(*slot_find(&child, region.start))) == 1);
	slots_free(&child);
	assert(page_count_free() == before && child.table_count == 0);
}

static void *memory_is_gathered(void *argument)
{
	for (unsigned round = 0; round < ROUNDS / 10; round++)
		pages_gather();
	return argument;
}

/* Gathering takes nothing that somebody has, and loses nothing. */
static void records_stay_owned_while_memory_is_gathered(void)
{
	pthread_t thread;
	uint64_t before;

	pages_gather();
	before = page_count_free();
	pthread_create(&thread, NULL, memory_is_gathered, NULL);
	in_threads(records_are_owned_by_one);
	pthread_join(thread, NULL);
	pages_gather();
	assert(page_count_free() == before);
}

static void free_records_become_pages_when_there_are_no_others(void)
{
	static void *records[PAGES * 4];
	unsigned count = 0;
	uint64_t before;

	pages_gather();
	before = page_count_free();
	while ((records[count] = heap_alloc_any(2048)) != NULL)
		count++;
	assert(count == 2 * before && page_alloc() == 0 && page_is_short());
	while (count > 0)
		heap_free(records[--count]);
	assert(page_count_free() == 0);
	while (count < 1000 && (records[count] = heap_alloc_any(100)) != NULL)
		count++;
	while (count > 0)
		heap_free(records[--count]);
	assert(!page_is_short());
	pages_gather();
	assert(page_count_free() == before);
}

static void single_pages_become_blocks_again(void)
{
	static page_index pages[PAGES];
	static void *blocks[PAGES];
	unsigned count = 0, found = 0;

	while ((pages[count] = page_alloc_any()) != 0)
		count++;
	assert(page_block_alloc() == NULL);
	for (unsigned i = 0; i < count; i++)
		page_put(pages[i]);
	while ((blocks[found] = page_block_alloc()) != NULL) {
		assert(((uintptr_t)blocks[found] & 16383) == 0);
		memset(blocks[found], 0xee, 16384);
		found++;
	}
	assert(found >= count / 4 - 2);
	for (unsigned i = 0; i < found; i++)
		page_block_free(blocks[i]);
	assert(page_count_free() == count);
	pages[0] = page_alloc();
	assert(pages[0] != 0 && is_zero(page_address(pages[0])));
	page_put(pages[0]);
}

static void groups_that_were_never_used_are_given_away(void)
{
	uint64_t groups = page_count_total() / GROUP_PAGES, free = page_count_free(), first = 0, given;

	assert(page_groups_give(2, &first) == 2 && first == groups - 2);
	assert(page_count_total() == (groups - 2) * GROUP_PAGES && page_count_free() == free - 2 * GROUP_PAGES);
	given = page_groups_give(100, &first);
	assert(given > 0 && given < groups - 2 && first * GROUP_PAGES == page_count_total());
	assert(page_groups_give(1, &first) == 0);
	page_groups_add(given);         /* two stay away: see the last test */
	assert(page_count_free() == free - 2 * GROUP_PAGES && page_count_total() == (groups - 2) * GROUP_PAGES);
}

/* All that there is, to the last page, and then what comes. */
static void more_memory_is_asked_for_when_there_is_none(void)
{
	uint64_t total = page_count_total();

	while (page_count_free() > 0)
		assert(page_alloc_any() != 0);
	more = true;
	assert(page_alloc() != 0 && page_count_total() == total + 2 * GROUP_PAGES);
	while (page_count_free() > 0)
		assert(page_alloc_any() != 0);
	assert(page_alloc() == 0 && page_alloc_any() == 0);
}

int main(void)
{
	assert(posix_memalign((void **)&memory_base, 16384, PAGES * PAGE_BYTES) == 0);
	memset(memory_base, 0, PAGES * PAGE_BYTES);
	pages_init();
	blocks_are_aligned();
	groups_that_were_never_used_are_given_away();
	in_threads(pages_are_owned_by_one);
	in_threads(records_are_owned_by_one);
	records_stay_owned_while_memory_is_gathered();
	free_records_become_pages_when_there_are_no_others();
	single_pages_become_blocks_again();
	slots_give_everything_back();
	more_memory_is_asked_for_when_there_is_none();
	return 0;
}
