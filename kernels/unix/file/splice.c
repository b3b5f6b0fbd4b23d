/* splice, tee and vmsplice: bytes between a pipe and another file, straight from and to the pipe's pages. The pipe is locked
 * while the other file reads or writes, so it must be one that does so at once: what would wait is waited for before.
 * Locks: pipe.lock (of two: by address) > inode lock of a regular file, socket.lock. */
#include "file/pipe.h"
#include "socket/socket.h"

enum { SPLICE_MOVE = 1, SPLICE_NONBLOCK = 2, SPLICE_MORE = 4, SPLICE_GIFT = 8, SPLICE_ALL = 15, MAJOR_MEMORY = 1 };

struct splice {                 /* one call */
	struct file *from, *to;
	uint64_t *from_at, *to_at;  /* null: the file's own position */
	uint64_t bytes;
	bool wait;                  /* for pipes */
	struct rights *fallen;      /* files that came with bytes of a socket: put when nothing is locked */
};

/* Does the file read and write without waiting, but for sockets, which can be asked to? */
static bool is_prompt(const struct file *file)
{
	return inode_is(file->inode, S_IFREG) || socket_of(file) ||
		(inode_is(file->inode, S_IFCHR) && file->inode->device >> 8 == MAJOR_MEMORY);
}

static int64_t prompt_move(struct splice *splice, struct file *file, uint64_t *at, char *address, uint64_t bytes, bool write)
{
	struct control control = {0};
	int64_t result;
	struct io io;

	io_own(&io, address, bytes);
	if (!socket_of(file))
		return file_move(file, &io, at, write);
	if (write)
		return socket_send(file, &io, MSG_DONTWAIT, &control, 0);
	result = socket_receive(file, &io, MSG_DONTWAIT, &control);
	if (control.rights) {
		control.rights->next = splice->fallen;
		splice->fallen = control.rights;
		control.rights = 0;
	}
	control_drop(&control);
	return result;
}

static void fallen_drop(struct splice *splice)
{
	while (splice->fallen) {
		struct rights *rights = splice->fallen;

		splice->fallen = rights->next;
		rights_drop(rights);
	}
}

struct readiness {
	struct file *file;
	uint32_t events;
};

static int64_t readiness_scan(void *what, struct poll_table *table)
{
	struct readiness *readiness = what;

	return (file_poll(readiness->file, table) & readiness->events) != 0;
}

/* A file said EAGAIN: waits until it is ready, with the pipe let go of. 0: try again, -EAGAIN: it does not wait, -ERESTARTSYS. */
static int64_t prompt_wait(struct pipe *pipe, struct file *file, uint32_t events)
{
	struct readiness readiness = {file, events | POLLERR | POLLHUP};
	int64_t status;

	if (file->flags & O_NONBLOCK)
		return -EAGAIN;
	mutex_unlock(&pipe->lock);
	status = poll_until(readiness_scan, &readiness, 1, 0, true);
	mutex_lock(&pipe->lock);
	return status == -EINTR ? -ERESTARTSYS : status < 0 ? status : 0;
}

/* One step out of a pipe. Lock held. Bytes, 0: the end, -EAGAIN, -E*. */
static int64_t step_out(struct splice *splice, struct pipe *pipe, bool wait)
{
	uint64_t bytes = splice->bytes;
	int64_t done = pipe_wait_filled(pipe, wait);
	char *front;

	if (done || !pipe_filled(pipe))
		return done;
	front = pipe_front(pipe, &bytes);
	done = prompt_move(splice, splice->to, splice->to_at, front, bytes, true);
	if (done > 0)
		pipe_drop(pipe, (uint64_t)done);
	return done;
}

static int64_t pipe_to_file(struct splice *splice, struct pipe *pipe)
{
	int64_t total = 0, step = 0;

	mutex_lock(&pipe->lock);
	while (splice->bytes && step >= 0) {
		step = step_out(splice, pipe, splice->wait && !total);
		if (step == -EAGAIN && !total && pipe_filled(pipe))
			step = prompt_wait(pipe, splice->to, POLLOUT);
		else if (step <= 0)
			break;
		total += step > 0 ? step : 0;
		splice->bytes -= step > 0 ? (uint64_t)step : 0;
	}
	mutex_unlock(&pipe->lock);
	return total ? total : step;
}

