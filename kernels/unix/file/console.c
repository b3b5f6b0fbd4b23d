/* The console: frames between the host and the terminal or the standard streams (abi/console.h).
 *
 * Output: one frame at a time stands in `frame`; what the ring does not take yet stays there, and the ring is then full to
 * the last byte, so the driver is bound to signal when it takes some. Bytes in `frame` count as written.
 * Input: whoever makes room calls console_pump, as the console thread does at every signal; it takes frames apart where it
 * stopped last time and leaves in the ring what has no room.
 * Locks: input_lock > terminal.lock, stream.lock > output_lock. */
#include "file/terminal.h"

#include "abi/console.h"
#include "baryon/calls.h"
#include "baryon/ring.h"

enum { HEADER = 4, PAYLOAD = 4096, STREAM_BYTES = 4 * 4096, SIGNALS = 16, LOOK_NS = 1000000000 };

static struct console_channel *channel;

static struct mutex output_lock;
static uint8_t frame[HEADER + PAYLOAD];
static uint32_t frame_from, frame_to;           /* what is still to go out */
static struct wait_queue room_wait;

static struct mutex input_lock;
static uint8_t header[HEADER], window[4];
static uint32_t header_count, payload_left, payload_done;

static struct stream {          /* standard input that is not a terminal */
	struct mutex lock;
	uint32_t head, tail;        /* next to read, next to write; count modulo 2^32 */
	bool ended;
	uint8_t *bytes;
	struct wait_queue wait;
} input_stream;

static uint32_t terminal_frame;
static struct inode *terminal_inode, *stream_inode[3];

/* ---- output ---- */

/* Moves the frame on. Returns true if it is out. output_lock is held. */
static bool frame_flush(void)
{
	bool was_empty;
	uint32_t done;

	if (frame_from == frame_to)
		return true;
	done = ring_put(&channel->output, frame + frame_from, frame_to - frame_from, &was_empty);
	frame_from += done;
	if (was_empty)
		signal_send(&channel->output);
	return frame_from == frame_to;
}

static void frame_start(uint32_t type, uint32_t count)
{
	frame[0] = (uint8_t)type;
	frame[1] = 0;
	frame[2] = (uint8_t)count;
	frame[3] = (uint8_t)(count >> 8);
	frame_from = 0;
	frame_to = HEADER + count;
	frame_flush();
}

uint32_t console_put(uint32_t type, const void *bytes, uint32_t count)
{
	count = count < PAYLOAD ? count : PAYLOAD;
	mutex_lock(&output_lock);
	if (!frame_flush())
		count = 0;
	if (count) {
		memcpy(frame + HEADER, bytes, count);
		frame_start(type, count);
	}
	mutex_unlock(&output_lock);
	return count;
}

static int room_wait_locked(bool interruptible)
{
	int status = 0;

	while (!frame_flush() && status == 0)
		status = wait_queue_sleep(&room_wait, &output_lock, interruptible, time_monotonic() + LOOK_NS);
	return status == -ETIMEDOUT ? 0 : status;
}

int console_wait_room(void)
{
	int status;

	mutex_lock(&output_lock);
	status = room_wait_locked(true);
	mutex_unlock(&output_lock);
	return status;
}

bool console_has_room(void)
{
	return __atomic_load_n(&frame_from, __ATOMIC_RELAXED) == __atomic_load_n(&frame_to, __ATOMIC_RELAXED);
}

void console_poll_room(struct poll_table *table)
{
	poll_watch(table, &room_wait);
}

/* ---- the console as a terminal's screen ---- */

/* With output that is seen nowhere, all of it is taken. */
static uint32_t screen_put(struct terminal *terminal __attribute__((unused)), const uint8_t *bytes, uint32_t count)
{
	return terminal_frame ? console_put(terminal_frame, bytes, count) : count;
}

static int screen_wait_room(struct terminal *terminal __attribute__((unused)))
{
	return console_wait_room();
}

static bool screen_has_room(struct terminal *terminal __attribute__((unused)))
{
	return console_has_room();
}

static void screen_poll_room(struct terminal *terminal __attribute__((unused)), struct poll_table *table)
{
	console_poll_room(table);
}

static void screen_pump(struct terminal *terminal __attribute__((unused)))
{
	console_pump();
}

static const struct terminal_screen console_screen = {
	.put = screen_put, .wait_room = screen_wait_room, .has_room = screen_has_room, .poll_room = screen_poll_room,
	.pump = screen_pump,
};

static void output_room(void)
{
	bool out;

	mutex_lock(&output_lock);
	out = frame_flush();
	mutex_unlock(&output_lock);
	if (out)
		queue_wake_all(&room_wait);
}

/* ---- input ---- */

