/* What programs say about how they will use files. All files lie in memory, so it is checked and changes nothing. */
#include "file/file.h"

enum { ADVICE_MOST = 5, SYNC_FLAGS = 7 };

/* Of a file that has pages: 0, -EBADF, -ESPIPE. */
static int seekable_check(uint64_t descriptor)
{
	struct held held;
	int status = 0;

	if (!held_get_open(&held, (int)descriptor))
		return -EBADF;
	if (inode_is(held.file->inode, S_IFIFO))
		status = -ESPIPE;
	held_put(&held);
	return status;
}

int64_t sys_fadvise64(SYSCALL_ARGUMENTS)
{
	int status = seekable_check(a0);

	if (status)
		return status;
	return (int64_t)a2 < 0 || a3 > ADVICE_MOST ? -EINVAL : 0;
}

int64_t sys_readahead(SYSCALL_ARGUMENTS)
{
	struct held held;
	int status;

	if (!held_get(&held, (int)a0))
		return -EBADF;
	status = !file_readable(held.file) ? -EBADF : inode_is(held.file->inode, S_IFREG) ? 0 : -EINVAL;
	held_put(&held);
	return status;
}

int64_t sys_sync_file_range(SYSCALL_ARGUMENTS)
{
	if (a3 & ~(uint64_t)SYNC_FLAGS || (int64_t)a1 < 0 || (int64_t)a2 < 0 || (int64_t)(a1 + a2) < 0)
		return -EINVAL;
	return seekable_check(a0);
}
