/* Pages of M: reference counts and free lists.
 *
 * Every page of M has a struct page_info in a table that lies in M itself. Pages from `fresh` on were never used and
 * read zero. Freed pages go on one of two lock-free stacks: `clean` (known to be zero) or `used`; blocks of four on `blocks`.
 * A stack's head carries a tag that every change raises, so that a pop that was overtaken fails. */
#include "unix.h"

#include "baryon/string.h"
#include "page.h"

enum { BLOCK_PAGES = 4 };

struct page_stack {
	uint64_t head;              /* tag << 32 | page */
};

static struct page_info *page_table;
static uint64_t fresh, page_limit;
static uint64_t free_pages;
static struct page_stack clean_pages, used_pages, free_blocks;

char *memory_base;

static void stack_push(struct page_stack *stack, page_index page)
{
	uint64_t head = __atomic_load_n(&stack->head, __ATOMIC_RELAXED);
	uint64_t next;

	do {
		__atomic_store_n(&page_table[page].next, (uint32_t)head, __ATOMIC_RELAXED);
		next = ((head >> 32) + 1) << 32 | page;
	} while (!__atomic_compare_exchange_n(&stack->head, &head, next, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static page_index stack_pop(struct page_stack *stack)
{
	uint64_t head = __atomic_load_n(&stack->head, __ATOMIC_ACQUIRE);
	uint64_t next;

	do {
		if ((uint32_t)head == 0)
			return 0;
		next = ((head >> 32) + 1) << 32 | __atomic_load_n(&page_table[(uint32_t)head].next, __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&stack->head, &head, next, true, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE));
	return (uint32_t)head;
}

/* Takes `count` never used pages whose first is a multiple of `align`; what is skipped becomes clean. */
static page_index fresh_take(uint64_t count, uint64_t align)
{
	uint64_t first = __atomic_load_n(&fresh, __ATOMIC_RELAXED);
	uint64_t start;

	do {
		start = (first + align - 1) / align * align;
		if (start + count > page_limit)
			return 0;
	} while (!__atomic_compare_exchange_n(&fresh, &first, start + count, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	for (; first < start; first++)
		stack_push(&clean_pages, (page_index)first);
	return (page_index)start;
}

static page_index page_count_out(page_index page)
{
	if (page != 0) {
		__atomic_store_n(&page_table[page].references, 1, __ATOMIC_RELAXED);
		__atomic_fetch_sub(&free_pages, 1, __ATOMIC_RELAXED);
	}
	return page;
}

/* Pages inside free blocks are the last resort. */
static page_index page_from_block(void)
{
	page_index page = stack_pop(&free_blocks);

	for (unsigned i = 1; page != 0 && i < BLOCK_PAGES; i++)
		stack_push(&used_pages, page + i);
	return page;
}

page_index page_alloc_any(void)
{
	page_index page = stack_pop(&used_pages);

	if (page == 0)
		page = stack_pop(&clean_pages);
	if (page == 0)
		page = fresh_take(1, 1);
	if (page == 0)
		page = page_from_block();
	return page_count_out(page);
}

page_index page_alloc(void)
{
	page_index page = stack_pop(&clean_pages);

	if (page != 0)
		return page_count_out(page);
	page = stack_pop(&used_pages);
	if (page == 0) {
		page = fresh_take(1, 1);
		if (page != 0)
			return page_count_out(page);
		page = page_from_block();
	}
	if (page != 0)
		page_clear(page_address(page));
	return page_count_out(page);
}

void page_get(page_index page)
{
	__atomic_fetch_add(&page_table[page].references, 1, __ATOMIC_RELAXED);
}

static bool page_drop(page_index page)
{
	uint32_t *references = &page_table[page].references;

	if (__atomic_load_n(references, __ATOMIC_ACQUIRE) != 1 && __atomic_sub_fetch(references, 1, __ATOMIC_ACQ_REL) != 0)
		return false;
	__atomic_store_n(references, 0, __ATOMIC_RELAXED);
	__atomic_fetch_add(&free_pages, 1, __ATOMIC_RELAXED);
	return true;
}

void page_release(page_index page)
{
	if (page_drop(page))
		stack_push(&used_pages, page);
}

void page_put_clean(page_index page)
{
	if (page_drop(page))
		stack_push(&clean_pages, page);
}

uint32_t page_references(page_index page)
{
	return __atomic_load_n(&page_table[page].references, __ATOMIC_ACQUIRE);
}

uint32_t *page_owner_word(page_index page)
{
	return &page_table[page].next;
}

void *page_block_alloc(void)
{
	page_index page = stack_pop(&free_blocks);

	if (page == 0)
		page = fresh_take(BLOCK_PAGES, BLOCK_PAGES);
	if (page == 0)
		return NULL;
	__atomic_fetch_sub(&free_pages, BLOCK_PAGES, __ATOMIC_RELAXED);
	return page_address(page);
}

void page_block_free(void *block)
{
	__atomic_fetch_add(&free_pages, BLOCK_PAGES, __ATOMIC_RELAXED);
	stack_push(&free_blocks, page_of_address(block));
}

page_index page_reserve(uint64_t pages)
{
	page_index first = fresh_take(pages, 1);

	if (first == 0)
		unix_panic("no memory for tables of %lu pages", pages);
	__atomic_fetch_sub(&free_pages, pages, __ATOMIC_RELAXED);
	return first;
}

uint64_t page_count_free(void)
{
	return __atomic_load_n(&free_pages, __ATOMIC_RELAXED);
}

uint64_t page_count_total(void)
{
	return page_limit;
}

void pages_init(void)
{
	uint64_t table_pages;

	page_limit = kernel_start->memory_pages;
	table_pages = (page_limit * sizeof(struct page_info) + PAGE_BYTES - 1) / PAGE_BYTES;
	page_table = (struct page_info *)(memory_base + PAGE_BYTES);
	fresh = 1 + table_pages;
	free_pages = page_limit - fresh;
}
