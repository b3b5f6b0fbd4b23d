/* timerfd: a timer that counts, and is waited for as a file. Locks: timers' lock > the file's own. */
#include "file/file.h"
#include "process/internal.h"

enum { CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_BOOTTIME = 7, CLOCK_REALTIME_ALARM = 8, CLOCK_BOOTTIME_ALARM = 9 };
enum { TIMER_ABSTIME = 1, TIMER_CANCEL_ON_SET = 2, TICK_BYTES = 8 };

struct timer_file {
	struct timer timer;         /* timers' lock */
	struct mutex lock;
	uint64_t ticks;
	struct wait_queue wait, poll_wait;
};

struct linux_itimerspec {
	struct linux_timespec interval, value;
};

/* Under the timers' lock. */
static void timer_file_fire(struct timer *timer, uint64_t times)
{
	struct timer_file *self = (struct timer_file *)timer;

	mutex_lock(&self->lock);
	self->ticks += times;
	mutex_unlock(&self->lock);
	queue_wake_all(&self->wait);
	queue_wake_events(&self->poll_wait, POLLIN | POLLRDNORM);
}

static int64_t timer_file_read(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct timer_file *self = file->state;
	int64_t status = 0;
	uint64_t ticks;

	if (io->left < TICK_BYTES)
		return -EINVAL;
	mutex_lock(&self->lock);
	while (!self->ticks && status == 0)
		status = file->flags & O_NONBLOCK ? -EAGAIN : wait_queue_sleep(&self->wait, &self->lock, true, 0);
	ticks = self->ticks;
	self->ticks = 0;
	mutex_unlock(&self->lock);
	if (!ticks)
		return status;
	return io_put(io, &ticks, TICK_BYTES) == TICK_BYTES ? TICK_BYTES : -EFAULT;
}

static uint32_t timer_file_poll(struct file *file, struct poll_table *table)
{
	struct timer_file *self = file->state;

	poll_watch(table, &self->poll_wait);
	return __atomic_load_n(&self->ticks, __ATOMIC_ACQUIRE) ? POLLIN | POLLRDNORM : 0;
}

static void timer_file_release(struct file *file)
{
	struct timer_file *self = file->state;

	timers_lock();
	timer_arm(&self->timer, 0, 0);
	timers_unlock();
	heap_free(self);
}

static const struct file_operations timer_operations = {
	.name = "[timerfd]",
	.read = timer_file_read,
	.poll = timer_file_poll,
	.release = timer_file_release,
};

/* The clock that stands for the one asked for; -EINVAL. */
static int clock_of(int32_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
		return CLOCK_REALTIME;
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return CLOCK_MONOTONIC;
	}
	return -EINVAL;
}

int64_t sys_timerfd_create(SYSCALL_ARGUMENTS)
{
	int clock = clock_of((int32_t)a0);
	struct timer_file *self;
	struct file *file;

	if (clock < 0 || ((uint32_t)a1 & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK)))
		return -EINVAL;
	self = heap_alloc(sizeof(*self));
	file = self ? file_anonymous(&timer_operations, 0600, O_RDWR | ((uint32_t)a1 & O_NONBLOCK), self) : 0;
	if (!file) {
		heap_free(self);
		return -ENOMEM;
	}
	self->timer.clock = clock;
	self->timer.fire = timer_file_fire;
	return descriptor_install(file, 0, a1 & O_CLOEXEC);
}

/* Timers' lock held. */
static struct linux_itimerspec setting_of(const struct timer *timer)
{
	return (struct linux_itimerspec){timespec_of(timer->look ? timer->interval : 0), timespec_of(timer_left(timer))};
}

static void timer_file_set(struct timer_file *self, uint64_t value, uint64_t interval, bool absolute, struct linux_itimerspec *old)
{
	timers_lock();
	*old = setting_of(&self->timer);
	mutex_lock(&self->lock);
	self->ticks = 0;
	mutex_unlock(&self->lock);
	timer_arm(&self->timer, value == 0 ? 0 : absolute ? value : timer_clock_now(&self->timer) + value, interval);
	timers_unlock();
}

static int timer_held(struct held *held, int descriptor)
{
	if (!held_get(held, descriptor))
		return -EBADF;
	if (held->file->operations == &timer_operations)
		return 0;
	held_put(held);
	return -EINVAL;
}

int64_t sys_timerfd_settime(SYSCALL_ARGUMENTS)
{
	struct linux_itimerspec new, old;
	uint64_t value, interval;
	struct held held;
	int status;

	if (user_read(&new, a2, sizeof(new)))
		return -EFAULT;
	if (((uint32_t)a1 & ~(uint32_t)(TIMER_ABSTIME | TIMER_CANCEL_ON_SET)) || timespec_ns(&new.value, &value) ||
	    timespec_ns(&new.interval, &interval))
		return -EINVAL;
	status = timer_held(&held, (int)a0);
	if (status)
		return status;
	timer_file_set(held.file->state, value, interval, a1 & TIMER_ABSTIME, &old);
	held_put(&held);
	return a3 ? user_write(a3, &old, sizeof(old)) : 0;
}

int64_t sys_timerfd_gettime(SYSCALL_ARGUMENTS)
{
	struct linux_itimerspec now;
	struct held held;
	int status = timer_held(&held, (int)a0);

	if (status)
		return status;
	timers_lock();
	now = setting_of(&((struct timer_file *)held.file->state)->timer);
	timers_unlock();
	held_put(&held);
	return user_write(a1, &now, sizeof(now));
}
