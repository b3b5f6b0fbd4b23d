/* Sockets as files: making, closing, polling, and the calls socket and socketpair. */
#include "socket/socket.h"

enum { SOCKET_FLAGS = O_NONBLOCK | O_CLOEXEC };
enum { TIOCINQ = FIONREAD };

struct socket *socket_make(uint8_t type)
{
	struct socket *socket = heap_alloc(sizeof(*socket));

	if (!socket)
		return 0;
	socket->references = 1;
	socket->type = type;
	socket->send_buffer = socket->receive_buffer = BUFFER_USUAL;
	socket->low_water = 1;
	socket->backlog = DATAGRAMS_LIMIT;
	socket->other = (struct linux_ucred){.uid = UINT32_MAX, .gid = UINT32_MAX};
	return socket;
}

void socket_put(struct socket *socket)
{
	if (!socket || __atomic_sub_fetch(&socket->references, 1, __ATOMIC_ACQ_REL))
		return;
	address_put(socket->name);
	heap_free(socket);
}

struct linux_ucred credentials_own(void)
{
	struct process *process = self_process();

	return (struct linux_ucred){process->pid, process->credentials.euid, process->credentials.egid};
}

void socket_lock_two(struct socket *a, struct socket *b)
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		mutex_lock(a < b ? &b->lock : &a->lock);
}

void socket_unlock_two(struct socket *a, struct socket *b)
{
	mutex_unlock(&a->lock);
	if (a != b)
		mutex_unlock(&b->lock);
}

int socket_sleep(struct wait_queue *queue, struct socket *locked, uint64_t deadline)
{
	int status = wait_queue_sleep(queue, &locked->lock, true, deadline);

	if (status == -ETIMEDOUT)
		return -EAGAIN;
	return status == -ERESTARTSYS && deadline ? -EINTR : status;
}

int64_t socket_error_take(struct socket *socket)
{
	return -(int64_t)__atomic_exchange_n(&socket->error, 0, __ATOMIC_RELAXED);
}

void socket_changed(struct socket *socket)
{
	queue_wake_all(&socket->read_wait);
	queue_wake_all(&socket->room_wait);
	queue_wake_events(&socket->poll_wait, socket->shutdown == SHUT_BOTH ? ~0u : ~(uint32_t)POLLHUP);
}

/* ---- closing ---- */

/* Those who wait to be accepted are told that nobody will. Lock held; it is let go of meanwhile. */
static void accept_queue_close(struct socket *socket)
{
	struct socket *one;

	while ((one = socket->accept_first)) {
		socket->accept_first = one->accept_next;
		mutex_unlock(&socket->lock);
		__atomic_store_n(&one->peer->error, ECONNRESET, __ATOMIC_RELAXED);
		socket_close(one);
		socket_put(one);
		mutex_lock(&socket->lock);
	}
	socket->accept_last = 0;
	socket->waiting = 0;
}

/* The peer of a connection that ends. Data that nobody read are an error for it. */
static void peer_hang_up(struct socket *peer, bool unread)
{
	mutex_lock(&peer->lock);
	peer->shutdown = SHUT_BOTH;
	if (unread)
		peer->error = ECONNRESET;
	mutex_unlock(&peer->lock);
	socket_changed(peer);
}

void socket_close(struct socket *socket)
{
	struct socket *peer;
	bool unread;

	socket_unname(socket);
	if (socket->type == SOCK_DGRAM)
		datagram_unlink(socket);
	mutex_lock(&socket->lock);
	socket->state = SOCKET_CLOSED;
	socket->shutdown = SHUT_BOTH;
	socket->file = 0;
	peer = socket->peer;
	socket->peer = 0;
	unread = socket->first != 0;
	accept_queue_close(socket);
	mutex_unlock(&socket->lock);
	queue_free(socket);             /* nobody sends to it any more */
	socket_changed(socket);
	if (socket->type == SOCK_DGRAM)
		datagram_room(socket);
	else if (peer)
		peer_hang_up(peer, unread);
	socket_put(peer);
}

static void socket_release(struct file *file)
{
	struct socket *socket = file->state;

	socket_close(socket);
	socket_put(socket);
}

/* ---- polling ---- */

/* May something be sent? A quarter of the buffer at most is in use. */
static bool socket_writable(struct socket *socket)
{
	struct socket *peer = socket->peer;

	if (!peer || socket->state == SOCKET_CLOSED)
		return socket->state != SOCKET_LISTENING;
	if (socket->type == SOCK_DGRAM && peer->peer != socket &&
	    __atomic_load_n(&peer->messages, __ATOMIC_RELAXED) > DATAGRAMS_LIMIT)
		return false;
	return __atomic_load_n(&peer->queued, __ATOMIC_RELAXED) * 4 <= socket->send_buffer;
}

static uint32_t socket_poll(struct file *file, struct poll_table *table)
{
	struct socket *socket = file->state;
	uint32_t events = 0;

	poll_watch(table, &socket->poll_wait);
	mutex_lock(&socket->lock);
	if (socket->error)
		events |= POLLERR;
	if (socket->shutdown == SHUT_BOTH)
		events |= POLLHUP;
	if (socket->shutdown & SHUT_READING)
		events |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (socket->first || socket->accept_first)
		events |= POLLIN | POLLRDNORM;
	if (socket->type != SOCK_DGRAM && socket->state == SOCKET_UNCONNECTED)
		events |= POLLHUP;
	if (socket_writable(socket))
		events |= POLLOUT | POLLWRNORM | POLLWRBAND;
	mutex_unlock(&socket->lock);
	return events;
}

