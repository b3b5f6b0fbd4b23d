/* The line discipline: editing, echo, signals from keys, and output processing (POSIX.1-2017, chapter 11). */
#include "file/terminal.h"

enum { CONTROL_MASK = 0x1f, DELETE = 127, TAB_WIDTH = 8, DISABLED = 0 };

static const uint8_t characters_usual[TERMIOS_CHARACTERS] = {
	[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19,
	[VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22,
};

void line_start(struct terminal *terminal)
{
	terminal->termios = (struct linux_termios){
		.input = ICRNL | IXON | IUTF8, .output = OPOST | ONLCR, .control = CS8 | CREAD | HUPCL | B38400,
		.local = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	};
	memcpy(terminal->termios.character, characters_usual, sizeof(characters_usual));
}

static bool local(const struct terminal *terminal, uint32_t flag)
{
	return terminal->termios.local & flag;
}

static bool is_key(const struct terminal *terminal, uint8_t byte, int key)
{
	return byte == terminal->termios.character[key] && byte != DISABLED;
}

static void bit_put(uint64_t *bits, uint32_t at, bool value)
{
	uint64_t bit = 1ull << (at % 64);
	uint64_t *word = &bits[at % TERMINAL_INPUT / 64];

	*word = value ? *word | bit : *word & ~bit;
}

static bool bit_get(const uint64_t *bits, uint32_t at)
{
	return bits[at % TERMINAL_INPUT / 64] >> (at % 64) & 1;
}

static uint32_t line_filled(const struct terminal *terminal)
{
	return terminal->tail - terminal->head;
}

/* ---- echo ---- */

static void column_move(struct terminal *terminal, uint8_t byte)
{
	if (byte == '\r' || byte == '\n')
		terminal->column = 0;
	else if (byte == '\b')
		terminal->column -= terminal->column > 0;
	else if (byte == '\t')
		terminal->column = (terminal->column | (TAB_WIDTH - 1)) + 1;
	else if (byte >= ' ' && (byte & 0xc0) != 0x80)
		terminal->column++;
}

uint32_t line_output(struct terminal *terminal, const uint8_t *bytes, uint32_t count, uint8_t *to)
{
	uint32_t flags = terminal->termios.output, done = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t byte = bytes[i];

		if (!(flags & OPOST)) {
			to[done++] = byte;
			continue;
		}
		if (byte == '\n' && (flags & ONLCR))
			to[done++] = '\r';
		else if (byte == '\r' && (flags & OCRNL))
			byte = '\n';
		else if (byte == '\r' && (flags & ONOCR) && terminal->column == 0)
			continue;
		if (byte == '\t' && (flags & XTABS) == XTABS) {
			uint32_t before = terminal->column;

			column_move(terminal, byte);
			memset(to + done, ' ', terminal->column - before);
			done += terminal->column - before;
			continue;
		}
		column_move(terminal, byte);
		to[done++] = byte;
	}
	return done;
}

static void echo_raw(struct terminal *terminal, uint8_t byte)
{
	if (terminal->echo_count + TAB_WIDTH <= TERMINAL_ECHO)
		terminal->echo_count += line_output(terminal, &byte, 1, terminal->echo + terminal->echo_count);
}

static bool shown_as_control(const struct terminal *terminal, uint8_t byte)
{
	return local(terminal, ECHOCTL) && (byte < ' ' || byte == DELETE) && byte != '\t' && byte != '\n';
}

static void echo_byte(struct terminal *terminal, uint8_t byte)
{
	if (!local(terminal, ECHO) && !(byte == '\n' && local(terminal, ECHONL) && local(terminal, ICANON)))
		return;
	if (shown_as_control(terminal, byte)) {
		echo_raw(terminal, '^');
		echo_raw(terminal, byte ^ 0x40);
	} else {
		echo_raw(terminal, byte);
	}
}

/* ---- editing ---- */

static void input_put(struct terminal *terminal, uint8_t byte, bool end, bool eof)
{
	uint32_t at = terminal->tail++;

	terminal->input[at % TERMINAL_INPUT] = byte;
	bit_put(terminal->ends, at, end);
	bit_put(terminal->eofs, at, eof);
	if (end || !local(terminal, ICANON)) {
		terminal->line = terminal->tail;
		terminal->line_column = terminal->column;
	}
}

/* Columns that the line from `from` takes, counted from where it began. */
static uint32_t columns_until(const struct terminal *terminal, uint32_t to)
{
	uint32_t column = terminal->line_column;

	for (uint32_t at = terminal->line; at != to; at++) {
		uint8_t byte = terminal->input[at % TERMINAL_INPUT];

		if (byte == '\t')
			column = (column | (TAB_WIDTH - 1)) + 1;
		else if (shown_as_control(terminal, byte))
			column += 2;
		else if ((byte & 0xc0) != 0x80 || !(terminal->termios.input & IUTF8))
			column++;
	}
	return column;
}

/* Takes the last character of the edited line away, all bytes of it. */
static void erase_one(struct terminal *terminal)
{
	uint32_t before = columns_until(terminal, terminal->tail), after;

	do {
		terminal->tail--;
	} while (terminal->tail != terminal->line && (terminal->termios.input & IUTF8) &&
		(terminal->input[terminal->tail % TERMINAL_INPUT] & 0xc0) == 0x80);
	if (!local(terminal, ECHO) || !local(terminal, ECHOE))
		return;
	after = columns_until(terminal, terminal->tail);
	for (; before > after; before--) {
		echo_raw(terminal, '\b');
		echo_raw(terminal, ' ');
		echo_raw(terminal, '\b');
	}
}

static bool at_blank(const struct terminal *terminal)
{
	uint8_t byte = terminal->input[(terminal->tail - 1) % TERMINAL_INPUT];

	return byte == ' ' || byte == '\t';
}

static void erase_word(struct terminal *terminal)
{
	while (terminal->tail != terminal->line && at_blank(terminal))
		erase_one(terminal);
	while (terminal->tail != terminal->line && !at_blank(terminal))
		erase_one(terminal);
}

static void erase_line(struct terminal *terminal)
{
	if (local(terminal, ECHO) && !local(terminal, ECHOKE)) {
		terminal->tail = terminal->line;
		echo_byte(terminal, terminal->termios.character[VKILL]);
		if (local(terminal, ECHOK))
			echo_byte(terminal, '\n');
		return;
	}
	while (terminal->tail != terminal->line)
		erase_one(terminal);
}

static void reprint(struct terminal *terminal)
{
	echo_byte(terminal, terminal->termios.character[VREPRINT]);
	echo_byte(terminal, '\n');
	terminal->line_column = terminal->column;
	for (uint32_t at = terminal->line; at != terminal->tail; at++)
		echo_byte(terminal, terminal->input[at % TERMINAL_INPUT]);
}

void line_event(struct terminal *terminal, uint32_t what)
{
	if (terminal->screen && terminal->screen->event)
		terminal->screen->event(terminal, what);
}

static void output_hold(struct terminal *terminal, bool stop)
{
	if (terminal->stopped == stop)
		return;
	terminal->stopped = stop;
	line_event(terminal, stop ? PACKET_STOP : PACKET_START);
}

void line_flush_input(struct terminal *terminal)
{
	terminal->head = terminal->line = terminal->tail;
}

/* ---- keys ---- */

static int key_signal(const struct terminal *terminal, uint8_t byte)
{
	return is_key(terminal, byte, VINTR) ? SIGINT : is_key(terminal, byte, VQUIT) ? SIGQUIT :
		is_key(terminal, byte, VSUSP) ? SIGTSTP : 0;
}

/* Keys that send signals or hold the output. Returns true if the byte was one. */
static bool key_control(struct terminal *terminal, uint8_t byte)
{
	int signal = local(terminal, ISIG) ? key_signal(terminal, byte) : 0;

	if (signal) {
		terminal->signals |= 1ull << signal;
		output_hold(terminal, false);
		if (!local(terminal, NOFLSH)) {
			line_flush_input(terminal);
			line_event(terminal, PACKET_FLUSH_READ | PACKET_FLUSH_WRITE);
		}
		echo_byte(terminal, byte);
		return true;
	}
	if (!(terminal->termios.input & IXON))
		return false;
	if (is_key(terminal, byte, VSTOP) || is_key(terminal, byte, VSTART)) {
		output_hold(terminal, is_key(terminal, byte, VSTOP));
		return true;
	}
	if (terminal->termios.input & IXANY)
		output_hold(terminal, false);
	return false;
}

/* Keys that edit the line. Returns true if the byte was one. */
static bool key_edit(struct terminal *terminal, uint8_t byte)
{
	bool empty = terminal->tail == terminal->line, extended = local(terminal, IEXTEN);

	if (is_key(terminal, byte, VERASE)) {
		if (!empty)
			erase_one(terminal);
	} else if (is_key(terminal, byte, VKILL)) {
		erase_line(terminal);
	} else if (extended && is_key(terminal, byte, VWERASE)) {
		erase_word(terminal);
	} else if (extended && is_key(terminal, byte, VREPRINT)) {
		reprint(terminal);
	} else if (extended && is_key(terminal, byte, VLNEXT)) {
		terminal->literal = true;
		if (local(terminal, ECHO) && local(terminal, ECHOCTL)) {
			echo_raw(terminal, '^');
			echo_raw(terminal, '\b');
		}
	} else {
		return false;
	}
	return true;
}

static void key_canonical(struct terminal *terminal, uint8_t byte)
{
	bool end = byte == '\n' || is_key(terminal, byte, VEOL) || (is_key(terminal, byte, VEOL2) && local(terminal, IEXTEN));

	if (key_edit(terminal, byte))
		return;
	if (is_key(terminal, byte, VEOF)) {
		input_put(terminal, 0, true, true);
		return;
	}
	if (!end && line_filled(terminal) >= TERMINAL_INPUT - 1) {
		echo_raw(terminal, '\a');
		return;
	}
	echo_byte(terminal, byte);
	input_put(terminal, byte, end, false);
}

static void key(struct terminal *terminal, uint8_t byte)
{
	uint32_t flags = terminal->termios.input;

	if (terminal->literal) {
		terminal->literal = false;
		echo_byte(terminal, byte);
		input_put(terminal, byte, false, false);
		return;
	}
	if (flags & ISTRIP)
		byte &= 0x7f;
	if (key_control(terminal, byte))
		return;
	if (byte == '\r' && (flags & IGNCR))
		return;
	if (byte == '\r' && (flags & ICRNL))
		byte = '\n';
	else if (byte == '\n' && (flags & INLCR))
		byte = '\r';
	if (local(terminal, ICANON)) {
		key_canonical(terminal, byte);
		return;
	}
	echo_byte(terminal, byte);
	input_put(terminal, byte, false, false);
}

/* A full ring makes the keyboard wait, unless it holds nothing but the line that is being typed. */
static bool must_wait(const struct terminal *terminal)
{
	uint32_t filled = line_filled(terminal);

	if (filled < TERMINAL_INPUT - 1)
		return false;
	return filled == TERMINAL_INPUT || terminal->line != terminal->head;
}

bool line_has_room(const struct terminal *terminal)
{
	return !must_wait(terminal);
}

uint32_t line_feed(struct terminal *terminal, const uint8_t *bytes, uint32_t count)
{
	uint32_t done = 0;

	while (done < count && (!must_wait(terminal) || (local(terminal, ISIG) && key_signal(terminal, bytes[done]))))
		key(terminal, bytes[done++]);
	return done;
}

/* ---- reading ---- */

uint32_t line_available(const struct terminal *terminal)
{
	return terminal->line - terminal->head;
}

bool line_ready(const struct terminal *terminal)
{
	return line_available(terminal) != 0;
}

uint32_t line_take(struct terminal *terminal, uint8_t *to, uint32_t limit, bool *end)
{
	bool canonical = local(terminal, ICANON);
	uint32_t done = 0;

	*end = false;
	while (terminal->head != terminal->line && !*end) {
		uint32_t at = terminal->head;

		if (canonical && bit_get(terminal->eofs, at)) {
			terminal->head++;
			*end = true;
			break;
		}
		if (done == limit)
			break;
		*end = canonical && bit_get(terminal->ends, at);
		to[done++] = terminal->input[at % TERMINAL_INPUT];
		terminal->head++;
	}
	return done;
}

/* Whether ^S and ^Q hold the output, so that a terminal at the other end may do that itself. */
static bool usual_hold(const struct linux_termios *termios)
{
	enum { CONTROL_Q = 17, CONTROL_S = 19 };

	return (termios->input & IXON) && termios->character[VSTOP] == CONTROL_S && termios->character[VSTART] == CONTROL_Q;
}

void line_settings(struct terminal *terminal, const struct linux_termios *termios)
{
	bool was = local(terminal, ICANON), holds = usual_hold(termios);

	if (usual_hold(&terminal->termios) != holds)
		line_event(terminal, holds ? PACKET_DO_STOP : PACKET_NO_STOP);
	terminal->termios = *termios;
	if (was != local(terminal, ICANON)) {
		if (terminal->tail != terminal->line)
			bit_put(terminal->ends, terminal->tail - 1, true);
		terminal->line = terminal->tail;
	}
	if (!(termios->input & IXON))
		output_hold(terminal, false);
}
