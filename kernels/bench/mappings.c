/* Putting mappings in and taking them out, of pages that are there. */
#include "bench.h"

enum { PAGES = 512, SINGLE = 64 };

static struct mapping_home homes[PAGES];

static void homes_fill(uint16_t flags)
{
	for (unsigned i = 0; i < PAGES; i++)
		homes[i] = (struct mapping_home){
			.address = PROGRAM_DATA + i * PAGE_BYTES, .index = PAGES_FIRST + i, .container = HANDLE_MEMORY,
			.rights = RIGHT_READ | RIGHT_WRITE, .flags = flags,
		};
}

static void single_rows(void)
{
	baryon_uid space = own_uid(NUMBER_PROGRAM);
	uint64_t in = 0, out = 0;

	for (unsigned round = 0; round < ROUNDS / SINGLE; round++) {
		uint64_t start = ticks();

		for (unsigned i = 0; i < SINGLE; i++)
			must(mapping_load(space, &homes[i], 1, 0), "mapping a page");
		in += ticks() - start;
		start = ticks();
		for (unsigned i = 0; i < SINGLE; i++)
			must(mapping_unload(space, homes[i].address, 1), "unmapping a page");
		out += ticks() - start;
	}
	row("map_1", in, ROUNDS);
	row("unmap_1", out, ROUNDS);
}

static void many_rows(void)
{
	baryon_uid space = own_uid(NUMBER_PROGRAM);
	uint64_t in = 0, out = 0, guard = 0, rounds = 8;

	for (unsigned round = 0; round < rounds; round++) {
		uint64_t start = ticks();

		for (unsigned i = 0; i < PAGES; i += BATCH_LIMIT)
			must(mapping_load(space, &homes[i], BATCH_LIMIT, 0), "mapping pages");
		in += ticks() - start;
		start = ticks();
		must(mapping_protect(space, PROGRAM_DATA, PAGES, RIGHT_READ), "protecting pages");
		guard += ticks() - start;
		start = ticks();
		must(mapping_unload(space, PROGRAM_DATA, PAGES), "unmapping pages");
		out += ticks() - start;
	}
	row("map_512", in, rounds);
	row("protect_512", guard, rounds);
	row("unmap_512", out, rounds);
}

static void large_rows(void)
{
	baryon_uid space = own_uid(NUMBER_PROGRAM);
	uint64_t in = 0, out = 0;

	homes[0].flags = MAPPING_LARGE;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = ticks();

		must(mapping_load(space, &homes[0], 1, 0), "mapping a page group");
		in += ticks() - start;
		start = ticks();
		must(mapping_unload(space, homes[0].address, PAGES), "unmapping a page group");
		out += ticks() - start;
	}
	row("map_512_large", in, ROUNDS);
	row("unmap_512_large", out, ROUNDS);
}

void rows_mappings(void)
{
	memory_page(PAGES_FIRST)[0] = 0;
	homes_fill(0);
	single_rows();
	many_rows();
	large_rows();
}
