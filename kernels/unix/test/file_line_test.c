/* The line discipline: editing, echo, ends of lines and of file, raw reading, signals from keys; and random keys do no harm. */
#include "file_fake.h"

static struct terminal terminal;
static char got[8192];

static void start(void)
{
	memset(&terminal, 0, sizeof(terminal));
	line_start(&terminal);
}

static void type(const char *keys)
{
	CHECK_IS(line_feed(&terminal, (const uint8_t *)keys, (uint32_t)strlen(keys)), strlen(keys));
}

static const char *line(uint32_t limit)
{
	bool end;
	uint32_t bytes = line_take(&terminal, (uint8_t *)got, limit, &end);

	got[bytes] = 0;
	return got;
}

static const char *echo(void)
{
	static char out[TERMINAL_ECHO + 1];

	memcpy(out, terminal.echo, terminal.echo_count);
	out[terminal.echo_count] = 0;
	terminal.echo_count = 0;
	return out;
}

#define SAME(text, expected) \
	do { \
		const char *is_ = (text); \
		if (strcmp(is_, (expected))) { \
			fprintf(stderr, "%s:%d: \"%s\" is not \"%s\"\n", __FILE__, __LINE__, is_, (expected)); \
			abort(); \
		} \
	} while (0)

static void lines_are_edited(void)
{
	start();
	type("hallo\x7f\x7f\x7f\x7f" "ello");
	CHECK(!line_ready(&terminal));
	type("\r");
	CHECK(line_ready(&terminal));
	SAME(echo(), "hallo\b \b\b \b\b \b\b \bello\r\n");
	SAME(line(100), "hello\n");
	type("one two  \x17three\n");
	SAME(line(100), "one three\n");
	echo();
	type("abc\x15x\n");
	SAME(echo(), "abc\b \b\b \b\b \bx\r\n");
	SAME(line(100), "x\n");
	type("\x7f\x17\x15\n");
	SAME(line(100), "\n");
	echo();
	type("\x01\t\x7f\x7f" "z\n");
	SAME(echo(), "^A\t\b \b\b \b\b \b\b \b\b \b\b \b\b \b\b \bz\r\n");
	SAME(line(100), "z\n");
	type("\xc3\xa9\x7fq\n");
	SAME(line(100), "q\n");
	type("\x16\x03\n");
	SAME(line(100), "\x03\n");
	CHECK_IS(terminal.signals, 0);
}

static void lines_are_read_one_by_one(void)
{
	start();
	type("one\ntwo\nthr");
	SAME(line(2), "on");
	SAME(line(100), "e\n");
	SAME(line(100), "two\n");
	SAME(line(100), "");
	type("\x04");
	SAME(line(100), "thr");
	CHECK(!line_ready(&terminal));
	type("\x04");
	CHECK(line_ready(&terminal));
	SAME(line(100), "");
	CHECK(!line_ready(&terminal));
	type("ab\x04");
	SAME(line(2), "ab");            /* the end of file behind it counts for itself */
	SAME(line(2), "");
}

static void keys_send_signals(void)
{
	start();
	type("lost\x03");
	CHECK_IS(terminal.signals, 1ull << SIGINT);
	SAME(echo(), "lost^C");
	type("\x1a\x1c\n");
	CHECK_IS(terminal.signals, 1ull << SIGINT | 1ull << SIGTSTP | 1ull << SIGQUIT);
	SAME(line(100), "\n");
	type("\x13");
	CHECK(terminal.stopped);
	type("\x11");
	CHECK(!terminal.stopped);
	terminal.termios.local &= ~(uint32_t)ISIG;
	terminal.signals = 0;
	type("\x03\n");
	SAME(line(100), "\x03\n");
	CHECK_IS(terminal.signals, 0);
}

static void raw_mode_gives_every_byte(void)
{
	struct linux_termios raw;

	start();
	type("typed");
	raw = terminal.termios;
	raw.local &= ~(uint32_t)(ICANON | ECHO | ISIG | IEXTEN);
	raw.input = 0;
	raw.output = 0;
	line_settings(&terminal, &raw);
	SAME(line(100), "typed");
	echo();
	type("\x03\x04\r\x7f\x1b[A");
	SAME(echo(), "");
	SAME(line(100), "\x03\x04\r\x7f\x1b[A");
}

static void output_is_processed(void)
{
	uint8_t out[100];

	start();
	out[line_output(&terminal, (const uint8_t *)"a\nb\tc\r", 6, out)] = 0;
	SAME((char *)out, "a\r\nb\tc\r");
	terminal.termios.output |= XTABS;
	terminal.column = 3;
	out[line_output(&terminal, (const uint8_t *)"\tx", 2, out)] = 0;
	SAME((char *)out, "     x");
	terminal.termios.output = 0;
	out[line_output(&terminal, (const uint8_t *)"a\n", 2, out)] = 0;
	SAME((char *)out, "a\n");
}

static void full_buffers_wait(void)
{
	char many[6000];

	start();
	memset(many, 'x', sizeof(many));
	CHECK_IS(line_feed(&terminal, (uint8_t *)many, 5000), 5000);    /* a long line is cut */
	type("\n");
	CHECK_IS(strlen(line(8000)), 4096);
	type("a\n");
	CHECK(line_feed(&terminal, (uint8_t *)many, 5000) < 5000);      /* behind a line that waits, typing waits */
	CHECK_IS(line_feed(&terminal, (const uint8_t *)"\x03", 1), 1);  /* but not the signals */
	CHECK_IS(terminal.signals, 1ull << SIGINT);
}

static void random_keys_do_no_harm(void)
{
	unsigned seed = 4;
	struct linux_termios termios;

	start();
	for (int i = 0; i < 2000000; i++) {
		uint8_t byte = (uint8_t)(rand_r(&seed) >> 8);

		line_feed(&terminal, &byte, 1);
		CHECK(terminal.tail - terminal.head <= TERMINAL_INPUT && terminal.line - terminal.head <= TERMINAL_INPUT);
		CHECK(terminal.echo_count <= TERMINAL_ECHO);
		if (i % 7 == 0)
			terminal.echo_count = 0;
		if (i % 50 == 0)
			line(1 + (uint32_t)rand_r(&seed) % 6000);
		if (i % 997 == 0) {
			termios = terminal.termios;
			termios.local ^= (uint32_t)rand_r(&seed);
			termios.input ^= (uint32_t)rand_r(&seed);
			termios.output ^= (uint32_t)rand_r(&seed);
			line_settings(&terminal, &termios);
		}
	}
}

int main(void)
{
	lines_are_edited();
	lines_are_read_one_by_one();
	keys_send_signals();
	raw_mode_gives_every_byte();
	output_is_processed();
	full_buffers_wait();
	random_keys_do_no_harm();
	return 0;
}
