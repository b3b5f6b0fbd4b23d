/* epoll: a set watches files through waiters that stay on their queues. A waiter that is woken puts its entry on the set's list of
 * entries to be looked at; epoll_wait looks at these only. A level-triggered entry that was ready goes back on the list, an
 * edge-triggered one waits for the next wake.
 *
 * An entry holds no reference to its file: the file's last file_put takes it out of all sets.
 * Locks: nesting > epoll.lock (an outer set's before an inner's) > files' own locks > wait queues > epoll.list_lock; entries_lock is
 * a leaf. nesting is held while sets are put in sets or go away, so that no loops arise. */
#include "file/file.h"

enum { EPOLL_CLOEXEC = O_CLOEXEC, WATCHED_QUEUES = 2, BUCKETS = 256, NESTS_LIMIT = 4 };
enum { EXCLUSIVE_EVENTS = POLLIN | POLLOUT | POLLERR | POLLHUP, ALWAYS = POLLERR | POLLHUP };

struct epoll;

struct watched {
	struct watched *next;       /* in the bucket */
	struct watched *file_next;  /* of the same file: entries_lock */
	struct watched *list_next;  /* to be looked at: list_lock */
	struct epoll *epoll;
	struct file *file;
	int descriptor;
	bool listed;                /* list_lock */
	bool spent;                 /* one-shot, and reported */
	uint32_t waiter_count;
	struct linux_epoll_event event;
	struct waiter waiters[WATCHED_QUEUES];
};

struct epoll {
	struct mutex lock;          /* of the entries */
	struct mutex list_lock;
	struct watched *first, *last;           /* to be looked at */
	struct wait_queue wait;     /* epoll_wait: one at a time */
	struct wait_queue poll_wait;
	struct file *file;          /* its own */
	struct watched *bucket[BUCKETS];
};

static struct mutex nesting, entries_lock;
static const struct file_operations epoll_operations;

/* ---- the list ---- */

static bool list_add(struct watched *watched)
{
	struct epoll *epoll = watched->epoll;
	bool fresh;

	mutex_lock(&epoll->list_lock);
	fresh = !watched->listed;
	if (fresh) {
		watched->listed = true;
		watched->list_next = 0;
		if (epoll->first)
			epoll->last->list_next = watched;
		else
			epoll->first = watched;
		epoll->last = watched;
	}
	mutex_unlock(&epoll->list_lock);
	return fresh;
}

static void list_remove(struct watched *watched)
{
	struct epoll *epoll = watched->epoll;
	struct watched **place = &epoll->first, *previous = 0;

	mutex_lock(&epoll->list_lock);
	while (*place && *place != watched) {
		previous = *place;
		place = &previous->list_next;
	}
	if (*place) {
		*place = watched->list_next;
		if (epoll->last == watched)
			epoll->last = previous;
	}
	watched->listed = false;
	mutex_unlock(&epoll->list_lock);
}

static struct watched *list_pop(struct epoll *epoll)
{
	struct watched *watched;

	mutex_lock(&epoll->list_lock);
	watched = epoll->first;
	if (watched) {
		epoll->first = watched->list_next;
		watched->listed = false;
	}
	mutex_unlock(&epoll->list_lock);
	return watched;
}

static void ready_tell(struct epoll *epoll)
{
	queue_wake_one(&epoll->wait);
	queue_wake_events(&epoll->poll_wait, POLLIN | POLLRDNORM);
}

/* A queue of the file was woken. */
static bool watched_notify(struct waiter *waiter, uint32_t events)
{
	struct watched *watched = waiter->owner;
	struct epoll *epoll = watched->epoll;
	bool waits = __atomic_load_n(&epoll->wait.first, __ATOMIC_SEQ_CST) || __atomic_load_n(&epoll->poll_wait.first, __ATOMIC_SEQ_CST);

	if (watched->spent || !(events & (watched->event.events | ALWAYS)))
		return false;
	if (list_add(watched))
		ready_tell(epoll);
	return waits;
}

/* ---- entries ---- */

/* What an entry's file is ready for, of what is asked. */
static uint32_t watched_poll(struct watched *watched, struct poll_table *table)
{
	uint32_t ready = file_poll(watched->file, table);

	return watched->spent ? 0 : ready & (watched->event.events | ALWAYS);
}

static struct watched **bucket_of(struct epoll *epoll, const struct file *file, int descriptor)
{
	return &epoll->bucket[((uint64_t)file >> 5 ^ (uint32_t)descriptor) % BUCKETS];
}

/* Where the entry stands, or would. Lock held. */
static struct watched **watched_find(struct epoll *epoll, const struct file *file, int descriptor)
{
	struct watched **place = bucket_of(epoll, file, descriptor);

