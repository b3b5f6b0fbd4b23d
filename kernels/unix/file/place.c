/* Where a process is: its folder, its root, its umask; and what the file system says of itself. */
#include "file/file.h"

static void path_state_copy(struct path_state *paths, struct path_state *from)
{
	mutex_lock(&from->lock);
	paths->current = from->current;
	paths->root = from->root;
	paths->umask = from->umask;
	inode_get(paths->current);
	inode_get(paths->root);
	mutex_unlock(&from->lock);
}

struct path_state *path_state_room(void)
{
	return heap_alloc(sizeof(struct path_state));
}

struct path_state *path_state_fork(struct path_state *from)
{
	struct path_state *paths = path_state_room();

	if (paths)
		path_state_copy(paths, from);
	return paths;
}

struct path_state *path_state_share(struct path_state *paths)
{
	__atomic_fetch_add(&paths->processes, 1, __ATOMIC_RELAXED);
	return paths;
}

bool path_state_is_shared(const struct path_state *paths)
{
	return __atomic_load_n(&paths->processes, __ATOMIC_RELAXED) != 0;
}

int path_state_part(struct path_state *room)
{
	struct process *process = self_process();
	struct path_state *old = process->paths;
	int status = __atomic_load_n(&process->thread_count, __ATOMIC_RELAXED) > 1 ? -EINVAL : 0;

	if (status || !path_state_is_shared(old)) {
		heap_free(room);
		return status;
	}
	if (!room)
		room = path_state_room();
	if (!room)
		return -ENOMEM;
	path_state_copy(room, old);
	mutex_lock(&process->lock);
	process->paths = room;
	mutex_unlock(&process->lock);
	path_state_exit(old);
	return 0;
}

