/* The heap: records in eight sizes, each with a lock-free list of free records. Pages that a size took stay with it until
 * memory is short (heap_trim). A page's word says the size, and while it is trimmed how many of its records are free.
 * A record's first words link it while it is free; the head's tag makes an overtaken pop fail. */
#include "unix.h"

#include "baryon/string.h"
#include "page.h"

enum { SMALLEST_BITS = 5, SIZES = 8 };          /* 32 .. 4096 bytes */
enum { SIZE_MASK = 255, ONE_FREE = 256 };       /* of a page's word */

static uint64_t free_records[SIZES];            /* tag << 32 | offset in M >> SMALLEST_BITS */

static void *record_at(uint32_t place)
{
	return memory_base + ((uint64_t)place << SMALLEST_BITS);
}

static void record_push(unsigned size, void *record)
{
	uint32_t place = (uint32_t)((uint64_t)((char *)record - memory_base) >> SMALLEST_BITS);
	uint64_t head = __atomic_load_n(&free_records[size], __ATOMIC_RELAXED);
	uint64_t next;

	do {
		__atomic_store_n((uint32_t *)record, (uint32_t)head, __ATOMIC_RELAXED);
		next = ((head >> 32) + 1) << 32 | place;
	} while (!__atomic_compare_exchange_n(&free_records[size], &head, next, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static void *record_pop(unsigned size)
{
	uint64_t head = __atomic_load_n(&free_records[size], __ATOMIC_ACQUIRE);
	uint64_t next;

	do {
		if ((uint32_t)head == 0)
			return NULL;
		next = ((head >> 32) + 1) << 32 |
			__atomic_load_n((uint32_t *)record_at((uint32_t)head), __ATOMIC_RELAXED);
	} while (!__atomic_compare_exchange_n(&free_records[size], &head, next, true, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE));
	return record_at((uint32_t)head);
}

/* A new page of records: the first is the result, the others become free. */
static void *page_divide(unsigned size)
{
	page_index page = page_alloc_any();
	char *start = page_address(page);
	uint64_t bytes = 1ull << (size + SMALLEST_BITS);

	if (page == 0)
		return NULL;
	*page_owner_word(page) = size;
	for (uint64_t at = bytes; at < PAGE_BYTES; at += bytes)
		record_push(size, start + at);
	return start;
}

static unsigned size_of(uint64_t bytes)
{
	if (bytes <= 1u << SMALLEST_BITS)
		return 0;
	return 64 - (unsigned)__builtin_clzll(bytes - 1) - SMALLEST_BITS;
}

void *heap_alloc_any(uint64_t bytes)
{
	unsigned size = size_of(bytes);
	void *record;

	if (size >= SIZES)
		return NULL;
	record = record_pop(size);
	return record != NULL ? record : page_divide(size);
}

void *heap_alloc(uint64_t bytes)
{
	void *record = heap_alloc_any(bytes);

	if (record != NULL)
		memset(record, 0, (bytes + 7) & ~7ull);
	return record;
}

void heap_release(void *record)
{
	if (record != NULL)
		record_push(__atomic_load_n(page_owner_word(page_of_address(record)), __ATOMIC_RELAXED) & SIZE_MASK, record);
}

/* ---- giving back ---- */

static uint32_t list_take(unsigned size)
{
	uint64_t head = __atomic_load_n(&free_records[size], __ATOMIC_ACQUIRE);

	while (!__atomic_compare_exchange_n(&free_records[size], &head, ((head >> 32) + 1) << 32, true, __ATOMIC_ACQUIRE,
		__ATOMIC_ACQUIRE))
		;
	return (uint32_t)head;
}

static uint32_t record_next(uint32_t place)
{
	return __atomic_load_n((uint32_t *)record_at(place), __ATOMIC_RELAXED);
}

static uint32_t *record_word(uint32_t place)
{
	return page_owner_word(page_of_address(record_at(place)));
}

static bool page_starts_at(uint32_t place)
{
	return ((uint64_t)place << SMALLEST_BITS) % PAGE_BYTES == 0;
}

/* Records of pages that are not wholly free go back on the list, and their page's count is forgotten; of the others the first of
 * each page is kept, on a list: their pages go when no record's link is needed any more. */
static uint32_t list_sort(unsigned size, uint32_t place)
{
	uint32_t whole = (uint32_t)(PAGE_BYTES >> (size + SMALLEST_BITS)) * ONE_FREE | size, next, gone = 0;

	for (; place != 0; place = next) {
		uint32_t *word = record_word(place);

		next = record_next(place);
		if (*word != whole) {
			__atomic_store_n(word, size, __ATOMIC_RELAXED);
			record_push(size, record_at(place));
		} else if (page_starts_at(place)) {
			__atomic_store_n((uint32_t *)record_at(place), gone, __ATOMIC_RELAXED);
			gone = place;
		}
	}
	return gone;
}

static void size_trim(unsigned size)
{
	uint32_t first = list_take(size), next;

	for (uint32_t place = first; place != 0; place = record_next(place))
		__atomic_fetch_add(record_word(place), ONE_FREE, __ATOMIC_RELAXED);
	for (uint32_t place = list_sort(size, first); place != 0; place = next) {
		next = record_next(place);
		page_put(page_of_address(record_at(place)));
	}
}

void heap_trim(void)
{
	for (unsigned size = 0; size < SIZES; size++)
		size_trim(size);
}
