/* Pseudo-terminals: a terminal (the slave, /dev/pts/N) whose screen and keys are a file (the master, from /dev/ptmx).
 *
 * A pair lives as long as a file of either side does. Its number and its name in /dev/pts go with the master.
 * Locks: ptys_lock > terminal.lock > pty.lock. */
#include "file/terminal.h"

enum { OUTPUT_BYTES = 8192, CHUNK = 256, PTYS = 256, MAJOR_SLAVE = 136, GROUP_TTY = 5, SLAVE_MODE = 0620 };

struct pty {
	struct terminal terminal;   /* its references are those of the pair */
	struct mutex lock;          /* of what follows */
	uint8_t output[OUTPUT_BYTES];
	uint32_t head, tail;        /* count modulo 2^32 */
	uint32_t slaves;            /* open files */
	bool abandoned;             /* slaves were open, and none is */
	bool packet;                /* the master reads a byte of PACKET_* or zero first: TIOCPKT */
	uint8_t events;             /* PACKET_* that it did not read */
	bool locked;                /* no slave may be opened yet */
	uint32_t number;
	struct wait_queue read_wait;            /* the master's readers */
	struct wait_queue room_wait;            /* who writes to the screen */
	struct wait_queue key_wait;             /* the master's writers: there may be room for keys */
	struct wait_queue poll_wait;            /* the master's pollers */
};
_Static_assert(sizeof(struct pty) <= 4 * PAGE_BYTES, "a pair fits in a block");

static struct mutex ptys_lock;          /* of the table */
static struct pty *ptys[PTYS];
static struct inode *folder;            /* /dev/pts */

static struct pty *pty_of(struct terminal *terminal)
{
	return (struct pty *)terminal;
}

/* ---- the screen ---- */

static uint32_t ring_filled(const struct pty *pty)
{
	return pty->tail - pty->head;
}

static uint32_t pty_show(struct terminal *terminal, const uint8_t *bytes, uint32_t count)
{
	struct pty *pty = pty_of(terminal);
	uint32_t done = 0;

	mutex_lock(&pty->lock);
	for (; done < count && ring_filled(pty) < OUTPUT_BYTES; done++)
		pty->output[pty->tail++ % OUTPUT_BYTES] = bytes[done];
	mutex_unlock(&pty->lock);
	if (done) {
		queue_wake_all(&pty->read_wait);
		queue_wake_events(&pty->poll_wait, POLLIN | POLLRDNORM);
	}
	return done;
}

static bool pty_has_room(struct terminal *terminal)
{
	return ring_filled(pty_of(terminal)) < OUTPUT_BYTES / 2;
}

static int pty_wait_room(struct terminal *terminal)
{
	struct pty *pty = pty_of(terminal);
	int status = 0;

	mutex_lock(&pty->lock);
	while (ring_filled(pty) == OUTPUT_BYTES && status == 0)
		status = terminal->hung_up ? -EIO : wait_queue_sleep(&pty->room_wait, &pty->lock, true, 0);
	mutex_unlock(&pty->lock);
	return status;
}

static void pty_poll_room(struct terminal *terminal, struct poll_table *table)
{
	poll_watch(table, &pty_of(terminal)->room_wait);
}

/* A reader made room for keys. */
static void pty_pump(struct terminal *terminal)
{
	queue_wake_all(&pty_of(terminal)->key_wait);
	queue_wake_events(&pty_of(terminal)->poll_wait, POLLOUT | POLLWRNORM);
}

void pty_put(struct terminal *terminal)
{
	if (__atomic_sub_fetch(&terminal->references, 1, __ATOMIC_ACQ_REL) == 0)
		page_block_free(pty_of(terminal));
}

static void slave_closed(struct terminal *terminal)
{
	struct pty *pty = pty_of(terminal);

	mutex_lock(&pty->lock);
	pty->slaves--;
	pty->abandoned = pty->slaves == 0;
	mutex_unlock(&pty->lock);
	queue_wake_all(&pty->read_wait);
	queue_wake_events(&pty->poll_wait, POLLERR | POLLHUP);
	pty_put(terminal);
}

