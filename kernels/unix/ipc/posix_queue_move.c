/* POSIX message queues: mq_timedsend, mq_timedreceive. */
#include "ipc/posix_queue.h"

/* ---- messages ---- */

static void message_insert(struct posix_queue *queue, struct posix_message *message)
{
	struct posix_message **link = &queue->first;

	while (*link && (*link)->priority >= message->priority)
		link = &(*link)->next;
	message->next = *link;
	*link = message;
	queue->bytes += message->text.count;
	__atomic_store_n(&queue->count, queue->count + 1, __ATOMIC_RELEASE);
}

static struct posix_message *message_take(struct posix_queue *queue)
{
	struct posix_message *message = queue->first;

	queue->first = message->next;
	queue->bytes -= message->text.count;
	__atomic_store_n(&queue->count, queue->count - 1, __ATOMIC_RELEASE);
	return message;
}

static int message_make(uint64_t from, uint64_t bytes, uint32_t priority, struct posix_message **out)
{
	struct posix_message *message = files_are_full(bytes / PAGE_BYTES + 1) ? 0 : heap_alloc(sizeof(*message));
	int status;

	if (!message)
		return -ENOMEM;
	message->priority = priority;
	status = array_make(&message->text, (uint32_t)bytes, 1);
	if (status == 0)
		status = array_read(&message->text, from);
	if (status)
		posix_message_free(message);
	*out = message;
	return status;
}

/* ---- sending ---- */

/* 0: the message is somebody's. Its lock is held. */
static int message_send(struct posix_queue *queue, struct posix_message *message, bool may_wait, uint64_t deadline,
	struct telling *telling)
{
	struct partner me = {.message = message};

	if (queue->count >= queue->count_most)
		return may_wait ? ipc_line_wait(&queue->senders, &me.waiter, &queue->lock, deadline) : -EAGAIN;
	if (queue->receivers.first) {
		((struct partner *)queue->receivers.first)->message = message;
		ipc_line_end(&queue->receivers, queue->receivers.first, 0);
		return 0;
	}
	message_insert(queue, message);
	if (queue->count == 1)
		*telling = posix_queue_tell(queue);
	queue_wake_events(&queue->poll_wait, POLLIN | POLLRDNORM);
	return 0;
}

static int64_t send_held(struct posix_queue *queue, struct file *file, const uint64_t *arguments, uint64_t deadline)
{
	struct telling telling = {0};
	struct posix_message *message;
	int status;

	if (!file_writable(file))
		return -EBADF;
	if (arguments[1] > queue->bytes_most)
		return -EMSGSIZE;
	status = message_make(arguments[0], arguments[1], (uint32_t)arguments[2], &message);
	if (status)
		return status;
	mutex_lock(&queue->lock);
	status = message_send(queue, message, !(file->flags & O_NONBLOCK), deadline, &telling);
	mutex_unlock(&queue->lock);
	if (status)
		posix_message_free(message);
	telling_do(&telling);
	return status;
}

int64_t sys_mq_timedsend(SYSCALL_ARGUMENTS)
{
	const uint64_t arguments[] = {a1, a2, a3};
	struct posix_queue *queue;
	struct held held;
	uint64_t deadline;
	int64_t status = deadline_read(a4, true, true, &deadline);

	if (status)
		return status;
	if ((uint32_t)a3 >= MQ_PRIORITIES)
		return -EINVAL;
	if (!posix_queue_held(&held, (int)a0, &queue))
		return -EBADF;
	status = send_held(queue, held.file, arguments, deadline);
	held_put(&held);
	return status;
}

/* ---- receiving ---- */

static int message_receive(struct posix_queue *queue, bool may_wait, uint64_t deadline, struct posix_message **out)
{
	struct partner me = {0};
	int status = 0;

	if (queue->count == 0) {
		status = may_wait ? ipc_line_wait(&queue->receivers, &me.waiter, &queue->lock, deadline) : -EAGAIN;
		*out = me.message;
		return status;
	}
	*out = message_take(queue);
	if (queue->senders.first) {
		message_insert(queue, ((struct partner *)queue->senders.first)->message);
		ipc_line_end(&queue->senders, queue->senders.first, 0);
	} else {
		queue_wake_events(&queue->poll_wait, POLLOUT | POLLWRNORM);
	}
	return 0;
}

static int64_t receive_held(struct posix_queue *queue, struct file *file, const uint64_t *arguments, uint64_t deadline)
{
	struct posix_message *message;
	int64_t status;

	if (!file_readable(file))
		return -EBADF;
	if (arguments[1] < queue->bytes_most)
		return -EMSGSIZE;
	mutex_lock(&queue->lock);
	status = message_receive(queue, !(file->flags & O_NONBLOCK), deadline, &message);
	mutex_unlock(&queue->lock);
	if (status)
		return status;
	status = message->text.count;
	if ((arguments[2] && user_write(arguments[2], &message->priority, sizeof(message->priority))) ||
		array_write(&message->text, arguments[0], message->text.count))
		status = -EFAULT;
	posix_message_free(message);
	return status;
}

int64_t sys_mq_timedreceive(SYSCALL_ARGUMENTS)
{
	const uint64_t arguments[] = {a1, a2, a3};
	struct posix_queue *queue;
	struct held held;
	uint64_t deadline;
	int64_t status = deadline_read(a4, true, true, &deadline);

	if (status)
		return status;
	if (!posix_queue_held(&held, (int)a0, &queue))
		return -EBADF;
	status = receive_held(queue, held.file, arguments, deadline);
	held_put(&held);
	return status;
}
