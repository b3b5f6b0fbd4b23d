/* rename: under rename_lock, so that directories do not move while their ancestry is looked at. */
#include "file/file.h"

struct move {
	struct walk *from, *to;
	struct entry *old, *new;    /* new: null or hidden when the target's name is free */
	struct inode *moved, *victim;
	uint32_t flags;
};

/* Is `above` an ancestor of the directory, or itself? rename_lock is held. */
static bool is_above(struct inode *above, struct inode *directory)
{
	while (directory != above && directory != directory->directory.parent)
		directory = directory->directory.parent;
	return directory == above;
}

static void folders_lock(struct inode *one, struct inode *other)
{
	bool other_first = is_above(other, one) || (!is_above(one, other) && other < one);

	if (one == other) {
		mutex_lock(&one->lock);
		return;
	}
	mutex_lock(other_first ? &other->lock : &one->lock);
	mutex_lock(other_first ? &one->lock : &other->lock);
}

static void folders_unlock(struct inode *one, struct inode *other)
{
	mutex_unlock(&one->lock);
	if (one != other)
		mutex_unlock(&other->lock);
}

/* What the names alone forbid, in the order of Linux' answers. */
static int names_check(const struct move *move)
{
	bool exchange = move->flags & RENAME_EXCHANGE, directory = inode_is(move->moved, S_IFDIR);

	if ((move->flags & RENAME_NOREPLACE) && move->victim)
		return -EEXIST;
	if (exchange && !move->victim)
		return -ENOENT;
	if (exchange && move->to->slash && !inode_is(move->victim, S_IFDIR))
		return -ENOTDIR;
	if (!directory && (move->from->slash || (!exchange && move->to->slash)))
		return -ENOTDIR;
	if (directory && is_above(move->moved, move->to->folder))
		return -EINVAL;
	if (move->victim && inode_is(move->victim, S_IFDIR) && is_above(move->victim, move->from->folder))
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* What rights and types forbid. Both folders are locked. */
static int move_check(const struct move *move)
{
	bool directory = inode_is(move->moved, S_IFDIR);
	int status = directory_may_remove(move->from->folder, move->moved);

	if (status)
		return status;
	if (directory && move->from->folder != move->to->folder)
		status = inode_allowed(move->moved, W_OK);      /* its ".." changes */
	if (status)
		return status;
	if (inode_is_root(move->moved, move->from->folder) || (move->victim && inode_is_root(move->victim, move->to->folder)))
		return -EBUSY;
	if (!move->victim)
		return inode_allowed(move->to->folder, W_OK | X_OK);
	status = directory_may_remove(move->to->folder, move->victim);
	if (status || (move->flags & RENAME_EXCHANGE))
		return status;
	if (directory && !inode_is(move->victim, S_IFDIR))
		return -ENOTDIR;
	return !directory && inode_is(move->victim, S_IFDIR) ? -EISDIR : 0;
}

/* A directory changes its parent. */
static void parent_change(struct inode *inode, struct inode *from, struct inode *to)
{
	if (!inode_is(inode, S_IFDIR) || from == to)
		return;
	inode_get(to);
	mutex_lock(&inode->lock);
	inode->directory.parent = to;
	mutex_unlock(&inode->lock);
	from->nlink -= from->nlink > 2;
	to->nlink++;
	inode_put(from);
}

static int victim_finish(struct inode *victim)
{
	int status = 0;

	mutex_lock(&victim->lock);
	if (inode_is(victim, S_IFDIR)) {
		status = directory_empty_locked(victim);
		if (status == 0) {
			victim->directory.removed = true;
			victim->nlink = 0;
		}
	} else {
		victim->nlink -= victim->nlink > 0;
	}
	victim->changed_ns = (int64_t)time_wall();
	mutex_unlock(&victim->lock);
	return status;
}

/* Takes an entry's place: the entry keeps its name and gets another inode. Takes over the reference. */
static void entry_replace(struct entry *entry, struct inode *inode)
{
	entry->inode = inode;
	if (inode_is(inode, S_IFDIR))
		inode->directory.named_by = entry;
}

/* A changed entry no longer stands for the image's: it goes on the list of entries of the folder. */
static int entry_own(struct inode *folder, struct walk *walk, struct entry **entry)
{
	struct inode *inode = (*entry)->inode;

	if (!(*entry)->from_image)
		return 0;
	directory_remove_locked(folder, *entry);
	directory_add_locked(folder, walk->name, walk->bytes, walk->hash, *entry, inode);
	inode_put(inode);
	return 0;
}

static int move_exchange(struct move *move)
{
	entry_own(move->from->folder, move->from, &move->old);
	entry_own(move->to->folder, move->to, &move->new);
	entry_replace(move->old, move->victim);
	entry_replace(move->new, move->moved);
	parent_change(move->moved, move->from->folder, move->to->folder);
	parent_change(move->victim, move->to->folder, move->from->folder);
	return 0;
}

static int move_commit(struct move *move)
{
	struct inode *folder = move->to->folder;
	struct inode *victim = move->victim;
	int status = victim ? victim_finish(victim) : 0;

	if (status)
		return status;
	if (victim) {
		if (inode_is(victim, S_IFDIR)) {
			victim->directory.named_by = 0;
			folder->nlink -= folder->nlink > 2;
		}
		entry_own(folder, move->to, &move->new);
		inode_get(move->moved);
		entry_replace(move->new, move->moved);
	} else {
		status = directory_add_locked(folder, move->to->name, move->to->bytes, move->to->hash, move->new, move->moved);
		if (status)
			return status;
	}
	/* removing the old entry clears named_by, which is the new one already */
	{
		struct entry *named = inode_is(move->moved, S_IFDIR) ? move->moved->directory.named_by : 0;

		directory_remove_locked(move->from->folder, move->old);
		if (named)
			move->moved->directory.named_by = named;
	}
	parent_change(move->moved, move->from->folder, folder);
	inode_put(move->moved);
	return 0;
}

static int move_find(struct move *move)
{
	struct walk *from = move->from, *to = move->to;
	int status = directory_entry_locked(from->folder, from->name, from->bytes, from->hash, &move->old);

	if (status)
		return status;
	status = directory_entry_locked(to->folder, to->name, to->bytes, to->hash, &move->new);
	if (status && status != -ENOENT)
		return status;
	if (to->folder->directory.removed || to->bytes > NAME_MAX)
		return to->bytes > NAME_MAX ? -ENAMETOOLONG : -ENOENT;
	move->moved = move->old->inode;
	move->victim = status ? 0 : move->new->inode;
	return 0;
}

static void move_tell(const struct move *move)
{
	bool exchange = move->flags & RENAME_EXCHANGE;
	uint32_t cookie = inotify_cookie();

	inotify_name(move->from->folder, move->from, move->moved, IN_MOVED_FROM, cookie);
	inotify_name(move->to->folder, move->to, move->moved, IN_MOVED_TO, cookie);
	if (move->victim && !exchange)
		inotify_self(move->victim, IN_ATTRIB);
	inotify_self(move->moved, IN_MOVE_SELF);
	if (!exchange)
		return;
	cookie = inotify_cookie();
	inotify_name(move->to->folder, move->to, move->victim, IN_MOVED_FROM, cookie);
	inotify_name(move->from->folder, move->from, move->victim, IN_MOVED_TO, cookie);
	inotify_self(move->victim, IN_MOVE_SELF);
}

static int move_locked(struct move *move)
{
	int status = move_find(move);

	if (status == 0)
		status = names_check(move);
	if (status == 0 && move->victim == move->moved) {
		move->victim = 0;           /* two names of one file: nothing happens */
		return 0;
	}
	if (status == 0)
		status = move_check(move);
	if (status)
		return status;
	status = move->flags & RENAME_EXCHANGE ? move_exchange(move) : move_commit(move);
	if (status == 0 && inotify_wanted())
		move_tell(move);
	if (status || (move->flags & RENAME_EXCHANGE))
		move->victim = 0;
	if (status == 0) {
		inode_touch(move->from->folder);
		inode_touch(move->to->folder);
	}
	return status;
}

static int rename_walked(struct walk *from, struct walk *to, uint32_t flags)
{
	struct move move = {.from = from, .to = to, .flags = flags};
	int status;

	if (!from->folder || !to->folder)
		return from->folder && (flags & RENAME_NOREPLACE) ? -EEXIST : -EBUSY;
	if (from->folder->filesystem != to->folder->filesystem)
		return -EXDEV;
	if (!from->inode)
		return -ENOENT;
	if (from->folder->operations || to->folder->operations)
		return -EPERM;
	mutex_lock(&rename_lock);
	folders_lock(from->folder, to->folder);
	status = move_locked(&move);
	folders_unlock(from->folder, to->folder);
	mutex_unlock(&rename_lock);
	if (move.victim && status == 0) {
		if (move.victim->nlink == 0)
			tree_forget(move.victim);
		inode_put(move.victim);
	}
	return status;
}

static int64_t rename_call(int from, uint64_t old, int to, uint64_t new, uint32_t flags)
{
	struct walk source, target;
	int status;

	if ((flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE)) || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	status = walk_user(&source, from, old, WALK_NAME);
	if (status == 0) {
		status = walk_user(&target, to, new, WALK_NAME);
		if (status == 0)
			status = rename_walked(&source, &target, flags);
		walk_end(&target);
	}
	walk_end(&source);
	return status;
}

int64_t sys_rename(SYSCALL_ARGUMENTS)
{
	return rename_call(AT_FDCWD, a0, AT_FDCWD, a1, 0);
}

int64_t sys_renameat(SYSCALL_ARGUMENTS)
{
	return rename_call((int)a0, a1, (int)a2, a3, 0);
}

int64_t sys_renameat2(SYSCALL_ARGUMENTS)
{
	return rename_call((int)a0, a1, (int)a2, a3, (uint32_t)a4);
}
