/* Switches, signals and time. */
#include "bench.h"

#include "baryon/clock.h"

enum { WARM = 16, PAUSE_NS = 100000 };
static volatile uint64_t turns, sent, taken_ticks, seen;

/* switches */

static void pong(void *unused)
{
	(void)unused;
	for (;;) {
		must(park(0), "park");
		must(unpark(own_uid(NUMBER_RUNNER)), "unpark");
	}
}

static void ping_row(void)
{
	uint64_t start;

	worker_start(1, NUMBER_OTHER, pong, NULL, PRIORITY_RUNNER);
	for (unsigned i = 0; i < 16; i++) {
		must(unpark(own_uid(NUMBER_OTHER)), "unpark");
		must(park(0), "park");
	}
	start = ticks();
	for (unsigned i = 0; i < ROUNDS; i++) {
		must(unpark(own_uid(NUMBER_OTHER)), "unpark");
		must(park(0), "park");
	}
	row("unpark_park_switch_one_way", ticks() - start, 2 * ROUNDS);
	worker_end(NUMBER_OTHER);
}

static void yielder(void *unused)
{
	(void)unused;
	for (;;) {
		turns++;
		yield();
	}
}

static void yield_row(void)
{
	uint64_t start, before;

	worker_start(1, NUMBER_OTHER, yielder, NULL, PRIORITY_RUNNER);
	yield();
	before = turns;
	start = ticks();
	for (unsigned i = 0; i < ROUNDS; i++)
		yield();
	row("yield_switch", ticks() - start, 2 * ROUNDS);
	if (turns - before != ROUNDS)
		log_format("bench failed: yield: %lu turns\n", turns - before);
	worker_end(NUMBER_OTHER);
}

/* signals */

static void receiver(void *unused)
{
	uint64_t addresses[4];

	(void)unused;
	for (;;) {
		must(signal_wait(0, addresses, 4), "wait");
		taken_ticks += ticks() - sent;
		turns++;
	}
}

static void signal_rows(const char *one_way, const char *around, uint32_t priority)
{
	const uint8_t *page = memory_page(PAGE_SIGNAL);
	uint64_t start;

	worker_start(1, NUMBER_OTHER, receiver, NULL, priority);
	program_map(PROGRAM_DATA, PAGE_SIGNAL, RIGHT_READ, own_uid(NUMBER_OTHER));
	yield();
	for (unsigned i = 0; i < 4; i++)
		must(signal_send(page), "signal");
	yield();
	turns = taken_ticks = 0;
	start = ticks();
	for (unsigned i = 0; i < ROUNDS; i++) {
		sent = ticks();
		must(signal_send(page), "signal");
	}
	row(around, ticks() - start, ROUNDS);
	if (one_way)
		row(one_way, taken_ticks, ROUNDS);
	if (one_way && turns != ROUNDS)
		log_format("bench failed: signals: %lu taken\n", turns);
	worker_end(NUMBER_OTHER);
}

/* across processors: QEMU runs them in turn, counts for both, and goes on with the other when one stands still. So the sender comes back
 * from its call first; then it parks, and from the instruction before that the receiver counts to its first one. */
void rows_across(void)
{
	const uint8_t *page = memory_page(PAGE_SIGNAL);
	uint64_t sending = 0, start;

	must(thread_set(own_uid(NUMBER_RUNNER), THREAD_SET_CPU, 0, 0), "binding the sender");
	worker_start(1, NUMBER_OTHER, receiver, NULL, PRIORITY_HIGH);
	must(thread_set(own_uid(NUMBER_OTHER), THREAD_SET_CPU, 1, 0), "binding the receiver");
	program_space_start();
	program_map(PROGRAM_DATA, PAGE_SIGNAL, RIGHT_READ, own_uid(NUMBER_OTHER));
	for (unsigned i = 0; i < WARM + ROUNDS; i++) {
		if (i == WARM)
			turns = taken_ticks = sending = 0;
		start = ticks();
		must(signal_send(page), "signal");
		sent = ticks();
		sending += sent - start;
		if (park(clock_now_ns() + PAUSE_NS) != -BARYON_ETIMEDOUT)
			must(-BARYON_EFAULT, "a park with a deadline");
	}
	row("signal_across_sender", sending, ROUNDS);
	row("signal_across_receiver", taken_ticks, ROUNDS);
	if (turns != ROUNDS)
		log_format("bench failed: signals across: %lu taken\n", turns);
	worker_end(NUMBER_OTHER);
}

/* time */

static void spinner(void *unused)
{
	(void)unused;
	for (;;)
		seen = ticks();
}

static void timer_row(void)
{
	uint64_t total = 0;

	worker_start(1, NUMBER_OTHER, spinner, NULL, PRIORITY_LOW);
	for (unsigned i = 0; i < ROUNDS; i++) {
		long result = park(clock_now_ns() + 5000);

		total += ticks() - seen;
		if (result != -BARYON_ETIMEDOUT)
			must(-BARYON_EFAULT, "a park with a deadline");
	}
	row("interrupt_to_thread_by_timer", total, ROUNDS);
	worker_end(NUMBER_OTHER);
}

void rows_threads(void)
{
	ping_row();
	yield_row();
	signal_rows("signal_and_switch", "signal_switch_wait_and_back", PRIORITY_HIGH);
	signal_rows(NULL, "signal_no_switch", PRIORITY_LOW);
	timer_row();
}
