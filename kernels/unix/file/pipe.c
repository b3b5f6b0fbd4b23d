/* Pipes and FIFOs: a ring of pages of M between writers and readers, of PIPE_SLOTS unless F_SETPIPE_SZ changed it.
 *
 * Under pipe.lock:
 *   1. tail <= head <= tail + capacity; byte number n lies in slot (n / PAGE_BYTES) % slots at n % PAGE_BYTES.
 *   2. Slots of bytes between tail and head have pages; others have none, but an empty pipe keeps slot 0's page and starts
 *      again at number 0, so that a small exchange always uses the same page.
 *   3. A writer of up to PIPE_BUF bytes puts all or nothing. A reader or writer that was woken alone and leaves without taking
 *      what it was woken for wakes the next.
 * Signals are sent after the lock is released. */
#include "file/pipe.h"

enum { SLOTS_USERS = 256, SLOTS_MOST = 1024 };

static const struct file_operations pipe_operations;

static struct pipe *pipe_of(const struct file *file)
{
	return file->inode->pipe;
}

struct pipe *pipe_of_file(const struct file *file)
{
	return file->operations == &pipe_operations ? file->inode->pipe : 0;
}

static void pages_free(struct pipe *pipe)
{
	for (unsigned i = 0; i < pipe->slots; i++)
		if (pipe->slot[i])
			page_put(pipe->slot[i]);
}

void pipe_free(struct pipe *pipe)
{
	pages_free(pipe);
	if (pipe->slot != pipe->few)
		heap_free(pipe->slot);
	heap_free(pipe);
}

static unsigned slot_of(const struct pipe *pipe, uint64_t number)
{
	return (unsigned)(number >> PAGE_BITS) & (pipe->slots - 1);
}

/* The reader has just left a page; is the writer in it already, one turn ahead? */
static bool slot_reused(const struct pipe *pipe)
{
	return pipe_room(pipe) < PAGE_BYTES;
}

static void tail_advance(struct pipe *pipe, page_index *slot, uint64_t bytes)
{
	pipe->tail += bytes;
	if (bytes && (pipe->tail & (PAGE_BYTES - 1)) == 0 && pipe->tail != pipe->head && !slot_reused(pipe)) {
		page_put(*slot);
		*slot = 0;
	}
}

/* Invariant 2 of a ring whose last byte was taken. */
static void ring_emptied(struct pipe *pipe)
{
	unsigned last = slot_of(pipe, pipe->tail - 1);
	page_index page = pipe->slot[last];

	pipe->slot[last] = 0;
	if (pipe->slot[0])
		page_put(pipe->slot[0]);
	pipe->slot[0] = page;
	pipe->head = pipe->tail = 0;
}

/* Copies bytes out of the ring. Lock held. */
static uint64_t ring_read(struct pipe *pipe, struct io *io)
{
	uint64_t total = 0;

	while (io->left && pipe->tail != pipe->head) {
		uint64_t offset = pipe->tail & (PAGE_BYTES - 1), step = PAGE_BYTES - offset, done;
		page_index *slot = &pipe->slot[slot_of(pipe, pipe->tail)];

		step = step < pipe_filled(pipe) ? step : pipe_filled(pipe);
		step = step < io->left ? step : io->left;
		done = io_put(io, (char *)page_address(*slot) + offset, step);
		if (done < step)        /* a piece that does not fit stays, as a whole */
			break;
		tail_advance(pipe, slot, done);
		total += done;
	}
	if (pipe->tail == pipe->head && total)
		ring_emptied(pipe);
	return total;
}

/* Copies bytes into the ring, as far as there is room. Returns the bytes, or -ENOMEM, -EFAULT when none. */
static int64_t ring_write(struct pipe *pipe, struct io *io)
{
	uint64_t total = 0, room = pipe_room(pipe);

	while (io->left && room) {
		uint64_t offset = pipe->head & (PAGE_BYTES - 1), step = PAGE_BYTES - offset, done;
		page_index *slot = &pipe->slot[slot_of(pipe, pipe->head)];

		if (!*slot && (page_is_very_short() || !(*slot = page_alloc_any())))
			return total ? (int64_t)total : -ENOMEM;
		step = step < room ? step : room;
		step = step < io->left ? step : io->left;
		done = io_get(io, (char *)page_address(*slot) + offset, step);
		if (done < step)
			return total ? (int64_t)total : -EFAULT;
		pipe->head += done;
		room -= done;
		total += done;
	}
	return (int64_t)total;
}