/* ---- the file ---- */

static uint64_t bytes_queued(const struct socket *socket)
{
	uint64_t bytes = 0;

	if (socket->type == SOCK_DGRAM)
		return socket->first ? socket->first->message_bytes : 0;
	for (const struct segment *segment = socket->first; segment; segment = segment->next)
		for (const struct segment *part = segment; part; part = part->rest)
			bytes += part->end - part->at;
	return bytes;
}

static uint64_t bytes_sent(struct socket *socket)
{
	struct socket *peer;
	uint64_t bytes;

	mutex_lock(&socket->lock);
	peer = socket->peer;
	bytes = peer ? __atomic_load_n(&peer->queued, __ATOMIC_RELAXED) : 0;
	mutex_unlock(&socket->lock);
	return bytes;
}

static int64_t socket_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct socket *socket = file->state;
	int32_t value;

	if (request == TIOCOUTQ) {
		value = (int32_t)bytes_sent(socket);
	} else if (request == TIOCINQ) {
		mutex_lock(&socket->lock);
		value = socket->state == SOCKET_LISTENING ? -EINVAL : (int32_t)bytes_queued(socket);
		mutex_unlock(&socket->lock);
	} else {
		return -ENOTTY;
	}
	return value < 0 ? value : user_write(argument, &value, sizeof(value));
}

static int64_t socket_read(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct control control = {0};
	int64_t result = io->left ? socket_receive(file, io, 0, &control) : 0;

	control_drop(&control);
	return result;
}

static int64_t socket_write(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct control control = {0};

	return socket_send(file, io, 0, &control, 0);
}

const struct file_operations socket_operations = {
	.told = POLLIN | POLLOUT | POLLHUP, .told_starved = true,
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.ioctl = socket_ioctl,
	.release = socket_release,
};

struct file *socket_file(struct socket *socket, uint32_t flags)
{
	struct file *file = file_anonymous(&socket_operations, S_IFSOCK | 0777, O_RDWR | (flags & O_NONBLOCK), socket);

	if (!file) {
		socket_close(socket);
		socket_put(socket);
		return 0;
	}
	socket->file = file;
	return file;
}

int64_t socket_install(struct socket *socket, uint64_t flags)
{
	struct file *file = socket_file(socket, (uint32_t)flags);

	return file ? descriptor_install(file, 0, flags & O_CLOEXEC) : -ENOMEM;
}

int socket_held(struct held *held, int descriptor, struct socket **out)
{
	if (!held_get(held, descriptor))
		return -EBADF;
	*out = socket_of(held->file);
	if (*out)
		return 0;
	held_put(held);
	return -ENOTSOCK;
}

/* ---- system calls ---- */

/* The type that a program asked for. > 0, or -E*. */
static int type_check(uint64_t domain, uint64_t type, uint64_t protocol)
{
	int32_t family = (int32_t)domain, kind = (int32_t)type & SOCK_TYPE_MASK;

	if ((type & 0xffffffff & ~(uint64_t)(SOCK_TYPE_MASK | SOCKET_FLAGS)) || kind >= SOCK_TYPES)
		return -EINVAL;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;
	if ((uint32_t)protocol != 0 && (uint32_t)protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (kind == SOCK_RAW)
		return SOCK_DGRAM;
	return kind == SOCK_STREAM || kind == SOCK_DGRAM || kind == SOCK_SEQPACKET ? kind : -ESOCKTNOSUPPORT;
}

int64_t sys_socket(SYSCALL_ARGUMENTS)
{
	int type = type_check(a0, a1, a2);
	struct socket *socket;

	if (type < 0)
		return type;
	socket = socket_make((uint8_t)type);
	return socket ? socket_install(socket, a1) : -ENOMEM;
}

static void pair_connect(struct socket *a, struct socket *b)
{
	socket_get(a);
	socket_get(b);
	if (a->type == SOCK_DGRAM) {
		datagram_link(a, b);
		datagram_link(b, a);
	} else {
		a->peer = b;
		b->peer = a;
	}
	a->own = b->own = a->other = b->other = credentials_own();
	a->state = b->state = SOCKET_CONNECTED;
}

/* Two connected files, or none. */
static int64_t pair_make(uint8_t type, uint32_t flags, struct file *file[2])
{
	struct socket *a = socket_make(type), *b = a ? socket_make(type) : 0;

	if (!b) {
		socket_put(a);
		return -ENOMEM;
	}
	pair_connect(a, b);
	file[0] = socket_file(a, flags);
	file[1] = socket_file(b, flags);
	if (file[0] && file[1])
		return 0;
	for (int i = 0; i < 2; i++)
		if (file[i])
			file_put(file[i]);
	return -ENOMEM;
}

int64_t sys_socketpair(SYSCALL_ARGUMENTS)
{
	int type = type_check(a0, a1, a2);
	struct file *file[2];
	int64_t status;

	if (type < 0)
		return type;
	status = pair_make((uint8_t)type, (uint32_t)a1, file);
	return status ? status : descriptors_install_two(file, a3, a1 & O_CLOEXEC);
}
