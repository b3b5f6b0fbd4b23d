/* signalfd: the caller's pending signals as a file. Whoever reads or polls sees its own. */
#include "file/file.h"
#include "process/internal.h"

struct signal_file {
	uint64_t set;               /* atomic */
};

struct linux_signalfd_siginfo { /* 128 bytes */
	uint32_t number;
	int32_t error, code;
	uint32_t pid, uid;
	int32_t descriptor;
	uint32_t tid, band, overrun, trap;
	int32_t status, value;
	uint64_t pointer, user_time, system_time, address;
	uint8_t padding[48];
};
_Static_assert(sizeof(struct linux_signalfd_siginfo) == 128, "programs rely on the layout");

static void record_fill(struct linux_signalfd_siginfo *record, const struct linux_siginfo *info)
{
	memset(record, 0, sizeof(*record));
	record->number = (uint32_t)info->number;
	record->error = info->error;
	record->code = info->code;
	if (info->code == SI_TIMER) {
		record->tid = (uint32_t)info->timer.id;
		record->overrun = (uint32_t)info->timer.overrun;
		record->pointer = info->timer.value;
	} else if (info->number == SIGCHLD && info->code > 0) {
		record->pid = (uint32_t)info->child.pid;
		record->uid = info->child.uid;
		record->status = info->child.status;
	} else if (info->code > 0 && info->code != SI_KERNEL) {
		record->address = info->fault.address;
	} else {
		record->pid = (uint32_t)info->sender.pid;
		record->uid = info->sender.uid;
		record->pointer = info->code == SI_QUEUE ? info->sender.value : 0;
	}
	record->value = (int32_t)record->pointer;
}

/* Takes a signal, after a sleep if need be. Its number, or -E*. */
static int signal_wait_taken(uint64_t set, struct linux_siginfo *info, bool wait)
{
	int number = signal_take(set, info), status = wait ? 0 : -EAGAIN;

	while (!number && status == 0) {
		struct waiter waiter;

		waiter_add(&waiter, &signal_watchers);
		number = signal_take(set, info);
		if (!number)
			status = wait_sleep(&waiter, 1, true, 0);
		waiter_remove(&waiter);
		if (!number)
			number = signal_take(set, info);
	}
	return number ? number : status;
}

static int64_t signal_file_read(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct signal_file *self = file->state;
	bool wait = !(file->flags & O_NONBLOCK);
	struct linux_signalfd_siginfo record;
	struct linux_siginfo info;
	int64_t total = 0;
	int number = 0;

	if (io->left < sizeof(record))
		return -EINVAL;
	while (io->left >= sizeof(record)) {
		number = signal_wait_taken(__atomic_load_n(&self->set, __ATOMIC_RELAXED), &info, wait && !total);
		if (number < 0)
			break;
		record_fill(&record, &info);
		if (io_put(io, &record, sizeof(record)) < sizeof(record))
			return total ? total : -EFAULT;
		total += (int64_t)sizeof(record);
	}
	return total ? total : number;
}

static uint32_t signal_file_poll(struct file *file, struct poll_table *table)
{
	struct signal_file *self = file->state;

	poll_watch(table, &signal_watchers);
	return signals_pending() & __atomic_load_n(&self->set, __ATOMIC_RELAXED) ? POLLIN | POLLRDNORM : 0;
}

static void signal_file_release(struct file *file)
{
	heap_free(file->state);
}

static const struct file_operations signal_operations = {
	.name = "[signalfd]",
	.read = signal_file_read,
	.poll = signal_file_poll,
	.release = signal_file_release,
};

static int64_t signal_file_make(uint64_t set, uint32_t flags)
{
	struct signal_file *self = heap_alloc(sizeof(*self));
	struct file *file = self ? file_anonymous(&signal_operations, 0600, O_RDWR | (flags & O_NONBLOCK), self) : 0;

	if (!file) {
		heap_free(self);
		return -ENOMEM;
	}
	self->set = set;
	return descriptor_install(file, 0, flags & O_CLOEXEC);
}

static int64_t signal_file_change(int descriptor, uint64_t set)
{
	struct signal_file *self;
	struct held held;

	if (!held_get(&held, descriptor))
		return -EBADF;
	self = held.file->operations == &signal_operations ? held.file->state : 0;
	if (self)
		__atomic_store_n(&self->set, set, __ATOMIC_RELAXED);
	held_put(&held);
	queue_wake_all(&signal_watchers);
	return self ? descriptor : -EINVAL;
}

int64_t sys_signalfd4(SYSCALL_ARGUMENTS)
{
	uint64_t set;

	if (a2 != sizeof(set))
		return -EINVAL;
	if (user_read(&set, a1, sizeof(set)))
		return -EFAULT;
	if ((uint32_t)a3 & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	set &= ~SIGNALS_UNBLOCKABLE;
	return (int)a0 == -1 ? signal_file_make(set, (uint32_t)a3) : signal_file_change((int)a0, set);
}

int64_t sys_signalfd(SYSCALL_ARGUMENTS)
{
	return sys_signalfd4(a0, a1, a2, 0, 0, 0);
}
