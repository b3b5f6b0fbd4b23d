/* What files are: stat and its kin, access, mode, owner, times; and the caller's own place: folder, root, umask. */
#include "file/file.h"

static uint32_t at_flags(uint64_t flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
}

static int stat_write(struct inode *inode, uint64_t to)
{
	struct linux_stat stat;

	inode_stat(inode, &stat);
	return user_write(to, &stat, sizeof(stat));
}

static int64_t stat_call(int directory, uint64_t path, uint64_t to, uint32_t flags)
{
	struct inode *inode;
	int status = path_inode(directory, path, flags, &inode);

	if (status == 0) {
		status = stat_write(inode, to);
		inode_put(inode);
	}
	return status;
}

int64_t sys_stat(SYSCALL_ARGUMENTS)
{
	return stat_call(AT_FDCWD, a0, a1, WALK_FOLLOW);
}

int64_t sys_lstat(SYSCALL_ARGUMENTS)
{
	return stat_call(AT_FDCWD, a0, a1, 0);
}

int64_t sys_fstat(SYSCALL_ARGUMENTS)
{
	struct held held;
	int status;

	if (!held_get(&held, (int)a0))
		return -EBADF;
	status = stat_write(held.file->inode, a1);
	held_put(&held);
	return status;
}

/* How the C library says fstat. */
static bool is_descriptor_itself(uint64_t path, uint64_t flags, int descriptor)
{
	char first;

	return (flags & AT_EMPTY_PATH) && descriptor >= 0 && user_read(&first, path, 1) == 0 && first == 0;
}