static int64_t pipe_read(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct pipe *pipe = pipe_of(file);
	int64_t result = 0;

	if (!io->left)
		return 0;
	mutex_lock(&pipe->lock);
	while (!pipe_filled(pipe) && pipe->writers && result == 0)
		result = file->flags & O_NONBLOCK ? -EAGAIN : wait_queue_sleep(&pipe->read_wait, &pipe->lock, true, 0);
	if (pipe_filled(pipe)) {
		uint64_t done = ring_read(pipe, io);

		result = done ? (int64_t)done : -EFAULT;
		queue_wake_one(&pipe->write_wait);
		if (pipe_filled(pipe))
			queue_wake_one(&pipe->read_wait);
		queue_wake_events(&pipe->poll_wait, POLLOUT | POLLWRNORM);
	}
	mutex_unlock(&pipe->lock);
	return result;
}

/* Room for the next step of a write: all of a small one, something of a large one. */
static bool pipe_has_room(const struct pipe *pipe, uint64_t left, bool atomic)
{
	uint64_t room = pipe_room(pipe);

	return atomic ? room >= left : room != 0;
}

static int64_t pipe_write_locked(struct pipe *pipe, struct file *file, struct io *io)
{
	bool atomic = io->left <= PIPE_BUF;
	int64_t total = 0, status = 0;

	while (io->left && status >= 0) {
		if (!pipe->readers) {
			status = -EPIPE;
		} else if (!pipe_has_room(pipe, io->left, atomic)) {
			status = file->flags & O_NONBLOCK ? -EAGAIN : wait_queue_sleep(&pipe->write_wait, &pipe->lock, true, 0);
		} else {
			bool empty = !pipe_filled(pipe);

			status = ring_write(pipe, io);
			total += status > 0 ? status : 0;
			if (empty && status > 0)
				queue_wake_one(&pipe->read_wait);
			if (status > 0)
				queue_wake_events(&pipe->poll_wait, POLLIN | POLLRDNORM);
		}
	}
	if (pipe_room(pipe) >= PIPE_BUF)
		queue_wake_one(&pipe->write_wait);
	return total ? total : status;
}

static int64_t pipe_write(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct pipe *pipe = pipe_of(file);
	int64_t result;

	mutex_lock(&pipe->lock);
	result = pipe_write_locked(pipe, file, io);
	mutex_unlock(&pipe->lock);
	if (result == -EPIPE)
		signal_send_self(SIGPIPE);
	return result;
}

static uint32_t pipe_poll(struct file *file, struct poll_table *table)
{
	struct pipe *pipe = pipe_of(file);
	uint32_t events = 0;

	poll_watch(table, &pipe->poll_wait);
	mutex_lock(&pipe->lock);
	if (file_readable(file)) {
		events |= pipe_filled(pipe) ? POLLIN | POLLRDNORM : 0;
		events |= !pipe->writers && pipe->writer_opens ? POLLHUP : 0;
	}
	if (file_writable(file)) {
		events |= pipe_has_room(pipe, PIPE_BUF, true) ? POLLOUT | POLLWRNORM : 0;
		events |= !pipe->readers ? POLLERR : 0;
	}
	mutex_unlock(&pipe->lock);
	return events;
}

static int64_t pipe_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct pipe *pipe = pipe_of(file);
	int32_t filled;

	if (request != FIONREAD)
		return -ENOTTY;
	mutex_lock(&pipe->lock);
	filled = (int32_t)pipe_filled(pipe);
	mutex_unlock(&pipe->lock);
	return user_write(argument, &filled, sizeof(filled));
}

static void pipe_release(struct file *file)
{
	struct pipe *pipe = pipe_of(file);

	mutex_lock(&pipe->lock);
	pipe->readers -= file_readable(file);
	pipe->writers -= file_writable(file);
	if (!pipe->readers || !pipe->writers) {
		queue_wake_all(&pipe->read_wait);
		queue_wake_all(&pipe->write_wait);
		queue_wake_all(&pipe->poll_wait);
	}
	if (!pipe->readers && !pipe->writers) {         /* what was not read is lost */
		pages_free(pipe);
		memset(pipe->slot, 0, pipe->slots * sizeof(*pipe->slot));
		pipe->head = pipe->tail = 0;
	}
	mutex_unlock(&pipe->lock);
}

static const struct file_operations pipe_operations = {
	.told = POLLIN | POLLOUT,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};

/* Counts a file in. */
static void pipe_join(struct pipe *pipe, struct file *file)
{
	file->operations = &pipe_operations;
	pipe->readers += file_readable(file);
	pipe->reader_opens += file_readable(file);
	pipe->writers += file_writable(file);
	pipe->writer_opens += file_writable(file);
}

static struct pipe *pipe_alloc(void)
{
	struct pipe *pipe = heap_alloc(sizeof(*pipe));