void path_state_exit(struct path_state *paths)
{
	if (__atomic_fetch_sub(&paths->processes, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	inode_put(paths->current);
	inode_put(paths->root);
	heap_free(paths);
}

/* Takes over the reference to the inode. */
static int place_change(struct inode **place, struct inode *inode)
{
	struct path_state *paths = self_process()->paths;
	struct inode *old = inode;
	int status = inode_is(inode, S_IFDIR) ? inode_allowed(inode, X_OK) : -ENOTDIR;

	if (status == 0) {
		mutex_lock(&paths->lock);
		old = *place;
		*place = inode;
		mutex_unlock(&paths->lock);
	}
	inode_put(old);
	return status;
}

int64_t sys_chdir(SYSCALL_ARGUMENTS)
{
	struct inode *inode;
	int status = path_inode(AT_FDCWD, a0, WALK_FOLLOW, &inode);

	return status ? status : place_change(&self_process()->paths->current, inode);
}

int64_t sys_fchdir(SYSCALL_ARGUMENTS)
{
	struct held held;
	int status;

	if (!held_get(&held, (int)a0))
		return -EBADF;
	inode_get(held.file->inode);
	status = place_change(&self_process()->paths->current, held.file->inode);
	held_put(&held);
	return status;
}

int64_t sys_chroot(SYSCALL_ARGUMENTS)
{
	struct inode *inode;
	int status = path_inode(AT_FDCWD, a0, WALK_FOLLOW, &inode);

	if (status)
		return status;
	if (!capable(CAP_SYS_CHROOT)) {
		inode_put(inode);
		return -EPERM;
	}
	return place_change(&self_process()->paths->root, inode);
}

int64_t sys_getcwd(SYSCALL_ARGUMENTS)
{
	struct path_state *paths = self_process()->paths;
	page_index page = page_alloc_any();
	struct inode *inode;
	int64_t bytes;

	if (!page)
		return -ENOMEM;
	mutex_lock(&paths->lock);
	inode = paths->current;
	inode_get(inode);
	mutex_unlock(&paths->lock);
	bytes = path_text(inode, 0, 0, page_address(page), PAGE_BYTES);
	inode_put(inode);
	if (bytes >= 0 && (uint64_t)bytes + 1 > a1)
		bytes = -ERANGE;
	if (bytes >= 0)
		bytes = user_write(a0, page_address(page), (uint64_t)bytes + 1) ? -EFAULT : bytes + 1;
	page_put(page);
	return bytes;
}

int64_t sys_umask(SYSCALL_ARGUMENTS)
{
	return __atomic_exchange_n(&self_process()->paths->umask, (uint32_t)a0 & 0777, __ATOMIC_RELAXED);
}

static int64_t statfs_write(const struct inode *inode, uint64_t to)
{
	struct linux_statfs statfs = {
		.type = inode->filesystem == FILESYSTEM_PROC ? PROC_MAGIC : inode->filesystem == FILESYSTEM_SYS ? SYSFS_MAGIC : TMPFS_MAGIC,
		.bsize = PAGE_BYTES, .frsize = PAGE_BYTES, .namelen = NAME_MAX,
	};

	if (statfs.type == TMPFS_MAGIC) {
		statfs.blocks = (int64_t)page_count_total();
		statfs.bfree = statfs.bavail = (int64_t)page_count_free() - statfs.blocks / 8;
		if (statfs.bfree < 0)
			statfs.bfree = statfs.bavail = 0;
		statfs.files = statfs.blocks;
		statfs.ffree = statfs.bfree;
	}
	return user_write(to, &statfs, sizeof(statfs));
}

int64_t sys_statfs(SYSCALL_ARGUMENTS)
{
	struct inode *inode;
	int64_t status = path_inode(AT_FDCWD, a0, WALK_FOLLOW, &inode);

	if (status == 0) {
		status = statfs_write(inode, a1);
		inode_put(inode);
	}
	return status;
}

int64_t sys_fstatfs(SYSCALL_ARGUMENTS)
{
	struct held held;
	int64_t status;

	if (!held_get(&held, (int)a0))
		return -EBADF;
	status = statfs_write(held.file->inode, a1);
	held_put(&held);
	return status;
}

/* File systems cannot be mounted. */
int64_t sys_mount(SYSCALL_ARGUMENTS)
{
	return !capable(CAP_SYS_ADMIN) ? -EPERM : -ENODEV;
}

int64_t sys_umount2(SYSCALL_ARGUMENTS)
{
	struct inode *inode;
	int status;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	status = path_inode(AT_FDCWD, a0, WALK_FOLLOW, &inode);
	if (status)
		return status;
	inode_put(inode);
	return -EINVAL;                 /* nothing is mounted there */
}

/* ---- getdents ---- */

enum { RECORDS_BYTES = 1024 };  /* more than one of the longest */

/* Gives the program what is held. Records that do not reach it whole are as if they were never put. */
static bool listing_flush(struct listing *listing)
{
	uint64_t held = listing->held, moved = user_write_some(listing->to, listing->records, held), at = 0;

	while (at < held) {
		const struct linux_dirent64 *record = (const void *)(listing->records + at);

		if (at + record->bytes > moved)
			break;
		at += record->bytes;
		listing->sent = (uint64_t)record->offset;
	}
	listing->to += at;
	listing->done += at;
	listing->held = 0;
	return at == held;
}

int listing_put(struct listing *listing, const char *name, uint32_t bytes, uint64_t inode, uint32_t type, uint64_t next)
{
	uint32_t fixed = listing->old ? DIRENT_NAME : DIRENT64_NAME;
	uint32_t size = (fixed + bytes + 1 + (listing->old ? 1 : 0) + 7) & ~7u;
	struct linux_dirent64 *record;

	if (size > listing->left)
		return 1;
	if (listing->held + size > RECORDS_BYTES && !listing_flush(listing))
		return -EFAULT;
	record = (struct linux_dirent64 *)(listing->records + listing->held);
	*(uint64_t *)((char *)record + size - 8) = 0;   /* what the name leaves of its last word */
	record->ino = inode;
	record->offset = (int64_t)next;
	record->bytes = (uint16_t)size;
	memcpy((char *)record + fixed, name, bytes);
	((char *)record)[fixed + bytes] = 0;
	if (listing->old)
		((char *)record)[size - 1] = (char)type;
	else
		record->type = (uint8_t)type;
	listing->held += size;
	listing->left -= size;
	listing->position = next;
	return 0;
}

static int folder_list(struct file *file, struct listing *listing)
{
	return directory_list(file->inode, listing);
}

const struct file_operations directory_operations = {.seekable = true, .list = folder_list};

static int64_t list_file(struct file *file, uint64_t to, uint64_t bytes, bool old)
{
	_Alignas(8) char records[RECORDS_BYTES];
	struct listing listing = {.to = to, .left = bytes, .old = old, .records = records};
	int status;

	if (!file->operations->list)
		return -ENOTDIR;
	mutex_lock(&file->lock);
	listing.position = listing.sent = file->position;
	status = file->operations->list(file, &listing);
	if (listing_flush(&listing) && status != -EFAULT)
		file->position = listing.position;
	else
		status = -EFAULT, file->position = listing.sent;
	mutex_unlock(&file->lock);
	if (listing.done)
		return (int64_t)listing.done;
	return status == 1 ? -EINVAL : status;
}

static int64_t list_call(int descriptor, uint64_t to, uint64_t bytes, bool old)
{
	struct held held;
	int64_t result;

	if (!held_get_open(&held, descriptor))
		return -EBADF;
	result = list_file(held.file, to, bytes, old);
	if (result >= 0)
		file_noted(held.file, IN_ACCESS);
	held_put(&held);
	return result;
}

int64_t sys_getdents(SYSCALL_ARGUMENTS)
{
	return list_call((int)a0, a1, (uint32_t)a2, true);
}

int64_t sys_getdents64(SYSCALL_ARGUMENTS)
{
	return list_call((int)a0, a1, (uint32_t)a2, false);
}
