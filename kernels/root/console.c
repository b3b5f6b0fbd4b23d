/* The console driver: a thread that pumps bytes between the console channel and the second serial port (16550A: National
 * Semiconductor PC16550D data sheet), without looking at them. It sleeps until the other side of a ring or the port signals. */
#include "root.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/ring.h"

enum {
	UART = 0x2f8, UART_INTERRUPT = 3,
	UART_DATA = UART, UART_ENABLE = UART + 1, UART_WHAT = UART + 2, UART_FIFO = UART + 2, UART_LINE = UART + 3,
	UART_MODEM = UART + 4, UART_STATUS = UART + 5,
	ENABLE_RECEIVED = 1, ENABLE_EMPTY = 2,
	MODEM_LOOP = 0x10, MODEM_READY = 0x0b,
	WHAT_MASK = 0x0f, WHAT_NONE = 1, WHAT_LEVEL = 4,
	STATUS_RECEIVED = 1, STATUS_ROOM = 0x20, STATUS_IDLE = 0x40,
	FIFO_BYTES = 16, FIFO_LEVEL = 14,
	STACK_BYTES = 8192, HANDLER_BYTES = 8192, CONSOLE_PAGES = CONSOLE_CHANNEL_PAGES + 1, SIGNALS = 8,
};

#define POLL_NS 5000000ull      /* while a full ring or a busy host holds bytes back */
#define POWER_OFF_NS 5000000000ull      /* how long output may still take at the end */
#define POWER_OFF_ASKED 0x100

