/* Queues of messages: msgget, msgsnd, msgrcv. */
#include "ipc/queue.h"

void message_free(struct message *message)
{
	if (!message)
		return;
	array_free(&message->text);
	heap_free(message);
}

static void queue_free(struct ipc_object *object)
{
	struct queue *queue = (struct queue *)object;

	while (queue->first) {
		struct message *message = queue->first;

		queue->first = message->next;
		message_free(message);
	}
	heap_free(queue);
}

/* Whoever waits looks again, and learns `status`. */
static void queue_wake(struct queue *queue, int status)
{
	wait_queue_wake(&queue->room);
	while (queue->receivers.first)
		ipc_line_end(&queue->receivers, queue->receivers.first, status);
}

void queue_look_again(struct queue *queue)
{
	queue_wake(queue, -EAGAIN);
}

static void queue_end(struct ipc_object *object)
{
	queue_wake((struct queue *)object, -EIDRM);
}

struct ipc_table queues = {.limit = MSGMNI, .end = queue_end, .free = queue_free, .highest = -1, .last = -1};

/* ---- msgget ---- */

static int queue_suits(const struct ipc_object *object, const struct ipc_wanted *wanted)
{
	(void)object;
	(void)wanted;
	return 0;
}

static int queue_make(const struct ipc_wanted *wanted, struct ipc_object **out)
{
	struct queue *queue = files_are_full(1) ? 0 : heap_alloc(sizeof(*queue));

	(void)wanted;
	if (!queue)
		return -ENOMEM;
	queue->most_bytes = MSGMNB;
	*out = &queue->object;
	return 0;
}

int64_t sys_msgget(SYSCALL_ARGUMENTS)
{
	struct ipc_wanted wanted = {.key = (int32_t)a0, .flags = (uint32_t)a1, .suits = queue_suits, .make = queue_make};

	return ipc_get(&queues, &wanted);
}

/* ---- which message ---- */

enum choice { CHOICE_ANY, CHOICE_TYPE, CHOICE_OTHER, CHOICE_LEAST, CHOICE_PLACE };

struct wish {
	enum choice choice;
	int64_t type;               /* or the place */
	uint64_t bytes;             /* that the receiver takes */
	bool cut;                   /* a longer one is cut */
};

static struct wish wish_of(uint64_t bytes, int64_t type, uint32_t flags)
{
	struct wish wish = {.type = type, .bytes = bytes, .cut = flags & MSG_NOERROR};

	if (flags & MSG_COPY)
		wish.choice = CHOICE_PLACE;
	else if (type == 0)
		wish.choice = CHOICE_ANY;
	else if (type < 0)
		wish.choice = CHOICE_LEAST;
	else
		wish.choice = flags & MSG_EXCEPT ? CHOICE_OTHER : CHOICE_TYPE;
	if (wish.choice == CHOICE_LEAST)
		wish.type = type == INT64_MIN ? INT64_MAX : -type;
	return wish;
}

static bool wish_suits(const struct wish *wish, const struct message *message)
{
	switch (wish->choice) {
	case CHOICE_TYPE:
		return message->type == wish->type;
	case CHOICE_OTHER:
		return message->type != wish->type;
	case CHOICE_LEAST:
		return message->type <= wish->type;
	default:
		return true;
	}
}

/* The link to the message in the queue; null: there is none. */
static struct message **message_find(struct queue *queue, const struct wish *wish)
{
	struct message **found = 0;
	int64_t place = 0;

	for (struct message **link = &queue->first; *link; link = &(*link)->next, place++) {
		if (wish->choice == CHOICE_PLACE ? place != wish->type : !wish_suits(wish, *link))
			continue;
		if (wish->choice != CHOICE_LEAST)
			return link;
		if (!found || (*link)->type < (*found)->type)
			found = link;
	}
	return found;
}