	while (*place && ((*place)->descriptor != descriptor || (*place)->file != file))
		place = &(*place)->next;
	return place;
}

static void file_entries_remove(struct watched *watched)
{
	struct watched **place = &watched->file->watched;

	mutex_lock(&entries_lock);
	while (*place != watched)
		place = &(*place)->file_next;
	*place = watched->file_next;
	mutex_unlock(&entries_lock);
}

/* Takes an entry out. Set's lock held; the file is there. */
static void watched_remove(struct watched **place)
{
	struct watched *watched = *place;

	*place = watched->next;
	for (uint32_t i = 0; i < watched->waiter_count; i++)
		waiter_remove(&watched->waiters[i]);
	list_remove(watched);
	file_entries_remove(watched);
	heap_free(watched);
}

/* Puts an entry in and begins to watch. Set's lock held. */
static void watched_add(struct watched **place, struct watched *watched)
{
	struct poll_table table = {
		.waiters = watched->waiters, .limit = WATCHED_QUEUES, .notify = watched_notify, .owner = watched,
		.exclusive = watched->event.events & EPOLL_EXCLUSIVE,
	};

	*place = watched;
	mutex_lock(&entries_lock);
	watched->file_next = watched->file->watched;
	watched->file->watched = watched;
	mutex_unlock(&entries_lock);
	if (watched_poll(watched, &table) && list_add(watched))
		ready_tell(watched->epoll);
	watched->waiter_count = table.count;
}

void epoll_forget(struct file *file)
{
	mutex_lock(&nesting);
	for (;;) {
		struct watched *watched;
		struct epoll *epoll;

		mutex_lock(&entries_lock);
		watched = file->watched;
		mutex_unlock(&entries_lock);
		if (!watched)
			break;
		epoll = watched->epoll; /* it stays: it would take `nesting` to go */
		mutex_lock(&epoll->lock);
		watched_remove(watched_find(epoll, file, watched->descriptor));
		mutex_unlock(&epoll->lock);
	}
	mutex_unlock(&nesting);
}

static void epoll_release(struct file *file)
{
	struct epoll *epoll = file->state;

	mutex_lock(&nesting);
	mutex_lock(&epoll->lock);
	for (uint32_t i = 0; i < BUCKETS; i++)
		while (epoll->bucket[i])
			watched_remove(&epoll->bucket[i]);
	mutex_unlock(&epoll->lock);
	mutex_unlock(&nesting);
	heap_free(epoll);
}

/* ---- waiting ---- */

struct collected {              /* one epoll_wait */
	uint64_t to;
	uint32_t limit, count;
};

/* Reports one entry if it is ready. 0, -EFAULT (it is listed again). Lock held. */
static int watched_report(struct collected *collected, struct watched *watched)
{
	struct linux_epoll_event event = watched->event;

	event.events = watched_poll(watched, 0);
	if (!event.events)
		return 0;
	if (user_write(collected->to + collected->count * sizeof(event), &event, sizeof(event))) {
		list_add(watched);
		return -EFAULT;
	}
	collected->count++;
	if (watched->event.events & EPOLL_ONESHOT)
		watched->spent = true;
	else if (!(watched->event.events & EPOLL_EDGE))
		list_add(watched);
	return 0;
}

/* Looks at what is on the list now, once. The number of events, 0: none is ready, -EFAULT. */
static int64_t epoll_collect(struct epoll *epoll, struct collected *collected)
{
	struct watched *watched, *last;
	int status = 0;

	collected->count = 0;
	mutex_lock(&epoll->lock);
	mutex_lock(&epoll->list_lock);
	last = epoll->first ? epoll->last : 0;
	mutex_unlock(&epoll->list_lock);
	for (watched = 0; last && watched != last && collected->count < collected->limit && status == 0;) {
		watched = list_pop(epoll);
		status = watched_report(collected, watched);
	}
	mutex_unlock(&epoll->lock);
	if (collected->count && epoll->first)
		queue_wake_one(&epoll->wait);
	return collected->count ? (int64_t)collected->count : status;
}

static int list_wait(struct epoll *epoll, uint64_t deadline)
{
	int status = 0;

	mutex_lock(&epoll->list_lock);
	while (!epoll->first && status == 0)
		status = wait_queue_sleep(&epoll->wait, &epoll->list_lock, true, deadline);
	mutex_unlock(&epoll->list_lock);
	return status;
}

