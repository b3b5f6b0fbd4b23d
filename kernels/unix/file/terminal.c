/* A terminal as a file: reading and writing, who may (job control), settings. */
#include "file/terminal.h"

#include "abi/console.h"
#include "baryon/calls.h"

struct terminal *console_terminal;

enum { CHUNK = 256, TENTH_NS = 100000000, AGAIN_NS = 1000000, MAJOR_SLAVE = 136 };

static struct terminal *terminal_of(const struct file *file)
{
	return file->state;
}

/* A pseudo-terminal's keys go with its master; the console's input may end and leave some. */
static bool master_is_gone(const struct terminal *terminal)
{
	return terminal->hung_up && terminal->screen->closed;
}

/* ---- towards the screen ---- */

void terminal_echo_flush(struct terminal *terminal)
{
	uint32_t done;

	mutex_lock(&terminal->lock);
	done = terminal->echo_count ? terminal->screen->put(terminal, terminal->echo, terminal->echo_count) : 0;
	terminal->echo_count -= done;
	if (terminal->echo_count)
		memmove(terminal->echo, terminal->echo + done, terminal->echo_count);
	mutex_unlock(&terminal->lock);
}

void terminal_signals_deliver(struct terminal *terminal)
{
	uint64_t signals;
	int32_t group, leader;

	mutex_lock(&terminal->lock);
	signals = terminal->signals;
	terminal->signals = 0;
	mutex_unlock(&terminal->lock);
	if (!signals)
		return;
	session_lock();
	group = terminal->foreground;
	leader = terminal->session && signals & 1ull << SIGHUP ? terminal->session->id : 0;
	session_unlock();
	for (; signals && group > 0; signals &= signals - 1)
		signal_send_group(group, __builtin_ctzll(signals));
	if (leader && leader != group) {
		signal_send_group(leader, SIGHUP);
		signal_send_group(leader, SIGCONT);
	}
}

uint32_t terminal_feed(struct terminal *terminal, const uint8_t *bytes, uint32_t count)
{
	uint32_t done;
	bool ready;

	mutex_lock(&terminal->lock);
	done = line_feed(terminal, bytes, count);
	ready = line_ready(terminal);
	mutex_unlock(&terminal->lock);
	terminal_echo_flush(terminal);
	if (ready) {
		queue_wake_all(&terminal->read_wait);
		queue_wake_all(&terminal->poll_wait);
	}
	if (!terminal->stopped)
		queue_wake_all(&terminal->write_wait);
	terminal_signals_deliver(terminal);
	return done;
}

void terminal_window(struct terminal *terminal, uint16_t rows, uint16_t columns)
{
	mutex_lock(&terminal->lock);
	if (terminal->window.rows != rows || terminal->window.columns != columns)
		terminal->signals |= 1ull << SIGWINCH;
	terminal->window.rows = rows;
	terminal->window.columns = columns;
	mutex_unlock(&terminal->lock);
	terminal_signals_deliver(terminal);
}

void terminal_hang_up(struct terminal *terminal)
{
	mutex_lock(&terminal->lock);
	terminal->hung_up = true;
	terminal->signals |= 1ull << SIGHUP | 1ull << SIGCONT;
	mutex_unlock(&terminal->lock);
	queue_wake_all(&terminal->read_wait);
	queue_wake_all(&terminal->write_wait);
	queue_wake_events(&terminal->poll_wait, POLLERR | POLLHUP);
	terminal_signals_deliver(terminal);
}

/* ---- job control ---- */

/* May the calling process use the terminal now? 0; -EIO; -ERESTARTSYS after `signal` went to its group. */
static int background_check(struct terminal *terminal, int signal)
{
	struct process *process = self_process();
	bool background;

	session_lock();
	background = terminal->session && terminal->session == process->session && process->group != terminal->foreground &&
		terminal->foreground > 0;
	session_unlock();
	if (!background)
		return 0;
	if (signal_is_blocked_or_ignored(signal))
		return signal == SIGTTIN ? -EIO : 0;
	if (group_is_orphaned(process->group))
		return -EIO;
	signal_send_group(process->group, signal);
	return -ERESTARTSYS;
}

