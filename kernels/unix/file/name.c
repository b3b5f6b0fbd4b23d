/* The calls that make, remove and move names. Each walks to the folder, locks it, looks again and then commits. */
#include "file/file.h"

int tree_inode_locked(struct inode *folder, uint32_t mode, uint32_t device, struct inode **out)
{
	struct credentials *who = &self_process()->credentials;
	bool inherit = folder->mode & S_ISGID, directory = (mode & S_IFMT) == S_IFDIR;

	if (folder->directory.removed)
		return -ENOENT;
	if (files_are_full(1))
		return -ENOSPC;
	/* a group that the maker is not in is not given its rights */
	if (inherit && !directory && (mode & (S_ISGID | 010)) == (S_ISGID | 010) && !group_held(folder->gid) && !capable(CAP_FSETID))
		mode &= ~(uint32_t)S_ISGID;
	*out = inode_make(mode | (inherit && directory ? S_ISGID : 0), who->fsuid, inherit ? folder->gid : who->fsgid, device);
	if (!*out)
		return -ENOMEM;
	(*out)->filesystem = folder->filesystem;
	return 0;
}

int tree_create_locked(struct inode *folder, struct walk *walk, struct entry *hidden, uint32_t mode, uint32_t device)
{
	bool directory = (mode & S_IFMT) == S_IFDIR;
	struct inode *inode;
	int status;

	if (walk->bytes > NAME_MAX)
		return folder->directory.removed ? -ENOENT : -ENAMETOOLONG;
	status = tree_inode_locked(folder, mode, device, &inode);
	if (status)
		return status;
	inode->nlink = directory ? 2 : 1;
	if (directory) {
		inode_get(folder);
		inode->directory.parent = folder;
	}
	status = directory_add_locked(folder, walk->name, walk->bytes, walk->hash, hidden, inode);
	if (status) {
		inode_put(inode);
		return status;
	}
	folder->nlink += directory;
	inode_touch(folder);
	inotify_name(folder, walk, inode, IN_CREATE, 0);
	walk->inode = inode;
	return 0;
}

/* Locks the folder of a walk that shall make its last name, after all checks. 0, or -E* and nothing is locked. */
static int make_begin(struct walk *walk, struct entry **hidden)
{
	struct inode *folder = walk->folder;
	int status;

	if (walk->inode)
		return -EEXIST;
	if (folder->operations)
		return -EPERM;
	status = inode_allowed(folder, W_OK | X_OK);
	if (status)
		return status;
	mutex_lock(&folder->lock);
	status = directory_entry_locked(folder, walk->name, walk->bytes, walk->hash, hidden);
	if (status == -ENOENT && !folder->directory.removed)
		return 0;
	mutex_unlock(&folder->lock);
	return status ? status : -EEXIST;
}

int name_make_node(struct walk *walk, uint32_t mode, uint32_t device)
{
	struct entry *hidden;
	int status;

	if (walk->slash && !walk->inode && (mode & S_IFMT) != S_IFDIR)
		return -ENOENT;
	status = make_begin(walk, &hidden);
	if (status)
		return status;
	status = tree_create_locked(walk->folder, walk, hidden, mode, device);
	mutex_unlock(&walk->folder->lock);
	return status;
}

static int64_t node_call(int directory, uint64_t path, uint32_t mode, uint32_t device)
{
	struct walk walk;
	int status = walk_user(&walk, directory, path, WALK_NAME);

	if (status == 0)
		status = name_make_node(&walk, mode, device);
	walk_end(&walk);
	return status;
}

static int64_t mkdir_call(int directory, uint64_t path, uint64_t mode)
{
	return node_call(directory, path, S_IFDIR | ((uint32_t)mode & (0777 | S_ISVTX) & ~path_umask()), 0);
}

int64_t sys_mkdir(SYSCALL_ARGUMENTS)
{
	return mkdir_call(AT_FDCWD, a0, a1);
}

int64_t sys_mkdirat(SYSCALL_ARGUMENTS)
{
	return mkdir_call((int)a0, a1, a2);
}

