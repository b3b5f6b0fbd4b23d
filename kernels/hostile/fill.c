/* hostile=fill, two kernels: many threads of the second call the SRM and ask it for memory, and their owner does to them what an owner may while they are inside:
 * stops them, takes them out, binds them, makes them the last of all, cuts their calls, destroys them. In the end they keep all stacks
 * of the SRM's that they can get. The first must get its answers from the SRM all the same. */
#include "hostile.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/srm.h"

enum { FILLERS = 24, FILLER_STACK = 4096, NUMBER_FILLERS = 4096, FILL_NS = 1000000000, REST_NS = 20000000, ACTS = 256, SETTLE_NS = 2000000, FILLS = 3, HOLD_NS = 3000000000, PATIENCE = 20000 };

static struct thread_home homes[FILLERS] __attribute__((aligned(2048)));
static uint8_t stacks[FILLERS][2][FILLER_STACK] __attribute__((aligned(4096)));
static volatile uint64_t calls[FILLERS];
static struct random chance = { 0x5eed };

static void filler_main(void *argument)
{
	uint64_t index = (uint64_t)argument;
	struct capability none;
	uint64_t first, count;

	for (;; calls[index]++) {
		(void)!srm_import("nobody", &none);
		count = 1;
		if (calls[index] % 8 == 0 && srm_groups_more(GROUPS_OF_MEMORY, &first, &count) == 0 && count == 1)
			(void)!srm_groups_return(GROUPS_OF_MEMORY, first, count);
	}
}

static void filler_fill(uint32_t index)
{
	struct thread_start start = {
		.uid = OWN_UID(NUMBER_FILLERS + index), .space = hostile.start->space, .entry = (uint64_t)thread_entry,
		.stack_top = (uint64_t)stacks[index][0] + FILLER_STACK, .argument = (uint64_t)filler_main, .argument2 = index,
		.handler_space = hostile.start->space, .handler_top = (uint64_t)stacks[index][1] + FILLER_STACK, .priority = PRIORITY_ATTACK,
	};

	thread_home_start(&homes[index], &start);
}

static void renew(uint32_t index)
{
	long result = object_destroy(KIND_THREAD, homes[index].header.uid);

	if (result < 0 && result != -BARYON_ENOENT)
		return;
	filler_fill(index);
	(void)!object_load(KIND_THREAD, &homes[index], 0);
}

/* Something that its owner may do to a thread. */
static void act(uint32_t index)
{
	baryon_uid uid = homes[index].header.uid;

	switch (random_below(&chance, 10)) {
	case 0: case 1: (void)!thread_set(uid, THREAD_SET_STATE, THREAD_STOPPED, 0); break;
	case 2: (void)!object_unload(KIND_THREAD, uid); break;
	case 3: (void)!thread_set(uid, THREAD_SET_PRIORITY, random_below(&chance, PRIORITY_ATTACK + 1), 0); break;
	case 4: (void)!thread_set(uid, THREAD_SET_CPU, random_below(&chance, 2), 0); break;
	case 5: (void)!abandon(uid); break;
	case 6: alert(uid); break;
	case 7: renew(index); break;
	case 8: (void)!thread_set(uid, THREAD_SET_QUANTUM, QUANTUM_LEAST_NS, 0); break;
	case 9: (void)!thread_set(uid, THREAD_SET_PRIORITY, 0, 0); break;
	}
}

/* It goes on where it was, if it can. */
static void let_go(uint32_t index)
{
	baryon_uid uid = homes[index].header.uid;

	(void)!object_load(KIND_THREAD, &homes[index], 0);
	(void)!thread_set(uid, THREAD_SET_CPU, CPU_ANY, 0);
	(void)!thread_set(uid, THREAD_SET_PRIORITY, PRIORITY_ATTACK, 0);
	(void)!thread_set(uid, THREAD_SET_STATE, THREAD_RUNNABLE, 0);
}

static uint64_t calls_all(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < FILLERS; i++)
		sum += calls[i];
	return sum;
}

static void all_go(void)
{
	for (uint32_t i = 0; i < FILLERS; i++)
		let_go(i);
	park(clock_now_ns() + SETTLE_NS);
}

static void all_stop(void)
{
	for (uint32_t i = 0; i < FILLERS; i++)
		(void)!(i % 2 ? thread_set(homes[i].header.uid, THREAD_SET_STATE, THREAD_STOPPED, 0)
			      : object_unload(KIND_THREAD, homes[i].header.uid));
}

_Noreturn static void fill(void)
{
	uint64_t end = clock_now_ns() + FILL_NS;

	(void)!srm_export("filler", &hostile.service);
	for (uint32_t i = 0; i < FILLERS; i++)
		filler_fill(i);
	while (clock_now_ns() < end) {
		all_go();
		for (unsigned n = 0; n < ACTS; n++)
			act((uint32_t)random_below(&chance, FILLERS));
		all_stop();
		park(clock_now_ns() + REST_NS);
	}
	log_format("hostile: %lu calls\n", calls_all());
	for (;;) {
		all_go();
		all_stop();
		park(clock_now_ns() + HOLD_NS);
	}
}

/* Waits for a filler that is another than the last. 0: there was none. */
static uint32_t filler_next(uint32_t last)
{
	struct capability capability;

	for (unsigned n = 0; n < PATIENCE; n++) {
		if (srm_import("filler", &capability) == 0 && UID_KEEPER(capability.uid) != last)
			return UID_KEEPER(capability.uid);
		park(clock_now_ns() + SETTLE_NS);
	}
	return 0;
}

_Noreturn void fill_run(void)
{
	uint32_t filler = 0;

	if (hostile.start->number != KERNEL_FIRST_OF_SRM)
		fill();
	for (unsigned n = 0; n < FILLS; n++) {
		filler = filler_next(filler);
		if (filler == 0)
			hostile_end(false);
	}
	hostile_end(true);
}
