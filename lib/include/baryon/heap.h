/* Small objects over a page pool: sizes up to 2048 from slabs of one page, larger ones from whole blocks. A size that is a
 * power of two is aligned to itself (up to a page), as home records need. Safe on all CPUs. */
#ifndef BARYON_HEAP_H
#define BARYON_HEAP_H

#include "baryon/pages.h"

#define HEAP_CLASSES 14

struct heap_class {
	struct spin lock;
	uint32_t partial;           /* pages with free objects: index; 0: none */
	uint64_t used;              /* objects */
};

struct heap {
	struct page_pool *pool;
	struct heap_class classes[HEAP_CLASSES];
};

void heap_start(struct heap *heap, struct page_pool *pool);

/* At least `bytes` (1 .. 2 MiB), aligned to 16; null when memory is used up. */
void *heap_allocate(struct heap *heap, size_t bytes);
void *heap_allocate_zeroed(struct heap *heap, size_t bytes);

/* object: from heap_allocate, or null. */
void heap_free(struct heap *heap, void *object);

/* What the object really has room for. */
size_t heap_size(const struct heap *heap, const void *object);

#endif
