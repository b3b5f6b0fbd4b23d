/* Pages of M: reference counts and free lists.
 *
 * Every page of M has a struct page_info in a table that lies in M itself. Pages from the first of `fresh` on were never used
 * and read zero; those from its limit on have no memory. Freed pages go on one of two lock-free stacks: `clean` (known to be zero) or `used`; blocks of four on `blocks`.
 * A stack's head carries a tag that every change raises, so that a pop that was overtaken fails.
 *
 * Who finds nothing waits for `shortage`, gets back what the heap does not need, joins free pages to blocks again, and at last asks
 * the SRM for more. */
#include "unix.h"

#include "baryon/string.h"
#include "page.h"

enum { BLOCK_PAGES = 4, RESERVE_PART = 64, LIMIT_SHIFT = 32 };
enum { APART = UINT32_MAX };      /* references of a free page that pages_join holds */

struct page_stack {
	uint64_t head;              /* tag << 32 | page */
};

static struct page_info *page_table;
static uint64_t fresh;          /* limit << LIMIT_SHIFT | first page: they change at once */
static uint64_t reserve;
static uint64_t free_pages;
static struct page_stack clean_pages, used_pages, free_blocks;
static struct mutex shortage;

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
	uint64_t was = __atomic_load_n(&fresh, __ATOMIC_RELAXED);
	uint64_t start;

	do {
		start = ((uint32_t)was + align - 1) / align * align;
		if (start + count > was >> LIMIT_SHIFT)
			return 0;
	} while (!__atomic_compare_exchange_n(&fresh, &was, was >> LIMIT_SHIFT << LIMIT_SHIFT | (start + count), true, __ATOMIC_RELAXED,
		__ATOMIC_RELAXED));
	for (uint64_t page = (uint32_t)was; page < start; page++)
		stack_push(&clean_pages, (page_index)page);
	return (page_index)start;
}

uint64_t page_groups_give(uint64_t groups, uint64_t *first)
{
	uint64_t was = __atomic_load_n(&fresh, __ATOMIC_RELAXED), end, unused, give;

	do {
		end = (was >> LIMIT_SHIFT) / GROUP_PAGES;
		unused = end - ((uint32_t)was + GROUP_PAGES - 1) / GROUP_PAGES;
		give = groups < unused ? groups : unused;
	} while (!__atomic_compare_exchange_n(&fresh, &was, (end - give) * GROUP_PAGES << LIMIT_SHIFT | (uint32_t)was, true,
		__ATOMIC_RELAXED, __ATOMIC_RELAXED));
	__atomic_fetch_sub(&free_pages, give * GROUP_PAGES, __ATOMIC_RELAXED);
	*first = end - give;
	return give;
}

void page_groups_add(uint64_t count)
{
	__atomic_fetch_add(&fresh, count * GROUP_PAGES << LIMIT_SHIFT, __ATOMIC_RELAXED);
	__atomic_fetch_add(&free_pages, count * GROUP_PAGES, __ATOMIC_RELAXED);
}

/* ---- shortage ---- */

