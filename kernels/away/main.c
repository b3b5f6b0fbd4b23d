/* A kernel whose receivers are often away, for the tests of signals. Two threads take the signals of one page, by mappings in a space
 * where nobody runs. A third unloads one of them again and again, with its mapping, and loads it later, or does not; the first
 * thread signals, one signal at a time. Each must come to both receivers: to those that are there by Strange, to the others
 * by the redirect thread, which loads them and signals again. Says how many signals were lost, and how many times it was told. */
#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/homes.h"
#include "baryon/portal.h"
#include "baryon/srm.h"
#include "baryon/string.h"

enum { RECEIVERS = 2, REDIRECT = RECEIVERS, DISTURBER, THREADS, STACK_BYTES = 16384, HOMES = 8 };
enum { NUMBER_THREADS = 128, NUMBER_SPACE = 256, PAGE_SIGNAL = 1, OFFSET = 24, MESSAGE_WORDS = 3, MESSAGES = 8 };
enum { PRIORITY = 8, PRIORITY_REDIRECT = 12, SIGNALS = 200 };
#define ADDRESS 0x10000000ull
#define LOST_NS 20000000000ull
#define LOOK_NS 50000ull

static const struct kernel_start *own;
static struct homes_entry entries[HOMES];
static struct homes homes = { entries, 0, HOMES };
static struct thread_home threads[THREADS] __attribute__((aligned(2048)));
static struct space_home space __attribute__((aligned(64)));
static struct portal_home portals[2] __attribute__((aligned(128)));
static uint8_t stacks[THREADS][2][STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t miss_stack[STACK_BYTES] __attribute__((aligned(4096)));
static struct activation_record miss_record __attribute__((aligned(256)));
static struct mapping_home mappings[RECEIVERS] __attribute__((aligned(64)));

/* What was signalled last, what each receiver knows of it, and how often the redirect thread was told. */
static volatile uint64_t sequence, seen[RECEIVERS], told;
static volatile bool over;

static baryon_uid uid(uint64_t number) { return UID_MAKE(own->number, number); }

static volatile uint8_t *page(void)
{
	return (uint8_t *)(DOMAIN_BASE + own->domain * DOMAIN_BYTES + DOMAIN_MEMORY_OFFSET + PAGE_SIGNAL * PAGE_BYTES);
}

static void must(long result, const char *what)
{
	if (result < 0)
		panic("away: %s: %s", what, baryon_error_text(result));
}

long miss_answer(enum object_kind kind, baryon_uid missed, uint64_t index)
{
	(void)index;
	return homes_miss(&homes, kind, missed);
}

/* The thread and its mapping, whatever of them is not there. */
static void receiver_load(unsigned i)
{
	long result = object_load(KIND_THREAD, &threads[i], 0);

	if (result == 0 || result == -BARYON_EEXIST)
		result = mapping_load(space.header.uid, &mappings[i], 1, 0);
	if (result != -BARYON_EEXIST)
		must(result, "a receiver");
}

static _Noreturn void receiver_run(void *argument)
{
	uint64_t addresses[MESSAGES];
	volatile uint64_t *mine = argument;

	for (;;) {
		long count = signal_wait(0, addresses, MESSAGES);

		if (count > 0)
			*mine = sequence;
	}
}

/* What the signal was about it need not know: it is about the page that both receivers look at. */
static _Noreturn void redirect_run(void *unused)
{
	uint64_t words[MESSAGES * MESSAGE_WORDS];

	(void)unused;
	for (;;) {
		must(signal_wait(0, words, MESSAGES * MESSAGE_WORDS), "waiting for messages");
		if (words[1] != PAGE_SIGNAL || words[2] != OFFSET)
			panic("away: told of page %lu, offset %lu", words[1], words[2]);
		told++;
		for (unsigned i = 0; i < RECEIVERS; i++)
			receiver_load(i);
		(void)!signal_send(page() + OFFSET);
	}
}

static _Noreturn void disturber_run(void *unused)
{
	(void)unused;
	for (unsigned n = 0; !over; n++) {
		unsigned i = n / 2 % RECEIVERS;
		long result = object_unload(KIND_THREAD, threads[i].header.uid);

		if (result != -BARYON_ENOENT)
			must(result, "unloading a receiver");
		park(clock_now_ns() + LOOK_NS);
		if (n % 3 == 0)
			receiver_load(i);
	}
	for (;;)
		park(0);
}

static void thread_start_one(unsigned i, void (*run)(void *), volatile void *argument, uint32_t priority, uint64_t flags)
{
	struct thread_start start = {
		.uid = uid(NUMBER_THREADS + i), .space = own->space, .entry = (uint64_t)thread_entry,
		.stack_top = (uint64_t)stacks[i][0] + STACK_BYTES, .argument = (uint64_t)run, .argument2 = (uint64_t)argument,
		.handler_space = own->space, .handler_top = (uint64_t)stacks[i][1] + STACK_BYTES, .priority = priority,
		.supervisor = own->supervisor,
	};

	thread_home_start(&threads[i], &start);
	must(homes_load(&homes, KIND_THREAD, &threads[i], flags), "a thread");
}

static void objects_start(void)
{
	struct portal_start start = {
		.uid = uid(NUMBER_MISS_PORTAL), .space = own->space, .entry = miss_portal_entry, .stacks = miss_stack,
		.stack_bytes = STACK_BYTES, .stack_count = 1, .records = &miss_record,
	};

	portal_home_start(&portals[0], &start);
	must(homes_load(&homes, KIND_PORTAL, &portals[0], LOAD_LOCKED), "the miss portal");
	home_start(&space, sizeof space, KIND_SPACE, uid(NUMBER_SPACE));
	space.flags = SPACE_PROGRAM;
	must(homes_load(&homes, KIND_SPACE, &space, 0), "a space");
	for (unsigned i = 0; i < RECEIVERS; i++) {
		mappings[i] = (struct mapping_home){
			.address = ADDRESS + i * PAGE_BYTES, .index = PAGE_SIGNAL, .container = HANDLE_MEMORY, .rights = RIGHT_READ,
			.flags = (RECEIVERS - 1) << MAPPING_OTHERS, .signal = uid(NUMBER_THREADS + i),
		};
		thread_start_one(i, receiver_run, &seen[i], PRIORITY, 0);
		receiver_load(i);
	}
	thread_start_one(REDIRECT, redirect_run, NULL, PRIORITY_REDIRECT, LOAD_LOCKED);
	must(srm_redirect(uid(NUMBER_THREADS + REDIRECT)), "naming the redirect thread");
	thread_start_one(DISTURBER, disturber_run, NULL, PRIORITY, 0);
}

/* Both receivers know of the signal, before it counts as lost. */
static bool comes(uint64_t number)
{
	uint64_t until = clock_now_ns() + LOST_NS;

	while (seen[0] != number || seen[1] != number) {
		if (clock_now_ns() > until)
			return false;
		park(clock_now_ns() + LOOK_NS);
	}
	return true;
}

_Noreturn void domain_main(void *start)
{
	unsigned lost = 0;

	own = start;
	page()[0] = 0;
	if (srm_redirect(UID_MAKE(KERNEL_NUMBER_SRM, 1)) != -BARYON_EPERM)
		panic("away: another's thread is told");
	objects_start();
	for (uint64_t n = 1; n <= SIGNALS; n++) {
		sequence = n;
		must(signal_send(page() + OFFSET), "a signal");
		lost += !comes(n);
	}
	over = true;
	log_format("away: %d signals to %d receivers, %u lost, told %s\n", SIGNALS, RECEIVERS, lost, told ? "of some" : "of none");
	for (;;)
		park(0);
}
