/* Advisory locks: flock's belong to an open file and cover it whole, fcntl's belong to a process and cover ranges. One
 * list per inode, one lock for all lists: locks are rare. */
#include "file/file.h"

struct file_locks {             /* one lock; the inode's list */
	struct file_locks *next;
	const struct file *file;    /* flock; else null */
	const struct process *process;
	uint64_t from, to;          /* bytes [from, to) */
	bool exclusive;
};

static struct mutex locks_lock;
static struct wait_queue locks_wait;

static bool same_owner(const struct file_locks *one, const struct file_locks *other)
{
	return one->file == other->file && one->process == other->process;
}

static bool in_the_way(const struct file_locks *there, const struct file_locks *wanted)
{
	return !there->file == !wanted->file && !same_owner(there, wanted) && there->from < wanted->to &&
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

/* Sets or (without `lock`) clears. */
static int lock_apply(struct inode *inode, const struct file_locks *wanted, bool lock, bool wait)
{
	struct file_locks *new = heap_alloc(sizeof(*new)), *spare = heap_alloc(sizeof(*spare));
	int status = new && spare ? 0 : -ENOMEM;

	mutex_lock(&locks_lock);
	while (status == 0 && lock && conflict(inode, wanted))
		status = wait ? wait_queue_sleep(&locks_wait, &locks_lock, true, 0) : -EAGAIN;
	if (status == 0) {
		range_clear(inode, wanted, &spare);
		if (lock) {
			*new = *wanted;
			new->next = inode->locks;
			inode->locks = new;
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
	if (!held_get(&held, (int)a0))
		return -EBADF;
	status = lock_apply(held.file->inode, &(struct file_locks){.file = held.file, .to = UINT64_MAX,
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
	*out = (struct file_locks){.process = self_process(), .exclusive = flock->type == F_WRLCK};
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
		flock->pid = there->process->pid;
	}
	mutex_unlock(&locks_lock);
	return 0;
}

int64_t file_lock_call(struct file *file, uint32_t command, uint64_t argument)
{
	struct linux_flock flock;
	struct file_locks wanted;
	int64_t status;

	if (user_read(&flock, argument, sizeof(flock)))
		return -EFAULT;
	status = range_decode(file, &flock, &wanted);
	if (status)
		return status;
	if (command == F_GETLK) {
		lock_test(file->inode, &wanted, &flock);
		return user_write(argument, &flock, sizeof(flock));
	}
	if ((flock.type == F_RDLCK && !file_readable(file)) || (flock.type == F_WRLCK && !file_writable(file)))
		return -EBADF;
	return lock_apply(file->inode, &wanted, flock.type != F_UNLCK, command == F_SETLKW);
}

static void owner_clear(struct inode *inode, const struct file_locks *owner)
{
	struct file_locks *spare = 0;

	mutex_lock(&locks_lock);
	range_clear(inode, owner, &spare);
	mutex_unlock(&locks_lock);
	queue_wake_all(&locks_wait);
}

void file_locks_release(struct file *file)
{
	owner_clear(file->inode, &(struct file_locks){.file = file, .to = UINT64_MAX});
}

void file_locks_process_release(struct inode *inode)
{
	owner_clear(inode, &(struct file_locks){.process = self_process(), .to = UINT64_MAX});
}

void file_locks_free(struct inode *inode)
{
	while (inode->locks) {
		struct file_locks *next = inode->locks->next;

		heap_free(inode->locks);
		inode->locks = next;
	}
}