/* Empties a stack: its first page. */
static page_index stack_take(struct page_stack *stack)
{
	uint64_t head = __atomic_load_n(&stack->head, __ATOMIC_ACQUIRE);

	while (!__atomic_compare_exchange_n(&stack->head, &head, ((head >> 32) + 1) << 32, true, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		;
	return (uint32_t)head;
}

static void list_set_apart(page_index page)
{
	for (; page != 0; page = page_table[page].next)
		__atomic_store_n(&page_table[page].references, APART, __ATOMIC_RELAXED);
}

static bool block_is_whole(page_index page)
{
	page_index first = page / BLOCK_PAGES * BLOCK_PAGES;

	for (unsigned i = 0; i < BLOCK_PAGES; i++) {
		if (__atomic_load_n(&page_table[first + i].references, __ATOMIC_RELAXED) != APART)
			return false;
	}
	return true;
}

/* Sorts a list into blocks, of which only the first page is kept, and the others. Nothing is given back before both lists are
 * sorted: the links of all are needed until then. */
static void list_sort(page_index page, page_index *blocks, page_index *others)
{
	for (page_index next; page != 0; page = next) {
		page_index *to = !block_is_whole(page) ? others : page % BLOCK_PAGES == 0 ? blocks : NULL;

		next = page_table[page].next;
		if (to == NULL)
			continue;
		page_table[page].next = *to;
		*to = page;
	}
}

static void list_give_back(page_index page, struct page_stack *to, unsigned count)
{
	for (page_index next; page != 0; page = next) {
		next = page_table[page].next;
		for (unsigned i = 0; i < count; i++)
			__atomic_store_n(&page_table[page + i].references, 0, __ATOMIC_RELAXED);
		stack_push(to, page);
	}
}

/* Makes blocks of free pages that lie together. Shortage held. */
static void pages_join(void)
{
	page_index clean = stack_take(&clean_pages), used = stack_take(&used_pages);
	page_index blocks = 0, clean_others = 0, used_others = 0;

	list_set_apart(clean);
	list_set_apart(used);
	list_sort(clean, &blocks, &clean_others);
	list_sort(used, &blocks, &used_others);
	list_give_back(blocks, &free_blocks, BLOCK_PAGES);
	list_give_back(clean_others, &clean_pages, 1);
	list_give_back(used_others, &used_pages, 1);
}

void pages_gather(void)
{
	mutex_lock(&shortage);
	heap_trim();
	mutex_unlock(&shortage);
}

bool page_is_short(void)
{
	if (__builtin_expect(page_count_free() > reserve, 1))
		return false;
	pages_gather();
	while (page_count_free() <= reserve)
		if (!memory_more())
			return true;
	return false;
}

bool page_is_very_short(void)
{
	return page_count_free() <= reserve / 2 && page_is_short() && page_count_free() <= reserve / 2;
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

static page_index page_find(void)
{
	page_index page = stack_pop(&used_pages);

	if (page == 0)
		page = stack_pop(&clean_pages);
	if (page == 0)
		page = fresh_take(1, 1);
	return page != 0 ? page : page_from_block();
}

static page_index page_find_short(void)
{
	page_index page;

	mutex_lock(&shortage);
	page = page_find();
	if (page == 0) {
		heap_trim();
		page = page_find();
	}
	if (page == 0 && memory_more())
		page = fresh_take(1, 1);
	mutex_unlock(&shortage);
	return page;
}

page_index page_alloc_any(void)
{
	page_index page = page_find();

	return page_count_out(page != 0 ? page : page_find_short());
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
		page = page_find_short();
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

static page_index block_find(void)
{
	page_index page = stack_pop(&free_blocks);

	return page != 0 ? page : fresh_take(BLOCK_PAGES, BLOCK_PAGES);
}

static page_index block_find_short(void)
{
	page_index page;

	mutex_lock(&shortage);
	page = block_find();
	if (page == 0) {
		heap_trim();
		pages_join();
		page = block_find();
	}
	if (page == 0 && memory_more())
		page = block_find();
	mutex_unlock(&shortage);
	return page;
}

void *page_block_alloc(void)
{
	page_index page = block_find();

	if (page == 0)
		page = block_find_short();
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
	return __atomic_load_n(&fresh, __ATOMIC_RELAXED) >> LIMIT_SHIFT;
}

void pages_init(void)
{
	uint64_t table_pages;

	table_pages = (kernel_start->memory_pages * sizeof(struct page_info) + PAGE_BYTES - 1) / PAGE_BYTES;
	page_table = (struct page_info *)(memory_base + PAGE_BYTES);
	free_pages = kernel_start->memory_groups * GROUP_PAGES - 1 - table_pages;
	fresh = kernel_start->memory_groups * GROUP_PAGES << LIMIT_SHIFT | (1 + table_pages);
	reserve = kernel_start->memory_pages / RESERVE_PART;
}
