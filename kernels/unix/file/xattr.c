/* Extended attributes (xattr(7)): no file has any and none can be set, as on a file system of Linux that keeps none. The file
 * and the name are looked at first, so that their errors come as they would there. */
#include "file/file.h"

enum { XATTR_NAME_BYTES = 256 };        /* with the zero */

static int attribute_name_check(uint64_t name)
{
	char text[XATTR_NAME_BYTES];
	int64_t bytes = user_string(text, name, sizeof text);

	return bytes == -EFAULT ? -EFAULT : bytes <= 0 ? -ERANGE : 0;
}

static int path_check(uint64_t path, uint32_t flags)
{
	struct inode *inode;
	int status = path_inode(AT_FDCWD, path, flags, &inode);

	if (status == 0)
		inode_put(inode);
	return status;
}

static int descriptor_check(uint64_t descriptor)
{
	struct held held;
	bool good = held_get(&held, (int)descriptor);

	if (!good)
		return -EBADF;
	good = !(held.file->flags & O_PATH);
	held_put(&held);
	return good ? 0 : -EBADF;
}

/* The answer to whoever names an attribute. */
static int64_t unsupported(int file_status, uint64_t name)
{
	int status = attribute_name_check(name);

	return status ? status : file_status ? file_status : -EOPNOTSUPP;
}

int64_t sys_getxattr(SYSCALL_ARGUMENTS)
{
	return unsupported(path_check(a0, WALK_FOLLOW), a1);
}

int64_t sys_lgetxattr(SYSCALL_ARGUMENTS)
{
	return unsupported(path_check(a0, 0), a1);
}

int64_t sys_fgetxattr(SYSCALL_ARGUMENTS)
{
	return unsupported(descriptor_check(a0), a1);
}

/* XATTR_CREATE and XATTR_REPLACE are the flags. */
int64_t sys_setxattr(SYSCALL_ARGUMENTS)
{
	return a4 & ~3ull ? -EINVAL : sys_getxattr(a0, a1, 0, 0, 0, 0);
}

int64_t sys_lsetxattr(SYSCALL_ARGUMENTS)
{
	return a4 & ~3ull ? -EINVAL : sys_lgetxattr(a0, a1, 0, 0, 0, 0);
}

int64_t sys_fsetxattr(SYSCALL_ARGUMENTS)
{
	return a4 & ~3ull ? -EINVAL : sys_fgetxattr(a0, a1, 0, 0, 0, 0);
}

/* The list is empty. */
int64_t sys_listxattr(SYSCALL_ARGUMENTS)
{
	return path_check(a0, WALK_FOLLOW);
}

int64_t sys_llistxattr(SYSCALL_ARGUMENTS)
{
	return path_check(a0, 0);
}

int64_t sys_flistxattr(SYSCALL_ARGUMENTS)
{
	return descriptor_check(a0);
}