	if (pipe) {
		pipe->slot = pipe->few;
		pipe->slots = PIPE_SLOTS;
	}
	return pipe;
}

static int fifo_prepare(struct inode *inode)
{
	int status = 0;

	mutex_lock(&inode->lock);
	if (!inode->pipe)
		inode->pipe = pipe_alloc();
	if (!inode->pipe)
		status = -ENOMEM;
	mutex_unlock(&inode->lock);
	return status;
}

/* Waits until the other side was opened; it may be gone again. */
static int fifo_wait(struct pipe *pipe, const uint32_t *opens)
{
	uint32_t before = *opens;
	int status = 0;

	while (*opens == before && status == 0)
		status = wait_queue_sleep(&pipe->poll_wait, &pipe->lock, true, 0);
	return *opens != before ? 0 : status;
}

int pipe_open(struct inode *inode, struct file *file)
{
	bool named = inode->filesystem != FILESYSTEM_ANONYMOUS;     /* else opened again through /proc: nobody is waited for */
	bool reads = file_readable(file), writes = file_writable(file), now = file->flags & O_NONBLOCK;
	struct pipe *pipe;
	int status = fifo_prepare(inode);

	if (status)
		return status;
	pipe = inode->pipe;
	mutex_lock(&pipe->lock);
	if (named && writes && !reads && now && !pipe->readers) {
		mutex_unlock(&pipe->lock);
		return -ENXIO;
	}
	pipe_join(pipe, file);
	queue_wake_events(&pipe->poll_wait, POLLERR | POLLHUP);
	if (named && !now && reads != writes && !(reads ? pipe->writers : pipe->readers))
		status = fifo_wait(pipe, reads ? &pipe->writer_opens : &pipe->reader_opens);
	mutex_unlock(&pipe->lock);
	if (status)
		pipe_release(file);
	return status;
}

static int pipe_make(struct file **reader, struct file **writer, uint32_t flags)
{
	struct credentials *who = &self_process()->credentials;
	struct inode *inode = inode_make(S_IFIFO | 0600, who->fsuid, who->fsgid, 0);
	int status = inode ? fifo_prepare(inode) : -ENOMEM;

	*reader = *writer = 0;
	if (status == 0) {
		inode->nlink = 1;
		inode->filesystem = FILESYSTEM_ANONYMOUS;
		*reader = file_make(inode, O_RDONLY | flags);
		*writer = file_make(inode, O_WRONLY | flags);
		status = *reader && *writer ? 0 : -ENOMEM;
	}
	if (status == 0) {
		pipe_join(inode->pipe, *reader);
		pipe_join(inode->pipe, *writer);
	} else {
		if (*reader)
			file_put(*reader);
		if (*writer)
			file_put(*writer);
	}
	inode_put(inode);
	return status;
}

static int64_t pipe_call(uint64_t to, uint32_t flags)
{
	struct file *file[2];
	int64_t status;

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	status = pipe_make(&file[0], &file[1], flags & O_NONBLOCK);
	return status ? status : descriptors_install_two(file, to, flags & O_CLOEXEC);
}

int64_t sys_pipe(SYSCALL_ARGUMENTS)
{
	return pipe_call(a0, 0);
}

int64_t sys_pipe2(SYSCALL_ARGUMENTS)
{
	return pipe_call(a0, (uint32_t)a1);
}

/* ---- straight parts, for splice ---- */

char *pipe_front(struct pipe *pipe, uint64_t *bytes)
{
	uint64_t offset = pipe->tail & (PAGE_BYTES - 1), straight = PAGE_BYTES - offset;

	straight = straight < pipe_filled(pipe) ? straight : pipe_filled(pipe);
	*bytes = *bytes < straight ? *bytes : straight;
	return (char *)page_address(pipe->slot[slot_of(pipe, pipe->tail)]) + offset;
}

void pipe_drop(struct pipe *pipe, uint64_t bytes)
{
	tail_advance(pipe, &pipe->slot[slot_of(pipe, pipe->tail)], bytes);
	if (bytes && pipe->tail == pipe->head)
		ring_emptied(pipe);
	queue_wake_one(&pipe->write_wait);
	queue_wake_events(&pipe->poll_wait, POLLOUT | POLLWRNORM);
}

char *pipe_back(struct pipe *pipe, uint64_t *bytes)
{
	uint64_t offset = pipe->head & (PAGE_BYTES - 1), straight = PAGE_BYTES - offset;
	page_index *slot = &pipe->slot[slot_of(pipe, pipe->head)];

	straight = straight < pipe_room(pipe) ? straight : pipe_room(pipe);
	*bytes = *bytes < straight ? *bytes : straight;
	if (!*slot && *bytes && !page_is_very_short())
		*slot = page_alloc_any();
	return *slot ? (char *)page_address(*slot) + offset : 0;
}

