/* eventfd and epoll. An epoll set names descriptors, not files: it holds no reference, and an entry whose descriptor was closed
 * or reused is dropped when the set is looked at. Edge-triggered entries are reported like level-triggered ones, which is
 * more often than Linux does, never less. */
#include "file/file.h"

enum { EPOLL_CLOEXEC = O_CLOEXEC, EVENT_BYTES = 8 };
#define EVENT_LIMIT (UINT64_MAX - 1)

static int64_t anonymous_open(const struct file_operations *operations, void *state, uint32_t flags, bool close_on_exec)
{
	struct file *file = file_anonymous(operations, 0600, flags, state);

	if (!file) {
		heap_free(state);
		return -ENOMEM;
	}
	return descriptor_install(file, 0, close_on_exec);
}

static void state_release(struct file *file)
{
	heap_free(file->state);
}

/* ---- eventfd ---- */

struct event {
	struct mutex lock;
	uint64_t count;
	bool semaphore;
	struct wait_queue wait, poll_wait;
};

static void event_changed(struct event *event)
{
	queue_wake_all(&event->wait);
	queue_wake_all(&event->poll_wait);
}

static int64_t event_read(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct event *event = file->state;
	int64_t status = 0;
	uint64_t value = 0;

	if (io->left < EVENT_BYTES)
		return -EINVAL;
	mutex_lock(&event->lock);
	while (!event->count && status == 0)
		status = file->flags & O_NONBLOCK ? -EAGAIN : wait_queue_sleep(&event->wait, &event->lock, true, 0);
	if (event->count) {
		value = event->semaphore ? 1 : event->count;
		event->count -= value;
		status = 0;
	}
	mutex_unlock(&event->lock);
	if (status)
		return status;
	event_changed(event);
	return io_put(io, &value, EVENT_BYTES) == EVENT_BYTES ? EVENT_BYTES : -EFAULT;
}

static int64_t event_write(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct event *event = file->state;
	int64_t status = 0;
	uint64_t value;

	if (io->left < EVENT_BYTES)
		return -EINVAL;
	if (io_get(io, &value, EVENT_BYTES) < EVENT_BYTES)
		return -EFAULT;
	if (value > EVENT_LIMIT)
		return -EINVAL;
	mutex_lock(&event->lock);
	while (event->count > EVENT_LIMIT - value && status == 0)
		status = file->flags & O_NONBLOCK ? -EAGAIN : wait_queue_sleep(&event->wait, &event->lock, true, 0);
	if (event->count <= EVENT_LIMIT - value) {
		event->count += value;
		status = EVENT_BYTES;
	}
	mutex_unlock(&event->lock);
	event_changed(event);
	return status;
}

static uint32_t event_poll(struct file *file, struct poll_table *table)
{
	struct event *event = file->state;
	uint64_t count;

	poll_watch(table, &event->poll_wait);
	count = __atomic_load_n(&event->count, __ATOMIC_ACQUIRE);
	return (count ? POLLIN : 0) | (count < EVENT_LIMIT ? POLLOUT : 0);
}

static const struct file_operations event_operations = {
	.read = event_read,
	.write = event_write,
	.poll = event_poll,
	.release = state_release,
};

