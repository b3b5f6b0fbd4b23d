/* read, write and their kin. */
#include "file/file.h"
#include "file/pipe.h"

enum { MOVE_LIMIT = 0x7ffff000, IOV_SMALL = 8 };

static int64_t file_do(struct file *file, struct io *io, uint64_t *position, bool write)
{
	int64_t (*move)(struct file *, struct io *, uint64_t *) = write ? file->operations->write : file->operations->read;
	int64_t result;

	if (!(write ? file_writable(file) : file_readable(file)))
		return -EBADF;
	if (!move)
		return inode_is(file->inode, S_IFDIR) ? -EISDIR : -EINVAL;
	if (position)
		return file->operations->seekable ? move(file, io, position) : -ESPIPE;
	if (!file->operations->seekable || file->operations->stateless)
		return move(file, io, &file->position);
	mutex_lock(&file->lock);
	result = move(file, io, &file->position);
	mutex_unlock(&file->lock);
	return result;
}

int64_t file_move(struct file *file, struct io *io, uint64_t *position, bool write)
{
	int64_t result = file_do(file, io, position, write);

	if (result > 0)
		file_noted(file, write ? IN_MODIFY : IN_ACCESS);
	else if (result == -EAGAIN && write)
		async_starved(file);
	return result;
}

int64_t file_read(struct file *file, struct io *io)
{
	return file_move(file, io, 0, false);
}

int64_t file_write(struct file *file, struct io *io)
{
	return file_move(file, io, 0, true);
}

static int64_t move_call(int descriptor, uint64_t address, uint64_t bytes, uint64_t *position, bool write)
{
	struct held held;
	struct io io;
	int64_t result;

	if (!held_get(&held, descriptor))
		return -EBADF;
	if (position && (int64_t)*position < 0)
		result = -EINVAL;
	else if (address > PROGRAM_TOP || bytes > PROGRAM_TOP - address)
		result = (int64_t)bytes < 0 ? -EINVAL : -EFAULT;
	else {
		io_program(&io, address, bytes < MOVE_LIMIT ? bytes : MOVE_LIMIT);
		result = file_move(held.file, &io, position, write);
	}
	held_put(&held);
	return result;
}

int64_t sys_read(SYSCALL_ARGUMENTS)
{
	return move_call((int)a0, a1, a2, 0, false);
}

int64_t sys_write(SYSCALL_ARGUMENTS)
{
	return move_call((int)a0, a1, a2, 0, true);
}

int64_t sys_pread64(SYSCALL_ARGUMENTS)
{
	return move_call((int)a0, a1, a2, &a3, false);
}

int64_t sys_pwrite64(SYSCALL_ARGUMENTS)
{
	return move_call((int)a0, a1, a2, &a3, true);
}

int io_pieces(struct io *io, const struct linux_iovec *pieces, uint64_t count)
{
	uint64_t total = 0;

	for (uint64_t i = 0; i < count; i++) {
		if ((int64_t)pieces[i].bytes < 0 || (int64_t)(total + pieces[i].bytes) < 0)
			return -EINVAL;
		if (pieces[i].bytes && (pieces[i].base > PROGRAM_TOP || pieces[i].bytes > PROGRAM_TOP - pieces[i].base))
			return -EFAULT;
		total += pieces[i].bytes;
	}
	*io = (struct io){.next = pieces, .pieces = (uint32_t)count, .left = total < MOVE_LIMIT ? total : MOVE_LIMIT};
	return 0;
}

static int64_t pieces_move(struct file *file, uint64_t list, uint64_t count, uint64_t *position, bool write)
{
	struct linux_iovec few[IOV_SMALL], *pieces = few;
	void *block = 0;
	struct io io;
	int64_t result;

	if (count > IOV_SMALL) {
		block = page_block_alloc();
		if (!block)
			return -ENOMEM;
		pieces = block;
	}
	result = user_read(pieces, list, count * sizeof(struct linux_iovec));
	if (result == 0)
		result = io_pieces(&io, pieces, count);
	if (result == 0)
		result = file_move(file, &io, position, write);
	if (block)
		page_block_free(block);
	return result;
}

static int64_t pieces_call(int descriptor, uint64_t list, uint64_t count, uint64_t *position, bool write)
{
	struct held held;
	int64_t result;

	if (!held_get(&held, descriptor))
		return -EBADF;
	if (count > IOV_MAX || (position && (int64_t)*position < 0))
		result = -EINVAL;
	else
		result = pieces_move(held.file, list, count, position, write);
	held_put(&held);
	return result;
}

int64_t sys_readv(SYSCALL_ARGUMENTS)
{
	return pieces_call((int)a0, a1, a2, 0, false);
}

int64_t sys_writev(SYSCALL_ARGUMENTS)
{
	return pieces_call((int)a0, a1, a2, 0, true);
}

