/* Numbers of UNIX's own objects. */
#include "page.h"
#include "process/numbers.h"

static uint64_t counter;

/* No page of a program or of the heap has such a word: they are no numbers of pages. */
static uint32_t mark_of(unsigned kind)
{
	return UINT32_MAX - kind;
}

void number_drop(page_index page)
{
	__atomic_store_n(page_owner_word(page), 0, __ATOMIC_RELEASE);
}

baryon_uid number_make(unsigned kind, page_index page)
{
	uint64_t count = __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED) % (1u << NUMBER_COUNTER_BITS);

	__atomic_store_n(page_owner_word(page), mark_of(kind), __ATOMIC_RELEASE);
	return UID_MAKE(kernel_start->number,
		((uint64_t)kind << NUMBER_COUNTER_BITS | count) << NUMBER_PAGE_BITS | page);
}

void *number_address(baryon_uid uid)
{
	page_index page = UID_NUMBER(uid) % (1u << NUMBER_PAGE_BITS);

	if (UID_KEEPER(uid) != kernel_start->number || number_kind(uid) == 0 || page == 0 || page >= page_count_total())
		return NULL;
	return __atomic_load_n(page_owner_word(page), __ATOMIC_ACQUIRE) == mark_of(number_kind(uid)) ? page_address(page) : NULL;
}
