/* inotify: what happens to files and folders, told to who asked. A mark says what one set wants to know of one inode; sets keep
 * what happened until it is read.
 *
 * One lock for marks and for what sets keep: it is taken only when something that is watched changes, and nothing else is
 * taken under it. A mark holds no reference: it goes with its inode, and with its set. */
#include "file/file.h"

#define IN_FLAGS (IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_CREATE | IN_MASK_ADD | IN_ONESHOT)
enum { NOTICES_LIMIT = 16384, MARKS_LIMIT = 65536, NAME_UNIT = 16 };

struct notice {
	struct notice *next;
	struct {
		int32_t watch;
		uint32_t mask, cookie, name_bytes;      /* with the zeroes after it: a multiple of NAME_UNIT */
	} head;                     /* as a program reads it */
	char name[];
};

struct mark {
	struct mark *next;          /* of the inode */
	struct mark *next_of_set;
	struct inode *inode;
	struct inotify *set;
	int32_t watch;
	uint32_t mask;
};

struct inotify {
	struct mark *marks;
	struct notice *first, *last;
	uint32_t notice_count, mark_count;
	uint64_t bytes;             /* of the notices, as a program reads them */
	int32_t watch_last;
	bool lost;                  /* some did not fit: said after the others */
	struct wait_queue wait, poll_wait;
};

uint32_t inotify_marks;
static struct mutex marks_lock;
static uint32_t cookie_last;

/* ---- telling; the lock is held ---- */

static uint64_t notice_bytes(const struct notice *notice)
{
	return sizeof(notice->head) + notice->head.name_bytes;
}

static bool notice_same(const struct notice *one, const struct notice *other)
{
	return one->head.watch == other->head.watch && one->head.mask == other->head.mask &&
		one->head.name_bytes == other->head.name_bytes && memcmp(one->name, other->name, one->head.name_bytes) == 0;
}

/* Puts one more into a set; what the last one said already is not said again. */
static void set_tell(struct inotify *set, int32_t watch, uint32_t mask, uint32_t cookie, const char *name, uint32_t bytes)
{
	uint32_t padded = bytes ? (bytes + NAME_UNIT) & ~(uint32_t)(NAME_UNIT - 1) : 0;
	struct notice *notice = set->notice_count < NOTICES_LIMIT ? heap_alloc(sizeof(*notice) + padded) : 0;

	if (notice) {
		notice->head.watch = watch;
		notice->head.mask = mask;
		notice->head.cookie = cookie;
		notice->head.name_bytes = padded;
		memcpy(notice->name, name, bytes);
		memset(notice->name + bytes, 0, padded - bytes);
	}
	if (notice && set->last && notice_same(set->last, notice)) {
		heap_free(notice);
		return;
	}
	if (!notice) {
		set->lost = true;
	} else {
		*(set->first ? &set->last->next : &set->first) = notice;
		set->last = notice;
		set->notice_count++;
		set->bytes += notice_bytes(notice);
	}
	queue_wake_all(&set->wait);
	queue_wake_events(&set->poll_wait, POLLIN | POLLRDNORM);
}

/* Takes a mark away, and says so. */
static void mark_end(struct mark *mark)
{
	struct mark **place = &mark->inode->marks;

	while (*place != mark)
		place = &(*place)->next;
	*place = mark->next;
	for (place = &mark->set->marks; *place != mark; place = &(*place)->next_of_set)
		;
	*place = mark->next_of_set;
	mark->set->mark_count--;
	__atomic_fetch_sub(&inotify_marks, 1, __ATOMIC_RELAXED);
	set_tell(mark->set, mark->watch, IN_IGNORED, 0, "", 0);
	heap_free(mark);
}

static void marks_tell(struct inode *inode, uint32_t mask, uint32_t cookie, const char *name, uint32_t bytes)
{
	struct mark *mark, *next;

	for (mark = inode->marks; mark; mark = next) {
		next = mark->next;
		if (!(mark->mask & mask & IN_ALL_EVENTS))
			continue;
		set_tell(mark->set, mark->watch, mask & (IN_DELETE_SELF | IN_MOVE_SELF) ? mask & ~(uint32_t)IN_ISDIR : mask, cookie, name,
			bytes);
		if (mark->mask & IN_ONESHOT)
			mark_end(mark);
	}
}

/* ---- what happened ---- */

static bool has_marks(struct inode *inode)
{
	return inode && __atomic_load_n(&inode->marks, __ATOMIC_RELAXED);
}