static bool wish_holds(const struct wish *wish, const struct message *message)
{
	return message->text.count <= wish->bytes || wish->cut;
}

/* ---- who waits for a message ---- */

struct receiver {
	struct ipc_waiter waiter;
	struct wish wish;
	struct message *message;    /* it has it now */
	int32_t pid;
};

static void queue_received(struct queue *queue, int32_t pid)
{
	queue->received = ipc_seconds();
	queue->receiver = pid;
}

/* Gives a message to somebody who waits for it. Those for whom it is too long learn that. */
static bool message_hand(struct queue *queue, struct message *message)
{
	struct ipc_waiter *waiter = queue->receivers.first, *next;

	for (; waiter; waiter = next) {
		struct receiver *receiver = (struct receiver *)waiter;

		next = waiter->next;
		if (!wish_suits(&receiver->wish, message))
			continue;
		if (!wish_holds(&receiver->wish, message)) {
			ipc_line_end(&queue->receivers, waiter, -E2BIG);
			continue;
		}
		receiver->message = message;
		queue_received(queue, receiver->pid);
		ipc_line_end(&queue->receivers, waiter, 0);
		return true;
	}
	return false;
}

/* ---- msgsnd ---- */

static bool queue_has_room(const struct queue *queue, uint64_t bytes)
{
	return queue->bytes + bytes <= queue->most_bytes && queue->count + 1 <= queue->most_bytes;
}

/* Until there is room. 0, -EAGAIN, -EACCES, -EIDRM, -ERESTARTNOHAND. */
static int room_wait(struct queue *queue, uint64_t bytes, bool may_wait)
{
	int status = ipc_allowed(&queue->object, 0222);

	while (status == 0 && !queue_has_room(queue, bytes)) {
		if (!may_wait)
			return -EAGAIN;
		if (wait_queue_sleep(&queue->room, &queue->object.lock, true, 0))
			status = -ERESTARTNOHAND;
		else
			status = ipc_allowed(&queue->object, 0222);
		if (queue->object.removed)
			return -EIDRM;
	}
	return status;
}

static void message_put(struct queue *queue, struct message *message)
{
	queue->sent = ipc_seconds();
	queue->sender = self_process()->pid;
	if (message_hand(queue, message))
		return;
	message->next = 0;
	if (queue->first)
		queue->last->next = message;
	else
		queue->first = message;
	queue->last = message;
	queue->bytes += message->text.count;
	queue->count++;
}

static int message_send(int32_t id, struct message *message, bool may_wait)
{
	struct ipc_object *object;
	int status = ipc_take(&queues, id, &object);

	if (status)
		return status;
	status = room_wait((struct queue *)object, message->text.count, may_wait);
	if (status == 0)
		message_put((struct queue *)object, message);
	ipc_leave(&queues, object);
	return status;
}

/* 0, -EFAULT, -ENOMEM. */
static int message_read(struct message *message, uint64_t from, uint32_t bytes)
{
	int status = files_are_full(bytes / PAGE_BYTES + 1) ? -ENOMEM : array_make(&message->text, bytes, 1);

	return status ? status : array_read(&message->text, from);
}

int64_t sys_msgsnd(SYSCALL_ARGUMENTS)
{
	struct message *message;
	int64_t type, status = user_read(&type, a1, sizeof(type));

	if (status)
		return status;
	if (a2 > MSGMAX || (int32_t)a0 < 0 || type < 1)
		return -EINVAL;
	message = heap_alloc(sizeof(*message));
	if (!message)
		return -ENOMEM;
	message->type = type;
	status = message_read(message, a1 + sizeof(type), (uint32_t)a2);
	if (status == 0)
		status = message_send((int32_t)a0, message, !(a3 & IPC_NOWAIT));
	if (status)
		message_free(message);
	return status;
}

/* ---- msgrcv ---- */

/* Takes the message at a link out of the queue. */
static struct message *message_take(struct queue *queue, struct message **link)
{
	struct message *message = *link;