/* session_lock held. */
static void control_give(struct terminal *terminal, struct process *process)
{
	terminal->session = process->session;
	process->session->terminal = terminal;
	terminal->foreground = process->group;
}

void terminal_control(struct terminal *terminal, struct process *process)
{
	session_lock();
	control_give(terminal, process);
	session_unlock();
}

void terminal_session_leave(struct terminal *terminal)
{
	session_lock();
	if (terminal->session)
		terminal->session->terminal = 0;
	terminal->session = 0;
	terminal->foreground = 0;
	session_unlock();
}

/* As long as it is a session's terminal, with the session lock held, its master has not let go of it. */
static void terminal_get(struct terminal *terminal)
{
	if (terminal->screen->closed)
		__atomic_fetch_add(&terminal->references, 1, __ATOMIC_RELAXED);
}

static void terminal_put(struct terminal *terminal)
{
	if (terminal->screen->closed)
		pty_put(terminal);
}

void terminal_session_ended(struct session *session)
{
	struct terminal *terminal;

	session_lock();
	terminal = session->terminal;
	session->terminal = 0;
	if (terminal) {
		terminal->session = 0;
		terminal_get(terminal);
	}
	session_unlock();
	if (!terminal)
		return;
	mutex_lock(&terminal->lock);
	terminal->signals |= 1ull << SIGHUP | 1ull << SIGCONT;
	mutex_unlock(&terminal->lock);
	terminal_signals_deliver(terminal);
	session_lock();
	if (!terminal->session)
		terminal->foreground = 0;
	session_unlock();
	terminal_put(terminal);
}

/* ---- reading ---- */

/* How long a raw read may still wait: *deadline 0 is for ever. Returns true if it is complete with `got` bytes. */
static bool raw_complete(const struct terminal *terminal, uint64_t got, uint64_t left, uint64_t *deadline)
{
	uint64_t minimum = terminal->termios.character[VMIN], time = terminal->termios.character[VTIME];

	if (got && (left == 0 || got >= minimum))
		return true;
	if (!minimum && !time)
		return true;
	if (time && (got || !minimum) && !*deadline)
		*deadline = time_monotonic() + time * TENTH_NS;
	return false;
}

/* Takes what is there to the program. Lock held; it is let go of for the copy. Returns bytes or -EFAULT. */
static int64_t chunk_take(struct terminal *terminal, struct io *io, bool *end)
{
	uint8_t chunk[CHUNK];
	uint32_t count = line_take(terminal, chunk, io->left < CHUNK ? (uint32_t)io->left : CHUNK, end);
	uint64_t done;

	mutex_unlock(&terminal->lock);
	done = io_put(io, chunk, count);
	terminal->screen->pump(terminal);
	mutex_lock(&terminal->lock);
	return done < count ? -EFAULT : (int64_t)count;
}

static int64_t read_wait(struct terminal *terminal, struct file *file, uint64_t deadline)
{
	int status;

	if (terminal->hung_up)
		return -EIO;
	if (file->flags & O_NONBLOCK)
		return -EAGAIN;
	status = wait_queue_sleep(&terminal->read_wait, &terminal->lock, true, deadline);
	return status ? status : background_check(terminal, SIGTTIN);
}

static int64_t read_canonical(struct terminal *terminal, struct file *file, struct io *io)
{
	int64_t got = 0, status = 0;
	bool end = false;

	while (!end && io->left && status >= 0) {
		if (line_ready(terminal)) {
			status = chunk_take(terminal, io, &end);
			got += status > 0 ? status : 0;
		} else if (got || !(terminal->termios.local & ICANON)) {
			break;
		} else {
			status = read_wait(terminal, file, 0);
		}
	}
	if (status == -EIO && terminal->hung_up)
		status = 0;
	return got ? got : status;
}