int64_t sys_preadv(SYSCALL_ARGUMENTS)
{
	return pieces_call((int)a0, a1, a2, &a3, false);
}

int64_t sys_pwritev(SYSCALL_ARGUMENTS)
{
	return pieces_call((int)a0, a1, a2, &a3, true);
}

enum { RWF_HIPRI = 1, RWF_DSYNC = 2, RWF_SYNC = 4, RWF_NOWAIT = 8, RWF_APPEND = 16 };

/* Written at the end, whatever the position is. */
static int64_t pieces_append(int descriptor, uint64_t list, uint64_t count)
{
	uint64_t end = POSITION_END;
	struct held held;
	int64_t result;

	if (!held_get(&held, descriptor))
		return -EBADF;
	result = count > IOV_MAX ? -EINVAL : pieces_move(held.file, list, count, &end, true);
	held_put(&held);
	return result;
}

/* Whether a read or write of it never waits, as RWF_NOWAIT wants. 0, -EBADF, -EOPNOTSUPP. */
static int never_waits(int descriptor)
{
	struct held held;
	int status;

	if (!held_get_open(&held, descriptor))
		return -EBADF;
	status = inode_is(held.file->inode, S_IFREG) ? 0 : -EOPNOTSUPP;
	held_put(&held);
	return status;
}