/* One step into a pipe. Lock held. */
static int64_t step_in(struct splice *splice, struct pipe *pipe, bool wait, bool *full)
{
	uint64_t bytes = splice->bytes;
	int64_t done = pipe_wait_room(pipe, wait);
	char *back;

	*full = done != 0;
	if (done)
		return done;
	back = pipe_back(pipe, &bytes);
	if (!back)
		return -ENOMEM;
	done = prompt_move(splice, splice->from, splice->from_at, back, bytes, false);
	pipe_fill(pipe, done > 0 ? (uint64_t)done : 0);
	return done;
}

static int64_t file_to_pipe(struct splice *splice, struct pipe *pipe)
{
	int64_t total = 0, step = 0;
	bool full;

	mutex_lock(&pipe->lock);
	while (splice->bytes && step >= 0) {
		step = step_in(splice, pipe, splice->wait && !total, &full);
		if (step == -EAGAIN && !full && !total)
			step = prompt_wait(pipe, splice->from, POLLIN);
		else if (step <= 0)
			break;
		total += step > 0 ? step : 0;
		splice->bytes -= step > 0 ? (uint64_t)step : 0;
	}
	mutex_unlock(&pipe->lock);
	fallen_drop(splice);
	if (step == -EPIPE && !total)
		signal_send_self(SIGPIPE);
	return total ? total : step;
}

/* ---- from pipe to pipe ---- */

static void pipes_lock(struct pipe *a, struct pipe *b)
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	mutex_lock(a < b ? &b->lock : &a->lock);
}

/* Locks both when there is something in the one and room in the other. 0: locked (or the end, and it is empty); -E*: not. */
static int64_t pipes_wait(struct pipe *from, struct pipe *to, bool wait)
{
	int64_t status = 0;

	for (;;) {
		mutex_lock(&from->lock);
		status = pipe_wait_filled(from, wait);
		mutex_unlock(&from->lock);
		if (status)
			return status;
		mutex_lock(&to->lock);
		status = pipe_wait_room(to, wait);
		mutex_unlock(&to->lock);
		if (status)
			return status;
		pipes_lock(from, to);
		if ((pipe_filled(from) || !from->writers) && (pipe_room(to) || !to->readers))
			return 0;
		mutex_unlock(&from->lock);
		mutex_unlock(&to->lock);
	}
}

/* Copies straight parts. Both locks held. Bytes, -ENOMEM. */
static int64_t pages_move(struct pipe *from, struct pipe *to, uint64_t bytes)
{
	int64_t total = 0;

	while (bytes && pipe_filled(from) && pipe_room(to)) {
		uint64_t step = bytes;
		char *front = pipe_front(from, &step), *back = pipe_back(to, &step);

		if (!back)
			return total ? total : -ENOMEM;
		memcpy(back, front, step);
		pipe_fill(to, step);
		pipe_drop(from, step);
		bytes -= step;
		total += (int64_t)step;
	}
	return total;
}

/* The same, and the bytes stay where they were. */
static int64_t pages_copy(struct pipe *from, struct pipe *to, uint64_t bytes)
{
	uint64_t tail = from->tail;
	int64_t total = 0;

	while (bytes && pipe_filled(from) && pipe_room(to)) {
		uint64_t step = bytes;
		char *front = pipe_front(from, &step), *back = pipe_back(to, &step);

		if (!back)
			break;
		memcpy(back, front, step);
		pipe_fill(to, step);
		from->tail += step;     /* looked at only: put back below */
		bytes -= step;
		total += (int64_t)step;
	}
	from->tail = tail;
	return total;
}

static int64_t pipe_to_pipe(struct pipe *from, struct pipe *to, uint64_t bytes, bool wait, bool keep)
{
	int64_t result;

	if (from == to)
		return -EINVAL;
	result = pipes_wait(from, to, wait);
	if (result == 0) {
		result = !to->readers ? -EPIPE : keep ? pages_copy(from, to, bytes) : pages_move(from, to, bytes);
		mutex_unlock(&from->lock);
		mutex_unlock(&to->lock);
	}
	if (result == -EPIPE)
		signal_send_self(SIGPIPE);
	return result;
}

/* ---- system calls ---- */

