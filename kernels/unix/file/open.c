/* Open files: making, counting, and the calls that open them. */
#include "file/file.h"

const struct file_operations path_operations;       /* O_PATH: nothing but a place */

struct file *file_make(struct inode *inode, uint32_t flags)
{
	struct file *file = heap_alloc(sizeof(struct file));

	if (!file)
		return 0;
	inode_get(inode);
	file->references = 1;
	file->flags = flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
	file->inode = inode;
	return file;
}

void file_get(struct file *file)
{
	__atomic_fetch_add(&file->references, 1, __ATOMIC_RELAXED);
}

void file_unuse(struct file *file)
{
	if (file->use)
		__atomic_fetch_sub(&file->inode->writers, file->use, __ATOMIC_RELEASE);
	file->use = 0;
}

void file_put(struct file *file)
{
	uint32_t flying = __atomic_load_n(&file->flying, __ATOMIC_RELAXED);
	bool reaches = flying && inode_is(file->inode, S_IFSOCK);       /* others, by its queue */
	uint32_t left = __atomic_sub_fetch(&file->references, 1, __ATOMIC_ACQ_REL);

	if (left) {
		if (reaches && flying >= left)
			rights_collect();
		return;
	}
	if (file->watched)
		epoll_forget(file);
	if (file->async)
		async_forget(file);
	if (!(file->flags & O_PATH))
		file_noted(file, file_writable(file) ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (file->inode->locks)
		file_locks_release(file);
	file_unuse(file);
	if (file->operations && file->operations->release)
		file->operations->release(file);
	inode_put(file->inode);
	inode_put(file->folder);
	heap_free(file);
}

int file_use(struct file *file, bool run)
{
	int32_t *writers = &file->inode->writers, count = __atomic_load_n(writers, __ATOMIC_RELAXED), one = run ? -1 : 1;

	do {
		if (run ? count > 0 : count < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(writers, &count, count + one, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	file->use = one;
	return 0;
}

struct file *file_anonymous(const struct file_operations *operations, uint32_t mode, uint32_t flags, void *state)
{
	struct credentials *who = &self_process()->credentials;
	struct inode *inode = inode_make(mode, who->fsuid, who->fsgid, 0);
	struct file *file = inode ? file_make(inode, flags) : 0;

	inode_put(inode);
	if (!file)
		return 0;
	inode->filesystem = FILESYSTEM_ANONYMOUS;
	inode->nlink = 1;
	file->operations = operations;
	file->state = state;
	return file;
}

/* Gives a file the operations of its inode's type. */
static int file_start(struct inode *inode, struct file *file)
{
	if (file->flags & O_PATH) {
		file->operations = &path_operations;
		return 0;
	}
	if (inode->operations && inode->operations->open)
		return inode->operations->open(inode, file);
	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		file->operations = &regular_operations;
		return 0;
	case S_IFDIR:
		file->operations = &directory_operations;
		return 0;
	case S_IFCHR:
		return device_open(inode, file);
	case S_IFIFO:
		return pipe_open(inode, file);
	}
	return -ENXIO;
}

int file_open_inode(struct inode *inode, struct inode *folder, uint32_t flags, struct file **out)
{
	struct file *file = file_make(inode, flags);
	int status;

	if (!file)
		return -ENOMEM;
	if (folder) {
		inode_get(folder);
		file->folder = folder;
	}
	file->flags |= flags & O_NOCTTY;        /* for the opening only */
	status = file_start(inode, file);
	__atomic_fetch_and(&file->flags, ~(uint32_t)O_NOCTTY, __ATOMIC_RELAXED);
	if (status) {
		file->operations = 0;
		file_put(file);
		return status;
	}
	*out = file;
	return 0;
}

static uint32_t wanted_rights(uint32_t flags)
{
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return R_OK | (flags & O_TRUNC ? W_OK : 0);
	case O_WRONLY:
		return W_OK;
	}
	return R_OK | W_OK;
}

static int open_allowed(struct inode *inode, uint32_t flags)
{
	if ((flags & O_DIRECTORY) && !inode_is(inode, S_IFDIR))
		return -ENOTDIR;
	if (inode_is(inode, S_IFLNK) && !(flags & O_PATH))
		return -ELOOP;
	if (flags & O_PATH)
		return 0;
	if (inode_is(inode, S_IFDIR) && ((flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC))))
		return -EISDIR;
	if ((flags & O_NOATIME) && !inode_owned(inode))
		return -EPERM;
	return inode_allowed(inode, wanted_rights(flags));
}

/* Makes a regular file under a name that was missing. Somebody may have been faster: *inode is whatever is there now. */
static int open_create(struct walk *walk, uint32_t flags, uint32_t mode, bool *made)
{
	struct inode *folder = walk->folder;
	struct entry *entry;
	int status;

	status = inode_allowed(folder, W_OK | X_OK);
	if (status)
		return status;
	if (folder->operations)
		return -EACCES;
	mutex_lock(&folder->lock);
	status = directory_entry_locked(folder, walk->name, walk->bytes, walk->hash, &entry);
	if (status == 0) {
		walk->inode = entry->inode;
		inode_get(walk->inode);
		status = flags & O_EXCL ? -EEXIST : 0;
	} else if (status == -ENOENT) {
		status = tree_create_locked(folder, walk, entry, S_IFREG | (mode & MODE_BITS & ~path_umask()), 0);
		*made = status == 0;
	}
	mutex_unlock(&folder->lock);
	return status;
}

static int open_truncate(struct walk *walk)
{
	struct inode *inode = walk->inode;
	int status;

	if (!inode_is(inode, S_IFREG) || inode->operations)
		return 0;
	if (inode_is_run(inode))
		return -ETXTBSY;
	mutex_lock(&inode->lock);
	status = inode_truncate(inode, 0);
	mutex_unlock(&inode->lock);
	if (status == 0 && inotify_wanted())
		inotify_both(inode, walk->folder, walk->hash, IN_MODIFY);
	return status;
}

/* Opens an inode of the tree; who runs it and who writes it exclude each other. */
static int open_found(struct inode *inode, struct inode *folder, uint32_t hash, uint32_t flags, struct file **out)
{
	int status = file_open_inode(inode, folder, flags, out);

	if (status == 0)
		(*out)->name_hash = hash;
	if (status == 0 && inode_is(inode, S_IFREG) && file_writable(*out)) {
		status = file_use(*out, false);
		if (status)
			file_put(*out);
	}
	if (status == 0 && !(flags & O_PATH))
		file_noted(*out, IN_OPEN);
	return status;
}

/* What a walk found, opened. */
static int open_walked(struct walk *walk, uint32_t flags, uint32_t mode, struct file **out)
{
	bool made = false;
	int status = 0;

	if (!walk->inode) {
		if (!(flags & O_CREAT))
			return -ENOENT;
		status = open_create(walk, flags, mode, &made);
	} else if ((flags & O_CREAT) && (flags & O_EXCL)) {
		status = -EEXIST;
	}
	if (status == 0 && !made)
		status = open_allowed(walk->inode, flags);
	if (status == 0 && (flags & O_TRUNC) && !made)
		status = open_truncate(walk);
	return status ? status : open_found(walk->inode, walk->folder, walk->hash, flags, out);
}

/* A file without a name in the folder that a walk found. It may get one unless O_EXCL is given. */
static int open_nameless(struct walk *walk, uint32_t flags, uint32_t mode, struct file **out)
{
	struct inode *folder = walk->inode, *inode;
	int status;

	if ((flags & (O_DIRECTORY | O_CREAT)) != O_DIRECTORY || !(flags & (O_WRONLY | O_RDWR)))
		return -EINVAL;
	if (!folder)
		return -ENOENT;
	if (!inode_is(folder, S_IFDIR))
		return -ENOTDIR;
	status = inode_allowed(folder, W_OK | X_OK);
	if (status)
		return status;
	if (folder->operations)
		return -EOPNOTSUPP;
	mutex_lock(&folder->lock);
	status = tree_inode_locked(folder, S_IFREG | (mode & MODE_BITS & ~path_umask()), 0, &inode);
	mutex_unlock(&folder->lock);
	if (status)
		return status;
	inode->linkable = !(flags & O_EXCL);
	status = open_found(inode, folder, 0, flags & ~(uint32_t)O_EXCL, out);
	inode_put(inode);
	return status;
}

static int64_t open_call(int directory, uint64_t path, uint32_t flags, uint32_t mode, uint32_t walk_with)
{
	bool follow = !(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	struct file *file;
	struct walk walk;
	int status;

	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	status = walk_user(&walk, directory, path, (follow ? WALK_FOLLOW : 0) | (flags & O_CREAT ? WALK_CREATE : 0) | walk_with);
	if (status == 0)
		status = flags & O_TMPFILE ? open_nameless(&walk, flags, mode, &file) : open_walked(&walk, flags, mode, &file);
	walk_end(&walk);
	return status ? status : descriptor_install(file, 0, flags & O_CLOEXEC);
}

int64_t sys_open(SYSCALL_ARGUMENTS)
{
	return open_call(AT_FDCWD, a0, (uint32_t)a1, (uint32_t)a2, 0);
}

int64_t sys_openat(SYSCALL_ARGUMENTS)
{
	return open_call((int)a0, a1, (uint32_t)a2, (uint32_t)a3, 0);
}

int64_t sys_creat(SYSCALL_ARGUMENTS)
{
	return open_call(AT_FDCWD, a0, O_CREAT | O_WRONLY | O_TRUNC, (uint32_t)a1, 0);
}

int file_open_exec(const char *path, struct file **out)
{
	struct walk walk;
	int status = walk_text(&walk, path, WALK_FOLLOW);

	if (status == 0 && !walk.inode)
		status = -ENOENT;
	if (status == 0 && !inode_is(walk.inode, S_IFREG))
		status = -EACCES;
	if (status == 0)
		status = inode_allowed(walk.inode, X_OK);
	if (status == 0)
		status = file_open_inode(walk.inode, walk.folder, O_RDONLY, out);
	if (status == 0 && file_use(*out, true)) {
		file_put(*out);
		*out = 0;
		status = -ETXTBSY;
	}
	if (status == 0) {
		(*out)->name_hash = walk.hash;
		file_noted(*out, IN_OPEN);
	}
	walk_end(&walk);
	return status;
}

void file_owner(const struct file *file, uint32_t *mode, uint32_t *uid, uint32_t *gid)
{
	struct inode *inode = file->inode;

	mutex_lock(&inode->lock);       /* a change of the owner takes bits away as well */
	*mode = inode->mode;
	*uid = inode->uid;
	*gid = inode->gid;
	mutex_unlock(&inode->lock);
}

bool file_is_link(int descriptor, uint64_t path)
{
	struct inode *inode;
	bool link;

	if (path_inode(descriptor, path, 0, &inode))
		return false;
	link = inode_is(inode, S_IFLNK);
	inode_put(inode);
	return link;
}

int64_t file_path(struct file *file, char *to, uint64_t limit)
{
	int64_t bytes;

	if (inode_is(file->inode, S_IFDIR))
		return path_text(file->inode, 0, 0, to, limit);
	if (file->folder && !file->folder->operations) {
		bytes = path_text(file->folder, file->inode, file->name_hash, to, limit);
		if (bytes != -ENOENT)
			return bytes;
	}
	if (file->operations->path)
		return file->operations->path(file, to, limit);
	if (file->operations->name) {
		bytes = text_format(to, limit, file->operations->name[0] == '/' ? "%s" : "anon_inode:%s", file->operations->name);
		return (uint64_t)bytes < limit ? bytes : -ERANGE;
	}
	if (inode_is(file->inode, S_IFREG)) {
		bytes = text_format(to, limit, "/%lu (deleted)", file->inode->number);
		return (uint64_t)bytes < limit ? bytes : -ERANGE;
	}
	bytes = text_format(to, limit, "%s:[%lu]", inode_is(file->inode, S_IFIFO) ? "pipe" :
		inode_is(file->inode, S_IFSOCK) ? "socket" :
		inode_is(file->inode, S_IFCHR) ? "device" : "deleted", file->inode->number);
	return (uint64_t)bytes < limit ? bytes : -ERANGE;
}

/* ---- openat2 ---- */

enum { HOW_LIMIT = 4096 };
#define OPEN_FLAGS ((uint64_t)(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC | O_ASYNC | O_DIRECT | \
	O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE | 04000000))