static int64_t mknod_call(int directory, uint64_t path, uint32_t mode, uint32_t device)
{
	uint32_t type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;

	if (type == S_IFDIR)
		return -EPERM;
	if (type != S_IFREG && type != S_IFIFO && type != S_IFSOCK && type != S_IFCHR && type != S_IFBLK)
		return -EINVAL;
	if ((type == S_IFCHR || type == S_IFBLK) && !capable(CAP_MKNOD))
		return -EPERM;
	return node_call(directory, path, type | (mode & MODE_BITS & ~path_umask()), device);
}

int64_t sys_mknod(SYSCALL_ARGUMENTS)
{
	return mknod_call(AT_FDCWD, a0, (uint32_t)a1, (uint32_t)a2);
}

int64_t sys_mknodat(SYSCALL_ARGUMENTS)
{
	return mknod_call((int)a0, a1, (uint32_t)a2, (uint32_t)a3);
}

static int make_link(struct walk *walk, const char *target, uint64_t bytes)
{
	struct entry *hidden, *entry;
	int status;

	if (walk->slash && !walk->inode)
		return -ENOENT;
	status = make_begin(walk, &hidden);
	if (status)
		return status;
	status = tree_create_locked(walk->folder, walk, hidden, S_IFLNK | 0777, 0);
	if (status == 0 && inode_link_set(walk->inode, target, bytes)) {
		status = -ENOMEM;
		if (directory_entry_locked(walk->folder, walk->name, walk->bytes, walk->hash, &entry) == 0)
			inode_put(directory_remove_locked(walk->folder, entry));
	}
	mutex_unlock(&walk->folder->lock);
	return status;
}

static int64_t symlink_call(uint64_t target, int directory, uint64_t path)
{
	page_index page = page_alloc_any();
	struct walk walk;
	int64_t bytes, status;

	if (!page)
		return -ENOMEM;
	bytes = user_string(page_address(page), target, PATH_MAX);
	status = bytes < 0 ? bytes : bytes == 0 ? -ENOENT : 0;
	if (status == 0) {
		status = walk_user(&walk, directory, path, WALK_NAME);
		if (status == 0)
			status = make_link(&walk, page_address(page), (uint64_t)bytes);
		walk_end(&walk);
	}
	page_put(page);
	return status;
}

int64_t sys_symlink(SYSCALL_ARGUMENTS)
{
	return symlink_call(a0, AT_FDCWD, a1);
}

int64_t sys_symlinkat(SYSCALL_ARGUMENTS)
{
	return symlink_call(a0, (int)a1, a2);
}

static void nlink_change(struct inode *inode, int by)
{
	uint32_t left;

	mutex_lock(&inode->lock);
	left = inode->nlink = (int)inode->nlink + by > 0 ? inode->nlink + (uint32_t)by : 0;
	inode->changed_ns = (int64_t)time_wall();
	mutex_unlock(&inode->lock);
	if (left == 0)
		tree_forget(inode);
}

/* Others' files are linked to by those only who might copy them as well. */
static bool may_link(struct inode *inode)
{
	bool runs_as_other = inode->mode & S_ISUID || (inode->mode & (S_ISGID | 010)) == (S_ISGID | 010);

	return inode_owned(inode) || (inode_is(inode, S_IFREG) && !runs_as_other && inode_allowed(inode, R_OK | W_OK) == 0);
}

static int make_name(struct walk *walk, struct inode *inode)
{
	struct entry *hidden;
	int status;

	if (walk->slash)
		return walk->inode ? -EEXIST : -ENOENT;
	status = make_begin(walk, &hidden);
	if (status)
		return status;
	if (inode->operations || inode->filesystem != walk->folder->filesystem)
		status = -EXDEV;
	else if (inode_is(inode, S_IFDIR) || !may_link(inode))
		status = -EPERM;
	else if (inode->nlink == 0 && !inode->linkable)
		status = -ENOENT;
	else if (files_are_full(1))
		status = -ENOSPC;
	else
		status = directory_add_locked(walk->folder, walk->name, walk->bytes, walk->hash, hidden, inode);
	if (status == 0) {
		nlink_change(inode, 1);
		inode->linkable = false;
		inode_touch(walk->folder);
		inotify_self(inode, IN_ATTRIB);
		inotify_name(walk->folder, walk, inode, IN_CREATE, 0);
	}
	mutex_unlock(&walk->folder->lock);
	return status;
}