static uint32_t stream_feed(struct stream *stream, const uint8_t *bytes, uint32_t count)
{
	uint32_t room, done = 0;

	mutex_lock(&stream->lock);
	room = STREAM_BYTES - (stream->tail - stream->head);
	count = count < room ? count : room;
	for (uint32_t part; done < count; done += part, stream->tail += part) {
		uint32_t at = stream->tail % STREAM_BYTES;

		part = count - done < STREAM_BYTES - at ? count - done : STREAM_BYTES - at;
		memcpy(stream->bytes + at, bytes + done, part);
	}
	mutex_unlock(&stream->lock);
	if (count)
		queue_wake_all(&stream->wait);
	return count;
}

static void input_end(void)
{
	if (console_terminal) {
		terminal_hang_up(console_terminal);
		return;
	}
	mutex_lock(&input_stream.lock);
	input_stream.ended = true;
	mutex_unlock(&input_stream.lock);
	queue_wake_all(&input_stream.wait);
}

/* Gives a part of the current frame to whom it concerns. Returns how many bytes were taken. */
static uint32_t payload_feed(const uint8_t *bytes, uint32_t count)
{
	switch (header[0]) {
	case FRAME_INPUT:
		return console_terminal ? terminal_feed(console_terminal, bytes, count) : stream_feed(&input_stream, bytes, count);
	case FRAME_WINDOW:
		for (uint32_t i = 0; i < count; i++)
			if (payload_done + i < sizeof(window))
				window[payload_done + i] = bytes[i];
		return count;
	}
	return count;
}

static void frame_ended(void)
{
	header_count = 0;
	if (header[0] == FRAME_INPUT_END)
		input_end();
	else if (header[0] == FRAME_WINDOW && payload_done >= sizeof(window) && console_terminal)
		terminal_window(console_terminal, (uint16_t)(window[0] | window[1] << 8), (uint16_t)(window[2] | window[3] << 8));
}

/* Takes bytes of the ring's next straight part. Returns how many; 0: nothing there, or no room for them. */
static uint32_t input_step(const uint8_t *bytes, uint32_t count)
{
	uint32_t done = 0;

	if (header_count < HEADER) {
		while (done < count && header_count < HEADER)
			header[header_count++] = bytes[done++];
		payload_left = header[2] | (uint32_t)header[3] << 8;
		payload_done = 0;
	} else if (payload_left) {
		done = payload_feed(bytes, count < payload_left ? count : payload_left);
		payload_left -= done;
		payload_done += done;
	}
	if (header_count == HEADER && payload_left == 0)
		frame_ended();
	return done;
}

void console_pump(void)
{
	uint32_t count, done;

	mutex_lock(&input_lock);
	for (;;) {
		const uint8_t *bytes = ring_peek(&channel->input, &count);

		if (!count)
			break;
		done = input_step(bytes, count);
		if (!done)
			break;
		if (ring_advance(&channel->input, done))
			signal_send(&channel->input);
	}
	mutex_unlock(&input_lock);
}

static void console_run(void *unused __attribute__((unused)))
{
	uint64_t words[PORTAL_WORDS] = {SRM_CONSOLE_BIND, self()->uid};
	uint64_t addresses[SIGNALS];

	if (portal_call(HANDLE_SRM, words, 0, 0) || (int64_t)words[0] < 0)
		log_line("unix: the console's signals cannot be bound");
	for (;;) {
		console_pump();
		output_room();
		if (console_terminal && console_terminal->echo_count)
			terminal_echo_flush(console_terminal);
		if (signal_wait(time_monotonic() + LOOK_NS, addresses, SIGNALS) < 0)
			continue;           /* the time is up: look anyway */
	}
}

_Noreturn void console_exit(int status)
{
	uint8_t byte = (uint8_t)status;
	uint64_t words[PORTAL_WORDS] = {SRM_POWER_OFF, byte};

	while (!console_put(FRAME_EXIT, &byte, 1))
		console_wait_room();
	mutex_lock(&output_lock);
	room_wait_locked(false);
	mutex_unlock(&output_lock);
	for (;;) {
		if (portal_call(HANDLE_SRM, words, 0, 0))
			log_line("unix: the machine cannot be ended");
		park(0);
	}
}

/* ---- the standard streams as files ---- */

static int64_t stream_take(struct stream *stream, struct io *io)
{
	uint32_t at = stream->head % STREAM_BYTES, count = stream->tail - stream->head;
	uint64_t done;

	count = count < STREAM_BYTES - at ? count : STREAM_BYTES - at;
	done = io_put(io, stream->bytes + at, count);
	stream->head += (uint32_t)done;
	return done ? (int64_t)done : -EFAULT;
}

static int64_t stream_read(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	struct stream *stream = &input_stream;
	int64_t result = 0;

	if (!io->left)
		return 0;
	console_pump();
	mutex_lock(&stream->lock);
	while (stream->head == stream->tail && !stream->ended && result == 0)
		result = file->flags & O_NONBLOCK ? -EAGAIN : wait_queue_sleep(&stream->wait, &stream->lock, true, 0);
	if (stream->head != stream->tail)
		result = stream_take(stream, io);
	mutex_unlock(&stream->lock);
	if (result > 0)
		console_pump();
	return result;
}

