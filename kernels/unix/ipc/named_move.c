/* POSIX message queues: mq_timedsend, mq_timedreceive. */
#include "ipc/named.h"

/* ---- letters ---- */

static void letter_insert(struct named *queue, struct letter *letter)
{
	struct letter **link = &queue->first;

	while (*link && (*link)->priority >= letter->priority)
		link = &(*link)->next;
	letter->next = *link;
	*link = letter;
	queue->bytes += letter->text.count;
	__atomic_store_n(&queue->count, queue->count + 1, __ATOMIC_RELEASE);
}

static struct letter *letter_take(struct named *queue)
{
	struct letter *letter = queue->first;

	queue->first = letter->next;
	queue->bytes -= letter->text.count;
	__atomic_store_n(&queue->count, queue->count - 1, __ATOMIC_RELEASE);
	return letter;
}

static int letter_make(uint64_t from, uint64_t bytes, uint32_t priority, struct letter **out)
{
	struct letter *letter = files_are_full(bytes / PAGE_BYTES + 1) ? 0 : heap_alloc(sizeof(*letter));
	int status;

	if (!letter)
		return -ENOMEM;
	letter->priority = priority;
	status = array_make(&letter->text, (uint32_t)bytes, 1);
	if (status == 0)
		status = array_read(&letter->text, from);
	if (status)
		letter_free(letter);
	*out = letter;
	return status;
}

/* ---- sending ---- */

/* 0: the letter is somebody's. Its lock is held. */
static int letter_send(struct named *queue, struct letter *letter, bool may_wait, uint64_t deadline, struct telling *telling)
{
	struct partner me = {.letter = letter};

	if (queue->count >= queue->count_most)
		return may_wait ? ipc_line_wait(&queue->senders, &me.waiter, &queue->lock, deadline) : -EAGAIN;
	if (queue->receivers.first) {
		((struct partner *)queue->receivers.first)->letter = letter;
		ipc_line_end(&queue->receivers, queue->receivers.first, 0);
		return 0;
	}
	letter_insert(queue, letter);
	if (queue->count == 1)
		*telling = named_tell(queue);
	queue_wake_events(&queue->poll_wait, POLLIN | POLLRDNORM);
	return 0;
}

static int64_t send_held(struct named *queue, struct file *file, const uint64_t *arguments, uint64_t deadline)
{
	struct telling telling = {0};
	struct letter *letter;
	int status;

	if (!file_writable(file))
		return -EBADF;
	if (arguments[1] > queue->bytes_most)
		return -EMSGSIZE;
	status = letter_make(arguments[0], arguments[1], (uint32_t)arguments[2], &letter);
	if (status)
		return status;
	mutex_lock(&queue->lock);
	status = letter_send(queue, letter, !(file->flags & O_NONBLOCK), deadline, &telling);
	mutex_unlock(&queue->lock);
	if (status)
		letter_free(letter);
	telling_do(&telling);
	return status;
}

int64_t sys_mq_timedsend(SYSCALL_ARGUMENTS)
{
	const uint64_t arguments[] = {a1, a2, a3};
	struct named *queue;
	struct held held;
	uint64_t deadline;
	int64_t status = deadline_read(a4, true, true, &deadline);

	if (status)
		return status;
	if ((uint32_t)a3 >= MQ_PRIORITIES)
		return -EINVAL;
	if (!named_held(&held, (int)a0, &queue))
		return -EBADF;
	status = send_held(queue, held.file, arguments, deadline);
	held_put(&held);
	return status;
}

/* ---- receiving ---- */

static int letter_receive(struct named *queue, bool may_wait, uint64_t deadline, struct letter **out)
{
	struct partner me = {0};
	int status = 0;

	if (queue->count == 0) {
		status = may_wait ? ipc_line_wait(&queue->receivers, &me.waiter, &queue->lock, deadline) : -EAGAIN;
		*out = me.letter;
		return status;
	}
	*out = letter_take(queue);
	if (queue->senders.first) {
		letter_insert(queue, ((struct partner *)queue->senders.first)->letter);
		ipc_line_end(&queue->senders, queue->senders.first, 0);
	} else {
		queue_wake_events(&queue->poll_wait, POLLOUT | POLLWRNORM);
	}
	return 0;
}

static int64_t receive_held(struct named *queue, struct file *file, const uint64_t *arguments, uint64_t deadline)
{
	struct letter *letter;
	int64_t status;

	if (!file_readable(file))
		return -EBADF;
	if (arguments[1] < queue->bytes_most)
		return -EMSGSIZE;
	mutex_lock(&queue->lock);
	status = letter_receive(queue, !(file->flags & O_NONBLOCK), deadline, &letter);
	mutex_unlock(&queue->lock);
	if (status)
		return status;
	status = letter->text.count;
	if ((arguments[2] && user_write(arguments[2], &letter->priority, sizeof(letter->priority))) ||
		array_write(&letter->text, arguments[0], letter->text.count))
		status = -EFAULT;
	letter_free(letter);
	return status;
}

int64_t sys_mq_timedreceive(SYSCALL_ARGUMENTS)
{
	const uint64_t arguments[] = {a1, a2, a3};
	struct named *queue;
	struct held held;
	uint64_t deadline;
	int64_t status = deadline_read(a4, true, true, &deadline);

	if (status)
		return status;
	if (!named_held(&held, (int)a0, &queue))
		return -EBADF;
	status = receive_held(queue, held.file, arguments, deadline);
	held_put(&held);
	return status;
}
