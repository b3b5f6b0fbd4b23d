/* See relay.h.
 *
 * Three streams come from QEMU: the framed console, the early console's log, and QEMU's own messages. The console is read
 * only as far as both output buffers have room, so a slow reader of our output slows the guest and nothing else; input is read
 * only when the buffer to the guest is empty. Writing to standard output happens only when poll says that it will not block. */
#include "tools/baryon/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/baryon/frames.h"
#include "tools/baryon/journal.h"
#include "tools/baryon/terminal.h"

#define OUTPUT_BYTES 65536
#define INPUT_BYTES 4096
#define WRITE_BYTES 4096        /* PIPE_BUF: what a pipe takes whole when poll calls it writable */
#define GRACE_MS 30000          /* for the guest to power off after its program has ended, and to say its last words */
#define PANIC_MS 500            /* to say more after a panic */

struct output {
	int fd;
	size_t at, count;
	bool lost;                  /* nobody reads it any more */
	uint8_t bytes[OUTPUT_BYTES];
};

enum { SLOT_CONSOLE, SLOT_LOG, SLOT_ERRORS, SLOT_SIGNALS, SLOT_INPUT, SLOT_OUTPUT, SLOT_ERROR, SLOTS };

struct relay {
	struct machine *machine;
	const struct options *options;
	struct complaint *complaint;
	struct pollfd slot[SLOTS];
	struct frame_reader reader;
	struct journal log, errors;
	struct output output[2];
	uint8_t to_guest[2 * INPUT_BYTES];
	size_t to_guest_at, to_guest_count;
	struct escape escape;
	bool console_closed;
	bool is_ready;              /* the guest reads its input from now on */
	bool input_is_terminal, input_ended, window_changed;
	bool has_exit;              /* the guest's program has ended, with */
	int exit_status;
	bool is_over;               /* leave the loop with `status` */
	int status;
	uint64_t deadline_ms;       /* 0: none */
	uint64_t panic_ms;          /* when the system panicked */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

static void end(struct relay *relay, int status)
{
	if (relay->is_over)
		return;
	relay->is_over = true;
	relay->status = status;
}

static void append(struct output *output, const void *bytes, size_t count)
{
	if (output->lost)
		return;
	memcpy(output->bytes + output->at + output->count, bytes, count);
	output->count += count;
}

/* Room at the end of the buffer, after moving what it holds to its start. */
static size_t room(struct output *output)
{
	if (output->at) {
		memmove(output->bytes, output->bytes + output->at, output->count);
		output->at = 0;
	}
	return OUTPUT_BYTES - output->count;
}

static void output_write(struct relay *relay, struct output *output)
{
	size_t count = output->count < WRITE_BYTES ? output->count : WRITE_BYTES;
	ssize_t done = write(output->fd, output->bytes + output->at, count);

	if (done >= 0) {
		output->at += done;
		output->count -= done;
	} else if (errno != EINTR && errno != EAGAIN) {
		output->lost = true;
		output->count = 0;
		if (output->fd == STDOUT_FILENO)
			end(relay, 128 + SIGPIPE);
	}
}

static void piece_take(struct relay *relay, const struct frame_piece *piece)
{
	switch (piece->type) {
	case FRAME_OUTPUT:
		append(&relay->output[0], piece->bytes, piece->count);
		break;
	case FRAME_ERROR:
		append(&relay->output[1], piece->bytes, piece->count);
		break;
	case FRAME_MESSAGE:
		if (relay->options->verbose)
			append(&relay->output[1], piece->bytes, piece->count);
		break;
	case FRAME_READY:
		relay->is_ready = true;
		break;
	case FRAME_EXIT:
		if (piece->count && !relay->has_exit) {
			relay->has_exit = true;
			relay->exit_status = piece->bytes[0];
			relay->deadline_ms = now_ms() + GRACE_MS;
		}
	}
}

static void console_read(struct relay *relay)
{
	static uint8_t buffer[OUTPUT_BYTES];
	size_t first = room(&relay->output[0]), second = room(&relay->output[1]), left;
	ssize_t count = read(relay->machine->console, buffer, first < second ? first : second);
	const uint8_t *at = buffer;
	struct frame_piece piece;
	enum frame_result result;

	if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
		relay->console_closed = true;
	if (count <= 0)
		return;
	for (left = count; (result = frame_next(&relay->reader, &at, &left, left, &piece)) == FRAME_PIECE;)
		piece_take(relay, &piece);
	if (result == FRAME_BROKEN && !relay->has_exit) {
		complain(relay->complaint, "the system failed: it sent what is no frame on its console channel");
		end(relay, STATUS_FAILED);
	}
}

static void journal_read(struct relay *relay, int slot, struct journal *journal)
{
	char buffer[4096];
	ssize_t count = read(relay->slot[slot].fd, buffer, sizeof buffer);

	if (count > 0)
		journal_take(journal, buffer, count);
	else if (count == 0 || (errno != EAGAIN && errno != EINTR))
		relay->slot[slot].fd = -1;
}

static void log_read(struct relay *relay)
{
	bool before = relay->log.panicked;

	journal_read(relay, SLOT_LOG, &relay->log);
	if (relay->log.panicked && !before)
		relay->panic_ms = now_ms();
}

static void send_frame(struct relay *relay, uint8_t type, const void *payload, size_t count)
{
	relay->to_guest_count += frame_write(relay->to_guest + relay->to_guest_at + relay->to_guest_count, type, payload, count);
}

static void input_read(struct relay *relay)
{
	uint8_t keys[INPUT_BYTES + 1];
	ssize_t count = read(STDIN_FILENO, keys, INPUT_BYTES);
	bool quit = false;

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (count <= 0) {
		relay->input_ended = true;
		send_frame(relay, FRAME_INPUT_END, NULL, 0);
		return;
	}
	if (relay->input_is_terminal)
		count = escape_filter(&relay->escape, keys, count, &quit);
	if (quit)
		end(relay, STATUS_INTERRUPTED);
	else if (count)
		send_frame(relay, FRAME_INPUT, keys, count);
}

static void window_send(struct relay *relay)
{
	uint16_t rows, columns;

	terminal_size(&rows, &columns);
	relay->window_changed = false;
	send_frame(relay, FRAME_WINDOW, (uint8_t[]){ rows & 0xff, rows >> 8, columns & 0xff, columns >> 8 }, 4);
}

static void console_write(struct relay *relay)
{
	ssize_t done = send(relay->machine->console, relay->to_guest + relay->to_guest_at, relay->to_guest_count,
		MSG_NOSIGNAL);

	if (done > 0) {
		relay->to_guest_at += done;
		relay->to_guest_count -= done;
	} else if (errno != EAGAIN && errno != EINTR) {
		relay->to_guest_count = 0;
		relay->input_ended = true;
	}
	if (relay->to_guest_count == 0)
		relay->to_guest_at = 0;
}

static void signal_read(struct relay *relay)
{
	struct signalfd_siginfo information;

	if (read(relay->slot[SLOT_SIGNALS].fd, &information, sizeof information) != sizeof information)
		return;
	if (information.ssi_signo == SIGWINCH)
		relay->window_changed = true;
	else
		end(relay, 128 + information.ssi_signo);
}

/* Before the guest is ready, firmware would take what comes on a serial port for keys, and starting the port drops it. */
static bool input_is_wanted(const struct relay *relay)
{
	return relay->is_ready && !relay->input_ended && !relay->has_exit && !relay->to_guest_count;
}

static void slots_arm(struct relay *relay)
{
	struct pollfd *slot = relay->slot;
	bool can_take = room(&relay->output[0]) && room(&relay->output[1]);

	if (relay->window_changed && relay->is_ready && relay->to_guest_count == 0)
		window_send(relay);
	slot[SLOT_CONSOLE].events = (can_take ? POLLIN : 0) | (relay->to_guest_count ? POLLOUT : 0);
	slot[SLOT_CONSOLE].fd = relay->console_closed || !slot[SLOT_CONSOLE].events ? -1 : relay->machine->console;
	slot[SLOT_LOG].events = slot[SLOT_ERRORS].events = slot[SLOT_SIGNALS].events = POLLIN;
	slot[SLOT_INPUT].fd = input_is_wanted(relay) ? STDIN_FILENO : -1;
	slot[SLOT_INPUT].events = POLLIN;
	for (int i = 0; i < 2; i++) {
		slot[SLOT_OUTPUT + i].fd = relay->output[i].count ? relay->output[i].fd : -1;
		slot[SLOT_OUTPUT + i].events = POLLOUT;
	}
}

static void slots_serve(struct relay *relay)
{
	struct pollfd *slot = relay->slot;

	if (slot[SLOT_SIGNALS].revents)
		signal_read(relay);
	if (slot[SLOT_LOG].revents)
		log_read(relay);
	if (slot[SLOT_ERRORS].revents)
		journal_read(relay, SLOT_ERRORS, &relay->errors);
	for (int i = 0; i < 2; i++)
		if (slot[SLOT_OUTPUT + i].revents)
			output_write(relay, &relay->output[i]);
	if (slot[SLOT_CONSOLE].revents & POLLOUT)
		console_write(relay);
	if (slot[SLOT_CONSOLE].revents & (POLLIN | POLLHUP | POLLERR) && (slot[SLOT_CONSOLE].events & POLLIN))
		console_read(relay);
	if (slot[SLOT_INPUT].revents && !relay->window_changed)     /* keys that are typed after it come after it */
		input_read(relay);
}

/* Why a machine ended without telling its program's status. The journals have all that was said. */
static void explain(struct relay *relay)
{
	if (relay->log.panicked)
		complain(relay->complaint, "the system failed: %s", relay->log.last);
	else if (relay->errors.last[0])
		complain(relay->complaint, "QEMU failed: %s", relay->errors.last);
	else if (relay->log.last[0])
		complain(relay->complaint, "the system stopped before its program ended; its last words: %s", relay->log.last);
	else
		complain(relay->complaint, "the machine stopped before the system started: is build/baryon.elf whole? Run 'make'");
}

/* Whether the machine has said all that it will say; and then with which status to end. */
static void end_check(struct relay *relay)
{
	bool pending = relay->output[0].count || relay->output[1].count;
	bool silent = relay->console_closed && relay->slot[SLOT_LOG].fd < 0 && relay->slot[SLOT_ERRORS].fd < 0;

	if (pending || relay->is_over)
		return;
	if (relay->has_exit && silent)
		end(relay, relay->exit_status);
	else if (!relay->has_exit && (silent || (relay->log.panicked && now_ms() >= relay->panic_ms + PANIC_MS))) {
		explain(relay);
		end(relay, STATUS_FAILED);
	}
}

static int time_left(const struct relay *relay)
{
	uint64_t now = now_ms(), left;

	if (relay->log.panicked)
		return PANIC_MS / 10;
	if (relay->deadline_ms == 0)
		return -1;
	left = relay->deadline_ms > now ? relay->deadline_ms - now : 0;
	return left < 1000000 ? (int)left : 1000000;
}

static void end_by_force(struct relay *relay)
{
	if (relay->options->verbose)
		fprintf(stderr, "baryon: the machine did not power off\n");
	end(relay, relay->exit_status);
}

/* The time limit is over: the program's, or after its end the guest's grace. Output that nobody takes has no limit then. */
static void time_check(struct relay *relay)
{
	if (relay->deadline_ms == 0 || now_ms() < relay->deadline_ms)
		return;
	if (!relay->has_exit)
		end(relay, STATUS_TIMEOUT);
	else if (relay->output[0].count == 0 && relay->output[1].count == 0)
		end_by_force(relay);
	else
		relay->deadline_ms = now_ms() + GRACE_MS;
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void relay_start(struct relay *relay)
{
	relay->slot[SLOT_LOG].fd = relay->machine->log;
	relay->slot[SLOT_ERRORS].fd = relay->machine->errors;
	relay->slot[SLOT_SIGNALS].fd = signals_open();
	relay->log.show = relay->errors.show = relay->options->verbose;
	relay->output[0].fd = STDOUT_FILENO;
	relay->output[1].fd = STDERR_FILENO;
	relay->complaint->text[0] = 0;
	relay->reader.is_hunting = relay->options->uefi;
	if (relay->options->timeout_ms)
		relay->deadline_ms = now_ms() + relay->options->timeout_ms;
	relay->input_is_terminal = isatty(STDIN_FILENO);
	if (!relay->input_is_terminal)
		return;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "baryon: all keys go to the guest; Ctrl-] then q ends the machine\n");
	relay->input_is_terminal = terminal_start();
}

int relay_run(struct machine *machine, const struct options *options, struct complaint *complaint)
{
	static struct relay relay;

	relay.machine = machine;
	relay.options = options;
	relay.complaint = complaint;
	relay_start(&relay);
	while (!relay.is_over) {
		slots_arm(&relay);
		if (poll(relay.slot, SLOTS, time_left(&relay)) > 0)
			slots_serve(&relay);
		end_check(&relay);
		time_check(&relay);
	}
	machine_stop(machine);
	journal_end(&relay.log);
	journal_end(&relay.errors);
	terminal_restore();
	return relay.status;
}
