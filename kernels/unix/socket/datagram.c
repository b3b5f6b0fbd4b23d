/* Messages with ends: datagrams between any sockets, and sequenced packets between connected ones. */
#include "socket/socket.h"

static struct mutex links_lock;         /* who sends datagrams to whom by default */

static void sender_remove(struct socket *socket, struct socket *peer)
{
	struct socket **place = &peer->senders;

	while (*place && *place != socket)
		place = &(*place)->sender_next;
	if (*place)
		*place = socket->sender_next;
}

/* Sets a socket's peer, which may be null; takes over its reference. Returns the old one with its reference. */
static struct socket *peer_set(struct socket *socket, struct socket *peer)
{
	struct socket *old;

	mutex_lock(&links_lock);
	mutex_lock(&socket->lock);
	old = socket->peer;
	socket->peer = peer;
	if (socket->state != SOCKET_CLOSED)
		socket->state = peer ? SOCKET_CONNECTED : SOCKET_UNCONNECTED;
	mutex_unlock(&socket->lock);
	if (old)
		sender_remove(socket, old);
	if (peer) {
		socket->sender_next = peer->senders;
		peer->senders = socket;
	}
	mutex_unlock(&links_lock);
	return old;
}

/* What was sent to a socket before it took another peer is gone. The old peer learns that, if it sends to this one only. */
static void old_peer_leave(struct socket *socket, struct socket *old)
{
	struct segment *first;
	bool answered;

	mutex_lock(&socket->lock);
	first = socket->first;
	socket->first = socket->last = 0;
	socket->queued = 0;
	__atomic_store_n(&socket->messages, 0, __ATOMIC_RELAXED);
	mutex_unlock(&socket->lock);
	if (!first)
		return;
	segments_free(first);
	queue_wake_all(&socket->room_wait);
	datagram_room(socket);
	mutex_lock(&old->lock);
	answered = old->peer == socket && old->state == SOCKET_CONNECTED;
	if (answered)
		old->error = ECONNRESET;
	mutex_unlock(&old->lock);
	if (answered)
		socket_changed(old);
}

void datagram_link(struct socket *socket, struct socket *peer)
{
	struct socket *old = peer_set(socket, peer);

	if (old && old != peer && old != socket)
		old_peer_leave(socket, old);
	socket_put(old);
}

void datagram_unlink(struct socket *socket)
{
	socket_put(peer_set(socket, 0));
}

void datagram_room(struct socket *socket)
{
	if (!__atomic_load_n(&socket->senders, __ATOMIC_RELAXED))
		return;
	mutex_lock(&links_lock);
	for (struct socket *sender = socket->senders; sender; sender = sender->sender_next)
		queue_wake_events(&sender->poll_wait, POLLOUT | POLLWRNORM | POLLWRBAND);
	mutex_unlock(&links_lock);
}

/* ---- sending ---- */

/* Where a message goes, with a reference. */
static int receiver_find(struct socket *me, const struct target *target, struct socket **out)
{
	if (me->type == SOCK_DGRAM && target && target->bytes)
		return target_find(target, me->type, out);
	mutex_lock(&me->lock);
	*out = me->peer;
	if (*out)
		socket_get(*out);
	mutex_unlock(&me->lock);
	return *out ? 0 : -ENOTCONN;
}

static bool has_room(struct socket *me, struct socket *to, uint64_t charge)
{
	if (to->peer != me && to != me && to->type == SOCK_DGRAM && to->messages > DATAGRAMS_LIMIT)
		return false;
	return to->queued == 0 || to->queued + charge <= me->send_buffer + (uint64_t)sizeof(struct segment);
}

/* May it be sent now? 0; 1: wait; -E*. Receiver's lock held. */
static int64_t send_check(struct socket *me, struct socket *to, uint64_t charge)
{
	if (me->shutdown & SHUT_WRITING)
		return -EPIPE;
	if (to->state == SOCKET_CLOSED)
		return me->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE;
	if (me->type == SOCK_DGRAM && to->peer && to->peer != me)
		return -EPERM;
	if (to->shutdown & SHUT_READING)
		return -EPIPE;
	return !has_room(me, to, charge);
}

static int64_t message_put(struct socket *me, struct socket *to, struct segment *message, bool wait)
{
	uint64_t deadline = wait ? socket_deadline(me->send_timeout_ns) : 0, charge = segment_charge(message);
	int64_t status;

	mutex_lock(&to->lock);
	while ((status = send_check(me, to, charge)) > 0) {
		status = wait ? socket_sleep(&to->room_wait, to, deadline) : -EAGAIN;
		if (status)
			break;
	}
	if (status == 0) {
		queue_append(to, message);
		queue_wake_one(&to->read_wait);
		queue_wake_events(&to->poll_wait, POLLIN | POLLRDNORM);
	}
	mutex_unlock(&to->lock);
	return status;
}