void inotify_name(struct inode *folder, const struct walk *walk, const struct inode *inode, uint32_t mask, uint32_t cookie)
{
	if (!has_marks(folder))
		return;
	mutex_lock(&marks_lock);
	marks_tell(folder, mask | (inode_is(inode, S_IFDIR) ? IN_ISDIR : 0), cookie, walk->name, walk->bytes);
	mutex_unlock(&marks_lock);
}

void inotify_self(struct inode *inode, uint32_t mask)
{
	if (!has_marks(inode))
		return;
	mutex_lock(&marks_lock);
	marks_tell(inode, mask | (inode_is(inode, S_IFDIR) ? IN_ISDIR : 0), 0, "", 0);
	mutex_unlock(&marks_lock);
}

void inotify_both(struct inode *inode, struct inode *folder, uint32_t hash, uint32_t mask)
{
	struct inode *parent = inode_is(inode, S_IFDIR) ? directory_parent(inode) : 0;
	char name[NAME_MAX + 1];
	int64_t bytes;

	folder = parent ? parent : folder;
	if (folder != inode && has_marks(folder) && !folder->operations) {
		bytes = directory_name_of(folder, inode, hash, name, sizeof(name));
		if (bytes > 0) {
			mutex_lock(&marks_lock);
			marks_tell(folder, mask | (parent ? IN_ISDIR : 0), 0, name, (uint32_t)bytes);
			mutex_unlock(&marks_lock);
		}
	}
	inode_put(parent);
	inotify_self(inode, mask);
}

uint32_t inotify_cookie(void)
{
	return __atomic_add_fetch(&cookie_last, 1, __ATOMIC_RELAXED);
}

void inotify_gone(struct inode *inode)
{
	mutex_lock(&marks_lock);
	marks_tell(inode, IN_DELETE_SELF, 0, "", 0);
	while (inode->marks)
		mark_end(inode->marks);
	mutex_unlock(&marks_lock);
}

/* ---- the file ---- */

/* The next notice that fits into `left` bytes, taken out; null and *status -EINVAL when the first does not fit. Lock held. */
static struct notice *set_take(struct inotify *set, uint64_t left, int64_t *status)
{
	struct notice *notice = set->first;

	if (!notice && set->lost) {
		set->lost = false;
		set_tell(set, -1, IN_Q_OVERFLOW, 0, "", 0);
		notice = set->first;
	}
	if (!notice)
		return 0;
	if (notice_bytes(notice) > left) {
		*status = -EINVAL;
		return 0;
	}
	set->first = notice->next;
	if (!set->first)
		set->last = 0;
	set->notice_count--;
	set->bytes -= notice_bytes(notice);
	return notice;
}

static int64_t inotify_read(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct inotify *set = file->state;
	struct notice *notice;
	int64_t status = 0, done = 0;

	mutex_lock(&marks_lock);
	while (!set->first && !set->lost && status == 0)
		status = file->flags & O_NONBLOCK ? -EAGAIN : wait_queue_sleep(&set->wait, &marks_lock, true, 0);
	while (status == 0 && (notice = set_take(set, io->left, &status))) {
		uint64_t bytes = notice_bytes(notice);

		mutex_unlock(&marks_lock);
		if (io_put(io, &notice->head, bytes) < bytes)
			status = -EFAULT;
		heap_free(notice);
		done += (int64_t)bytes;
		mutex_lock(&marks_lock);
	}
	mutex_unlock(&marks_lock);
	return done && status != -EFAULT ? done : status;
}

static uint32_t inotify_poll(struct file *file, struct poll_table *table)
{
	struct inotify *set = file->state;
	bool some;

	poll_watch(table, &set->poll_wait);
	mutex_lock(&marks_lock);
	some = set->first || set->lost;
	mutex_unlock(&marks_lock);
	return some ? POLLIN | POLLRDNORM : 0;
}

static int64_t inotify_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct inotify *set = file->state;
	int32_t bytes;

	if (request != FIONREAD)
		return -ENOTTY;
	mutex_lock(&marks_lock);
	bytes = (int32_t)set->bytes;
	mutex_unlock(&marks_lock);
	return user_write(argument, &bytes, sizeof(bytes));
}

static void inotify_release(struct file *file)
{
	struct inotify *set = file->state;
	struct notice *notice;
	int64_t status;

	mutex_lock(&marks_lock);
	while (set->marks)
		mark_end(set->marks);
	set->lost = false;
	while ((notice = set_take(set, UINT64_MAX, &status)))
		heap_free(notice);
	mutex_unlock(&marks_lock);
	heap_free(set);
}

