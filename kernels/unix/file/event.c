/* eventfd: a counter that can be waited for. */
#include "file/file.h"

enum { EVENT_BYTES = 8 };
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

struct event {
	struct mutex lock;
	uint64_t count;
	bool semaphore;
	struct wait_queue wait, poll_wait;
};

static void event_changed(struct event *event, uint32_t events)
{
	queue_wake_all(&event->wait);
	queue_wake_events(&event->poll_wait, events);
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
	event_changed(event, POLLOUT);
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
	event_changed(event, POLLIN);
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
	.name = "[eventfd]",
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