int64_t sys_eventfd2(SYSCALL_ARGUMENTS)
{
	struct event *event;

	if (a1 & ~(uint64_t)(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	event = heap_alloc(sizeof(*event));
	if (!event)
		return -ENOMEM;
	event->count = (uint32_t)a0;
	event->semaphore = a1 & EFD_SEMAPHORE;
	return anonymous_open(&event_operations, event, O_RDWR | (a1 & O_NONBLOCK), a1 & O_CLOEXEC);
}

int64_t sys_eventfd(SYSCALL_ARGUMENTS)
{
	return sys_eventfd2(a0, 0, 0, 0, 0, 0);
}

/* ---- epoll ---- */

struct watched {
	struct watched *next;
	const struct file *file;    /* never looked into: tells whether the descriptor still means the same */
	int descriptor;
	bool spent;                 /* one-shot, and reported */
	struct linux_epoll_event event;
};

struct epoll {
	struct mutex lock;
	struct watched *first;
	uint32_t count;
};

struct collected {              /* one epoll_wait */
	struct epoll *epoll;
	uint64_t to;
	uint32_t limit;
	int status;
};

/* What a watched file is ready for. False: it is not there any more. */
static bool watched_poll(struct watched *watched, struct poll_table *table, uint32_t *ready)
{
	struct held held;
	bool same;

	if (!held_get(&held, watched->descriptor))
		return false;
	same = held.file == watched->file;
	*ready = same && !watched->spent ? file_poll(held.file, table) & (watched->event.events | POLLERR | POLLHUP) : 0;
	held_put(&held);
	return same;
}

static int64_t epoll_scan(void *what, struct poll_table *table)
{
	struct collected *collected = what;
	struct watched **place = &collected->epoll->first;
	uint32_t count = 0;

	mutex_lock(&collected->epoll->lock);
	while (*place && count < collected->limit) {
		struct watched *watched = *place;
		struct linux_epoll_event event = watched->event;
		uint32_t ready;

		if (!watched_poll(watched, table, &ready)) {
			*place = watched->next;
			collected->epoll->count--;
			heap_free(watched);
			continue;
		}
		place = &watched->next;
		if (!ready)
			continue;
		event.events = ready;
		if (user_write(collected->to + count * sizeof(event), &event, sizeof(event))) {
			collected->status = -EFAULT;
			break;
		}
		watched->spent = watched->event.events & EPOLL_ONESHOT;
		count++;
	}
	mutex_unlock(&collected->epoll->lock);
	return collected->status ? collected->status : (int64_t)count;
}

/* A set inside a set: ready when one of its files is. */
static uint32_t epoll_poll(struct file *file, struct poll_table *table)
{
	struct epoll *epoll = file->state;
	uint32_t ready = 0, one;

	mutex_lock(&epoll->lock);
	for (struct watched *watched = epoll->first; watched; watched = watched->next)
		if (watched_poll(watched, table, &one) && one)
			ready = POLLIN;
	mutex_unlock(&epoll->lock);
	return ready;
}

static void epoll_release(struct file *file)
{
	struct epoll *epoll = file->state;

	while (epoll->first) {
		struct watched *next = epoll->first->next;

		heap_free(epoll->first);
		epoll->first = next;
	}
	heap_free(epoll);
}

static const struct file_operations epoll_operations = {.poll = epoll_poll, .release = epoll_release};

int64_t sys_epoll_create1(SYSCALL_ARGUMENTS)
{
	struct epoll *epoll;

	if (a0 & ~(uint64_t)EPOLL_CLOEXEC)
		return -EINVAL;
	epoll = heap_alloc(sizeof(*epoll));
	return epoll ? anonymous_open(&epoll_operations, epoll, O_RDWR, a0 & EPOLL_CLOEXEC) : -ENOMEM;
}

int64_t sys_epoll_create(SYSCALL_ARGUMENTS)
{
	return (int32_t)a0 <= 0 ? -EINVAL : sys_epoll_create1(0, 0, 0, 0, 0, 0);
}

static struct watched **watched_find(struct epoll *epoll, int descriptor, const struct file *file)
{
	struct watched **place = &epoll->first;

	while (*place && ((*place)->descriptor != descriptor || (*place)->file != file))
		place = &(*place)->next;
	return place;
}

static int64_t epoll_change(struct epoll *epoll, int operation, int descriptor, const struct file *file,
	const struct linux_epoll_event *event)
{
	struct watched *new = operation == EPOLL_CTL_ADD ? heap_alloc(sizeof(*new)) : 0, **place;
	int64_t status = 0;

	mutex_lock(&epoll->lock);
	place = watched_find(epoll, descriptor, file);
	if (operation == EPOLL_CTL_ADD && !*place && new) {
		*new = (struct watched){.file = file, .descriptor = descriptor, .event = *event};
		*place = new;
		epoll->count++;
		new = 0;
	} else if (operation == EPOLL_CTL_ADD) {
		status = *place ? -EEXIST : -ENOMEM;
	} else if (!*place) {
		status = -ENOENT;
	} else if (operation == EPOLL_CTL_MOD) {
		(*place)->event = *event;
		(*place)->spent = false;
	} else {
		struct watched *old = *place;

		*place = old->next;
		epoll->count--;
		heap_free(old);
	}
	mutex_unlock(&epoll->lock);
	heap_free(new);
	return status;
}

static int64_t epoll_control(struct file *set, int operation, int descriptor, uint64_t event_address)
{
	struct linux_epoll_event event = {0};
	struct held target;
	int64_t status = 0;

	if (operation != EPOLL_CTL_DEL && user_read(&event, event_address, sizeof(event)))
		return -EFAULT;
	if (!held_get(&target, descriptor))
		return -EBADF;
	if (set->operations != &epoll_operations || target.file->operations == &epoll_operations ||
	    operation < EPOLL_CTL_ADD || operation > EPOLL_CTL_MOD)
		status = -EINVAL;
	else if (!target.file->operations->poll)
		status = -EPERM;
	else
		status = epoll_change(set->state, operation, descriptor, target.file, &event);
	held_put(&target);
	return status;
}

int64_t sys_epoll_ctl(SYSCALL_ARGUMENTS)
{
	struct held set;
	int64_t status;

	if (!held_get(&set, (int)a0))
		return -EBADF;
	status = epoll_control(set.file, (int)a1, (int)a2, a3);
	held_put(&set);
	return status;
}

int64_t sys_epoll_wait(SYSCALL_ARGUMENTS)
{
	int32_t milliseconds = (int32_t)a3;
	uint64_t deadline = milliseconds > 0 ? time_monotonic() + (uint64_t)milliseconds * 1000000 : 0;
	struct collected collected = {.to = a1, .limit = (uint32_t)a2};
	struct held set;
	int64_t result;

	if ((int32_t)a2 <= 0)
		return -EINVAL;
	if (!held_get(&set, (int)a0))
		return -EBADF;
	collected.epoll = set.file->state;
	result = set.file->operations != &epoll_operations ? -EINVAL :
		poll_until(epoll_scan, &collected, collected.epoll->count, deadline, milliseconds != 0);
	held_put(&set);
	return result;
}

int64_t sys_epoll_pwait(SYSCALL_ARGUMENTS)
{
	uint64_t mask;

	if (a4) {
		if (a5 != sizeof(mask))
			return -EINVAL;
		if (user_read(&mask, a4, sizeof(mask)))
			return -EFAULT;
		signal_mask_temporary(mask);
	}
	return sys_epoll_wait(a0, a1, a2, a3, 0, 0);
}
