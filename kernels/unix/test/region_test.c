/* Regions against a model that has one cell a page: random mapping, unmapping and protecting. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "process/space.h"

enum { PAGES = 200, FIRST = 16, ROUNDS = 20000 };

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
static void *block;

void file_get(struct file *file)
{
	file->references++;
}

void file_put(struct file *file)
{
	assert(--file->references >= 0);
}

void *page_block_alloc(void)
{
	assert(block == NULL);
	return block = malloc(16384);
}

void page_block_free(void *freed)
{
	assert(freed == block);
	free(freed);
	block = NULL;
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
		const struct region *r = &space.regions[i];

		assert(r->start < r->end && (i == 0 || space.regions[i - 1].end <= r->start));
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

int main(void)
{
	space.regions = space.regions_inline;
	space.region_capacity = REGION_INLINE;
	space.map_top = address(PAGES);
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned first = (unsigned)rand() % PAGES, count = 1 + (unsigned)rand() % 12;

		if (first + count > PAGES)
			count = PAGES - first;
		if (rand() % 8 < 4)
			map(first, count < 4 ? count : 1);
		else if (rand() % 8 < 5)
			protect(first, count);
		else
			unmap(first, count);
		compare();
		gaps_are_free();
	}
	regions_clear(&space);
	assert(space.region_count == 0 && block == NULL && files[0].references == 0);
	return 0;
}
