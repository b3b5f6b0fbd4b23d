/* Start of the kernel beside UNIX, its answers to faults and misses, and what it measures. */
#include "side.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/string.h"

enum { STACK_BYTES = 8192, HOMES = 24, CODE_PAGE = 1, COUNT_PAGE = 2, PER_CENT = 100 };
#define MEASURE_NS 1000000000ull

const struct kernel_start *side_start;
static struct homes_entry entries[HOMES];
struct homes side_homes = { entries, 0, HOMES };

static struct side_counts *counts;
static struct portal_home portals[4] __attribute__((aligned(128)));
static struct space_home space __attribute__((aligned(64)));
static uint8_t miss_stack[STACK_BYTES] __attribute__((aligned(4096)));
static struct activation_record miss_record __attribute__((aligned(256)));
static uint8_t handler_stacks[PROGRAMS][HANDLER_BYTES] __attribute__((aligned(4096)));

long paging_reference_miss(uint64_t handle);

/* The SRM starts this kernel again, a few times. */
_Noreturn void lib_stop(void)
{
	uint64_t words[PORTAL_WORDS] = { SRM_FAILED };
	long result = portal_call(HANDLE_SRM, words, NULL, 0);

	log_format("side: %s\n", baryon_error_text(result));
	for (;;)
		park(0);
}

void side_load(enum object_kind kind, void *home, uint64_t flags)
{
	long result = homes_load(&side_homes, kind, home, flags);

	if (result < 0)
		panic("side: loading %lx of kind %d: %s", ((struct home_header *)home)->uid, (int)kind,
			baryon_error_text(result));
}

static void common_map(uint64_t address, uint64_t page, uint16_t rights)
{
	struct mapping_home home = { .address = address, .index = page, .container = HANDLE_MEMORY, .rights = rights };
	long result = mapping_load(side_uid(NUMBER_SPACE), &home, 1, 0);

	if (result < 0 && result != -BARYON_EEXIST)
		panic("side: mapping %lx: %s", address, baryon_error_text(result));
}

void fault_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	uint64_t page = frame->address & ~(PAGE_BYTES - 1);

	(void)cause;
	if (page == CODE_ADDRESS && frame->access != RIGHT_WRITE)
		common_map(page, CODE_PAGE, RIGHT_READ | RIGHT_EXECUTE);
	else if (page == COUNT_ADDRESS && frame->access != RIGHT_EXECUTE)
		common_map(page, COUNT_PAGE, RIGHT_READ | RIGHT_WRITE);
	else if (page - WALK_ADDRESS < WALK_PAGES * PAGE_BYTES && cookie == WALKER)
		paging_fault((page - WALK_ADDRESS) / PAGE_BYTES);
	else
		panic("side: program %lu: fault at %lx, instruction %lx", cookie, frame->address, frame->registers.rip);
}

long miss_answer(enum object_kind kind, baryon_uid uid, uint64_t index)
{
	long result;

	if (kind == KIND_PAGE)
		return paging_miss(index);
	if (kind == KIND_REFERENCE) {
		result = paging_reference_miss(index);
		return result == -BARYON_EEXIST ? 0 : result;
	}
	return homes_miss(&side_homes, kind, uid);
}

void miss_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	long result = miss_answer((enum object_kind)frame->access, frame->address, frame->error);

	(void)cookie, (void)cause;
	if (result < 0)
		panic("side: miss of %lx, kind %lu, index %lx: %s", frame->address, frame->access, frame->error,
			baryon_error_text(result));
}

static void portal_load(struct portal_home *home, uint64_t number, const char *entry)
{
	home_start(home, sizeof *home, KIND_PORTAL, side_uid(number));
	home->space = side_start->space;
	home->entry = (uint64_t)entry;
	if (number == NUMBER_MISS_PORTAL) {
		home->stacks = (uint64_t)miss_stack;
		home->stack_bytes = sizeof miss_stack;
		home->stack_count = 1;
		home->records = (uint64_t)&miss_record;
	}
	side_load(KIND_PORTAL, home, LOAD_LOCKED);
}

