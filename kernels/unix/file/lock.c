/* Advisory locks. flock's cover an open file whole and mind each other only. Those of fcntl cover ranges: a table of descriptors
 * owns them, and with it a process (F_SETLK), or an open file does (F_OFD_SETLK). One list per inode, an owner's together and
 * in order, and one lock for all lists: locks are rare. */
#include "file/file.h"

struct file_locks {             /* one lock; the inode's list */
	struct file_locks *next;
	const void *owner;          /* a struct files or a struct file */
	uint64_t from, to;          /* bytes [from, to) */
	int32_t pid;                /* who set it; -1: an open file's */
	bool whole;                 /* flock */
	bool exclusive;
};

struct lock_wait {              /* somebody who waits for a range, for the process's table of descriptors */
	struct lock_wait *next;
	struct inode *inode;
	const struct file_locks *wanted;
};

static struct mutex locks_lock;
static struct wait_queue locks_wait;
static struct lock_wait *locks_waiting;

/* How many that wait for each other are looked through for a circle. */
enum { CIRCLE_LIMIT = 64 };

static bool same_owner(const struct file_locks *one, const struct file_locks *other)
{
	return one->owner == other->owner && one->whole == other->whole;
}

static bool in_the_way(const struct file_locks *there, const struct file_locks *wanted)
{
	return there->whole == wanted->whole && !same_owner(there, wanted) && there->from < wanted->to &&
		wanted->from < there->to && (there->exclusive || wanted->exclusive);
}

static struct file_locks *conflict(struct inode *inode, const struct file_locks *wanted)
{
	struct file_locks *there = inode->locks;

	while (there && !in_the_way(there, wanted))
		there = there->next;
	return there;
}

/* Takes the owner's locks in a range away; what sticks out stays. `spare` serves when one is cut in two. */
static void range_clear(struct inode *inode, const struct file_locks *range, struct file_locks **spare)
{
	struct file_locks **place = &inode->locks;

	while (*place) {
		struct file_locks *there = *place;

		if (!same_owner(there, range) || there->to <= range->from || range->to <= there->from) {
			place = &there->next;
		} else if (there->from < range->from && range->to < there->to && *spare) {
			**spare = *there;
			(*spare)->from = range->to;
			there->to = range->from;
			there->next = *spare;
			*spare = 0;
			place = &there->next;
		} else if (there->from < range->from) {
			there->to = range->from;
			place = &there->next;
		} else if (range->to < there->to) {
			there->from = range->to;
			place = &there->next;
		} else {
			*place = there->next;
			heap_free(there);
		}
	}
}

/* Widens a lock by those of its owner and kind that it touches. */
static void range_join(const struct inode *inode, struct file_locks *lock)
{
	for (const struct file_locks *there = inode->locks; there; there = there->next) {
		if (!same_owner(there, lock) || there->exclusive != lock->exclusive || there->to < lock->from || lock->to < there->from)
			continue;
		lock->from = there->from < lock->from ? there->from : lock->from;
		lock->to = there->to > lock->to ? there->to : lock->to;
	}
}

static void lock_insert(struct inode *inode, struct file_locks *lock)
{
	struct file_locks **place = &inode->locks, **after = 0;

	for (; *place; place = &(*place)->next) {
		if (same_owner(*place, lock) && (*place)->from < lock->from)
			after = &(*place)->next;
		else if (same_owner(*place, lock) && !after)
			after = place;
	}
	after = after ? after : place;
	lock->next = *after;
	*after = lock;
}

/* Whether who is in the way of a process's lock waits, over others or not, for a lock of that process. */
static bool in_circle(struct inode *inode, const struct file_locks *wanted)
{
	const struct file_locks *there = conflict(inode, wanted);

	for (int i = 0; there && i < CIRCLE_LIMIT; i++) {
		const struct lock_wait *wait = locks_waiting;

		while (wait && wait->wanted->owner != there->owner)
			wait = wait->next;
		there = wait ? conflict(wait->inode, wait->wanted) : 0;
		if (there && there->owner == wanted->owner)
			return true;
	}
	return false;
}

/* Sleeps until some lock goes. 0, -EDEADLK, -ERESTARTSYS. */
static int lock_sleep(struct inode *inode, const struct file_locks *wanted)
{
	struct lock_wait wait = {.next = locks_waiting, .inode = inode, .wanted = wanted}, **place = &locks_waiting;
	int status;

	if (wanted->whole || wanted->pid < 0)
		return wait_queue_sleep(&locks_wait, &locks_lock, true, 0);
	if (in_circle(inode, wanted))
		return -EDEADLK;
	locks_waiting = &wait;
	status = wait_queue_sleep(&locks_wait, &locks_lock, true, 0);
	while (*place != &wait)
		place = &(*place)->next;
	*place = wait.next;
	return status;
}

/* A flock of the other kind that the file has goes first, also when the new one cannot be had: so of two that share it and ask for
 * it alone, one gets it. */
static void flock_convert(struct inode *inode, const struct file_locks *wanted)
{
	struct file_locks **place = &inode->locks, *there;

	while (*place && !same_owner(*place, wanted))
		place = &(*place)->next;
	there = *place;
	if (!there || there->exclusive == wanted->exclusive)
		return;
	*place = there->next;
	heap_free(there);
	queue_wake_all(&locks_wait);
}

