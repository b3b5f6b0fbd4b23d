/* The pages of a memory container, shared out with reference counts. Page i of the container is at base + i * PAGE_BYTES,
 * so an address and an index say the same. Blocks of 2^order pages (order 0..9) are aligned to their size.
 * Pages never given out before read zero and are not cleared again. Safe on all CPUs. */
#ifndef BARYON_PAGES_H
#define BARYON_PAGES_H

#include "abi/types.h"
#include "baryon/lock.h"

#define PAGE_ORDERS 10          /* the largest block is a page group */

/* Of each page of the pool; the first page of a block speaks for the block. */
struct page_info {
	uint32_t references;        /* 0: free or part of a block */
	uint8_t order;
	uint8_t state;              /* enum page_state */
	uint16_t slab_used;         /* heap: objects in use */
	uint32_t next, previous;    /* free lists and the heap's lists: page indices; 0: none */
	uint64_t user;              /* heap: first free object; otherwise the owner's own word */
	uint32_t slab_class;
	uint32_t spare;
};

enum page_state {
	PAGE_NEVER = 0,             /* not given to the free lists yet */
	PAGE_FREE,
	PAGE_FREE_FRESH,            /* free and never used: reads zero */
	PAGE_TAKEN,
	PAGE_PART,                  /* of the block that begins further down */
};

#define PAGE_QUICK_LIMIT 512    /* single pages kept without merging */

struct page_pool {
	uint8_t *base;
	struct page_info *info;     /* by index */
	uint64_t pages;             /* of the container */
	uint64_t untouched;         /* first page that the free lists have never seen; a multiple of GROUP_PAGES or `pages` */
	uint64_t free_pages;
	uint32_t free[PAGE_ORDERS]; /* first free block of each order; 0: none */
	uint32_t quick;             /* single pages, used, newest first */
	uint32_t quick_count;
	struct spin lock;
};

/* base: address of page 0; first: first page that the pool may use (what is before stays the caller's); pages: of the whole
 * container. The pool's own records take the first pages after `first`. Page 0 is never given out. */
void page_pool_start(struct page_pool *pool, void *base, uint64_t first, uint64_t pages);

/* A block of 2^order pages with one reference, or null when there is none. */
void *page_allocate(struct page_pool *pool, unsigned order);

/* The same, reading zero. */
void *page_allocate_zeroed(struct page_pool *pool, unsigned order);

static inline uint64_t page_index(const struct page_pool *pool, const void *address)
{
	return (uint64_t)((const uint8_t *)address - pool->base) / PAGE_BYTES;
}

static inline void *page_address(const struct page_pool *pool, uint64_t index)
{
	return pool->base + index * PAGE_BYTES;
}

static inline struct page_info *page_info_of(const struct page_pool *pool, const void *address)
{
	return &pool->info[page_index(pool, address)];
}

/* One more reference to the block that begins at `page`. */
static inline void page_get(struct page_pool *pool, void *page)
{
	__atomic_add_fetch(&page_info_of(pool, page)->references, 1, __ATOMIC_RELAXED);
}

static inline uint32_t page_references(const struct page_pool *pool, const void *page)
{
	return __atomic_load_n(&page_info_of(pool, page)->references, __ATOMIC_ACQUIRE);
}

/* One reference less; the last one frees the block. Returns whether it was freed. */
bool page_put(struct page_pool *pool, void *page);

/* Pages that can still be given out. */
uint64_t page_pool_free(const struct page_pool *pool);

#endif