static void portals_start(void)
{
	portal_load(&portals[0], NUMBER_TRAP_PORTAL, trap_portal_entry);
	portal_load(&portals[1], NUMBER_FAULT_PORTAL, fault_portal_entry);
	portal_load(&portals[2], NUMBER_EXCEPTION_PORTAL, exception_portal_entry);
	portal_load(&portals[3], NUMBER_MISS_PORTAL, miss_portal_entry);
}

/* The programs' code and counts are pages of the common memory. */
static void programs_load(void)
{
	uint8_t *memory = (uint8_t *)(DOMAIN_BASE + side_start->domain * DOMAIN_BYTES + DOMAIN_MEMORY_OFFSET);
	extern const char __start_side_program[], __stop_side_program[];

	memcpy(memory + CODE_PAGE * PAGE_BYTES, __start_side_program, (size_t)(__stop_side_program - __start_side_program));
	counts = (struct side_counts *)(memory + COUNT_PAGE * PAGE_BYTES);
	home_start(&space, sizeof space, KIND_SPACE, side_uid(NUMBER_SPACE));
	space.flags = SPACE_PROGRAM;
	side_load(KIND_SPACE, &space, 0);
}

static void program_start(unsigned i)
{
	extern const char __start_side_program[];
	uint64_t function = i == WALKER ? (uint64_t)program_walk : (uint64_t)program_count;
	uint64_t argument = i == WALKER ? COUNT_ADDRESS : COUNT_ADDRESS + offsetof(struct side_counts, counter[i]);
	struct thread_start start = {
		.uid = side_uid(NUMBER_THREADS + i), .space = space.header.uid,
		.entry = CODE_ADDRESS + function - (uint64_t)__start_side_program, .argument = argument,
		.handler_space = side_start->space, .handler_top = (uint64_t)handler_stacks[i] + HANDLER_BYTES, .cookie = i,
		.priority = PRIORITY_PROGRAM,
	};

	thread_home_start(&side_threads[i], &start);
	if (i != WALKER)
		side_threads[i].state = THREAD_STOPPED;
	side_load(KIND_THREAD, &side_threads[i], 0);
}

static uint64_t used_ns(void)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < PROGRAMS; i++) {
		long result = object_write_back(KIND_THREAD, side_threads[i].header.uid);

		if (result < 0 && result != -BARYON_ENOENT)
			log_format("side: thread %u: %s\n", i, baryon_error_text(result));
		used += side_threads[i].used_ns;
	}
	return used;
}

/* One line: the share of a processor that its programs had since the last, the counters' ratio since the start, and faults a
 * round. */
static void measure(uint64_t elapsed_ns)
{
	static uint64_t before_used, before_passes, before_faults;
	uint64_t used = used_ns(), done[COUNTERS], passes = counts->passes - before_passes;

	for (unsigned i = 0; i < COUNTERS; i++)
		done[i] = counts->counter[i][0];
	log_format("side: share %lu %%, counters %lu:%lu:100, walker %lu rounds, %lu faults a round, %lu words wrong\n",
		(used - before_used) * PER_CENT / elapsed_ns, done[0] * PER_CENT / (done[2] + 1), done[1] * PER_CENT / (done[2] + 1),
		passes, passes ? (paging_faults - before_faults) / passes : 0, counts->wrong);
	before_used = used;
	before_passes += passes;
	before_faults = paging_faults;
}

/* The SRM wakes the first thread after Strange forgot everything. */
static void resume_all(void)
{
	long result = homes_reload(&side_homes);

	if (result < 0)
		panic("side: resuming: %s", baryon_error_text(result));
}

_Noreturn void domain_main(void *start)
{
	uint64_t then;

	side_start = start;
	portals_start();
	programs_load();
	paging_start();
	for (unsigned i = 0; i < PROGRAMS; i++)
		program_start(i);
	schedule_start();
	then = clock_now_ns();
	for (;;) {
		uint64_t now;

		park(then + MEASURE_NS);
		now = clock_now_ns();
		resume_all();
		paging_asked();
		if (now - then < MEASURE_NS)
			continue;
		measure(now - then);
		then = now;
	}
}