/* Reads the record; fields of later versions must be zero. 0, -EINVAL, -E2BIG, -EFAULT. */
static int how_read(struct linux_open_how *how, uint64_t from, uint64_t bytes)
{
	if (bytes < sizeof(*how))
		return -EINVAL;
	if (bytes > HOW_LIMIT)
		return -E2BIG;
	for (uint64_t at = sizeof(*how); at < bytes; at++) {
		uint8_t byte;

		if (user_read(&byte, from + at, 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return user_read(how, from, sizeof(*how));
}

static int how_check(const struct linux_open_how *how)
{
	uint64_t both = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
	bool makes = how->flags & O_CREAT || (how->flags & O_TMPFILE) == O_TMPFILE;

	if (how->flags & ~OPEN_FLAGS || how->mode & ~(uint64_t)MODE_BITS || how->resolve >= RESOLVE_CACHED * 2)
		return -EINVAL;
	if ((how->resolve & both) == both || (!makes && how->mode))
		return -EINVAL;
	if ((how->flags & O_PATH) && (how->flags & ~(uint64_t)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)))
		return -EINVAL;
	return (how->resolve & RESOLVE_CACHED) && (how->flags & (O_CREAT | O_TRUNC | O_TMPFILE)) ? -EAGAIN : 0;
}

static uint32_t walk_flags(uint64_t resolve)
{
	return (resolve & RESOLVE_NO_SYMLINKS ? WALK_NO_LINKS : 0) | (resolve & RESOLVE_NO_MAGICLINKS ? WALK_NO_MAGIC : 0) |
		(resolve & RESOLVE_BENEATH ? WALK_BENEATH : 0) | (resolve & RESOLVE_IN_ROOT ? WALK_IN_ROOT : 0);
}

int64_t sys_openat2(SYSCALL_ARGUMENTS)
{
	struct linux_open_how how;
	int status = how_read(&how, a2, a3);

	if (status == 0)
		status = how_check(&how);
	return status ? status : open_call((int)a0, a1, (uint32_t)how.flags, (uint32_t)how.mode, walk_flags(how.resolve));
}

/* ---- files in memory only ---- */

/* 0, or what is wrong with the name and flags. */
static int memory_file_check(uint64_t name, uint32_t flags)
{
	char text[MFD_NAME_BYTES + 1];
	int64_t bytes;

	if (flags & ~(uint32_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	if ((flags & MFD_EXEC) && (flags & MFD_NOEXEC_SEAL))
		return -EINVAL;
	bytes = user_string(text, name, sizeof(text));
	return bytes == -ENAMETOOLONG ? -EINVAL : bytes < 0 ? (int)bytes : 0;
}

int64_t sys_memfd_create(SYSCALL_ARGUMENTS)
{
	struct credentials *who = &self_process()->credentials;
	uint32_t flags = (uint32_t)a1;
	struct file *file = 0;
	struct inode *inode;
	int status = memory_file_check(a0, flags);

	if (status)
		return status;
	inode = inode_make(S_IFREG | (flags & MFD_NOEXEC_SEAL ? 0666 : 0777), who->fsuid, who->fsgid, 0);
	if (!inode)
		return -ENOMEM;
	inode->filesystem = FILESYSTEM_ANONYMOUS;
	inode->seals = SEALS_HERE | (flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) ? 0 : F_SEAL_SEAL) |
		(flags & MFD_NOEXEC_SEAL ? F_SEAL_EXEC : 0);
	status = file_open_inode(inode, 0, O_RDWR, &file);
	inode_put(inode);
	return status ? status : descriptor_install(file, 0, flags & MFD_CLOEXEC);
}
