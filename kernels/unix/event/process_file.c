/* pidfd: a process as a file, which stays the same process when its number is used again.
 *
 * What it knows of the process is in a record that the process and the files on it share; it is changed under the tree lock. */
#include "file/file.h"
#include "process/internal.h"

struct process_watch {
	uint32_t references;        /* atomic */
	bool ended;
	struct process *process;    /* null: it was waited for */
	struct wait_queue poll_wait;
};

static void watch_put(struct process_watch *watch)
{
	if (__atomic_sub_fetch(&watch->references, 1, __ATOMIC_ACQ_REL) == 0)
		heap_free(watch);
}

/* The record of a process, with a reference. Null: no memory. Tree lock held. */
static struct process_watch *watch_of(struct process *process)
{
	struct process_watch *watch = process->watch;

	if (!watch) {
		watch = heap_alloc(sizeof(*watch));
		if (!watch)
			return 0;
		watch->process = process;
		watch->references = 1;  /* the process's */
		watch->ended = process->state == PROCESS_ZOMBIE;
		process->watch = watch;
	}
	__atomic_fetch_add(&watch->references, 1, __ATOMIC_RELAXED);
	return watch;
}

void process_watch_ended(struct process *process)
{
	process->watch->ended = true;
	queue_wake_all(&process->watch->poll_wait);
}

void process_watch_lost(struct process *process)
{
	struct process_watch *watch = process->watch;

	process->watch = 0;
	watch->process = 0;
	queue_wake_all(&watch->poll_wait);
	watch_put(watch);
}

static uint32_t process_file_poll(struct file *file, struct poll_table *table)
{
	struct process_watch *watch = file->state;

	poll_watch(table, &watch->poll_wait);
	if (!__atomic_load_n(&watch->process, __ATOMIC_ACQUIRE))
		return POLLIN | POLLRDNORM | POLLHUP;
	return __atomic_load_n(&watch->ended, __ATOMIC_ACQUIRE) ? POLLIN | POLLRDNORM : 0;
}

static void process_file_release(struct file *file)
{
	watch_put(file->state);
}

static const struct file_operations process_operations = {
	.name = "[pidfd]",
	.poll = process_file_poll,
	.release = process_file_release,
};

/* Takes over the watch's reference. */
static int64_t watch_install(struct process_watch *watch, uint32_t flags)
{
	struct file *file = file_anonymous(&process_operations, 0600, O_RDWR | flags, watch);

	if (file)
		return descriptor_install(file, 0, true);
	watch_put(watch);
	return -ENOMEM;
}

int64_t process_file_of(struct process *process)
{
	struct process_watch *watch;

	mutex_lock(&tree_lock);
	watch = watch_of(process);
	mutex_unlock(&tree_lock);
	return watch ? watch_install(watch, 0) : -ENOMEM;
}

int64_t sys_pidfd_open(SYSCALL_ARGUMENTS)
{
	struct process_watch *watch = 0;
	struct process *process;
	int status = -ESRCH;

	if ((uint32_t)a1 & ~(uint32_t)O_NONBLOCK || (int32_t)a0 <= 0)
		return -EINVAL;
	mutex_lock(&tree_lock);
	process = process_of_pid((int32_t)a0);
	if (process) {
		watch = watch_of(process);
		status = watch ? 0 : -ENOMEM;
	} else if (thread_of_pid((int32_t)a0)) {
		status = -ENOENT;
	}
	mutex_unlock(&tree_lock);
	return status ? status : watch_install(watch, (uint32_t)a1 & O_NONBLOCK);
}

struct borrowed {
	int descriptor;
	struct file *file;
};

static int64_t file_borrow(struct process *process, void *argument)
{
	struct borrowed *borrowed = argument;

	if (!process_may_look(process))
		return -EPERM;
	if (!process->files)
		return -ESRCH;
	borrowed->file = borrowed->descriptor < 0 ? 0 : files_get(process->files, borrowed->descriptor);
	return borrowed->file ? 0 : -EBADF;
}

int64_t sys_pidfd_getfd(SYSCALL_ARGUMENTS)
{
	struct borrowed borrowed = {.descriptor = (int32_t)a1};
	int64_t status;
	bool wait;

	if ((uint32_t)a2)
		return -EINVAL;
	status = process_file_pid((int)a0, &wait);
	if (status > 0)
		status = process_look((int32_t)status, file_borrow, &borrowed);
	else if (status == -ECHILD)
		status = -ESRCH;
	return status ? status : descriptor_install(borrowed.file, 0, true);
}

int process_file_held(struct held *held, int descriptor)
{
	if (!held_get(held, descriptor))
		return -EBADF;
	if (held->file->operations == &process_operations)
		return 0;
	held_put(held);
	return -EBADF;
}

int process_file_pid(int descriptor, bool *wait)
{
	struct process_watch *watch;
	struct held held;
	int pid = process_file_held(&held, descriptor);

	if (pid)
		return pid;
	watch = held.file->state;
	*wait = !(held.file->flags & O_NONBLOCK);
	mutex_lock(&tree_lock);
	pid = watch->process ? watch->process->pid : -ECHILD;
	mutex_unlock(&tree_lock);
	held_put(&held);
	return pid;
}

/* The process that a descriptor stands for: a pidfd's, or that of a folder in /proc. Null: it is gone. Tree lock held. */
static struct process *process_of_file(struct file *file)
{
	struct process_watch *watch = file->state;

	if (file->operations == &process_operations)
		return watch->process;
	return process_of_pid(proc_folder_pid(file));
}

int64_t sys_pidfd_send_signal(SYSCALL_ARGUMENTS)
{
	struct linux_siginfo info;
	struct process *process;
	struct held held;
	int status = 0;

	if ((uint32_t)a3)
		return -EINVAL;
	if (!held_get(&held, (int)a0))
		return -EBADF;
	if (held.file->operations != &process_operations && !proc_folder_pid(held.file))
		status = -EBADF;
	else if (a2)
		status = user_signal_read(&info, a2) ? -EFAULT : info.number != (int)a1 ? -EINVAL : 0;
	if (status == 0 && (uint32_t)a1 > SIGNAL_COUNT)
		status = -EINVAL;
	mutex_lock(&tree_lock);
	process = status ? 0 : process_of_file(held.file);
	if (process && a2 && info.code >= 0 && process != self_process())
		status = -EPERM;
	if (status == 0)
		status = process ? signal_kill(process, (int)a1, a2 ? &info : 0) : -ESRCH;
	mutex_unlock(&tree_lock);
	held_put(&held);
	return status;
}
