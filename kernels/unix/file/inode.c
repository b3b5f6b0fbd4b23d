/* Inodes: counting, rights, times, size and what stat says. */
#include "file/file.h"

static uint64_t number_last = 1ull << 33;      /* above the numbers of image inodes */

uint64_t inode_number_new(void)
{
	return __atomic_add_fetch(&number_last, 1, __ATOMIC_RELAXED);
}

struct inode *inode_make(uint32_t mode, uint32_t uid, uint32_t gid, uint32_t device)
{
	struct inode *inode = heap_alloc(sizeof(struct inode));

	if (!inode)
		return 0;
	inode->references = 1;
	inode->mode = mode;
	inode->uid = uid;
	inode->gid = gid;
	inode->device = device;
	inode->filesystem = FILESYSTEM_TREE;
	inode->number = inode_number_new();
	inode->accessed_ns = inode->modified_ns = inode->changed_ns = (int64_t)time_wall();
	return inode;
}

/* A folder's parent comes back with its reference: a line of folders that nobody holds any more may be longer than the stack. */
static struct inode *inode_free(struct inode *inode)
{
	struct inode *parent = 0;

	file_locks_free(inode);
	if (inode->attributes)
		attributes_free(inode);
	if (inode->marks)
		inotify_gone(inode);
	if (inode->operations && inode->operations->destroy)
		inode->operations->destroy(inode);
	else if (inode_is(inode, S_IFREG) && !inode->operations)
		data_cut(&inode->data, 0);
	else if (inode_is(inode, S_IFDIR))
		parent = directory_free(inode);
	else if (inode_is(inode, S_IFLNK) && inode->link.owned)
		heap_free(inode->link.target);
	else if (inode_is(inode, S_IFIFO) && inode->pipe)
		pipe_free(inode->pipe);
	heap_free(inode);
	return parent;
}

void inode_put(struct inode *inode)
{
	while (inode && __atomic_sub_fetch(&inode->references, 1, __ATOMIC_ACQ_REL) == 0)
		inode = inode_free(inode);
}

int inode_link_set(struct inode *inode, const char *target, uint64_t bytes)
{
	inode->link.target = heap_alloc(bytes ? bytes : 1);
	if (!inode->link.target)
		return -ENOMEM;
	memcpy(inode->link.target, target, bytes);
	inode->link.owned = true;
	inode->size = bytes;
	return 0;
}

int64_t inode_readlink(struct inode *inode, char *to, uint64_t limit)
{
	uint64_t bytes = inode->size < limit ? inode->size : limit;

	if (!inode_is(inode, S_IFLNK))
		return -EINVAL;
	if (inode->operations && inode->operations->readlink)
		return inode->operations->readlink(inode, to, limit);
	memcpy(to, inode->link.target, bytes);
	return (int64_t)bytes;
}

static bool in_groups(const struct credentials *who, uint32_t gid, uint32_t own)
{
	if (gid == own)
		return true;
	for (uint32_t i = 0; i < who->group_count; i++)
		if (who->groups[i] == gid)
			return true;
	return false;
}

static int allowed(const struct inode *inode, uint32_t wanted, const struct credentials *who, uint32_t uid, uint32_t gid,
	uint64_t capabilities)
{
	uint32_t bits = inode->mode & 7, reading = inode_is(inode, S_IFDIR) ? R_OK | X_OK : R_OK;

	if (capabilities & CAPABILITY(CAP_DAC_OVERRIDE)) {
		bool may = !(wanted & X_OK) || inode_is(inode, S_IFDIR) || (inode->mode & 0111);
		return may ? 0 : -EACCES;
	}
	if (uid == inode->uid)
		bits = inode->mode >> 6 & 7;
	else if (in_groups(who, inode->gid, gid))
		bits = inode->mode >> 3 & 7;
	if (capabilities & CAPABILITY(CAP_DAC_READ_SEARCH) && !(wanted & ~reading))
		return 0;
	return (bits & wanted) == wanted ? 0 : -EACCES;
}

int inode_allowed(struct inode *inode, uint32_t wanted)
{
	const struct credentials *who = &self_process()->credentials;

	return allowed(inode, wanted, who, who->fsuid, who->fsgid, who->effective);
}

int inode_allowed_real(struct inode *inode, uint32_t wanted)
{
	const struct credentials *who = &self_process()->credentials;
	uint64_t capabilities = who->uid ? 0 : who->permitted;

	if (who->secure_bits & SECURE_NO_SETUID_FIXUP)
		capabilities = who->effective;
	return allowed(inode, wanted, who, who->uid, who->gid, capabilities);
}

bool inode_owned(struct inode *inode)
{
	const struct credentials *who = &self_process()->credentials;

	return who->fsuid == inode->uid || credentials_can(who, CAP_FOWNER);
}

void inode_bits_drop(struct inode *inode)
{
	inode->mode &= ~(uint32_t)(S_ISUID | (inode->mode & 010 ? S_ISGID : 0));
}

void inode_written(struct inode *inode)
{
	if ((inode->mode & (S_ISUID | S_ISGID)) && !capable(CAP_FSETID))
		inode_bits_drop(inode);
	if (inode->attributes)
		attributes_written(inode);
	inode_touch(inode);
}

void inode_touch(struct inode *inode)
{
	inode->modified_ns = inode->changed_ns = (int64_t)time_wall();
}

int inode_truncate(struct inode *inode, uint64_t size)
{
	uint64_t old = inode->size, end = (size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	int status = 0;

	if (size > INT64_MAX)
		return -EFBIG;
	if ((size < old && (inode->seals & F_SEAL_SHRINK)) || (size > old && (inode->seals & F_SEAL_GROW)))
		return -EPERM;
	if (size < old) {
		status = data_zero(&inode->data, size, old < end ? old : end);
		if (status)
			return status;
		__atomic_store_n(&inode->size, size, __ATOMIC_SEQ_CST);
		mappings_drop_image(inode, size >> PAGE_BITS);
		mappings_drop(inode, end >> PAGE_BITS, UINT64_MAX, true);
		data_cut(&inode->data, end >> PAGE_BITS);
	}
	__atomic_store_n(&inode->size, size, __ATOMIC_RELEASE);
	inode_written(inode);
	return 0;
}

static struct linux_timespec time_split(int64_t ns)
{
	int64_t seconds = ns / 1000000000, rest = ns % 1000000000;

	if (rest < 0) {
		seconds--;
		rest += 1000000000;
	}
	return (struct linux_timespec){seconds, rest};
}

/* Times are often the same: `like` was split already into `split`. */
static struct linux_timespec time_like(int64_t ns, int64_t like, struct linux_timespec split)
{
	return ns == like ? split : time_split(ns);
}

void inode_stat(struct inode *inode, struct linux_stat *out)
{
	struct linux_timespec modified = time_split(inode->modified_ns);

	*out = (struct linux_stat){
		.dev = inode->filesystem, .ino = inode->number, .nlink = inode->nlink, .mode = inode->mode,
		.uid = inode->uid, .gid = inode->gid, .rdev = inode->device,
		.size = (int64_t)__atomic_load_n(&inode->size, __ATOMIC_RELAXED), .blksize = PAGE_BYTES,
		.atime = time_like(inode->accessed_ns, inode->modified_ns, modified), .mtime = modified,
		.ctime = time_like(inode->changed_ns, inode->modified_ns, modified),
	};
	if (inode_is(inode, S_IFREG) && !inode->operations)
		out->blocks = (int64_t)(data_pages(&inode->data) * (PAGE_BYTES / 512));
}
