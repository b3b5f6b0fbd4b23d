/* Regions against a model that has one cell a page: random mapping, unmapping and protecting. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "process/space.h"

enum { PAGES = 1200, FIRST = 16, ROUNDS = 20000, ARENA = 32 };

struct file {
	int references;
};

struct cell {
	bool mapped;
	uint64_t flags, offset;
	struct file *file;
};

static struct file files[3];
static struct cell model[PAGES];
static struct space space;

char *memory_base;
static page_index taken[ARENA];
static int pages_left;

void file_get(struct file *file)
{
	file->references++;
}

void file_put(struct file *file)
{
	assert(--file->references >= 0);
}

void file_unmapped(struct file *file)
{
	file_put(file);
}

page_index page_alloc_any(void)
{
	for (page_index page = 1; page < ARENA; page++) {
		if (pages_left > 0 && !taken[page]) {
			pages_left--;
			return taken[page] = page;
		}
	}
	return 0;
}

page_index page_alloc(void)
{
	return page_alloc_any();
}

void page_release(page_index page)
{
	assert(taken[page] == page);
	taken[page] = 0;
	pages_left++;
}

static uint64_t address(unsigned page)
{
	return (uint64_t)(FIRST + page) * PAGE_BYTES;
}

static void compare(void)
{
	unsigned at = 0;
	int references[3] = { 0 };

	for (unsigned i = 0; i < space.region_count; i++) {
		const struct region *r = region_at(&space, i);

		assert(r->start < r->end && (i == 0 || region_at(&space, i - 1)->end <= r->start));
		for (; address(at) < r->start; at++)
			assert(!model[at].mapped);
		for (; address(at) < r->end; at++) {
			assert(model[at].mapped && model[at].flags == r->flags && model[at].file == r->file);
			if (r->file != NULL)
				assert(model[at].offset == r->offset + (address(at) - r->start));
			assert(region_find(&space, address(at)) == r);
		}
		if (r->file != NULL)
			references[r->file - files]++;
	}
	for (; at < PAGES; at++)
		assert(!model[at].mapped && region_find(&space, address(at)) == NULL);
	for (unsigned i = 0; i < 3; i++)
		assert(files[i].references == references[i]);
}

static void unmap(unsigned first, unsigned count)
{
	if (region_remove(&space, address(first), address(first + count)) != 0)
		return;
	for (unsigned i = first; i < first + count; i++)
		model[i].mapped = false;
}

static void map(unsigned first, unsigned count)
{
	unsigned file = (unsigned)rand() % 4;
	struct region r = {
		.start = address(first), .end = address(first + count), .offset = (uint64_t)first * PAGE_BYTES,
		.file = file < 3 ? &files[file] : NULL, .flags = (rand() % 2 ? 1 : 3) | REGION_MAY_WRITE,
	};

	if (!region_range_free(&space, r.start, r.end) || region_insert(&space, &r) != 0)
		return;
	for (unsigned i = first; i < first + count; i++)
		model[i] = (struct cell) { true, r.flags, (uint64_t)i * PAGE_BYTES, r.file };
}

static void protect(unsigned first, unsigned count)
{
	uint64_t rights = (uint64_t)rand() % 4;
	bool covered = true;
	int status = region_protect(&space, address(first), address(first + count), rights);

	for (unsigned i = first; i < first + count; i++)
		covered &= model[i].mapped;
	assert(covered || status == -ENOMEM);
	for (unsigned i = first; status == 0 && i < first + count; i++)
		model[i].flags = (model[i].flags & ~(uint64_t)REGION_RIGHTS) | rights;
}

static void gaps_are_free(void)
{
	for (unsigned pages = 1; pages < 20; pages += 6) {
		uint64_t at = region_gap(&space, pages * PAGE_BYTES);

		assert(at == 0 || region_range_free(&space, at, at + pages * PAGE_BYTES));
		assert(at == 0 || at + pages * PAGE_BYTES <= space.map_top);
	}
}

/* With `pages` for the table, fewer than it would take: then calls fail and change nothing. */
static void regions_are_as_the_model(int pages, unsigned rounds)
{
	unsigned most = 0;

	pages_left = pages;
	for (unsigned round = 0; round < rounds; round++) {
		unsigned first = (unsigned)rand() % PAGES, count = 1 + (unsigned)rand() % 12;

		if (first + count > PAGES)
			count = PAGES - first;
		if (rand() % 8 < (round / 4000 % 2 ? 2 : 6))
			map(first, count < 4 ? count : 1);
		else if (rand() % 8 < 5)
			protect(first, count);
		else
			unmap(first, count);
		if (round % 16 == 0)
			compare();
		gaps_are_free();
		most = space.region_count > most ? space.region_count : most;
	}
	compare();
	assert(most > (pages < 2 ? REGION_INLINE : pages == 2 ? REGION_CHUNK : 2 * REGION_CHUNK) - 4);
	regions_clear(&space);
	for (unsigned i = 0; i < PAGES; i++)
		model[i].mapped = false;
	assert(space.region_count == 0 && pages_left == pages && files[0].references == 0);
}

int main(void)
{
	memory_base = aligned_alloc(PAGE_BYTES, ARENA * PAGE_BYTES);
	space.region_capacity = REGION_INLINE;
	space.map_top = address(PAGES);
	regions_are_as_the_model(ARENA - 1, ROUNDS);
	for (int pages = 0; pages < 4; pages++)
		regions_are_as_the_model(pages, ROUNDS / 2);
	free(memory_base);
	return 0;
}
