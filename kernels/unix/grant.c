/* UNIX's memory as the SRM gives and asks for it: whole page groups at the end of M. Given back are those that were never used
 * only: what files and programs had once may lie anywhere. */
#include "unix.h"

#include "baryon/srm.h"
#include "page.h"

enum { MORE_GROUPS = 4 };
#define AGAIN_NS 100000000ull   /* after a refusal */

static struct mutex lock;       /* a leaf: groups come one after the other */
static uint64_t refused;        /* when */
static uint32_t answered;       /* number of the asking that was answered last */

bool memory_more(void)
{
	uint64_t first, count = MORE_GROUPS, now = time_monotonic();
	bool more = false;

	if (page_count_total() == kernel_start->memory_pages || now < __atomic_load_n(&refused, __ATOMIC_RELAXED) + AGAIN_NS)
		return false;
	mutex_lock(&lock);
	more = srm_groups_more(GROUPS_OF_MEMORY, &first, &count) == 0;
	if (more)
		page_groups_add(count);
	else
		__atomic_store_n(&refused, now, __ATOMIC_RELAXED);
	mutex_unlock(&lock);
	return more;
}

void memory_asked(void)
{
	const volatile struct memory_asked *asked = srm_memory_asked(kernel_start);
	uint32_t number = __atomic_load_n(&asked->number, __ATOMIC_ACQUIRE);
	uint64_t first, count;

	if (number == answered)
		return;
	answered = number;
	if (!mutex_try(&lock)) {        /* somebody needs more himself */
		(void)!srm_groups_return((enum group_sort)asked->sort, 0, 0);
		return;
	}
	count = asked->sort == GROUPS_OF_MEMORY ? page_groups_give(asked->groups, &first) : 0;
	if (count && srm_groups_return(GROUPS_OF_MEMORY, first, count) < 0)
		page_groups_add(count);
	if (count < asked->groups)
		(void)!srm_groups_return((enum group_sort)asked->sort, 0, 0);   /* there is nothing more */
	mutex_unlock(&lock);
}