/* Sets or (without `lock`) clears. 0, -EAGAIN, -EDEADLK, -ENOMEM, -ERESTARTSYS. */
static int lock_apply(struct inode *inode, const struct file_locks *wanted, bool lock, bool wait)
{
	struct file_locks *new = heap_alloc(sizeof(*new)), *spare = heap_alloc(sizeof(*spare));
	int status = new && spare ? 0 : -ENOMEM;

	mutex_lock(&locks_lock);
	if (status == 0 && wanted->whole)
		flock_convert(inode, wanted);
	while (status == 0 && lock && conflict(inode, wanted))
		status = wait ? lock_sleep(inode, wanted) : -EAGAIN;
	if (status == 0) {
		struct file_locks range = *wanted;

		if (lock)
			range_join(inode, &range);
		range_clear(inode, &range, &spare);
		if (lock) {
			*new = range;
			lock_insert(inode, new);
			new = 0;
		}
		queue_wake_all(&locks_wait);
	}
	mutex_unlock(&locks_lock);
	heap_free(new);
	heap_free(spare);
	return status;
}

int64_t sys_flock(SYSCALL_ARGUMENTS)
{
	uint32_t what = (uint32_t)a1 & ~(uint32_t)LOCK_NB;
	struct held held;
	int status;

	if (what != LOCK_SH && what != LOCK_EX && what != LOCK_UN)
		return -EINVAL;
	if (!held_get_open(&held, (int)a0))
		return -EBADF;
	status = lock_apply(held.file->inode, &(struct file_locks){.owner = held.file, .to = UINT64_MAX, .whole = true,
		.exclusive = what == LOCK_EX}, what != LOCK_UN, !(a1 & LOCK_NB));
	held_put(&held);
	return status;
}

/* The first byte and what follows the last of a range in bytes `length` long, or before `start` when it is negative. 0, -EINVAL: it
 * begins before the file, -EOVERFLOW. */
static int range_ends(int64_t base, int64_t start, int64_t length, struct file_locks *out)
{
	int64_t last = INT64_MAX;

	if (__builtin_add_overflow(base, start, &start))
		return -EOVERFLOW;
	if (start < 0 || (length < 0 && start + length < 0))
		return -EINVAL;
	if (length > 0 && __builtin_add_overflow(start, length - 1, &last))
		return -EOVERFLOW;
	if (length < 0)
		last = start - 1;
	out->from = (uint64_t)(length < 0 ? start + length : start);
	out->to = last == INT64_MAX ? UINT64_MAX : (uint64_t)last + 1;
	return 0;
}

static int range_decode(struct file *file, const struct linux_flock *flock, struct file_locks *out)
{
	int64_t base = 0;
	int status;

	if (flock->whence == SEEK_CUR)
		base = (int64_t)file->position;
	else if (flock->whence == SEEK_END)
		base = (int64_t)file->inode->size;
	else if (flock->whence != SEEK_SET)
		return -EINVAL;
	*out = (struct file_locks){.owner = self_process()->files, .pid = self_process()->pid, .exclusive = flock->type == F_WRLCK};
	status = range_ends(base, flock->start, flock->length, out);
	return status == 0 && (flock->type < F_RDLCK || flock->type > F_UNLCK) ? -EINVAL : status;
}

static int64_t lock_test(struct inode *inode, const struct file_locks *wanted, struct linux_flock *flock)
{
	struct file_locks *there;

	mutex_lock(&locks_lock);
	there = conflict(inode, wanted);
	flock->type = F_UNLCK;
	if (there) {
		flock->type = there->exclusive ? F_WRLCK : F_RDLCK;
		flock->whence = SEEK_SET;
		flock->start = (int64_t)there->from;
		flock->length = there->to == UINT64_MAX ? 0 : (int64_t)(there->to - there->from);
		flock->pid = there->pid;
	}
	mutex_unlock(&locks_lock);
	return 0;
}

int64_t file_lock_call(struct file *file, uint32_t command, uint64_t argument)
{
	bool of_file = command >= F_OFD_GETLK;
	struct linux_flock flock;
	struct file_locks wanted;
	int64_t status;

	if (user_read(&flock, argument, sizeof(flock)))
		return -EFAULT;
	status = of_file && flock.pid != 0 ? -EINVAL : range_decode(file, &flock, &wanted);
	if (status)
		return status;
	if (of_file)
		wanted.owner = file, wanted.pid = -1;
	if (command == F_GETLK || command == F_OFD_GETLK) {
		if (flock.type == F_UNLCK)
			return -EINVAL;
		lock_test(file->inode, &wanted, &flock);
		return user_write(argument, &flock, sizeof(flock));
	}
	if ((flock.type == F_RDLCK && !file_readable(file)) || (flock.type == F_WRLCK && !file_writable(file)))
		return -EBADF;
	return lock_apply(file->inode, &wanted, flock.type != F_UNLCK, command == F_SETLKW || command == F_OFD_SETLKW);
}

static void owner_clear(struct inode *inode, const void *owner, bool whole)
{
	struct file_locks *spare = 0;

	mutex_lock(&locks_lock);
	range_clear(inode, &(struct file_locks){.owner = owner, .to = UINT64_MAX, .whole = whole}, &spare);
	mutex_unlock(&locks_lock);
	queue_wake_all(&locks_wait);
}

void file_locks_release(struct file *file)
{
	owner_clear(file->inode, file, true);
	owner_clear(file->inode, file, false);
}

void file_locks_files_release(struct inode *inode, const struct files *files)
{
	owner_clear(inode, files, false);
}

void file_locks_free(struct inode *inode)
{
	while (inode->locks) {
		struct file_locks *next = inode->locks->next;

		heap_free(inode->locks);
		inode->locks = next;
	}
}