	_Static_assert(offsetof(struct message, next) == 0, "a link is the message that it is in, or the queue's own");
	if (queue->last == message)
		queue->last = link == &queue->first ? 0 : (struct message *)link;
	*link = message->next;
	queue->bytes -= message->text.count;
	queue->count--;
	queue_received(queue, self_process()->pid);
	wait_queue_wake(&queue->room);
	return message;
}

static int receive_wait(struct queue *queue, const struct wish *wish, struct message **out)
{
	struct receiver receiver = {.wish = *wish, .pid = self_process()->pid};
	int status = ipc_line_wait(&queue->receivers, &receiver.waiter, &queue->object.lock, 0);

	*out = receiver.message;
	return status == -ERESTARTSYS ? -ERESTARTNOHAND : status;
}

/* One message, out of the queue. -EAGAIN: look again. */
static int receive_once(struct queue *queue, const struct wish *wish, bool may_wait, struct message **out)
{
	int status = ipc_allowed(&queue->object, 0444);
	struct message **link = status ? 0 : message_find(queue, wish);

	if (status)
		return status;
	if (!link)
		return may_wait ? receive_wait(queue, wish, out) : -ENOMSG;
	if (!wish_holds(wish, *link))
		return -E2BIG;
	*out = message_take(queue, link);
	return 0;
}

/* A copy of one that stays. */
static int receive_copy(struct queue *queue, const struct wish *wish, struct message *copy)
{
	struct message **link = message_find(queue, wish);
	int status = ipc_allowed(&queue->object, 0444);

	if (status)
		return status;
	if (!link)
		return -ENOMSG;
	if (!wish_holds(wish, *link))
		return -E2BIG;
	if ((*link)->text.count > wish->bytes)
		return -EINVAL;         /* a copy is never cut */
	status = array_make(&copy->text, (*link)->text.count, 1);
	for (uint32_t at = 0; status == 0 && at < copy->text.count; at += ARRAY_RECORD)
		memcpy(array_at(&copy->text, at), array_at(&(*link)->text, at),
			copy->text.count - at < ARRAY_RECORD ? copy->text.count - at : ARRAY_RECORD);
	copy->type = (*link)->type;
	return status;
}

static int message_receive(int32_t id, const struct wish *wish, bool may_wait, struct message **out)
{
	struct ipc_object *object;
	int status = ipc_take(&queues, id, &object);

	if (status)
		return status;
	if (wish->choice == CHOICE_PLACE)
		status = receive_copy((struct queue *)object, wish, *out);
	else
		do {
			status = receive_once((struct queue *)object, wish, may_wait, out);
		} while (status == -EAGAIN);
	ipc_leave(&queues, object);
	return status;
}

static int64_t message_write(const struct message *message, uint64_t to, uint64_t bytes)
{
	uint64_t part = message->text.count < bytes ? message->text.count : bytes;

	if (user_write(to, &message->type, sizeof(message->type)) || array_write(&message->text, to + sizeof(message->type), part))
		return -EFAULT;
	return (int64_t)part;
}

int64_t sys_msgrcv(SYSCALL_ARGUMENTS)
{
	struct wish wish = wish_of(a2, (int64_t)a3, (uint32_t)a4);
	struct message *message = 0;
	int64_t status;

	if ((int32_t)a0 < 0 || (int64_t)a2 < 0)
		return -EINVAL;
	if (a4 & MSG_COPY) {
		if ((a4 & MSG_EXCEPT) || !(a4 & IPC_NOWAIT))
			return -EINVAL;
		message = heap_alloc(sizeof(*message));
		if (!message)
			return -ENOMEM;
	}
	status = message_receive((int32_t)a0, &wish, !(a4 & IPC_NOWAIT), &message);
	if (status == 0)
		status = message_write(message, a1, a2);
	message_free(message);
	return status;
}
