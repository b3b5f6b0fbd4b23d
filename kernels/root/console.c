/* The console driver: a thread that pumps bytes between the console channel and the device that the machine has for it, without
 * looking at them. It sleeps until the other side of a ring or the device signals. */
#include "console.h"

#include "baryon/clock.h"
#include "baryon/format.h"

enum { STACK_BYTES = 8192, HANDLER_BYTES = 8192, SIGNALS = 8 };

#define CHANNEL_OFFSET 0x0010400000ull  /* the channel's page group in root's domain */

#define POLL_NS 5000000ull      /* while a full ring or a busy host holds bytes back */
#define POWER_OFF_NS 5000000000ull      /* how long output may still take at the end */
#define POWER_OFF_ASKED 0x100

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

static void part_map(uint64_t offset, uint64_t page, uint64_t count, uint16_t flags, baryon_uid signal)
{
	struct domain_part part = {
		.address = offset, .pages = count, .index = page, .container = ROOT_HANDLE_CONSOLE,
		.rights = RIGHT_READ | RIGHT_WRITE, .flags = flags | MAPPING_LOCKED, .around = 1, .signal = signal,
	};

	REQUIRE(domain_add(&root_domain, &part));
}

/* The pages where others ring are mapped once more by themselves, with the thread that they wake. */
static void channel_map(baryon_uid thread)
{
	uint64_t output = offsetof(struct console_channel, output) / PAGE_BYTES;
	long result;

	part_map(CHANNEL_OFFSET, 0, GROUP_PAGES, MAPPING_LARGE, 0);
	part_map(DOMAIN_CONSOLE_OFFSET, output, 1, 0, thread);
	part_map(DOMAIN_CONSOLE_OFFSET + PAGE_BYTES, CONSOLE_CHANNEL_PAGES, 1, 0, thread);
	result = domain_map_locked(&root_domain);
	if (result < 0)
		panic("root: mapping the console: %s", baryon_error_text(result));
	channel = (struct console_channel *)(root_domain.base + CHANNEL_OFFSET);
	doorbell = (uint8_t *)(root_domain.base + DOMAIN_CONSOLE_OFFSET + PAGE_BYTES);
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
	uint64_t frame;
	long result;

	if (memory_container_make(NUMBER_CONSOLE, 1, 1, PAGE_LOCKED) < 0)
		panic("root: too little memory for the console");
	root_capability(KIND_CONTAINER, NUMBER_CONSOLE, RIGHT_READ | RIGHT_WRITE | RIGHT_SIGNAL, &capability);
	result = root_reference_load(&capability, root_domain.space, ROOT_HANDLE_CONSOLE);
	if (result < 0)
		panic("root: reference to the console: %s", baryon_error_text(result));
	thread_make();
	channel_map(thread_home.header.uid);
	frame = memory_container_frame(ROOT_UID(NUMBER_CONSOLE));
	device = virtio_console.start(channel, frame) ? &virtio_console : &uart_console;
	if (device == &uart_console)
		uart_console.start(channel, frame);
	if (interrupt_bind(device->interrupt(), doorbell, 0) < 0)
		panic("root: the console's interrupt cannot be bound");
	if (thread_set(thread_home.header.uid, THREAD_SET_STATE, THREAD_RUNNABLE, 0) < 0)
		panic("root: the console thread does not start");
}
