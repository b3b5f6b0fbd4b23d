/* Connections: listen, connect, accept, shutdown. */
#include "socket/socket.h"

enum { BACKLOG_LIMIT = 4096 };

static int socket_listen(struct socket *socket, int32_t backlog)
{
	int status = 0;

	if (socket->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!socket->name)
		return -EINVAL;
	mutex_lock(&socket->lock);
	if (socket->state == SOCKET_UNCONNECTED || socket->state == SOCKET_LISTENING) {
		socket->state = SOCKET_LISTENING;
		socket->backlog = (uint32_t)backlog > BACKLOG_LIMIT ? BACKLOG_LIMIT : (uint32_t)backlog;
		socket->own = credentials_own();
		socket->other = socket->own;
		queue_wake_all(&socket->room_wait);
	} else {
		status = -EINVAL;
	}
	mutex_unlock(&socket->lock);
	return status;
}

int64_t sys_listen(SYSCALL_ARGUMENTS)
{
	struct socket *socket;
	struct held held;
	int status = socket_held(&held, (int)a0, &socket);

	if (status)
		return status;
	status = socket_listen(socket, (int32_t)a1);
	held_put(&held);
	return status;
}

/* ---- connecting ---- */

/* May they be connected now? 0; 1: the listener's queue is full; -E*. Both locks held. */
static int connect_check(const struct socket *me, const struct socket *listener)
{
	if (listener->state != SOCKET_LISTENING || (listener->shutdown & SHUT_READING))
		return -ECONNREFUSED;
	if (listener->waiting > listener->backlog)
		return 1;
	if (me->state == SOCKET_CONNECTED)
		return -EISCONN;
	return me->state == SOCKET_UNCONNECTED ? 0 : -EINVAL;
}

/* Joins a caller to the socket that will be accepted. Both locks held: nobody knows the new one yet. */
static void connect_join(struct socket *me, struct socket *listener, struct socket *new)
{
	new->name = address_get(listener->name);
	new->other = me->own = credentials_own();
	new->own = me->other = listener->own;
	new->pass_credentials = listener->pass_credentials;
	new->state = me->state = SOCKET_CONNECTED;
	new->peer = me;
	me->peer = new;
	socket_get(me);
	socket_get(new);
	if (listener->accept_first)
		listener->accept_last->accept_next = new;
	else
		listener->accept_first = new;
	listener->accept_last = new;
	listener->waiting++;
	queue_wake_one(&listener->read_wait);
	queue_wake_events(&listener->poll_wait, POLLIN | POLLRDNORM);
}

static int stream_connect(struct socket *me, struct socket *listener, bool wait)
{
	uint64_t deadline = wait ? socket_deadline(me->send_timeout_ns) : 0;
	struct socket *new = socket_make(me->type);
	int status;

	if (!new)
		return -ENOMEM;
	socket_lock_two(me, listener);
	while ((status = connect_check(me, listener)) > 0) {
		if (me != listener)
			mutex_unlock(&me->lock);
		status = wait ? socket_sleep(&listener->room_wait, listener, deadline) : -EAGAIN;
		mutex_unlock(&listener->lock);
		socket_lock_two(me, listener);
		if (status)
			break;
	}
	if (status == 0)
		connect_join(me, listener, new);
	socket_unlock_two(me, listener);
	if (status == 0)
		queue_wake_events(&me->poll_wait, POLLOUT | POLLWRNORM | POLLWRBAND);
	else
		socket_put(new);
	return status;
}

static int datagram_connect(struct socket *me, const struct target *target)
{
	struct socket *peer;
	int status;

	if (target->bytes >= 2 && target->raw.family == AF_UNSPEC) {
		datagram_link(me, 0);
		return 0;
	}
	status = target_find(target, me->type, &peer);
	if (status)
		return status;
	if (me->pass_credentials && !me->name)
		status = socket_name_self(me);
	if (status == 0 && peer != me && peer->peer && peer->peer != me)
		status = -EPERM;
	if (status) {
		socket_put(peer);
		return status;
	}
	datagram_link(me, peer);
	return 0;
}

static int socket_connect(struct socket *me, const struct target *target, bool wait)
{
	struct socket *listener;
	int status;

	if (target->bytes < 2)
		return -EINVAL;
	if (me->type == SOCK_DGRAM)
		return datagram_connect(me, target);
	status = target_find(target, me->type, &listener);
	if (status)
		return status;
	if (me->pass_credentials && !me->name)
		status = socket_name_self(me);
	if (status == 0)
		status = stream_connect(me, listener, wait);
	socket_put(listener);
	return status;
}