/* One frame straight from the program. */
static int64_t stream_frame(uint32_t type, struct io *io, bool wait)
{
	uint64_t count = io->left < PAYLOAD ? io->left : PAYLOAD;
	int64_t status = 0;

	mutex_lock(&output_lock);
	if (!frame_flush())
		status = wait ? room_wait_locked(true) : -EAGAIN;
	if (status == 0 && frame_from == frame_to) {
		count = io_get(io, frame + HEADER, count);
		status = count ? (int64_t)count : -EFAULT;
		if (count)
			frame_start(type, (uint32_t)count);
	}
	mutex_unlock(&output_lock);
	return status;
}

static int64_t stream_write(struct file *file, struct io *io, uint64_t *position __attribute__((unused)))
{
	uint32_t type = file->inode == stream_inode[2] ? FRAME_ERROR : FRAME_OUTPUT;
	int64_t total = 0, status = 0;

	while (io->left && status >= 0) {
		status = stream_frame(type, io, !(file->flags & O_NONBLOCK));
		total += status > 0 ? status : 0;
	}
	return total ? total : status;
}

static uint32_t stream_poll(struct file *file, struct poll_table *table)
{
	if (file->inode != stream_inode[0]) {
		console_poll_room(table);
		return console_has_room() ? POLLOUT | POLLWRNORM : 0;
	}
	poll_watch(table, &input_stream.wait);
	console_pump();
	if (input_stream.head != input_stream.tail)
		return POLLIN | POLLRDNORM | (input_stream.ended ? POLLHUP : 0);
	return input_stream.ended ? POLLHUP : 0;
}

static int64_t stream_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	int32_t count = (int32_t)(input_stream.tail - input_stream.head);

	if (request != FIONREAD || file->inode != stream_inode[0])
		return -ENOTTY;
	return user_write(argument, &count, sizeof(count));
}

static const struct file_operations input_operations = {.read = stream_read, .poll = stream_poll, .ioctl = stream_ioctl};
static const struct file_operations output_operations = {.write = stream_write, .poll = stream_poll};

static int stream_open(struct inode *inode, struct file *file)
{
	file->operations = inode == stream_inode[0] ? &input_operations : &output_operations;
	return 0;
}

static const struct inode_operations stream_inode_operations = {.open = stream_open};

/* ---- start ---- */

static bool is_terminal(const char *key)
{
	const char *value = setting(key, 0);

	return !value || strcmp(value, "stream") != 0;
}

static struct inode *stream_make(void)
{
	struct inode *inode = inode_make(S_IFIFO | 0600, 0, 0, 0);

	if (inode) {
		inode->operations = &stream_inode_operations;
		inode->filesystem = FILESYSTEM_ANONYMOUS;
		inode->nlink = 1;
	}
	return inode;
}

static uint16_t setting_number(const char *key, uint32_t otherwise)
{
	const char *value = setting(key, 0);
	uint32_t number = 0;

	for (; value && *value >= '0' && *value <= '9'; value++)
		number = number * 10 + (uint32_t)(*value - '0');
	return (uint16_t)(number && number < 65536 ? number : otherwise);
}

static int terminal_init(void)
{
	console_terminal = page_block_alloc();
	if (!console_terminal)
		return -ENOMEM;
	memset(console_terminal, 0, sizeof(struct terminal));
	line_start(console_terminal);
	console_terminal->screen = &console_screen;
	console_terminal->window.rows = setting_number("rows", 24);
	console_terminal->window.columns = setting_number("columns", 80);
	terminal_frame = is_terminal("stdout") ? FRAME_OUTPUT : is_terminal("stderr") ? FRAME_ERROR : 0;
	terminal_inode = inode_make(S_IFCHR | 0600, 0, 0, DEVICE(5, 1));
	return terminal_inode ? 0 : -ENOMEM;
}

_Static_assert(sizeof(struct terminal) <= 4 * PAGE_BYTES, "a terminal fits in a block");

int console_init(void)
{
	static const char *const keys[3] = {"stdin", "stdout", "stderr"};
	bool terminal = is_terminal("stdin");

	channel = (struct console_channel *)(memory_base - DOMAIN_MEMORY_OFFSET + DOMAIN_CONSOLE_OFFSET);
	if (terminal && terminal_init())
		return -ENOMEM;
	for (int i = 0; i < 3; i++)
		if (!terminal || !is_terminal(keys[i])) {
			stream_inode[i] = stream_make();
			if (!stream_inode[i])
				return -ENOMEM;
		}
	input_stream.bytes = page_block_alloc();
	if (!input_stream.bytes)
		return -ENOMEM;
	frame_start(FRAME_READY, 0);
	return kernel_thread_start(console_run, 0, "console") ? 0 : -ENOMEM;
}

struct inode *console_inode(int descriptor)
{
	struct inode *inode = stream_inode[descriptor] ? stream_inode[descriptor] : terminal_inode;

	inode_get(inode);
	return inode;
}

struct inode *console_terminal_inode(void)
{
	if (terminal_inode)
		inode_get(terminal_inode);
	return terminal_inode;
}
