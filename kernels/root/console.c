/* The console driver: a thread that pumps bytes between the console channel and the device that the machine has for it, without
 * looking at them. It sleeps until the other side of a ring or the device signals. */
#include "console.h"

#include "baryon/clock.h"
#include "baryon/format.h"

enum { STACK_BYTES = 8192, HANDLER_BYTES = 8192, CONSOLE_PAGES = CONSOLE_CHANNEL_PAGES + 1, SIGNALS = 8 };

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
static const struct console_device *device;

static void power_off_now(uint32_t asked)
{
	uint64_t end = clock_now_ns() + POWER_OFF_NS;

	while (device->output() && clock_now_ns() < end)
		;
	while (!device->drained() && clock_now_ns() < end)
		device->output();
	report_at_end();
	machine(MACHINE_POWER_OFF, asked & 0xff, 0);
}

/* Sleeps. An interrupt is unmasked before the device is looked at: what comes meanwhile rings again. */
static void signals_take(uint64_t deadline)
{
	uint64_t addresses[SIGNALS];
	long count = signal_wait(deadline, addresses, SIGNALS);
	bool interrupted = count > 0 && (count & SIGNAL_OVERFLOWED);

	for (long i = 0; count > 0 && i < (count & (SIGNAL_OVERFLOWED - 1)); i++)
		interrupted |= (addresses[i] & ~(PAGE_BYTES - 1)) == (uint64_t)doorbell;
	if (!interrupted)
		return;
	device->acknowledge();
	interrupt_done(device->interrupt());
}

static _Noreturn void console_run(void *unused)
{
	(void)unused;
	for (;;) {
		bool waits = device->output();
		uint32_t asked = __atomic_load_n(&power_off, __ATOMIC_ACQUIRE);

		waits |= device->input();
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
	device = virtio_console.start(channel, pages) ? &virtio_console : &uart_console;
	if (device == &uart_console)
		uart_console.start(channel, pages);
	if (interrupt_bind(device->interrupt(), doorbell, 0) < 0)
		panic("root: the console's interrupt cannot be bound");
	if (thread_set(thread_home.header.uid, THREAD_SET_STATE, THREAD_RUNNABLE, 0) < 0)
		panic("root: the console thread does not start");
}