static int64_t read_raw(struct terminal *terminal, struct file *file, struct io *io)
{
	uint64_t deadline = 0;
	int64_t got = 0, status = 0;
	bool end;

	while (status >= 0) {
		if (line_ready(terminal) && io->left) {
			status = chunk_take(terminal, io, &end);
			got += status > 0 ? status : 0;
			deadline = 0;
			continue;
		}
		if (raw_complete(terminal, (uint64_t)got, io->left, &deadline) || (terminal->termios.local & ICANON))
			break;
		status = read_wait(terminal, file, deadline);
	}
	if (status == -ETIMEDOUT || (status == -EIO && terminal->hung_up))
		status = 0;
	return got ? got : status;
}

static int64_t terminal_read(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct terminal *terminal = terminal_of(file);
	int64_t result;

	if (master_is_gone(terminal))
		return 0;
	result = background_check(terminal, SIGTTIN);
	if (result || !io->left)
		return result;
	mutex_lock(&terminal->lock);
	result = terminal->termios.local & ICANON ? read_canonical(terminal, file, io) : read_raw(terminal, file, io);
	mutex_unlock(&terminal->lock);
	return result;
}

/* ---- writing ---- */

/* Sends what was made of a part of a chunk. What was begun is not cut, but by the process's end: with a signal pending it is tried
 * again from time to time. 0, -EIO, -ERESTARTSYS: a signal came before anything was sent, -EINTR: the process ends. */
static int screen_put(struct terminal *terminal, const uint8_t *bytes, uint32_t count)
{
	bool begun = false;

	while (count) {
		uint32_t done = terminal->screen->put(terminal, bytes, count);
		int status = 0;

		bytes += done;
		count -= done;
		begun |= done != 0;
		if (count)
			status = terminal->screen->wait_room(terminal);
		if (status == -EIO || (status && !begun))
			return status;
		if (status && signal_is_killing())
			return -EINTR;
		if (status)
			park(time_monotonic() + AGAIN_NS);
	}
	return 0;
}

static int64_t write_wait(struct terminal *terminal, struct file *file)
{
	int status = 0;

	mutex_lock(&terminal->lock);
	while (terminal->stopped && !terminal->hung_up && status == 0)
		status = file->flags & O_NONBLOCK ? -EAGAIN : wait_queue_sleep(&terminal->write_wait, &terminal->lock, true, 0);
	if (terminal->hung_up)
		status = -EIO;
	mutex_unlock(&terminal->lock);
	return status;
}

/* Processes as many of the bytes as surely fit in a chunk then, by the settings of now, and sends them. *part: how many. */
static int part_write(struct terminal *terminal, const uint8_t *bytes, uint32_t count, uint32_t *part)
{
	uint8_t to[CHUNK];
	uint32_t limit, made;

	mutex_lock(&terminal->lock);
	limit = (terminal->termios.output & (OPOST | XTABS)) == (OPOST | XTABS) ? CHUNK / 8 : CHUNK / 2;
	*part = count < limit ? count : limit;
	made = line_output(terminal, bytes, *part, to);
	if (terminal->tail == terminal->line)
		terminal->line_column = terminal->column;
	mutex_unlock(&terminal->lock);
	return screen_put(terminal, to, made);
}

static int64_t chunk_write(struct terminal *terminal, struct io *io)
{
	uint8_t from[CHUNK / 2];
	uint32_t count = (uint32_t)io_get(io, from, sizeof(from)), done = 0, part;
	int status = count ? 0 : -EFAULT;

	while (done < count && status == 0) {
		status = part_write(terminal, from + done, count - done, &part);
		done += status ? 0 : part;
	}
	return done ? (int64_t)done : status;
}

static int64_t terminal_write(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct terminal *terminal = terminal_of(file);
	int64_t total = 0, status = terminal->termios.local & TOSTOP ? background_check(terminal, SIGTTOU) : 0;
	uint64_t wanted = io->left;

	while (status >= 0 && io->left) {
		status = write_wait(terminal, file);
		if (status == 0)
			status = chunk_write(terminal, io);
		total += status > 0 ? status : 0;
		if (status > 0 && ((uint64_t)total < wanted - io->left || (io->left && signal_is_pending())))
			status = -ERESTARTSYS;
	}
	return total ? total : status;
}