static int64_t epoll_wait(struct epoll *epoll, uint64_t to, uint32_t limit, uint64_t deadline, bool wait)
{
	struct collected collected = {.to = to, .limit = limit};
	int64_t result = 0;
	int status = 0;

	while (!result && status == 0) {
		result = epoll_collect(epoll, &collected);
		if (!result && wait)
			status = list_wait(epoll, deadline);
		else if (!result)
			break;
	}
	return result ? result : status == -ERESTARTSYS ? -EINTR : 0;
}

/* A set inside a set, or polled: ready when one of its files is. What is not goes off the list. */
static uint32_t epoll_poll(struct file *file, struct poll_table *table)
{
	struct epoll *epoll = file->state;
	struct watched *watched, *last;
	uint32_t ready = 0;

	poll_watch(table, &epoll->poll_wait);
	mutex_lock(&epoll->lock);
	mutex_lock(&epoll->list_lock);
	last = epoll->first ? epoll->last : 0;
	mutex_unlock(&epoll->list_lock);
	for (watched = 0; last && watched != last && !ready;) {
		watched = list_pop(epoll);
		ready = watched_poll(watched, 0);
		if (ready)
			list_add(watched);
	}
	mutex_unlock(&epoll->lock);
	return ready ? POLLIN | POLLRDNORM : 0;
}

static const struct file_operations epoll_operations = {.name = "[eventpoll]", .poll = epoll_poll, .release = epoll_release};

/* ---- sets in sets ---- */

static bool is_set(const struct file *file)
{
	return file->operations == &epoll_operations;
}

/* How many sets deep `epoll` goes down; more than the limit if `looked_for` is below it. */
static int depth_down(struct epoll *epoll, const struct epoll *looked_for, int depth)
{
	int deepest = depth;

	if (epoll == looked_for || depth > NESTS_LIMIT)
		return NESTS_LIMIT + 1;
	mutex_lock(&epoll->lock);
	for (uint32_t i = 0; i < BUCKETS; i++)
		for (struct watched *watched = epoll->bucket[i]; watched; watched = watched->next)
			if (is_set(watched->file)) {
				int below = depth_down(watched->file->state, looked_for, depth + 1);

				deepest = below > deepest ? below : deepest;
			}
	mutex_unlock(&epoll->lock);
	return deepest;
}

/* How many sets are above `epoll`. entries_lock held. */
static int depth_up(const struct epoll *epoll, int depth)
{
	int highest = depth;

	if (depth > NESTS_LIMIT)
		return depth;
	for (struct watched *watched = epoll->file->watched; watched; watched = watched->file_next) {
		int above = depth_up(watched->epoll, depth + 1);

		highest = above > highest ? above : highest;
	}
	return highest;
}

static bool would_nest_too_deep(struct epoll *outer, struct epoll *inner)
{
	int down = depth_down(inner, outer, 0), up;

	mutex_lock(&entries_lock);
	up = depth_up(outer, 0);
	mutex_unlock(&entries_lock);
	return down + 1 + up > NESTS_LIMIT;
}

/* ---- changing ---- */

static int entry_add(struct epoll *epoll, struct file *file, int descriptor, const struct linux_epoll_event *event)
{
	struct watched *new = heap_alloc(sizeof(*new)), **place;

	if (!new)
		return -ENOMEM;
	*new = (struct watched){.epoll = epoll, .file = file, .descriptor = descriptor, .event = *event};
	mutex_lock(&epoll->lock);
	place = watched_find(epoll, file, descriptor);
	if (!*place) {
		watched_add(place, new);
		new = 0;
	}
	mutex_unlock(&epoll->lock);
	heap_free(new);
	return new ? -EEXIST : 0;
}

static int entry_change(struct epoll *epoll, struct file *file, int descriptor, const struct linux_epoll_event *event)
{
	struct watched *watched;
	int status = 0;

	mutex_lock(&epoll->lock);
	watched = *watched_find(epoll, file, descriptor);
	if (!watched) {
		status = -ENOENT;
	} else if (watched->event.events & EPOLL_EXCLUSIVE) {
		status = -EINVAL;
	} else {
		watched->event = *event;
		watched->spent = false;
		if (watched_poll(watched, 0) && list_add(watched))
			ready_tell(epoll);
	}
	mutex_unlock(&epoll->lock);
	return status;
}

static int entry_remove(struct epoll *epoll, struct file *file, int descriptor)
{
	struct watched **place;
	int status = -ENOENT;

	mutex_lock(&epoll->lock);
	place = watched_find(epoll, file, descriptor);
	if (*place) {
		watched_remove(place);
		status = 0;
	}
	mutex_unlock(&epoll->lock);
	return status;
}

