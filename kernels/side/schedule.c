/* This kernel's own scheduler: stride scheduling of the counters by tickets 3:2:1, one of them runnable at a time. The
 * thread whose pass is lowest runs next; its pass grows by its stride for each nanosecond that it really ran. */
#include "side.h"

#include "baryon/clock.h"
#include "baryon/format.h"

enum { STACK_BYTES = 8192, SIGNALS = 8 };
#define TURN_NS 1000000ull

struct thread_home side_threads[PROGRAMS] __attribute__((aligned(2048)));

static const uint32_t stride[COUNTERS] = { 2, 3, 6 };
static uint64_t pass[COUNTERS];

static struct thread_home scheduler_home __attribute__((aligned(2048)));
static uint8_t stack[STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t handler_stack[HANDLER_BYTES] __attribute__((aligned(4096)));

void schedule_reload(uint64_t home_address)
{
	for (unsigned i = 0; i < PROGRAMS; i++)
		if ((uint64_t)&side_threads[i] == home_address) {
			long result = object_load(KIND_THREAD, &side_threads[i], 0);

			if (result < 0 && result != -BARYON_EEXIST)
				log_format("side: thread %u: %s\n", i, baryon_error_text(result));
		}
}

static unsigned choose(void)
{
	unsigned best = 0;

	for (unsigned i = 1; i < COUNTERS; i++)
		if (pass[i] < pass[best])
			best = i;
	return best;
}

/* The thread's home says how long it has run, once it is written back; a displaced thread's home says so anyway. */
static void charge(unsigned thread)
{
	static uint64_t charged[COUNTERS];
	long result = object_write_back(KIND_THREAD, side_threads[thread].header.uid);
	uint64_t used = side_threads[thread].used_ns;

	if (result < 0 && result != -BARYON_ENOENT)
		panic("side: thread %u: %s", thread, baryon_error_text(result));
	pass[thread] += (used - charged[thread]) * stride[thread];
	charged[thread] = used;
}

static void state_set(unsigned thread, enum thread_state state)
{
	long result = thread_set(side_threads[thread].header.uid, THREAD_SET_STATE, state, 0);

	if (result < 0)
		panic("side: thread %u cannot be switched: %s", thread, baryon_error_text(result));
}

static void turn_wait(uint64_t end)
{
	uint64_t addresses[SIGNALS];
	long count;

	do {
		count = signal_wait(end, addresses, SIGNALS);
		for (long i = 0; count > 0 && i < (count & (SIGNAL_OVERFLOWED - 1)); i++)
			schedule_reload(addresses[i]);
	} while (count > 0);
}

static _Noreturn void scheduler_run(void *unused)
{
	unsigned running = COUNTERS, next;

	(void)unused;
	for (;;) {
		next = choose();
		if (next != running) {
			if (running < COUNTERS)
				state_set(running, THREAD_STOPPED);
			state_set(next, THREAD_RUNNABLE);
			running = next;
		}
		turn_wait(clock_now_ns() + TURN_NS);
		charge(running);
	}
}

void schedule_start(void)
{
	struct thread_start start = {
		.uid = side_uid(NUMBER_SCHEDULER), .space = side_start->space, .entry = (uint64_t)thread_entry,
		.stack_top = (uint64_t)stack + sizeof stack, .argument = (uint64_t)scheduler_run,
		.handler_space = side_start->space, .handler_top = (uint64_t)handler_stack + sizeof handler_stack,
		.priority = PRIORITY_SCHEDULER, .supervisor = side_start->supervisor,
	};

	thread_home_start(&scheduler_home, &start);
	side_load(KIND_THREAD, &scheduler_home, LOAD_LOCKED);
}