static uint32_t terminal_poll(struct file *file, struct poll_table *table)
{
	struct terminal *terminal = terminal_of(file);
	uint32_t events = 0;

	poll_watch(table, &terminal->poll_wait);
	terminal->screen->poll_room(terminal, table);
	if (master_is_gone(terminal))
		return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
	mutex_lock(&terminal->lock);
	events |= line_ready(terminal) || terminal->hung_up ? POLLIN | POLLRDNORM : 0;
	events |= terminal->hung_up ? POLLHUP : 0;
	events |= !terminal->stopped && terminal->screen->has_room(terminal) ? POLLOUT | POLLWRNORM : 0;
	mutex_unlock(&terminal->lock);
	return events;
}

/* ---- settings ---- */

static void input_drop(struct terminal *terminal)
{
	line_flush_input(terminal);
	line_event(terminal, PACKET_FLUSH_READ);
}

static int64_t settings_set(struct terminal *terminal, uint64_t from, bool flush)
{
	struct linux_termios termios;

	if (user_read(&termios, from, sizeof(termios)))
		return -EFAULT;
	mutex_lock(&terminal->lock);
	if (flush)
		input_drop(terminal);
	line_settings(terminal, &termios);
	mutex_unlock(&terminal->lock);
	queue_wake_all(&terminal->read_wait);
	queue_wake_all(&terminal->write_wait);
	return 0;
}

static int64_t control_take(struct terminal *terminal, uint64_t force)
{
	struct process *process = self_process();
	int64_t status = 0;

	session_lock();
	if (terminal->hung_up)
		status = -EIO;
	else if (process->session->terminal == terminal)
		status = 1;
	else if (process->session->id != process->pid || process->session->terminal ||
		 (terminal->session && !(force == 1 && capable(CAP_SYS_ADMIN))))
		status = -EPERM;
	else if (terminal->session)
		terminal->session->terminal = 0;
	if (status == 0)
		control_give(terminal, process);
	session_unlock();
	return status < 0 ? status : 0;
}

static int64_t foreground_get(struct terminal *terminal, uint64_t to)
{
	int32_t group;
	bool own;

	session_lock();
	own = terminal->session == self_process()->session;
	group = terminal->foreground;
	session_unlock();
	return own ? user_write(to, &group, sizeof(group)) : -ENOTTY;
}

static int64_t foreground_set(struct terminal *terminal, uint64_t from)
{
	struct session *session = self_process()->session;
	int64_t status = 0;
	int32_t group;

	if (user_read(&group, from, sizeof(group)))
		return -EFAULT;
	if (group < 0)
		return -EINVAL;
	status = group_check(group, session);
	session_lock();
	if (terminal->session != session)
		status = -ENOTTY;
	else if (status == 0)
		terminal->foreground = group;
	session_unlock();
	return status;
}

static int64_t control_leave(struct terminal *terminal)
{
	struct process *process = self_process();

	if (process->session->terminal != terminal)
		return -ENOTTY;
	if (process->session->id == process->pid)
		terminal_session_ended(process->session);
	return 0;
}

static int64_t window_set(struct terminal *terminal, uint64_t from)
{
	struct linux_winsize window;

	if (user_read(&window, from, sizeof(window)))
		return -EFAULT;
	terminal->window.width = window.width;
	terminal->window.height = window.height;
	terminal_window(terminal, window.rows, window.columns);
	return 0;
}

static int64_t flush(struct terminal *terminal, uint64_t what)
{
	if (what > 2)
		return -EINVAL;
	mutex_lock(&terminal->lock);
	if (what != 1)
		input_drop(terminal);
	if (what != 0)
		line_event(terminal, PACKET_FLUSH_WRITE);
	mutex_unlock(&terminal->lock);
	return 0;
}

static int64_t number_write(uint64_t to, int32_t number)
{
	return user_write(to, &number, sizeof(number));
}

static int64_t session_get(struct terminal *terminal, uint64_t to)
{
	int32_t id;

	session_lock();
	id = terminal->session ? terminal->session->id : 0;
	session_unlock();
	return id ? number_write(to, id) : -ENOTTY;
}

static int64_t settings_get(struct terminal *terminal, uint64_t to)
{
	struct linux_termios termios;

	mutex_lock(&terminal->lock);
	termios = terminal->termios;
	mutex_unlock(&terminal->lock);
	return user_write(to, &termios, sizeof(termios));
}