static int64_t message_send(struct socket *me, struct segment *message, struct control *control, struct socket *to, bool wait)
{
	uint64_t bytes = message->message_bytes;
	int64_t status;

	segment_sign(message, me, &control->credentials, control->rights);
	control->rights = 0;
	status = message_put(me, to, message, wait);
	if (status)
		segment_free(message);
	return status ? status : (int64_t)bytes;
}

int64_t datagram_send(struct socket *me, struct io *io, uint32_t flags, struct control *control, const struct target *target)
{
	bool named = target && target->bytes;
	struct segment *message = 0;
	struct socket *to = 0;
	int64_t status = socket_error_take(me);

	if (status)
		return status;
	if (me->type == SOCK_SEQPACKET && me->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	if (me->pass_credentials && !me->name)
		status = socket_name_self(me);
	if (status)
		return status;
	status = named ? 0 : receiver_find(me, target, &to);
	if (status == 0)
		status = io->left + 32 > me->send_buffer ? -EMSGSIZE : message_make(io, io->left, &message);
	if (status == 0 && named)
		status = receiver_find(me, target, &to);
	if (status == 0)
		status = message_send(me, message, control, to, !(flags & MSG_DONTWAIT));
	else if (message)
		segment_free(message);
	if (status == -ECONNREFUSED && to && !named)
		datagram_unlink(me);
	if (to)
		socket_put(to);
	return status;
}

/* ---- receiving ---- */

/* Sleeps until there is a message. Lock held. 0, 1: the end, -E*. */
static int64_t message_wait(struct socket *me, uint32_t flags)
{
	bool wait = !(flags & MSG_DONTWAIT);
	uint64_t deadline = wait ? socket_deadline(me->receive_timeout_ns) : 0;
	int64_t status = 0;

	while (!me->first && status == 0) {
		status = socket_error_take(me);
		if (status)
			break;
		if ((me->shutdown & SHUT_READING) && (wait || me->type == SOCK_SEQPACKET))
			return 1;
		status = wait ? socket_sleep(&me->read_wait, me, deadline) : -EAGAIN;
	}
	return status;
}

static int64_t message_copy(struct segment *message, struct io *io)
{
	uint64_t total = 0;

	for (struct segment *part = message; part && io->left; part = part->rest) {
		uint64_t bytes = part->end < io->left ? part->end : io->left;

		if (io_put(io, part->data, bytes) < bytes)
			return -EFAULT;
		total += bytes;
	}
	return (int64_t)total;
}

/* Gives a message to the program, and what came with it to `control`. */
static int64_t message_give(struct segment *message, struct io *io, uint32_t flags, struct control *control)
{
	int64_t result;

	control->credentials = message->sender;
	control->from = address_get(message->from);
	if (message->rights && (flags & MSG_PEEK)) {
		control->rights = rights_copy(message->rights);
	} else if (message->rights) {
		control->rights = message->rights;
		message->rights = 0;
	}
	result = message_copy(message, io);
	if (result >= 0 && (uint64_t)result < message->message_bytes) {
		control->flags |= MSG_TRUNC;
		result = flags & MSG_TRUNC ? (int64_t)message->message_bytes : result;
	}
	return result;
}

/* Takes the next message out and tells who waits for room. Lock held. */
static struct segment *message_pop(struct socket *me)
{
	struct segment *message = queue_pop(me);
	struct socket *peer = me->peer;

	queue_wake_all(&me->room_wait);
	if (me->type == SOCK_SEQPACKET && peer)
		queue_wake_events(&peer->poll_wait, POLLOUT | POLLWRNORM | POLLWRBAND);
	if (me->first)
		queue_wake_one(&me->read_wait);
	return message;
}

int64_t datagram_receive(struct socket *me, struct io *io, uint32_t flags, struct control *control)
{
	struct segment *message = 0;
	int64_t status;

	if (me->type == SOCK_SEQPACKET && me->state != SOCKET_CONNECTED)
		return -ENOTCONN;
	mutex_lock(&me->lock);
	status = message_wait(me, flags);
	if (status == 0 && (flags & MSG_PEEK))
		status = message_give(me->first, io, flags, control);
	else if (status == 0)
		message = message_pop(me);
	else if (status == 1)
		status = 0;
	mutex_unlock(&me->lock);
	if (!message)
		return status;
	if (me->type == SOCK_DGRAM)
		datagram_room(me);
	status = message_give(message, io, flags, control);
	segment_free(message);
	return status;
}