static const struct file_operations inotify_operations = {
	.name = "inotify",
	.told = POLLIN,
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
};

static int64_t inotify_open(uint32_t flags)
{
	struct inotify *set;
	struct file *file;

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	set = heap_alloc(sizeof(*set));
	file = set ? file_anonymous(&inotify_operations, 0600, flags & O_NONBLOCK, set) : 0;
	if (!file) {
		heap_free(set);
		return -ENOMEM;
	}
	return descriptor_install(file, 0, flags & O_CLOEXEC);
}

int64_t sys_inotify_init(SYSCALL_ARGUMENTS)
{
	return inotify_open(0);
}

int64_t sys_inotify_init1(SYSCALL_ARGUMENTS)
{
	return inotify_open((uint32_t)a0);
}

/* ---- marks ---- */

static int inotify_held(struct held *held, int descriptor)
{
	if (!held_get(held, descriptor))
		return -EBADF;
	if (held->file->operations == &inotify_operations)
		return 0;
	held_put(held);
	return -EINVAL;
}

static int32_t watch_new(struct inotify *set, struct inode *inode, uint32_t mask)
{
	struct mark *mark = set->mark_count < MARKS_LIMIT && set->watch_last < INT32_MAX ? heap_alloc(sizeof(*mark)) : 0;

	if (!mark)
		return set->mark_count < MARKS_LIMIT && set->watch_last < INT32_MAX ? -ENOMEM : -ENOSPC;
	*mark = (struct mark){.next = inode->marks, .next_of_set = set->marks, .inode = inode, .set = set, .watch = ++set->watch_last,
		.mask = mask};
	set->marks = mark;
	set->mark_count++;
	__atomic_store_n(&inode->marks, mark, __ATOMIC_RELAXED);
	__atomic_fetch_add(&inotify_marks, 1, __ATOMIC_RELAXED);
	return mark->watch;
}

static int32_t watch_add(struct inotify *set, struct inode *inode, uint32_t mask)
{
	uint32_t kept = mask & (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK);
	struct mark *mark;
	int32_t watch;

	mutex_lock(&marks_lock);
	for (mark = inode->marks; mark && mark->set != set; mark = mark->next)
		;
	if (!mark) {
		watch = watch_new(set, inode, kept);
	} else if (mask & IN_MASK_CREATE) {
		watch = -EEXIST;
	} else {
		mark->mask = mask & IN_MASK_ADD ? mark->mask | kept : kept;
		watch = mark->watch;
	}
	mutex_unlock(&marks_lock);
	return watch;
}

/* The inode that a path names, if the caller may read it. 0, -ENOTDIR, -EACCES and as path_inode. */
static int watch_find(uint64_t path, uint32_t mask, struct inode **inode)
{
	int status = path_inode(AT_FDCWD, path, mask & IN_DONT_FOLLOW ? 0 : WALK_FOLLOW, inode);

	if (status)
		return status;
	status = (mask & IN_ONLYDIR) && !inode_is(*inode, S_IFDIR) ? -ENOTDIR : inode_allowed(*inode, R_OK);
	if (status)
		inode_put(*inode);
	return status;
}

int64_t sys_inotify_add_watch(SYSCALL_ARGUMENTS)
{
	uint32_t mask = (uint32_t)a2;
	struct inode *inode;
	struct held held;
	int64_t status;

	if (!(mask & (IN_ALL_EVENTS | IN_FLAGS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ISDIR)))
		return -EINVAL;
	status = inotify_held(&held, (int)a0);
	if (status)
		return status;
	status = (mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE) ? -EINVAL : watch_find(a1, mask, &inode);
	if (status == 0) {
		status = watch_add(held.file->state, inode, mask);
		inode_put(inode);
	}
	held_put(&held);
	return status;
}

int64_t sys_inotify_rm_watch(SYSCALL_ARGUMENTS)
{
	struct mark *mark;
	struct held held;
	int status = inotify_held(&held, (int)a0);

	if (status)
		return status;
	mutex_lock(&marks_lock);
	mark = ((struct inotify *)held.file->state)->marks;
	while (mark && mark->watch != (int32_t)a1)
		mark = mark->next_of_set;
	if (mark)
		mark_end(mark);
	mutex_unlock(&marks_lock);
	held_put(&held);
	return mark ? 0 : -EINVAL;
}