static int64_t terminal_change(struct terminal *terminal, uint32_t request, uint64_t argument)
{
	int status = background_check(terminal, SIGTTOU);

	if (status)
		return status;
	switch (request) {
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return settings_set(terminal, argument, request == TCSETSF);
	case TIOCSPGRP:
		return foreground_set(terminal, argument);
	case TCFLSH:
		return flush(terminal, argument);
	case TIOCSWINSZ:
		return window_set(terminal, argument);
	case TCXONC:
		return argument > 3 ? -EINVAL : 0;
	}
	return 0;                       /* TCSBRK */
}

static int64_t terminal_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	struct terminal *terminal = terminal_of(file);

	if (master_is_gone(terminal))
		return -EIO;
	switch (request) {
	case TCGETS:
		return settings_get(terminal, argument);
	case TIOCGWINSZ:
		return user_write(argument, &terminal->window, sizeof(terminal->window));
	case TIOCGPGRP:
		return foreground_get(terminal, argument);
	case TIOCGSID:
		return session_get(terminal, argument);
	case TIOCSCTTY:
		return control_take(terminal, argument);
	case TIOCNOTTY:
		return control_leave(terminal);
	case FIONREAD:
		return number_write(argument, (int32_t)line_available(terminal));
	case TIOCOUTQ:
		return number_write(argument, 0);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
	case TIOCSPGRP:
	case TCFLSH:
	case TIOCSWINSZ:
	case TCSBRK:
	case TCXONC:
		return terminal_change(terminal, request, argument);
	}
	return -ENOTTY;
}

int64_t terminal_master_ioctl(struct terminal *terminal, uint32_t request, uint64_t argument)
{
	int32_t group;

	switch (request) {
	case TCGETS:
		return settings_get(terminal, argument);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return settings_set(terminal, argument, request == TCSETSF);
	case TIOCGWINSZ:
		return user_write(argument, &terminal->window, sizeof(terminal->window));
	case TIOCSWINSZ:
		return window_set(terminal, argument);
	case TIOCGPGRP:
		session_lock();
		group = terminal->foreground;
		session_unlock();
		return number_write(argument, group);
	case TIOCGSID:
		return session_get(terminal, argument);
	case TCFLSH:
		return flush(terminal, argument);
	}
	return -ENOTTY;
}

static void terminal_release(struct file *file)
{
	struct terminal *terminal = terminal_of(file);

	if (terminal->screen->closed)
		terminal->screen->closed(terminal);
}

static const struct file_operations terminal_operations = {
	.told = POLLIN | POLLOUT, .told_starved = true,
	.read = terminal_read,
	.write = terminal_write,
	.poll = terminal_poll,
	.ioctl = terminal_ioctl,
	.release = terminal_release,
};

int32_t terminal_group(const struct file *file)
{
	return file->operations == &terminal_operations ? __atomic_load_n(&terminal_of(file)->foreground, __ATOMIC_RELAXED) : 0;
}

/* The terminal that an inode stands for, with a reference: /dev/tty is that of the caller's session, the others are named. */
static int terminal_find(const struct inode *inode, struct terminal **out)
{
	struct process *process = self_process();

	if (inode->device >> 8 == MAJOR_SLAVE)
		return pty_open_slave(inode->device, out);
	*out = console_terminal;
	if (inode->device == DEVICE(5, 0)) {
		session_lock();
		*out = process ? process->session->terminal : 0;
		if (*out && (*out)->screen->closed)
			pty_keep(*out);
		session_unlock();
	}
	return *out ? 0 : -ENXIO;
}

int terminal_open(struct inode *inode, struct file *file)
{
	struct process *process = self_process();
	struct terminal *terminal;
	int status = terminal_find(inode, &terminal);

	if (status)
		return status;
	file->state = terminal;
	file->operations = &terminal_operations;
	if (process && process->session && process->session->id == process->pid && !terminal->session &&
	    inode->device != DEVICE(5, 1) && !(file->flags & O_NOCTTY))
		control_take(terminal, 0);
	return 0;
}