int64_t sys_connect(SYSCALL_ARGUMENTS)
{
	struct target target;
	struct socket *socket;
	struct held held;
	int status = socket_held(&held, (int)a0, &socket);

	if (status)
		return status;
	status = target_read(&target, a1, (int32_t)a2);
	if (status == 0)
		status = socket_connect(socket, &target, !(held.file->flags & O_NONBLOCK));
	held_put(&held);
	return status;
}

/* ---- accepting ---- */

/* Takes the eldest that waits. Lock held. 0 and its reference, -E*. */
static int accept_take(struct socket *listener, bool wait, struct socket **out)
{
	uint64_t deadline = wait ? socket_deadline(listener->receive_timeout_ns) : 0;
	int status = 0;

	while (!listener->accept_first && status == 0) {
		if (listener->state != SOCKET_LISTENING || (listener->shutdown & SHUT_READING))
			return -EINVAL;
		status = wait ? socket_sleep(&listener->read_wait, listener, deadline) : -EAGAIN;
	}
	if (status)
		return status;
	*out = listener->accept_first;
	listener->accept_first = (*out)->accept_next;
	(*out)->accept_next = 0;
	listener->waiting--;
	queue_wake_one(&listener->room_wait);
	if (listener->accept_first)
		queue_wake_one(&listener->read_wait);
	return 0;
}

static int socket_accept(struct socket *listener, bool wait, struct socket **out)
{
	int status = -EINVAL;

	if (listener->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	mutex_lock(&listener->lock);
	if (listener->state == SOCKET_LISTENING)
		status = accept_take(listener, wait, out);
	mutex_unlock(&listener->lock);
	return status;
}

static int64_t accept_call(int descriptor, uint64_t address, uint64_t bytes_at, uint64_t flags)
{
	struct socket *listener, *new = 0;
	struct address *name = 0;
	struct held held;
	int64_t status;

	if (flags & ~(uint64_t)(O_NONBLOCK | O_CLOEXEC))
		return -EINVAL;
	status = socket_held(&held, descriptor, &listener);
	if (status)
		return status;
	status = socket_accept(listener, !(held.file->flags & O_NONBLOCK), &new);
	held_put(&held);
	if (status)
		return status;
	if (address)
		name = address_get(__atomic_load_n(&new->peer->name, __ATOMIC_ACQUIRE));
	status = address ? address_write(name, address, bytes_at, false) : 0;
	address_put(name);
	if (status == 0)
		return socket_install(new, flags);
	socket_close(new);
	socket_put(new);
	return status;
}

int64_t sys_accept(SYSCALL_ARGUMENTS)
{
	return accept_call((int)a0, a1, a2, 0);
}

int64_t sys_accept4(SYSCALL_ARGUMENTS)
{
	return accept_call((int)a0, a1, a2, (uint32_t)a3);
}

/* ---- shutting down ---- */

static void side_shut(struct socket *socket, uint8_t how)
{
	mutex_lock(&socket->lock);
	socket->shutdown |= how;
	mutex_unlock(&socket->lock);
	socket_changed(socket);
}

static int64_t socket_shutdown(struct socket *socket, uint32_t how)
{
	uint8_t sides = (uint8_t)(how + 1);
	struct socket *peer;

	if (how > SHUT_RDWR)
		return -EINVAL;
	side_shut(socket, sides);
	mutex_lock(&socket->lock);
	peer = socket->peer;
	if (peer)
		socket_get(peer);
	mutex_unlock(&socket->lock);
	if (peer && socket->type != SOCK_DGRAM)
		side_shut(peer, (uint8_t)((sides & SHUT_READING ? SHUT_WRITING : 0) | (sides & SHUT_WRITING ? SHUT_READING : 0)));
	if (peer)
		queue_wake_all(&peer->room_wait);
	socket_put(peer);
	return 0;
}

int64_t sys_shutdown(SYSCALL_ARGUMENTS)
{
	struct socket *socket;
	struct held held;
	int64_t status = socket_held(&held, (int)a0, &socket);

	if (status)
		return status;
	status = socket_shutdown(socket, (uint32_t)a1);
	held_put(&held);
	return status;
}