/* An offset that a program gives for one side. 0, -ESPIPE, -EINVAL, -EFAULT. */
static int offset_take(struct file *file, uint64_t address, uint64_t *value, uint64_t **at)
{
	*at = 0;
	if (!address)
		return 0;
	if (pipe_of_file(file))
		return -ESPIPE;
	if (!file->operations->seekable)
		return -EINVAL;
	if (user_read(value, address, sizeof(*value)))
		return -EFAULT;
	*at = value;
	return (int64_t)*value < 0 ? -EINVAL : 0;
}

static int64_t splice_run(struct splice *splice, uint32_t flags)
{
	struct pipe *from = pipe_of_file(splice->from), *to = pipe_of_file(splice->to);
	bool one_waits = !(flags & SPLICE_NONBLOCK);

	if (!file_readable(splice->from) || !file_writable(splice->to))
		return -EBADF;
	if (from && to) {
		splice->wait = one_waits && !((splice->from->flags | splice->to->flags) & O_NONBLOCK);
		return pipe_to_pipe(from, to, splice->bytes, splice->wait, false);
	}
	if (!from && !to)
		return -EINVAL;
	if (!is_prompt(from ? splice->to : splice->from) || (from && (splice->to->flags & O_APPEND)))
		return -EINVAL;
	splice->wait = one_waits && !((from ? splice->from : splice->to)->flags & O_NONBLOCK);
	return from ? pipe_to_file(splice, from) : file_to_pipe(splice, to);
}

static int64_t splice_files(struct splice *splice, uint64_t from_offset, uint64_t to_offset, uint32_t flags)
{
	uint64_t from_value, to_value;
	int64_t result = offset_take(splice->from, from_offset, &from_value, &splice->from_at);

	if (result == 0)
		result = offset_take(splice->to, to_offset, &to_value, &splice->to_at);
	if (result == 0)
		result = splice_run(splice, flags);
	if (result > 0 && splice->from_at && user_write(from_offset, &from_value, sizeof(from_value)))
		return -EFAULT;
	if (result > 0 && splice->to_at && user_write(to_offset, &to_value, sizeof(to_value)))
		return -EFAULT;
	return result;
}

/* Borrows both files. 0, -EBADF. */
static int two_held(struct held *from, struct held *to, uint64_t from_descriptor, uint64_t to_descriptor)
{
	if (!held_get(from, (int)from_descriptor))
		return -EBADF;
	if (held_get(to, (int)to_descriptor))
		return 0;
	held_put(from);
	return -EBADF;
}

int64_t sys_splice(SYSCALL_ARGUMENTS)
{
	struct splice splice = {.bytes = a4};
	struct held from, to;
	int64_t result;

	if (!a4)
		return 0;
	if ((uint32_t)a5 & ~(uint32_t)SPLICE_ALL)
		return -EINVAL;
	result = two_held(&from, &to, a0, a2);
	if (result)
		return result;
	splice.from = from.file;
	splice.to = to.file;
	result = splice_files(&splice, a1, a3, (uint32_t)a5);
	held_put(&from);
	held_put(&to);
	return result;
}

int64_t sys_tee(SYSCALL_ARGUMENTS)
{
	struct pipe *in, *out;
	struct held from, to;
	int64_t result;
	bool wait;

	if ((uint32_t)a3 & ~(uint32_t)SPLICE_ALL)
		return -EINVAL;
	if (!a2)
		return 0;
	result = two_held(&from, &to, a0, a1);
	if (result)
		return result;
	in = pipe_of_file(from.file);
	out = pipe_of_file(to.file);
	wait = !(a3 & SPLICE_NONBLOCK) && !((from.file->flags | to.file->flags) & O_NONBLOCK);
	if (!file_readable(from.file) || !file_writable(to.file))
		result = -EBADF;
	else
		result = in && out ? pipe_to_pipe(in, out, a2, wait, true) : -EINVAL;
	held_put(&from);
	held_put(&to);
	return result;
}

int64_t sys_vmsplice(SYSCALL_ARGUMENTS)
{
	struct held held;
	bool pipe, write;

	if ((uint32_t)a3 & ~(uint32_t)SPLICE_ALL)
		return -EINVAL;
	if (!held_get(&held, (int)a0))
		return -EBADF;
	pipe = pipe_of_file(held.file) != 0;
	write = file_writable(held.file);
	held_put(&held);
	if (!pipe)
		return -EBADF;
	return write ? sys_writev(a0, a1, a2, 0, 0, 0) : sys_readv(a0, a1, a2, 0, 0, 0);
}
