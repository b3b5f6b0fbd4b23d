/* The calls that send and receive. */
#include "socket/socket.h"

enum { PIECES_SMALL = 8, MESSAGES_LIMIT = 1024 };

int64_t socket_send(struct file *file, struct io *io, uint32_t flags, struct control *control, const struct target *target)
{
	struct socket *me = file->state;
	int64_t result;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (file->flags & O_NONBLOCK)
		flags |= MSG_DONTWAIT;
	if (!control->has_credentials)
		control->credentials = credentials_own();
	if (target && target->bytes && me->type == SOCK_STREAM)
		return me->state == SOCKET_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (control->rights)
		rights_fly(control->rights);
	result = me->type == SOCK_STREAM ? stream_send(me, io, flags, control) : datagram_send(me, io, flags, control, target);
	if (control->rights)
		rights_land(control->rights);
	return result;
}

int64_t socket_receive(struct file *file, struct io *io, uint32_t flags, struct control *control)
{
	struct socket *me = file->state;
	int64_t result;

	if (flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (file->flags & O_NONBLOCK)
		flags |= MSG_DONTWAIT;
	result = me->type == SOCK_STREAM ? stream_receive(me, io, flags, control) : datagram_receive(me, io, flags, control);
	if (control->rights && !(flags & MSG_PEEK))
		rights_land(control->rights);
	return result;
}

/* ---- a message in one piece ---- */

static int buffer_start(struct io *io, uint64_t address, uint64_t bytes)
{
	if (bytes > INT32_MAX)
		bytes = 0x7ffff000;
	if (address > PROGRAM_TOP || bytes > PROGRAM_TOP - address)
		return -EFAULT;
	io_program(io, address, bytes);
	return 0;
}

int64_t sys_sendto(SYSCALL_ARGUMENTS)
{
	struct control control = {0};
	struct target target = {.bytes = 0};
	struct socket *socket;
	struct held held;
	struct io io;
	int64_t status = buffer_start(&io, a1, a2);

	if (status)
		return status;
	status = socket_held(&held, (int)a0, &socket);
	if (status)
		return status;
	if (a4)
		status = target_read(&target, a4, (int32_t)a5);
	if (status == 0)
		status = socket_send(held.file, &io, (uint32_t)a3, &control, &target);
	held_put(&held);
	return status;
}

int64_t sys_recvfrom(SYSCALL_ARGUMENTS)
{
	struct control control = {0};
	struct socket *socket;
	struct held held;
	struct io io;
	int64_t result = buffer_start(&io, a1, a2);
	int status;

	if (result)
		return result;
	result = socket_held(&held, (int)a0, &socket);
	if (result)
		return result;
	result = socket_receive(held.file, &io, (uint32_t)a3, &control);
	if (result >= 0 && a4) {
		status = address_write(control.from, a4, a5, true);
		result = status ? status : result;
	}
	control_drop(&control);
	held_put(&held);
	return result;
}

/* ---- a message with a header ---- */

struct call {                   /* one sendmsg or recvmsg */
	struct linux_msghdr header;
	struct linux_iovec few[PIECES_SMALL];
	void *block;                /* of many pieces */
	struct io io;
};

static int call_start(struct call *call, uint64_t address)
{
	struct linux_iovec *pieces = call->few;
	uint64_t count;

	call->block = 0;
	if (user_read(&call->header, address, sizeof(call->header)))
		return -EFAULT;
	count = call->header.piece_count;
	if (call->header.name && call->header.name_bytes < 0)
		return -EINVAL;
	if (count > IOV_MAX)
		return -EMSGSIZE;
	if (count > PIECES_SMALL)
		pieces = call->block = page_block_alloc();
	if (!pieces)
		return -ENOMEM;
	if (user_read(pieces, call->header.pieces, count * sizeof(*pieces)))
		return -EFAULT;
	return io_pieces(&call->io, pieces, count);
}

static void call_end(struct call *call)
{
	if (call->block)
		page_block_free(call->block);
}

static int64_t message_send(struct file *file, uint64_t address, uint32_t flags)
{
	struct control control = {0};
	struct target target = {.bytes = 0};
	struct call call;
	int64_t status = call_start(&call, address);

	if (status == 0 && call.header.name && call.header.name_bytes)
		status = target_read(&target, call.header.name, call.header.name_bytes < 128 ? call.header.name_bytes : 128);
	control.credentials = credentials_own();
	control.has_credentials = true;
	if (status == 0)
		status = control_read(&control, call.header.control, call.header.control_bytes);
	if (status == 0)
		status = socket_send(file, &call.io, flags, &control, &target);
	if (status == -EAGAIN)
		async_starved(file);
	control_drop(&control);
	call_end(&call);
	return status;
}

/* Writes what recvmsg says besides the bytes. 0, -EFAULT, -EINVAL. */
static int results_write(struct call *call, uint64_t address, uint32_t flags, struct control *control, struct socket *me)
{
	enum { NAME_BYTES_AT = 8, CONTROL_BYTES_AT = 40, FLAGS_AT = 48 };
	struct control_room room = {.at = call->header.control, .left = call->header.control ? call->header.control_bytes : 0};
	int status = 0;

	if (call->header.name)
		status = address_write(control->from, call->header.name, address + NAME_BYTES_AT, true);
	if (status == 0)
		status = control_write(control, &room, me->pass_credentials, flags & MSG_CMSG_CLOEXEC);
	if (status)
		return status;
	control->flags |= room.flags | (flags & MSG_CMSG_CLOEXEC);
	if (user_write(address + FLAGS_AT, &control->flags, 4) || user_write(address + CONTROL_BYTES_AT, &room.done, 8))
		return -EFAULT;
	return 0;
}

static int64_t message_receive(struct file *file, uint64_t address, uint32_t flags)
{
	struct control control = {0};
	struct call call;
	int64_t result = call_start(&call, address);
	int status;

	if (result == 0)
		result = socket_receive(file, &call.io, flags, &control);
	if (result >= 0) {
		status = results_write(&call, address, flags, &control, file->state);
		result = status ? status : result;
	}
	control_drop(&control);
	call_end(&call);
	return result;
}

int64_t sys_sendmsg(SYSCALL_ARGUMENTS)
{
	struct socket *socket;
	struct held held;
	int64_t result = socket_held(&held, (int)a0, &socket);

	if (result)
		return result;
	result = message_send(held.file, a1, (uint32_t)a2);
	held_put(&held);
	return result;
}

int64_t sys_recvmsg(SYSCALL_ARGUMENTS)
{
	struct socket *socket;
	struct held held;
	int64_t result = socket_held(&held, (int)a0, &socket);

	if (result)
		return result;
	result = message_receive(held.file, a1, (uint32_t)a2);
	held_put(&held);
	return result;
}

/* ---- several messages ---- */

static int64_t messages_move(struct file *file, uint64_t address, uint32_t count, uint32_t flags, uint64_t deadline, bool send)
{
	int64_t result = 0;
	uint32_t done = 0;

	for (; done < count; done++, address += sizeof(struct linux_mmsghdr)) {
		result = send ? message_send(file, address, flags) : message_receive(file, address, flags & ~(uint32_t)MSG_WAITFORONE);
		if (result < 0)
			break;
		if (user_write(address + offsetof(struct linux_mmsghdr, bytes), &result, sizeof(uint32_t))) {
			result = -EFAULT;
			break;
		}
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (deadline && time_monotonic() >= deadline) {
			done++;
			break;
		}
	}
	return done ? (int64_t)done : result;
}

static int64_t messages_call(int descriptor, uint64_t address, uint64_t count, uint32_t flags, uint64_t deadline, bool send)
{
	uint32_t limited = (uint32_t)count < MESSAGES_LIMIT ? (uint32_t)count : MESSAGES_LIMIT;
	struct socket *socket;
	struct held held;
	int64_t result = socket_held(&held, descriptor, &socket);

	if (result)
		return result;
	result = messages_move(held.file, address, limited, flags, deadline, send);
	held_put(&held);
	return result;
}

int64_t sys_sendmmsg(SYSCALL_ARGUMENTS)
{
	return messages_call((int)a0, a1, a2, (uint32_t)a3, 0, true);
}

int64_t sys_recvmmsg(SYSCALL_ARGUMENTS)
{
	struct linux_timespec time;
	uint64_t deadline = 0;
	int64_t result;

	if (a4) {
		if (user_read(&time, a4, sizeof(time)))
			return -EFAULT;
		if (time.seconds < 0 || time.nanoseconds < 0 || time.nanoseconds >= 1000000000)
			return -EINVAL;
		deadline = time_monotonic() + (uint64_t)(time.seconds < 1 << 30 ? time.seconds : 1 << 30) * 1000000000 +
			(uint64_t)time.nanoseconds;
	}
	result = messages_call((int)a0, a1, a2, (uint32_t)a3, deadline, false);
	if (result > 0 && a4) {
		uint64_t now = time_monotonic(), left = deadline > now ? deadline - now : 0;

		time = (struct linux_timespec){(int64_t)(left / 1000000000), (int64_t)(left % 1000000000)};
		if (user_write(a4, &time, sizeof(time)))
			return -EFAULT;
	}
	return result;
}
