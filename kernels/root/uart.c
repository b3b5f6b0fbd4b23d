/* The console on the second serial port (16550A: National Semiconductor PC16550D data sheet), a byte at a time. */
#include "console.h"

#include "baryon/format.h"
#include "baryon/ring.h"

enum {
	UART = 0x2f8, UART_INTERRUPT = 3,
	UART_DATA = UART, UART_ENABLE = UART + 1, UART_WHAT = UART + 2, UART_FIFO = UART + 2, UART_LINE = UART + 3,
	UART_MODEM = UART + 4, UART_STATUS = UART + 5,
	ENABLE_RECEIVED = 1, ENABLE_EMPTY = 2,
	MODEM_READY = 0x0b,
	WHAT_MASK = 0x0f, WHAT_LEVEL = 4,
	STATUS_RECEIVED = 1, STATUS_ROOM = 0x20, STATUS_IDLE = 0x40,
	FIFO_BYTES = 16, FIFO_LEVEL = 14,
};

static struct console_channel *channel;
static bool enabled_empty;

static unsigned uart_read(uint16_t port)
{
	long value = port_read(port, 1, NULL, 0);

	return value < 0 ? 0 : (unsigned)value;
}

static void uart_write(uint16_t port, unsigned value)
{
	if (port_write(port, 1, value, 0) < 0)
		panic("root: the console's port %x cannot be written", port);
}

/* Switching the FIFO on drops what came before. Nothing that counts did: the host is silent until the kernel that owns the
 * console says that it is ready (FRAME_READY). */
static bool uart_start(struct console_channel *to, uint64_t frame)
{
	(void)frame;
	channel = to;
	uart_write(UART_ENABLE, 0);
	uart_write(UART_LINE, 0x83);            /* the divisor: 115200 baud */
	uart_write(UART_DATA, 1);
	uart_write(UART_ENABLE, 0);
	uart_write(UART_LINE, 0x03);            /* 8 bits, no parity */
	uart_write(UART_FIFO, 0xc7);            /* cleared, interrupts from FIFO_LEVEL bytes on */
	uart_write(UART_MODEM, MODEM_READY);
	uart_write(UART_ENABLE, ENABLE_RECEIVED);
	return true;
}

static uint32_t uart_interrupt(void)
{
	return UART_INTERRUPT;
}

static void uart_acknowledge(void)
{
}

/* The port says when it has room again only while there is something to send. */
static void empty_enable(bool enable)
{
	if (enable == enabled_empty)
		return;
	enabled_empty = enable;
	uart_write(UART_ENABLE, ENABLE_RECEIVED | (enable ? ENABLE_EMPTY : 0));
}

static bool uart_output(void)
{
	uint8_t batch[FIFO_BYTES] __attribute__((aligned(FIFO_BYTES)));  /* inside one page, so moved by one call */
	uint32_t count;

	while (ring_filled(&channel->output)) {
		bool was_full;

		if (!(uart_read(UART_STATUS) & STATUS_ROOM)) {
			empty_enable(true);
			return true;
		}
		count = ring_take(&channel->output, batch, sizeof batch, &was_full);
		if (port_write(UART_DATA, 1, (uint64_t)batch, count) < 0)
			panic("root: the console cannot be written");
		if (was_full)
			signal_send(&channel->output);
	}
	empty_enable(false);
	return false;
}

/* How many bytes the port has for certain. */
static uint32_t input_ready(void)
{
	if ((uart_read(UART_WHAT) & WHAT_MASK) == WHAT_LEVEL)
		return FIFO_LEVEL;
	return uart_read(UART_STATUS) & STATUS_RECEIVED ? 1 : 0;
}

static bool uart_input(void)
{
	uint8_t batch[FIFO_BYTES] __attribute__((aligned(FIFO_BYTES)));  /* inside one page, so moved by one call */
	bool rang = false, was_empty;
	uint32_t count;

	for (;;) {
		if (ring_room(&channel->input) < FIFO_BYTES)
			break;
		count = input_ready();
		if (count == 0)
			break;
		if (port_read(UART_DATA, 1, batch, count) < 0)
			panic("root: the console cannot be read");
		ring_put(&channel->input, batch, count, &was_empty);
		rang |= was_empty;
	}
	if (rang)
		signal_send(&channel->input);
	return ring_room(&channel->input) < FIFO_BYTES;
}

static bool uart_drained(void)
{
	return uart_read(UART_STATUS) & STATUS_IDLE;
}

const struct console_device uart_console = {
	.name = "serial port", .start = uart_start, .interrupt = uart_interrupt, .acknowledge = uart_acknowledge,
	.output = uart_output, .input = uart_input, .drained = uart_drained,
};