void pipe_fill(struct pipe *pipe, uint64_t bytes)
{
	page_index *slot = &pipe->slot[slot_of(pipe, pipe->head)];

	if (!bytes) {
		if (*slot && (pipe->head & (PAGE_BYTES - 1)) == 0 && pipe_filled(pipe) && !slot_reused(pipe)) {
			page_put(*slot);        /* taken for nothing */
			*slot = 0;
		}
		return;
	}
	pipe->head += bytes;
	queue_wake_one(&pipe->read_wait);
	queue_wake_events(&pipe->poll_wait, POLLIN | POLLRDNORM);
}

int64_t pipe_wait_filled(struct pipe *pipe, bool wait)
{
	int64_t status = 0;

	while (!pipe_filled(pipe) && pipe->writers && status == 0)
		status = wait ? wait_queue_sleep(&pipe->read_wait, &pipe->lock, true, 0) : -EAGAIN;
	return status;
}

int64_t pipe_wait_room(struct pipe *pipe, bool wait)
{
	int64_t status = 0;

	while (pipe->readers && !pipe_room(pipe) && status == 0)
		status = wait ? wait_queue_sleep(&pipe->write_wait, &pipe->lock, true, 0) : -EAGAIN;
	return pipe->readers ? status : -EPIPE;
}

/* ---- capacity ---- */

/* Moves the pages to a ring of another size. Lock held. 0, -EBUSY: more is in it, -ENOMEM. */
static int ring_move(struct pipe *pipe, page_index *to, uint32_t slots)
{
	uint64_t first = pipe->tail >> PAGE_BITS, last = pipe_filled(pipe) ? (pipe->head - 1) >> PAGE_BITS : first;
	bool shared = last - first == pipe->slots;      /* the writer is in the reader's page, one turn ahead */

	if (last - first >= slots)
		return -EBUSY;
	for (uint64_t n = first; n <= last; n++)
		to[n & (slots - 1)] = pipe->slot[n & (pipe->slots - 1)];
	if (shared) {
		page_index page = page_alloc_any();

		if (!page)
			return -ENOMEM;
		memcpy(page_address(page), page_address(to[first & (slots - 1)]), PAGE_BYTES);
		to[last & (slots - 1)] = page;
	}
	return 0;
}

/* A page that a write took for nothing, because its bytes were not there, stays behind when the others move. */
static void slots_left(struct pipe *pipe)
{
	uint64_t first = pipe->tail >> PAGE_BITS, last = pipe_filled(pipe) ? (pipe->head - 1) >> PAGE_BITS : first;

	for (uint64_t n = first; n <= last; n++)
		pipe->slot[slot_of(pipe, n << PAGE_BITS)] = 0;
	pages_free(pipe);
}

static int pipe_resize(struct pipe *pipe, uint32_t slots)
{
	page_index *to = heap_alloc(slots * sizeof(*to)), *old = pipe->slot;
	int status;

	if (!to)
		return -ENOMEM;
	status = ring_move(pipe, to, slots);
	if (status) {
		heap_free(to);
		return status;
	}
	slots_left(pipe);
	pipe->slot = to;
	pipe->slots = slots;
	if (old == pipe->few)
		memset(pipe->few, 0, sizeof(pipe->few));
	else
		heap_free(old);
	queue_wake_all(&pipe->write_wait);
	queue_wake_events(&pipe->poll_wait, POLLOUT | POLLWRNORM);
	return 0;
}

static int64_t capacity_set(struct pipe *pipe, uint64_t bytes)
{
	uint32_t slots = 1;
	int status = 0;

	if (bytes > 1ull << 31)
		return -EINVAL;
	while ((uint64_t)slots * PAGE_BYTES < bytes)
		slots *= 2;
	if (slots > SLOTS_USERS && slots > pipe->slots && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (slots > SLOTS_MOST)
		return -ENOMEM;
	mutex_lock(&pipe->lock);
	if (slots != pipe->slots)
		status = pipe_resize(pipe, slots);
	mutex_unlock(&pipe->lock);
	return status ? status : (int64_t)(slots * PAGE_BYTES);
}

int64_t pipe_size_call(struct file *file, uint32_t command, uint64_t argument)
{
	struct pipe *pipe = pipe_of_file(file);

	if (!pipe)
		return -EBADF;
	return command == F_SETPIPE_SZ ? capacity_set(pipe, (uint32_t)argument) : (int64_t)(pipe->slots * PAGE_BYTES);
}
