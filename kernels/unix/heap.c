/* The heap: records in eight sizes, each with a lock-free list of free records. Pages that a size took stay with it.
 * A record's first words link it while it is free; the head's tag makes an overtaken pop fail. */
#include "unix.h"

#include "baryon/string.h"
#include "page.h"

enum { SMALLEST_BITS = 5, SIZES = 8 };          /* 32 .. 4096 bytes */

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
		record_push(*page_owner_word(page_of_address(record)), record);
}