static int set_add(struct epoll *epoll, struct file *file, int descriptor, const struct linux_epoll_event *event)
{
	int status = -ELOOP;

	mutex_lock(&nesting);
	if (!would_nest_too_deep(epoll, file->state))
		status = entry_add(epoll, file, descriptor, event);
	mutex_unlock(&nesting);
	return status;
}

static bool exclusive_is_wrong(int operation, const struct file *target, uint32_t events)
{
	uint32_t allowed = EXCLUSIVE_EVENTS | EPOLL_EXCLUSIVE | EPOLL_WAKEUP | EPOLL_EDGE;

	if (!(events & EPOLL_EXCLUSIVE))
		return false;
	return operation == EPOLL_CTL_MOD || (operation == EPOLL_CTL_ADD && (is_set(target) || (events & ~allowed)));
}

static int epoll_control(struct file *set, int operation, struct file *target, int descriptor, const struct linux_epoll_event *event)
{
	if (!target->operations->poll)
		return -EPERM;
	if (set == target || !is_set(set) || exclusive_is_wrong(operation, target, event->events))
		return -EINVAL;
	switch (operation) {
	case EPOLL_CTL_ADD:
		return is_set(target) ? set_add(set->state, target, descriptor, event) :
			entry_add(set->state, target, descriptor, event);
	case EPOLL_CTL_MOD:
		return entry_change(set->state, target, descriptor, event);
	case EPOLL_CTL_DEL:
		return entry_remove(set->state, target, descriptor);
	}
	return -EINVAL;
}

/* ---- system calls ---- */

int64_t sys_epoll_create1(SYSCALL_ARGUMENTS)
{
	struct epoll *epoll;
	struct file *file;

	if (a0 & ~(uint64_t)EPOLL_CLOEXEC)
		return -EINVAL;
	epoll = heap_alloc(sizeof(*epoll));
	file = epoll ? file_anonymous(&epoll_operations, 0600, O_RDWR, epoll) : 0;
	if (!file) {
		heap_free(epoll);
		return -ENOMEM;
	}
	epoll->file = file;
	return descriptor_install(file, 0, a0 & EPOLL_CLOEXEC);
}

int64_t sys_epoll_create(SYSCALL_ARGUMENTS)
{
	return (int32_t)a0 <= 0 ? -EINVAL : sys_epoll_create1(0, 0, 0, 0, 0, 0);
}

int64_t sys_epoll_ctl(SYSCALL_ARGUMENTS)
{
	struct linux_epoll_event event = {0};
	struct held set, target;
	int64_t status;

	if ((int)a1 != EPOLL_CTL_DEL && user_read(&event, a3, sizeof(event)))
		return -EFAULT;
	if (!held_get(&set, (int)a0))
		return -EBADF;
	if (held_get_open(&target, (int)a2)) {
		status = epoll_control(set.file, (int)a1, target.file, (int)a2, &event);
		held_put(&target);
	} else {
		status = -EBADF;
	}
	held_put(&set);
	return status;
}

static int64_t wait_call(int descriptor, uint64_t to, int32_t limit, uint64_t deadline, bool wait)
{
	struct held set;
	int64_t result;

	if (limit <= 0 || limit > INT32_MAX / (int32_t)sizeof(struct linux_epoll_event))
		return -EINVAL;
	if (to > PROGRAM_TOP || (uint64_t)limit * sizeof(struct linux_epoll_event) > PROGRAM_TOP - to)
		return -EFAULT;
	if (!held_get(&set, descriptor))
		return -EBADF;
	result = is_set(set.file) ? epoll_wait(set.file->state, to, (uint32_t)limit, deadline, wait) : -EINVAL;
	held_put(&set);
	return result;
}

static uint64_t deadline_ms(int32_t milliseconds)
{
	return milliseconds > 0 ? time_monotonic() + (uint64_t)milliseconds * 1000000 : 0;
}

int64_t sys_epoll_wait(SYSCALL_ARGUMENTS)
{
	return wait_call((int)a0, a1, (int32_t)a2, deadline_ms((int32_t)a3), (int32_t)a3 != 0);
}

int64_t sys_epoll_pwait(SYSCALL_ARGUMENTS)
{
	int status = mask_apply(a4, a5);

	return status ? status : wait_call((int)a0, a1, (int32_t)a2, deadline_ms((int32_t)a3), (int32_t)a3 != 0);
}

int64_t sys_epoll_pwait2(SYSCALL_ARGUMENTS)
{
	uint64_t deadline;
	bool wait;
	int status = timespec_read(a3, &deadline, &wait);

	if (status == 0)
		status = mask_apply(a4, a5);
	return status ? status : wait_call((int)a0, a1, (int32_t)a2, deadline, wait);
}
