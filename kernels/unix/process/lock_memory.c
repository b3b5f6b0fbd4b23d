/* msync, mlock and their kin: memory is never written out nor evicted, so that they only check what they are given. */
#include "process/internal.h"

enum { MS_ASYNC = 1, MS_INVALIDATE = 2, MS_SYNC = 4, MCL_ALL = 7, MCL_ONFAULT = 4, MLOCK_ONFAULT = 1 };

/* Whether regions cover the whole range. */
static bool range_is_mapped(uint64_t start, uint64_t end)
{
	struct space *space = self_process()->space;

	mutex_lock(&space->lock);
	for (unsigned i = region_index_after(space, start); start < end; i++) {
		if (i == space->region_count || region_at(space, i)->start > start)
			break;
		start = region_at(space, i)->end;
	}
	mutex_unlock(&space->lock);
	return start >= end;
}

/* 0, -EINVAL: the range wraps, -ENOMEM: not all of it is mapped. */
static int range_check(uint64_t start, uint64_t bytes)
{
	uint64_t first = start & ~(PAGE_BYTES - 1), end = (start + bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);

	if (end < first || start + bytes < start)
		return -EINVAL;
	return first == end || range_is_mapped(first, end) ? 0 : -ENOMEM;
}

int64_t sys_msync(SYSCALL_ARGUMENTS)
{
	if (a0 % PAGE_BYTES != 0 || a2 & ~7ull || (a2 & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	return range_check(a0, a1) == 0 ? 0 : -ENOMEM;
}

int64_t sys_mlock(SYSCALL_ARGUMENTS)
{
	return range_check(a0, a1);
}

int64_t sys_mlock2(SYSCALL_ARGUMENTS)
{
	return a2 & ~(uint64_t)MLOCK_ONFAULT ? -EINVAL : range_check(a0, a1);
}

int64_t sys_munlock(SYSCALL_ARGUMENTS)
{
	return range_check(a0, a1);
}

int64_t sys_mlockall(SYSCALL_ARGUMENTS)
{
	return a0 == 0 || a0 & ~(uint64_t)MCL_ALL || a0 == MCL_ONFAULT ? -EINVAL : 0;
}

int64_t sys_munlockall(SYSCALL_ARGUMENTS)
{
	return 0;
}