/* A later event of a pair says that the earlier one is over. */
static void pty_event(struct terminal *terminal, uint32_t what)
{
	struct pty *pty = pty_of(terminal);
	uint32_t over = (what & PACKET_STOP ? PACKET_START : 0) | (what & PACKET_START ? PACKET_STOP : 0) |
		(what & (PACKET_NO_STOP | PACKET_DO_STOP) ? PACKET_NO_STOP | PACKET_DO_STOP : 0);

	mutex_lock(&pty->lock);
	if (what & PACKET_FLUSH_WRITE)
		pty->head = pty->tail;
	if (pty->packet)
		pty->events = (uint8_t)((pty->events & ~over) | what);
	mutex_unlock(&pty->lock);
	if (what & PACKET_FLUSH_WRITE)
		queue_wake_all(&pty->room_wait);
	queue_wake_all(&pty->read_wait);
	queue_wake_events(&pty->poll_wait, POLLIN | POLLRDNORM | POLLPRI);
}

static const struct terminal_screen pty_screen = {
	.put = pty_show, .wait_room = pty_wait_room, .has_room = pty_has_room, .poll_room = pty_poll_room, .pump = pty_pump,
	.closed = slave_closed, .event = pty_event,
};

/* ---- the master as a file ---- */

/* Takes a chunk of what the screen shows. Lock held, and let go of for the copy. Bytes or -EFAULT. */
static int64_t chunk_give(struct pty *pty, struct io *io)
{
	uint8_t chunk[CHUNK];
	uint32_t limit = io->left < CHUNK ? (uint32_t)io->left : CHUNK, count = 0;
	uint64_t done;

	while (count < limit && ring_filled(pty))
		chunk[count++] = pty->output[pty->head++ % OUTPUT_BYTES];
	mutex_unlock(&pty->lock);
	done = io_put(io, chunk, count);
	mutex_lock(&pty->lock);
	return done < count ? -EFAULT : (int64_t)count;
}

/* Packet mode's first byte. Lock held, and let go of for the copy. 1 or -EFAULT. */
static int64_t events_give(struct pty *pty, struct io *io)
{
	uint8_t events = pty->events;
	uint64_t done;

	pty->events = 0;
	mutex_unlock(&pty->lock);
	done = io_put(io, &events, 1);
	mutex_lock(&pty->lock);
	return done ? 1 : -EFAULT;
}

static int64_t master_take(struct pty *pty, struct file *file, struct io *io)
{
	int64_t total = 0, status = 0;
	bool events;

	while (!ring_filled(pty) && !pty->events && status == 0) {
		if (pty->abandoned)
			return -EIO;
		status = file->flags & O_NONBLOCK ? -EAGAIN : wait_queue_sleep(&pty->read_wait, &pty->lock, true, 0);
	}
	if (status)
		return status;
	events = pty->events;
	if (pty->packet)
		total = status = events_give(pty, io);
	while (io->left && !events && ring_filled(pty) && status >= 0) {
		status = chunk_give(pty, io);
		total += status > 0 ? status : 0;
	}
	return total ? total : status;
}

static int64_t master_read(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct pty *pty = file->state;
	int64_t result;

	if (!io->left)
		return 0;
	mutex_lock(&pty->lock);
	result = master_take(pty, file, io);
	mutex_unlock(&pty->lock);
	if (result > 0) {
		terminal_echo_flush(&pty->terminal);
		queue_wake_all(&pty->room_wait);
		queue_wake_events(&pty->terminal.poll_wait, POLLOUT | POLLWRNORM);
	}
	return result;
}

/* Gives all keys of a chunk to the terminal. Those that it took, or -E* when it took none. */
static int64_t keys_feed(struct pty *pty, struct file *file, const uint8_t *keys, uint32_t count)
{
	uint32_t done = 0;
	int status = 0;

	while (done < count && status == 0) {
		struct waiter waiter;
		uint32_t some;

		waiter_add(&waiter, &pty->key_wait);
		some = terminal_feed(&pty->terminal, keys + done, count - done);
		done += some;
		if (!some)
			status = file->flags & O_NONBLOCK ? -EAGAIN : wait_sleep(&waiter, 1, true, 0);
		waiter_remove(&waiter);
	}
	return done ? (int64_t)done : status;
}