static int64_t link_call(int from, uint64_t old, int to, uint64_t new, uint32_t flags)
{
	uint32_t follow = (flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0);
	struct inode *inode;
	struct walk walk;
	int status;

	if (flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	status = path_inode(from, old, follow, &inode);
	if (status)
		return status;
	status = walk_user(&walk, to, new, WALK_NAME);
	if (status == 0)
		status = make_name(&walk, inode);
	walk_end(&walk);
	inode_put(inode);
	return status;
}

int64_t sys_link(SYSCALL_ARGUMENTS)
{
	return link_call(AT_FDCWD, a0, AT_FDCWD, a1, 0);
}

int64_t sys_linkat(SYSCALL_ARGUMENTS)
{
	return link_call((int)a0, a1, (int)a2, a3, (uint32_t)a4);
}

/* ---- removing ---- */

/* Looks the last name of a walk up again, now under the folder's lock. */
static int remove_find(struct walk *walk, struct entry **entry)
{
	int status;

	if (walk->folder->operations)
		return -EPERM;
	status = directory_entry_locked(walk->folder, walk->name, walk->bytes, walk->hash, entry);
	return status ? status : directory_may_remove(walk->folder, (*entry)->inode);
}

static int name_remove(struct walk *walk)
{
	struct inode *folder = walk->folder, *victim = 0;
	struct entry *entry;
	int status;

	if (!walk->inode)
		return -ENOENT;
	if (!folder)
		return -EISDIR;
	mutex_lock(&folder->lock);
	status = remove_find(walk, &entry);
	if (status == 0 && inode_is(entry->inode, S_IFDIR))
		status = -EISDIR;
	if (status == 0 && walk->slash)
		status = -ENOTDIR;
	if (status == 0) {
		victim = directory_remove_locked(folder, entry);
		inode_touch(folder);
	}
	mutex_unlock(&folder->lock);
	if (victim) {
		nlink_change(victim, -1);
		inotify_self(victim, IN_ATTRIB);
		inode_put(victim);
		inotify_name(folder, walk, walk->inode, IN_DELETE, 0);
	}
	return status;
}

/* Marks an empty directory as gone: nothing can be made in it any more. */
static int folder_finish(struct inode *directory)
{
	int status;

	mutex_lock(&directory->lock);
	status = directory_empty_locked(directory);
	if (status == 0) {
		directory->directory.removed = true;
		directory->nlink = 0;
	}
	mutex_unlock(&directory->lock);
	return status;
}

static int folder_remove(struct walk *walk)
{
	struct inode *folder = walk->folder;
	struct entry *entry;
	int status;

	if (!walk->inode)
		return -ENOENT;
	if (!folder)
		return walk->bytes == 1 ? -EINVAL : walk->bytes == 2 ? -ENOTEMPTY : -EBUSY;
	mutex_lock(&folder->lock);
	status = remove_find(walk, &entry);
	if (status == 0 && !inode_is(entry->inode, S_IFDIR))
		status = -ENOTDIR;
	if (status == 0 && (inode_is_root(entry->inode, folder) || entry->inode == tree_root))
		status = -EBUSY;
	if (status == 0)
		status = folder_finish(entry->inode);
	if (status == 0) {
		inode_put(directory_remove_locked(folder, entry));
		folder->nlink -= folder->nlink > 2;
		inode_touch(folder);
		inotify_name(folder, walk, walk->inode, IN_DELETE, 0);
	}
	mutex_unlock(&folder->lock);
	return status;
}

static int64_t remove_call(int directory, uint64_t path, bool folder)
{
	struct walk walk;
	int status = walk_user(&walk, directory, path, WALK_NAME);

	if (status == 0)
		status = folder ? folder_remove(&walk) : name_remove(&walk);
	walk_end(&walk);
	return status;
}

int64_t sys_unlink(SYSCALL_ARGUMENTS)
{
	return remove_call(AT_FDCWD, a0, false);
}

int64_t sys_rmdir(SYSCALL_ARGUMENTS)
{
	return remove_call(AT_FDCWD, a0, true);
}

int64_t sys_unlinkat(SYSCALL_ARGUMENTS)
{
	return a2 & ~(uint64_t)AT_REMOVEDIR ? -EINVAL : remove_call((int)a0, a1, a2 & AT_REMOVEDIR);
}
