/* mq_notify: a process is told once when a message comes to an empty queue for which nobody waits. */
#include "ipc/posix_queue.h"

enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SI_MESGQ = -3, COOKIE_BYTES = 32 };

void posix_queue_closed(struct file *file)
{
	struct posix_queue *queue = file->state;
	struct process *me = self_process();

	mutex_lock(&queue->lock);
	if (me && queue->owner == me->pid)
		queue->owner = 0;
	mutex_unlock(&queue->lock);
}

struct telling posix_queue_tell(struct posix_queue *queue)
{
	const struct process *me = self_process();
	struct telling telling = {0};

	if (queue->owner && queue->event.notify == SIGEV_SIGNAL) {
		telling.pid = queue->owner;
		telling.started = queue->owner_started;
		telling.info.number = queue->event.number;
		telling.info.code = SI_MESGQ;
		telling.info.sender.pid = me->pid;
		telling.info.sender.uid = me->credentials.uid;
		telling.info.sender.value = queue->event.value;
	}
	queue->owner = 0;
	return telling;
}

void telling_do(const struct telling *telling)
{
	if (telling->pid && telling->info.number)
		process_signal_queue(telling->pid, telling->started, telling->info.number, &telling->info);
}

/* The C library's way to a thread goes through a socket of a family that is not here: what it gives is never one. */
static int thread_check(const struct linux_sigevent *event)
{
	char cookie[COOKIE_BYTES];
	struct held held;

	if (user_read(cookie, event->value, sizeof(cookie)))
		return -EFAULT;
	if (!held_get(&held, event->number))
		return -EBADF;
	held_put(&held);
	return -EINVAL;
}

static int event_check(const struct linux_sigevent *event)
{
	switch (event->notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_SIGNAL:
		return event->number < 0 || event->number > SIGNAL_COUNT ? -EINVAL : 0;
	case SIGEV_THREAD:
		return thread_check(event);
	}
	return -EINVAL;
}

/* The queue's lock is held. */
static int owner_set(struct posix_queue *queue, const struct linux_sigevent *event)
{
	const struct process *me = self_process();

	if (!event) {
		if (queue->owner == me->pid)
			queue->owner = 0;
		return 0;
	}
	if (queue->owner)
		return -EBUSY;
	queue->owner = me->pid;
	queue->owner_started = me->started_ns;
	queue->event = *event;
	return 0;
}

int64_t sys_mq_notify(SYSCALL_ARGUMENTS)
{
	struct linux_sigevent event;
	struct posix_queue *queue;
	struct held held;
	int status = a1 ? user_read(&event, a1, sizeof(event)) : 0;

	if (status == 0 && a1)
		status = event_check(&event);
	if (status)
		return status;
	if (!posix_queue_held(&held, (int)a0, &queue))
		return -EBADF;
	mutex_lock(&queue->lock);
	status = owner_set(queue, a1 ? &event : 0);
	mutex_unlock(&queue->lock);
	held_put(&held);
	return status;
}
