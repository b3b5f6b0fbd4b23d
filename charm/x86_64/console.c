/* The first serial port, a 16550 at 0x3f8, polled. */
#include "charm/console.h"

#include "charm/x86_64/internal.h"
#include "charm/x86_64/machine.h"

enum { PORT = 0x3f8, DATA = PORT, ENABLE = PORT + 1, FIFO = PORT + 2, LINE = PORT + 3, MODEM = PORT + 4, STATUS = PORT + 5 };
enum { LINE_DIVISOR = 0x80, LINE_8N1 = 3, STATUS_EMPTY = 0x20, PATIENCE = 100000 };

static struct spin console_lock;

void console_initialise(void)
{
	port_out8(ENABLE, 0);
	port_out8(LINE, LINE_DIVISOR);
	port_out8(DATA, 1);             /* 115200 */
	port_out8(ENABLE, 0);
	port_out8(LINE, LINE_8N1);
	port_out8(FIFO, 7);
	port_out8(MODEM, 3);
}

static void console_put(char c)
{
	unsigned tries;

	for (tries = 0; tries < PATIENCE && !(port_in8(STATUS) & STATUS_EMPTY); tries++)
		;
	port_out8(DATA, (uint8_t)c);
}

void console_write(const char *text, uint64_t bytes)
{
	spin_take(&console_lock);
	for (; bytes; bytes--, text++) {
		if (*text == '\n')
			console_put('\r');
		console_put(*text);
	}
	spin_give(&console_lock);
}

/* For panic: whoever held it has stopped. */
void console_unlock(void)
{
	spin_give(&console_lock);
}

static void console_append(void *to, const char *text, uint64_t bytes)
{
	(void)to;
	console_write(text, bytes);
}

void console_print(const char *format, ...)
{
	__builtin_va_list list;

	__builtin_va_start(list, format);
	format_print(console_append, NULL, format, list);
	__builtin_va_end(list);
}
