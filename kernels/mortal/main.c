/* A kernel that dies, each time in another way, for the tests of the SRM: by a fault, by an exception, by an access to where
 * nothing is, and by giving up; always with threads of its own still running. Started once more than that, it lives. */
#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/format.h"
#include "baryon/homes.h"
#include "baryon/portal.h"

enum { SPINNERS = 3, STACK_BYTES = 8192, PRIORITY = 8, NUMBER_SPINNERS = NUMBER_FIRST_FREE };

static struct thread_home homes[SPINNERS] __attribute__((aligned(2048)));
static uint8_t stacks[SPINNERS][2][STACK_BYTES] __attribute__((aligned(4096)));
static volatile uint64_t spins[SPINNERS];

static _Noreturn void spin(void *argument)
{
	volatile uint64_t *count = argument;

	for (;;)
		++*count;
}

static void spinners_start(const struct kernel_start *start)
{
	for (unsigned i = 0; i < SPINNERS; i++) {
		struct thread_start thread = {
			.uid = UID_MAKE(start->number, NUMBER_SPINNERS + i), .space = start->space,
			.entry = (uint64_t)thread_entry, .stack_top = (uint64_t)stacks[i][0] + STACK_BYTES,
			.argument = (uint64_t)spin, .argument2 = (uint64_t)&spins[i], .handler_space = start->space,
			.handler_top = (uint64_t)stacks[i][1] + STACK_BYTES, .priority = PRIORITY,
			.supervisor = start->supervisor,
		};
		long result;

		thread_home_start(&homes[i], &thread);
		result = object_load(KIND_THREAD, &homes[i], 0);
		if (result < 0)
			log_format("mortal: thread %u: %s\n", i, baryon_error_text(result));
	}
}

static void give_up(void)
{
	uint64_t words[PORTAL_WORDS] = { SRM_FAILED };
	long result = portal_call(HANDLE_SRM, words, NULL, 0);

	log_format("mortal: %s\n", baryon_error_text(result));
}

/* Kernel numbers count the starts. */
static void die(const struct kernel_start *start)
{
	uint64_t base = DOMAIN_BASE + start->domain * DOMAIN_BYTES;

	switch (start->number % 4) {
	case 0: *(volatile uint64_t *)(base + DOMAIN_CONSOLE_OFFSET) = 1; break;        /* it has none */
	case 1: __builtin_trap();
	case 2: *(volatile uint64_t *)KERNEL_BASE = 1; break;
	default: give_up(); break;
	}
}

_Noreturn void domain_main(void *page)
{
	const struct kernel_start *start = page;

	log_format("mortal: number %u\n", start->number);
	spinners_start(start);
	die(start);
	log_format("mortal: still there\n");
	for (;;)
		park(0);
}
