/* Options of sockets (socket(7), unix(7)). */
#include "socket/socket.h"

enum { BUFFER_LARGEST = 212992, TIME_LIMIT_SECONDS = 1 << 30, ALWAYS_ZERO = 0 };

/* Options that are kept and given back, and change nothing here: bit numbers of socket.switches. */
static int switch_of(uint64_t name)
{
	static const uint8_t names[] = {
		SO_DEBUG, SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE, SO_NO_CHECK, SO_REUSEPORT, SO_PASSSEC,
		SO_TIMESTAMP, SO_TIMESTAMPNS,
	};

	for (int i = 0; i < (int)sizeof(names); i++)
		if (names[i] == name)
			return i;
	return -1;
}

static uint32_t buffer_size(int32_t asked, uint32_t least)
{
	uint32_t size = asked < 0 || asked > BUFFER_LARGEST ? BUFFER_LARGEST : (uint32_t)asked;

	return size * 2 < least ? least : size * 2;
}

static int timeout_set(uint64_t *timeout_ns, uint64_t from, uint64_t bytes)
{
	struct linux_timeval time;

	if (bytes < sizeof(time))
		return -EINVAL;
	if (user_read(&time, from, sizeof(time)))
		return -EFAULT;
	if (time.microseconds < 0 || time.microseconds >= 1000000)
		return -EDOM;
	if (time.seconds < 0)
		*timeout_ns = 1;
	else
		*timeout_ns = time.seconds > TIME_LIMIT_SECONDS ? 0 :
			(uint64_t)time.seconds * 1000000000 + (uint64_t)time.microseconds * 1000;
	return 0;
}

static int linger_set(struct socket *socket, uint64_t from, uint64_t bytes)
{
	struct linux_linger linger;

	if (bytes < sizeof(linger))
		return -EINVAL;
	if (user_read(&linger, from, sizeof(linger)))
		return -EFAULT;
	socket->linger = (struct linux_linger){linger.on != 0, linger.on ? linger.seconds : socket->linger.seconds};
	return 0;
}

static int number_set(struct socket *socket, uint64_t name, int32_t value)
{
	int bit = switch_of(name);

	if (bit >= 0) {
		socket->switches = value ? socket->switches | 1u << bit : socket->switches & ~(1u << bit);
		return 0;
	}
	switch (name) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		__atomic_store_n(&socket->send_buffer, buffer_size(value, BUFFER_LEAST), __ATOMIC_RELAXED);
		return 0;
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		socket->receive_buffer = buffer_size(value, BUFFER_RECEIVE_LEAST);
		return 0;
	case SO_PASSCRED:
		socket->pass_credentials = value != 0;
		return 0;
	case SO_RCVLOWAT:
		socket->low_water = value < 0 ? INT32_MAX : value ? (uint32_t)value : 1;
		return 0;
	case SO_PRIORITY:
		socket->priority = (uint32_t)value;
		return 0;
	}
	return -ENOPROTOOPT;            /* SO_TYPE and others that can only be read too */
}

static int option_set(struct socket *socket, uint64_t name, uint64_t from, uint64_t bytes)
{
	int32_t value;

	if (name == SO_SNDTIMEO)
		return timeout_set(&socket->send_timeout_ns, from, bytes);
	if (name == SO_RCVTIMEO)
		return timeout_set(&socket->receive_timeout_ns, from, bytes);
	if (bytes < sizeof(value))
		return -EINVAL;
	if (user_read(&value, from, sizeof(value)))
		return -EFAULT;
	if (name == SO_LINGER)
		return linger_set(socket, from, bytes);
	if ((name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE) && !capable(CAP_NET_ADMIN))
		return -EPERM;
	return number_set(socket, name, value);
}

int64_t sys_setsockopt(SYSCALL_ARGUMENTS)
{
	struct socket *socket;
	struct held held;
	int64_t status = socket_held(&held, (int)a0, &socket);

	if (status)
		return status;
	if ((int32_t)a4 < 0)
		status = -EINVAL;
	else
		status = (uint32_t)a1 == SOL_SOCKET ? option_set(socket, (uint32_t)a2, a3, (uint32_t)a4) : -EOPNOTSUPP;
	held_put(&held);
	return status;
}

/* ---- reading ---- */

struct option {                 /* a value as the program gets it */
	uint32_t bytes;
	union {
		int32_t number;
		struct linux_timeval time;
		struct linux_linger linger;
		struct linux_ucred credentials;
	};
};

static struct linux_timeval timeout_get(uint64_t ns)
{
	return (struct linux_timeval){(int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000 / 1000)};
}

/* -ENOPROTOOPT: no such option. */
static int64_t number_get(struct socket *socket, uint64_t name)
{
	int bit = switch_of(name);

	if (bit >= 0)
		return socket->switches >> bit & 1;
	switch (name) {
	case SO_TYPE:
		return socket->type;
	case SO_DOMAIN:
		return AF_UNIX;
	case SO_ERROR:
		return -socket_error_take(socket);
	case SO_SNDBUF:
		return socket->send_buffer;
	case SO_RCVBUF:
		return socket->receive_buffer;
	case SO_PASSCRED:
		return socket->pass_credentials;
	case SO_ACCEPTCONN:
		return socket->state == SOCKET_LISTENING;
	case SO_RCVLOWAT:
		return socket->low_water;
	case SO_SNDLOWAT:
		return 1;
	case SO_PRIORITY:
		return socket->priority;
	case SO_PROTOCOL:
	case SO_MARK:
	case SO_BSDCOMPAT:
		return ALWAYS_ZERO;
	}
	return -ENOPROTOOPT;
}

static int option_get(struct socket *socket, uint64_t name, struct option *option)
{
	int64_t number;

	switch (name) {
	case SO_SNDTIMEO:
	case SO_RCVTIMEO:
		option->time = timeout_get(name == SO_SNDTIMEO ? socket->send_timeout_ns : socket->receive_timeout_ns);
		option->bytes = sizeof(option->time);
		return 0;
	case SO_LINGER:
		option->linger = socket->linger;
		option->bytes = sizeof(option->linger);
		return 0;
	case SO_PEERCRED:
		option->credentials = socket->other;
		option->bytes = sizeof(option->credentials);
		return 0;
	}
	number = number_get(socket, name);
	option->number = (int32_t)number;
	option->bytes = sizeof(option->number);
	return number < 0 ? (int)number : 0;
}

static int64_t option_read(struct socket *socket, uint64_t name, uint64_t to, uint64_t bytes_at)
{
	struct option option;
	int32_t room;
	int status;

	if (user_read(&room, bytes_at, sizeof(room)))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	status = option_get(socket, name, &option);
	if (status)
		return status;
	room = (uint32_t)room < option.bytes ? room : (int32_t)option.bytes;
	if (user_write(to, &option.number, (uint32_t)room))
		return -EFAULT;
	return user_write(bytes_at, &room, sizeof(room));
}

int64_t sys_getsockopt(SYSCALL_ARGUMENTS)
{
	struct socket *socket;
	struct held held;
	int64_t status = socket_held(&held, (int)a0, &socket);

	if (status)
		return status;
	status = (uint32_t)a1 == SOL_SOCKET ? option_read(socket, (uint32_t)a2, a3, a4) : -EOPNOTSUPP;
	held_put(&held);
	return status;
}