static struct container_home container __attribute__((aligned(64)));
static struct page_home pages[CONSOLE_PAGES] __attribute__((aligned(32)));
static struct thread_home thread_home __attribute__((aligned(2048)));
static uint8_t stack[STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t handler_stack[HANDLER_BYTES] __attribute__((aligned(4096)));

static struct console_channel *channel;
static uint8_t *doorbell;       /* a page of root's own that takes the interrupt's signals */
static uint32_t power_off;      /* POWER_OFF_ASKED | status */
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

/* Switching the FIFO on drops the byte that may have come before; the loop keeps further ones away meanwhile. */
static void fifo_start(void)
{
	bool was_empty;
	uint8_t early;

	uart_write(UART_MODEM, MODEM_LOOP);
	if (uart_read(UART_STATUS) & STATUS_RECEIVED) {
		early = (uint8_t)uart_read(UART_DATA);
		ring_put(&channel->input, &early, 1, &was_empty);
	}
	uart_write(UART_FIFO, 0xc7);            /* cleared, interrupts from FIFO_LEVEL bytes on */
	uart_write(UART_MODEM, MODEM_READY);
}

static void uart_start(void)
{
	uart_write(UART_ENABLE, 0);
	uart_write(UART_LINE, 0x83);            /* the divisor: 115200 baud */
	uart_write(UART_DATA, 1);
	uart_write(UART_ENABLE, 0);
	uart_write(UART_LINE, 0x03);            /* 8 bits, no parity */
	fifo_start();
	uart_write(UART_ENABLE, ENABLE_RECEIVED);
}

/* The port says when it has room again only while there is something to send. */
static void empty_enable(bool enable)
{
	if (enable == enabled_empty)
		return;
	enabled_empty = enable;
	uart_write(UART_ENABLE, ENABLE_RECEIVED | (enable ? ENABLE_EMPTY : 0));
}

/* Sends while the port takes bytes. Returns whether some are left. */
static bool output_pump(void)
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

/* Takes what has come while there is room. Returns whether something must wait for room. */
static bool input_pump(void)
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

static void power_off_now(uint32_t asked)
{
	uint64_t end = clock_now_ns() + POWER_OFF_NS;

	while (output_pump() && clock_now_ns() < end)
		;
	while (!(uart_read(UART_STATUS) & STATUS_IDLE) && clock_now_ns() < end)
		;
	machine(MACHINE_POWER_OFF, asked & 0xff, 0);
}

static void signals_take(uint64_t deadline)
{
	uint64_t addresses[SIGNALS];

	if (signal_wait(deadline, addresses, SIGNALS) >= 0)
		interrupt_done(UART_INTERRUPT);
}

/* The interrupt is unmasked before the port is looked at: what comes meanwhile rings again. */
static _Noreturn void console_run(void *unused)
{
	(void)unused;
	for (;;) {
		bool waits = output_pump();
		uint32_t asked = __atomic_load_n(&power_off, __ATOMIC_ACQUIRE);

		waits |= input_pump();
		if (asked)
			power_off_now(asked);
		signals_take(waits ? clock_now_ns() + POLL_NS : 0);
	}
}

_Noreturn void console_power_off(uint64_t status)
{
	__atomic_store_n(&power_off, POWER_OFF_ASKED | (uint32_t)(status & 0xff), __ATOMIC_RELEASE);
	signal_send(doorbell);
	for (;;)
		park(0);
}

static void map(uint64_t page, uint64_t count, baryon_uid signal)
{
	struct domain_part part = {
		.address = DOMAIN_CONSOLE_OFFSET + page * PAGE_BYTES, .pages = count, .index = page,
		.container = ROOT_HANDLE_CONSOLE, .rights = RIGHT_READ | RIGHT_WRITE, .flags = MAPPING_LOCKED,
		.around = DOMAIN_AROUND, .signal = signal,
	};

	REQUIRE(domain_add(&root_domain, &part));
}

/* The pages where others ring are mapped with the thread that they wake. */
static void pages_map(baryon_uid thread)
{
	uint64_t output = offsetof(struct console_channel, output) / PAGE_BYTES;
	long result;

	map(0, output, 0);
	map(output, 1, thread);
	map(output + 1, CONSOLE_CHANNEL_PAGES - output - 1, 0);
	map(CONSOLE_CHANNEL_PAGES, 1, thread);
	result = domain_map_locked(&root_domain);
	if (result < 0)
		panic("root: mapping the console: %s", baryon_error_text(result));
	channel = (struct console_channel *)(root_domain.base + DOMAIN_CONSOLE_OFFSET);
	doorbell = (uint8_t *)(channel + 1);
}

static void thread_make(void)
{
	struct thread_start start = {
		.uid = ROOT_UID(NUMBER_CONSOLE_THREAD), .space = root_domain.space, .entry = (uint64_t)thread_entry,
		.stack_top = (uint64_t)stack + sizeof stack, .argument = (uint64_t)console_run,
		.handler_space = root_domain.space, .handler_top = (uint64_t)handler_stack + sizeof handler_stack,
		.priority = PRIORITY_CONSOLE,
	};

	thread_home_start(&thread_home, &start);
	thread_home.state = THREAD_STOPPED;
	root_load(KIND_THREAD, &thread_home, LOAD_LOCKED);
}

void console_start(void)
{
	struct capability capability;
	long result;

	root_container_load(&container, NUMBER_CONSOLE, CONSOLE_PAGES);
	memory_pages_lock(container.header.uid, pages, CONSOLE_PAGES);
	root_capability(KIND_CONTAINER, NUMBER_CONSOLE, RIGHT_READ | RIGHT_WRITE | RIGHT_SIGNAL, &capability);
	result = root_reference_load(&capability, root_domain.space, ROOT_HANDLE_CONSOLE);
	if (result < 0)
		panic("root: reference to the console: %s", baryon_error_text(result));
	thread_make();
	pages_map(thread_home.header.uid);
	uart_start();
	if (interrupt_bind(UART_INTERRUPT, doorbell) < 0)
		panic("root: the console's interrupt cannot be bound");
	if (thread_set(thread_home.header.uid, THREAD_SET_STATE, THREAD_RUNNABLE, 0) < 0)
		panic("root: the console thread does not start");
}