static int64_t master_write(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct pty *pty = file->state;
	int64_t total = 0, status = 0;

	while (io->left && status >= 0) {
		uint8_t chunk[CHUNK];
		uint32_t count = (uint32_t)io_get(io, chunk, CHUNK);

		status = count ? keys_feed(pty, file, chunk, count) : -EFAULT;
		total += status > 0 ? status : 0;
		if (status >= 0 && status < (int64_t)count)
			break;
	}
	return total ? total : status;
}

static uint32_t master_poll(struct file *file, struct poll_table *table)
{
	struct pty *pty = file->state;
	uint32_t events = 0;

	poll_watch(table, &pty->poll_wait);
	mutex_lock(&pty->lock);
	events |= ring_filled(pty) ? POLLIN | POLLRDNORM : 0;
	events |= pty->events ? POLLIN | POLLRDNORM | POLLPRI : 0;
	events |= pty->abandoned ? POLLHUP : 0;
	mutex_unlock(&pty->lock);
	return events | (line_has_room(&pty->terminal) ? POLLOUT | POLLWRNORM : 0);
}

/* Another file on the slave, for TIOCGPTPEER. */
static int64_t peer_open(struct pty *pty, uint32_t flags)
{
	char name[12];
	uint32_t bytes = (uint32_t)text_format(name, sizeof(name), "%u", pty->number);
	struct inode *inode;
	struct file *file;
	int status = directory_find(folder, name, bytes, name_hash(name, bytes), &inode);

	if (status)
		return -EIO;
	status = file_open_inode(inode, folder, flags & ~(uint32_t)O_CLOEXEC, &file);
	inode_put(inode);
	return status ? status : descriptor_install(file, 0, flags & O_CLOEXEC);
}

static int64_t lock_set(struct pty *pty, uint64_t from)
{
	int32_t value;

	if (user_read(&value, from, sizeof(value)))
		return -EFAULT;
	pty->locked = value != 0;
	return 0;
}

static int64_t packet_set(struct pty *pty, uint64_t from)
{
	int32_t value;

	if (user_read(&value, from, sizeof(value)))
		return -EFAULT;
	mutex_lock(&pty->lock);
	if (!pty->packet || !value)
		pty->events = 0;
	pty->packet = value != 0;
	mutex_unlock(&pty->lock);
	return 0;
}

static int64_t signal_foreground(struct pty *pty, uint64_t number)
{
	if (number != SIGINT && number != SIGQUIT && number != SIGTSTP)
		return -EINVAL;
	mutex_lock(&pty->terminal.lock);
	pty->terminal.signals |= 1ull << number;
	mutex_unlock(&pty->terminal.lock);
	terminal_signals_deliver(&pty->terminal);
	return 0;
}

static int64_t master_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct pty *pty = file->state;
	int32_t value;

	switch (request) {
	case TIOCGPTN:
		return user_write(argument, &pty->number, sizeof(pty->number));
	case TIOCSPTLCK:
		return lock_set(pty, argument);
	case TIOCGPTLCK:
		value = pty->locked;
		return user_write(argument, &value, sizeof(value));
	case TIOCPKT:
		return packet_set(pty, argument);
	case TIOCGPKT:
		value = pty->packet;
		return user_write(argument, &value, sizeof(value));
	case TIOCGPTPEER:
		return peer_open(pty, (uint32_t)argument);
	case TIOCSIG:
		return signal_foreground(pty, argument);
	case FIONREAD:
		value = (int32_t)ring_filled(pty);
		return user_write(argument, &value, sizeof(value));
	}
	return terminal_master_ioctl(&pty->terminal, request, argument);
}