int64_t sys_newfstatat(SYSCALL_ARGUMENTS)
{
	if (is_descriptor_itself(a1, a3, (int)a0))
		return sys_fstat(a0, a2, 0, 0, 0, 0);
	if (a3 & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	return stat_call((int)a0, a1, a2, at_flags(a3));
}

static struct linux_statx_time statx_time(struct linux_timespec time)
{
	return (struct linux_statx_time){time.seconds, (uint32_t)time.nanoseconds, 0};
}

static void statx_fill(const struct linux_stat *from, struct linux_statx *to)
{
	*to = (struct linux_statx){
		.mask = STATX_BASIC, .blksize = (uint32_t)from->blksize, .nlink = (uint32_t)from->nlink, .uid = from->uid,
		.gid = from->gid, .mode = (uint16_t)from->mode, .ino = from->ino, .size = (uint64_t)from->size,
		.blocks = (uint64_t)from->blocks, .atime = statx_time(from->atime), .ctime = statx_time(from->ctime),
		.mtime = statx_time(from->mtime), .rdev_major = (uint32_t)(from->rdev >> 8), .rdev_minor = from->rdev & 255,
		.dev_minor = (uint32_t)from->dev,
	};
}

int64_t sys_statx(SYSCALL_ARGUMENTS)
{
	uint64_t known = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE;
	struct linux_statx extended;
	struct linux_stat stat;
	struct inode *inode;
	int status;

	if ((a2 & ~known) || (a2 & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (a3 >> 31 & 1))
		return -EINVAL;
	status = path_inode((int)a0, a1, at_flags(a2), &inode);
	if (status)
		return status;
	inode_stat(inode, &stat);
	inode_put(inode);
	statx_fill(&stat, &extended);
	return user_write(a4, &extended, sizeof(extended));
}

static int64_t access_call(int directory, uint64_t path, uint64_t mode, uint64_t flags)
{
	struct inode *inode;
	int status;

	if ((mode & ~7ull) || (flags & ~(uint64_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	status = path_inode(directory, path, at_flags(flags), &inode);
	if (status)
		return status;
	if (mode)
		status = flags & AT_EACCESS ? inode_allowed(inode, (uint32_t)mode) : inode_allowed_real(inode, (uint32_t)mode);
	inode_put(inode);
	return status;
}

int64_t sys_access(SYSCALL_ARGUMENTS)
{
	return access_call(AT_FDCWD, a0, a1, 0);
}

int64_t sys_faccessat(SYSCALL_ARGUMENTS)
{
	return access_call((int)a0, a1, a2, 0);
}

int64_t sys_faccessat2(SYSCALL_ARGUMENTS)
{
	return access_call((int)a0, a1, a2, a3);
}

static int64_t readlink_call(int directory, uint64_t path, uint64_t to, int64_t limit)
{
	struct inode *inode;
	page_index page;
	int64_t result;

	if (limit <= 0)
		return -EINVAL;
	result = path_inode(directory, path, WALK_EMPTY, &inode);
	if (result)
		return result;
	page = page_alloc_any();
	result = page ? inode_readlink(inode, page_address(page), (uint64_t)limit < PAGE_BYTES ? (uint64_t)limit : PAGE_BYTES)
		: -ENOMEM;
	inode_put(inode);
	if (result > 0 && user_write(to, page_address(page), (uint64_t)result))
		result = -EFAULT;
	if (page)
		page_put(page);
	return result;
}

int64_t sys_readlink(SYSCALL_ARGUMENTS)
{
	return readlink_call(AT_FDCWD, a0, a1, (int)a2);
}

int64_t sys_readlinkat(SYSCALL_ARGUMENTS)
{
	return readlink_call((int)a0, a1, a2, (int)a3);
}

/* ---- changing ---- */

/* One change of attributes, for the path and the descriptor forms alike. */
struct change {
	enum { CHANGE_MODE, CHANGE_OWNER, CHANGE_TIMES } what;
	uint32_t mode;
	uint32_t uid, gid;          /* UINT32_MAX: stays */
	int64_t accessed_ns, modified_ns, at_ns;    /* at_ns: when times are changed, the time of the change too */
	bool keep_accessed, keep_modified, now;
};

bool group_held(uint32_t gid)
{
	struct credentials *who = &self_process()->credentials;
	bool held = gid == who->fsgid;

	for (uint32_t i = 0; i < who->group_count && !held; i++)
		held = who->groups[i] == gid;
	return held;
}

static int mode_change(struct inode *inode, uint32_t mode)
{
	if (!inode_owned(inode))
		return -EPERM;
	if (inode_is(inode, S_IFLNK))
		return -EOPNOTSUPP;
	if (!group_held(inode->gid) && !capable(CAP_FSETID))
		mode &= ~(uint32_t)S_ISGID;
	inode->mode = (inode->mode & S_IFMT) | (mode & MODE_BITS);
	return 0;
}

static int owner_change(struct inode *inode, uint32_t uid, uint32_t gid)
{
	if (!capable(CAP_CHOWN)) {
		bool own = self_process()->credentials.fsuid == inode->uid;

		if ((uid != UINT32_MAX && (!own || uid != inode->uid)) || (gid != UINT32_MAX && !own))
			return -EPERM;
		if (gid != UINT32_MAX && gid != inode->gid && !group_held(gid))
			return -EPERM;
	}
	if (inode_is(inode, S_IFREG))
		inode_bits_drop(inode);
	attributes_written(inode);
	if (uid != UINT32_MAX)
		inode->uid = uid;
	if (gid != UINT32_MAX)
		inode->gid = gid;
	return 0;
}

static int times_change(struct inode *inode, const struct change *change)
{
	if (!inode_owned(inode)) {
		int status = change->now ? inode_allowed(inode, W_OK) : -EPERM;

		if (status)
			return status;
	}
	if (!change->keep_accessed)
		inode->accessed_ns = change->accessed_ns;
	if (!change->keep_modified)
		inode->modified_ns = change->modified_ns;
	return 0;
}

static int inode_change(struct inode *inode, const struct change *change)
{
	int status;

	mutex_lock(&inode->lock);
	if (change->what == CHANGE_MODE)
		status = mode_change(inode, change->mode);
	else if (change->what == CHANGE_OWNER)
		status = owner_change(inode, change->uid, change->gid);
	else
		status = times_change(inode, change);
	if (status == 0)
		inode->changed_ns = change->what == CHANGE_TIMES ? change->at_ns : (int64_t)time_wall();
	mutex_unlock(&inode->lock);
	return status;
}

/* What a change is to who watches. Only one of the times set is as if it were used so. */
static uint32_t change_event(const struct change *change)
{
	if (change->what != CHANGE_TIMES || change->keep_accessed == change->keep_modified)
		return IN_ATTRIB;
	return change->keep_accessed ? IN_MODIFY : IN_ACCESS;
}

static int64_t change_path(int directory, uint64_t path, uint32_t flags, const struct change *change)
{
	struct walk walk;
	int status = walk_to_inode(&walk, directory, path, flags);

	if (status == 0)
		status = inode_change(walk.inode, change);
	if (status == 0 && inotify_wanted())
		inotify_both(walk.inode, walk.folder, walk.hash, change_event(change));
	walk_end(&walk);
	return status;
}

static int64_t change_descriptor(int descriptor, const struct change *change)
{
	struct held held;
	int status;

	if (!held_get(&held, descriptor))
		return -EBADF;
	status = held.file->flags & O_PATH ? -EBADF : inode_change(held.file->inode, change);
	if (status == 0)
		file_noted(held.file, change_event(change));
	held_put(&held);
	return status;
}

int64_t sys_chmod(SYSCALL_ARGUMENTS)
{
	return change_path(AT_FDCWD, a0, WALK_FOLLOW, &(struct change){.what = CHANGE_MODE, .mode = (uint32_t)a1});
}

int64_t sys_fchmod(SYSCALL_ARGUMENTS)
{
	return change_descriptor((int)a0, &(struct change){.what = CHANGE_MODE, .mode = (uint32_t)a1});
}

int64_t sys_fchmodat(SYSCALL_ARGUMENTS)
{
	return change_path((int)a0, a1, WALK_FOLLOW, &(struct change){.what = CHANGE_MODE, .mode = (uint32_t)a2});
}

static struct change owner(uint64_t uid, uint64_t gid)
{
	return (struct change){.what = CHANGE_OWNER, .uid = (uint32_t)uid, .gid = (uint32_t)gid};
}

int64_t sys_chown(SYSCALL_ARGUMENTS)
{
	struct change change = owner(a1, a2);

	return change_path(AT_FDCWD, a0, WALK_FOLLOW, &change);
}

int64_t sys_lchown(SYSCALL_ARGUMENTS)
{
	struct change change = owner(a1, a2);

	return change_path(AT_FDCWD, a0, 0, &change);
}

int64_t sys_fchown(SYSCALL_ARGUMENTS)
{
	struct change change = owner(a1, a2);

	return change_descriptor((int)a0, &change);
}

int64_t sys_fchownat(SYSCALL_ARGUMENTS)
{
	struct change change = owner(a2, a3);

	if (a4 & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_path((int)a0, a1, at_flags(a4), &change);
}

static struct change times_now(void)
{
	int64_t now = (int64_t)time_wall();

	return (struct change){.what = CHANGE_TIMES, .accessed_ns = now, .modified_ns = now, .at_ns = now, .now = true};
}

/* A time as ns since 1970: what is too far away is as far as can be. */
static int64_t time_join(int64_t seconds, int64_t nanoseconds)
{
	int64_t far = INT64_MAX / 1000000000 - 1;

	seconds = seconds > far ? far : seconds < -far ? -far : seconds;
	return seconds * 1000000000 + nanoseconds;
}

static bool time_decode(const struct linux_timespec *time, int64_t *ns, bool *keep, bool *now)
{
	*keep = time->nanoseconds == UTIME_OMIT;
	*now = time->nanoseconds == UTIME_NOW;
	if (*keep || *now)
		return true;
	if (time->nanoseconds < 0 || time->nanoseconds >= 1000000000)
		return false;
	*ns = time_join(time->seconds, time->nanoseconds);
	return true;
}

static int times_decode(uint64_t address, struct change *change)
{
	struct linux_timespec times[2];
	bool accessed_now, modified_now;

	*change = times_now();
	if (!address)
		return 0;
	if (user_read(times, address, sizeof(times)))
		return -EFAULT;
	if (!time_decode(&times[0], &change->accessed_ns, &change->keep_accessed, &accessed_now) ||
	    !time_decode(&times[1], &change->modified_ns, &change->keep_modified, &modified_now))
		return -EINVAL;
	change->now = accessed_now && modified_now;
	return 0;
}

int64_t sys_utimensat(SYSCALL_ARGUMENTS)
{
	struct change change;
	int status;

	if ((a3 & ~(uint64_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) || (!a1 && a3))
		return -EINVAL;
	status = times_decode(a2, &change);
	if (status)
		return status;
	return a1 ? change_path((int)a0, a1, at_flags(a3), &change) : change_descriptor((int)a0, &change);
}

static int64_t timeval_call(int directory, uint64_t path, uint64_t address)
{
	struct change change = times_now();
	struct linux_timeval times[2];

	if (address) {
		if (user_read(times, address, sizeof(times)))
			return -EFAULT;
		for (int i = 0; i < 2; i++)
			if (times[i].microseconds < 0 || times[i].microseconds >= 1000000)
				return -EINVAL;
		change.accessed_ns = time_join(times[0].seconds, times[0].microseconds * 1000);
		change.modified_ns = time_join(times[1].seconds, times[1].microseconds * 1000);
		change.now = false;
	}
	return path ? change_path(directory, path, WALK_FOLLOW, &change) : change_descriptor(directory, &change);
}

int64_t sys_utimes(SYSCALL_ARGUMENTS)
{
	return timeval_call(AT_FDCWD, a0, a1);
}

int64_t sys_futimesat(SYSCALL_ARGUMENTS)
{
	return timeval_call((int)a0, a1, a2);
}

int64_t sys_utime(SYSCALL_ARGUMENTS)
{
	struct change change = times_now();
	int64_t times[2];

	if (a1) {
		if (user_read(times, a1, sizeof(times)))
			return -EFAULT;
		change.accessed_ns = time_join(times[0], 0);
		change.modified_ns = time_join(times[1], 0);
		change.now = false;
	}
	return change_path(AT_FDCWD, a0, WALK_FOLLOW, &change);
}
