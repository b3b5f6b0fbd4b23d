/* Numbers of UNIX's own objects. */
#include "process/numbers.h"

static uint64_t counter;

baryon_uid number_make(unsigned kind, page_index page)
{
	uint64_t count = __atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED) % (1u << NUMBER_COUNTER_BITS);

	return UID_MAKE(kernel_start->number,
		((uint64_t)kind << NUMBER_COUNTER_BITS | count) << NUMBER_PAGE_BITS | page);
}

void *number_address(baryon_uid uid)
{
	page_index page = UID_NUMBER(uid) % (1u << NUMBER_PAGE_BITS);

	if (UID_KEEPER(uid) != kernel_start->number || number_kind(uid) == 0 || page == 0 ||
		page >= kernel_start->memory_pages)
		return NULL;
	return page_address(page);
}