/* The name goes. */
static void name_remove(uint32_t number)
{
	char name[12];
	uint32_t bytes = (uint32_t)text_format(name, sizeof(name), "%u", number);
	struct inode *inode = 0;
	struct entry *entry;

	mutex_lock(&folder->lock);
	if (directory_entry_locked(folder, name, bytes, name_hash(name, bytes), &entry) == 0)
		inode = directory_remove_locked(folder, entry);
	mutex_unlock(&folder->lock);
	inode_put(inode);
}

static void master_release(struct file *file)
{
	struct pty *pty = file->state;

	name_remove(pty->number);
	mutex_lock(&ptys_lock);
	ptys[pty->number] = 0;
	mutex_unlock(&ptys_lock);
	terminal_hang_up(&pty->terminal);
	terminal_session_leave(&pty->terminal);
	queue_wake_all(&pty->room_wait);
	pty_put(&pty->terminal);
}

static const struct file_operations master_operations = {
	.told = POLLIN | POLLOUT, .told_starved = true,
	.read = master_read, .write = master_write, .poll = master_poll, .ioctl = master_ioctl, .release = master_release,
};

/* ---- opening ---- */

static int number_take(struct pty *pty)
{
	int status = -ENOSPC;

	mutex_lock(&ptys_lock);
	for (uint32_t n = 0; n < PTYS && status; n++)
		if (!ptys[n]) {
			pty->number = n;
			ptys[n] = pty;
			status = 0;
		}
	mutex_unlock(&ptys_lock);
	return status;
}

static int name_add(const struct pty *pty)
{
	char name[12];
	struct inode *inode = inode_make(S_IFCHR | SLAVE_MODE, self_process()->credentials.fsuid, GROUP_TTY,
		DEVICE(MAJOR_SLAVE, pty->number));

	text_format(name, sizeof(name), "%u", pty->number);
	return directory_install(folder, name, inode) ? 0 : -ENOMEM;
}

static void number_free(struct pty *pty)
{
	mutex_lock(&ptys_lock);
	ptys[pty->number] = 0;
	mutex_unlock(&ptys_lock);
}

int pty_open_master(struct file *file)
{
	struct pty *pty = page_block_alloc();
	int status;

	if (!pty)
		return -ENOMEM;
	memset(pty, 0, sizeof(*pty));
	line_start(&pty->terminal);
	pty->terminal.termios.input &= ~(uint32_t)IUTF8;
	pty->terminal.termios.control &= ~(uint32_t)HUPCL;
	pty->terminal.screen = &pty_screen;
	pty->terminal.references = 1;
	pty->locked = true;
	status = number_take(pty);
	if (status == 0) {
		status = name_add(pty);
		if (status)
			number_free(pty);
	}
	if (status) {
		page_block_free(pty);
		return status;
	}
	file->state = pty;
	file->operations = &master_operations;
	return 0;
}

int pty_open_slave(uint32_t device, struct terminal **out)
{
	struct pty *pty;
	int status = -EIO;

	mutex_lock(&ptys_lock);
	pty = ptys[device % PTYS];
	if (pty && !pty->locked) {
		mutex_lock(&pty->lock);
		pty->slaves++;
		pty->abandoned = false;
		mutex_unlock(&pty->lock);
		__atomic_fetch_add(&pty->terminal.references, 1, __ATOMIC_RELAXED);
		*out = &pty->terminal;
		status = 0;
	}
	mutex_unlock(&ptys_lock);
	return status;
}

void pty_keep(struct terminal *terminal)
{
	struct pty *pty = pty_of(terminal);

	mutex_lock(&pty->lock);
	pty->slaves++;
	mutex_unlock(&pty->lock);
	__atomic_fetch_add(&terminal->references, 1, __ATOMIC_RELAXED);
}

int pty_install(struct inode *dev, struct inode *pts)
{
	folder = pts;
	return directory_install(dev, "ptmx", inode_make(S_IFCHR | 0666, 0, GROUP_TTY, DEVICE(5, 2))) ? 0 : -ENOMEM;
}