/* preadv2 and pwritev2: a position of -1 is the file's own. */
static int64_t pieces_call_flagged(const uint64_t a[6], bool write)
{
	uint64_t position = a[3];
	uint32_t flags = (uint32_t)a[5];

	if (flags & ~(uint32_t)(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
		return -EOPNOTSUPP;
	if (flags & RWF_NOWAIT) {
		int status = never_waits((int)a[0]);

		if (status)
			return status;
	}
	if (write && (flags & RWF_APPEND) && (int64_t)position >= 0)
		return pieces_append((int)a[0], a[1], a[2]);
	return pieces_call((int)a[0], a[1], a[2], position == UINT64_MAX ? 0 : &position, write);
}

int64_t sys_preadv2(SYSCALL_ARGUMENTS)
{
	const uint64_t a[6] = {a0, a1, a2, a3, a4, a5};

	return pieces_call_flagged(a, false);
}

int64_t sys_pwritev2(SYSCALL_ARGUMENTS)
{
	const uint64_t a[6] = {a0, a1, a2, a3, a4, a5};

	return pieces_call_flagged(a, true);
}

/* ---- from file to file ---- */

/* One bounce page of bytes. Returns what arrived; *short_write when the rest must be read again later. */
static int64_t bounce(struct file *from, uint64_t *from_at, struct file *to, uint64_t *to_at, char *page, uint64_t bytes)
{
	uint64_t before = from_at ? *from_at : 0;
	struct io io;
	int64_t got, put;

	io_own(&io, page, bytes);
	got = file_move(from, &io, from_at, false);
	if (got <= 0)
		return got;
	io_own(&io, page, (uint64_t)got);
	put = file_move(to, &io, to_at, true);
	if (put < got && from->operations->seekable) {
		uint64_t back = (uint64_t)(got - (put > 0 ? put : 0));

		if (from_at)
			*from_at = before + (uint64_t)got - back;
		else
			from->position -= back;
	}
	return put;
}

static int64_t file_transfer(struct file *from, uint64_t *from_at, struct file *to, uint64_t *to_at, uint64_t bytes)
{
	page_index page = page_alloc_any();
	int64_t done = 0, step = 0;

	if (!page)
		return -ENOMEM;
	bytes = bytes < MOVE_LIMIT ? bytes : MOVE_LIMIT;
	while ((uint64_t)done < bytes) {
		uint64_t want = bytes - (uint64_t)done < PAGE_BYTES ? bytes - (uint64_t)done : PAGE_BYTES;

		step = bounce(from, from_at, to, to_at, page_address(page), want);
		if (step <= 0)
			break;
		done += step;
		if ((uint64_t)step < want || signal_is_pending())
			break;
	}
	page_put(page);
	return done ? done : step;
}

/* Reads an offset that a program may pass by address; *at becomes null when it passed none. */
static int offset_read(uint64_t address, uint64_t *value, uint64_t **at)
{
	*at = address ? value : 0;
	if (!address)
		return 0;
	if (user_read(value, address, sizeof(*value)))
		return -EFAULT;
	return (int64_t)*value < 0 ? -EINVAL : 0;
}

/* Whether a range of the one file is another of the other's: nobody could say what is copied. */
static bool ranges_meet(const struct file *from, uint64_t from_at, const struct file *to, uint64_t to_at, uint64_t bytes)
{
	return from->inode == to->inode && (from_at < to_at ? to_at - from_at : from_at - to_at) < bytes;
}

/* copy_file_range: 0, -EISDIR, -EINVAL, -EBADF. No more is copied than the file has when the call begins. */
static int copy_check(struct file *from, const uint64_t *from_at, struct file *to, const uint64_t *to_at, uint64_t *bytes)
{
	uint64_t at = from_at ? *from_at : from->position, size = from->inode->size;

	if (inode_is(from->inode, S_IFDIR) || inode_is(to->inode, S_IFDIR))
		return -EISDIR;
	if (!inode_is(from->inode, S_IFREG) || !inode_is(to->inode, S_IFREG))
		return -EINVAL;
	if (!file_readable(from) || !file_writable(to) || (to->flags & O_APPEND))
		return -EBADF;
	if (at >= size)
		*bytes = 0;
	else if (*bytes > size - at)
		*bytes = size - at;
	return ranges_meet(from, at, to, to_at ? *to_at : to->position, *bytes) ? -EINVAL : 0;
}

/* sendfile: what is sent must have places, and none is kept for what is appended to. 0, -EBADF, -ESPIPE, -EINVAL. */
static int send_check(struct file *from, bool placed, struct file *to)
{
	bool has_places = from->operations->seekable || from->operations->stateless;

	if (!file_readable(from))
		return -EBADF;
	if (placed && !has_places)
		return -ESPIPE;
	if (!file_writable(to))
		return -EBADF;
	return !has_places || ((to->flags & O_APPEND) && !pipe_of_file(to)) ? -EINVAL : 0;
}

static int64_t transfer_call(int from, uint64_t from_offset, int to, uint64_t to_offset, uint64_t bytes, bool regular)
{
	uint64_t from_value, to_value, *from_at = 0, *to_at = 0;
	struct held source, target;
	int64_t result;

	if (!held_get(&source, from))
		return -EBADF;
	if (!held_get(&target, to)) {
		held_put(&source);
		return -EBADF;
	}
	result = offset_read(from_offset, &from_value, &from_at);
	if (result == 0)
		result = offset_read(to_offset, &to_value, &to_at);
	if (result == 0)
		result = regular ? copy_check(source.file, from_at, target.file, to_at, &bytes) :
			send_check(source.file, from_at != 0, target.file);
	if (result == 0)
		result = file_transfer(source.file, from_at, target.file, to_at, bytes);
	if (result >= 0 && from_at && user_write(from_offset, &from_value, sizeof(from_value)))
		result = -EFAULT;
	if (result >= 0 && to_at && user_write(to_offset, &to_value, sizeof(to_value)))
		result = -EFAULT;
	held_put(&source);
	held_put(&target);
	return result;
}

int64_t sys_sendfile(SYSCALL_ARGUMENTS)
{
	return transfer_call((int)a1, a2, (int)a0, 0, a3, false);
}

int64_t sys_copy_file_range(SYSCALL_ARGUMENTS)
{
	return a5 ? -EINVAL : transfer_call((int)a0, a1, (int)a2, a3, a4, true);
}

int64_t sys_sync(SYSCALL_ARGUMENTS)
{
	return 0;
}

int64_t sys_fsync(SYSCALL_ARGUMENTS)
{
	struct held held;
	bool regular;

	if (!held_get_open(&held, (int)a0))
		return -EBADF;
	regular = inode_is(held.file->inode, S_IFREG) || inode_is(held.file->inode, S_IFDIR);
	held_put(&held);
	return regular ? 0 : -EINVAL;
}

/* Sets or clears a flag of an open file by the number at an address of the program's. */
static int64_t flag_call(struct file *file, int descriptor, uint32_t flag, uint64_t argument)
{
	uint32_t on;

	if (user_read(&on, argument, sizeof(on)))
		return -EFAULT;
	if (flag != O_ASYNC)
		file_flag_set(file, flag, on);
	else if (!on != !(file->flags & O_ASYNC))
		return file->operations->told ? async_switch(file, descriptor, on) : -ENOTTY;
	return 0;
}

int64_t sys_ioctl(SYSCALL_ARGUMENTS)
{
	struct held held;
	int64_t result;

	if (!held_get(&held, (int)a0))
		return -EBADF;
	if (held.file->flags & O_PATH) {
		result = -EBADF;
	} else if ((uint32_t)a1 == FIONBIO) {
		result = flag_call(held.file, (int)a0, O_NONBLOCK, a2);
	} else if ((uint32_t)a1 == FIOASYNC) {
		result = flag_call(held.file, (int)a0, O_ASYNC, a2);
	} else if ((uint32_t)a1 == FIOCLEX || (uint32_t)a1 == FIONCLEX) {
		result = descriptor_flags_set((int)a0, (uint32_t)a1 == FIOCLEX);
	} else {
		result = held.file->operations->ioctl ? held.file->operations->ioctl(held.file, (uint32_t)a1, a2) : -ENOTTY;
	}
	held_put(&held);
	return result;
}
