/* What makes room for other mappings: how many at once, in which order, and what stays. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/cache.h"
#include "strange/mapping.h"
#include "strange/table.h"

enum { OTHER_CPU = 2, FIRST = 8, MINIMUM = 64, TIMES = 16 };

static struct world_kernel *k;
static struct kernel *kernel;
static const struct kernel *root;
static baryon_uid program;

/* With mappings for so many times the minimum. */
static void fresh(unsigned times, unsigned cpus)
{
	static char caches[40];

	snprintf(caches, sizeof caches, "caches=mapping=%u", times * MINIMUM * cpus);
	world_boot(caches, cpus);
	world.after_step = invariants_check;
	k = world_kernel_make(2, 0, false);
	world_run(k->thread);
	world_kernel_portals(k);
	kernel = (struct kernel *)slot_find(KIND_KERNEL, KERNEL_UID(2));
	root = (struct kernel *)slot_find(KIND_KERNEL, KERNEL_UID(KERNEL_NUMBER_ROOT));
	program = world_space_load(k, 100, SPACE_PROGRAM, 0);
}

/* Pages of its memory, mapped there in a row, and none of them guarded. */
static void pages_map(baryon_uid space, uint64_t at, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		CHECK_IS(world_map(k, space, at + i * PAGE_BYTES, FIRST + i, RIGHT_READ, 0), 1);
	memset(world_thread(world_running())->guard, 0, sizeof world_thread(world_running())->guard);
}

static unsigned mapped(baryon_uid space)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < state.cache[KIND_MAPPING].count; i++)
		n += mapping_at(i)->live && space_at(mapping_at(i)->space) == (struct space *)world_slot(KIND_SPACE, space);
	return n;
}

static uint32_t mapping_of_page(uint64_t address)
{
	for (uint32_t m = 0; m < state.cache[KIND_MAPPING].count; m++)
		if (mapping_at(m)->live && mapping_at(m)->page == address / PAGE_BYTES)
			return m;
	CHECK(!"it is not mapped");
	return 0;
}

static void displace(unsigned times, const struct kernel *for_whom)
{
	while (times-- > 0)
		(void)(cache_displace(KIND_MAPPING, for_whom) == 0);
	invariants_check();
}

/* The clock comes to this space's next. */
static void hand_to(baryon_uid space)
{
	struct cache *c = &state.cache[KIND_MAPPING];

	for (c->hand = 0; !mapping_at(c->hand)->live || space_at(mapping_at(c->hand)->space) != (struct space *)world_slot(KIND_SPACE, space);)
		c->hand++;
}

/* What it is asked it has answered already. */
static void another_cpu_has(baryon_uid space, bool has)
{
	struct space *s = (struct space *)world_slot(KIND_SPACE, space);

	state.cpu[1].left = has ? s : LEFT_NONE;
	state.cpu[1].flush_done = state.cpu[1].flush_wanted + (has ? 1000 : 0);
	s->cpus = has ? s->cpus | OTHER_CPU : s->cpus & ~(uint64_t)OTHER_CPU;
}

static void with_the_smallest_cache_one_mapping_goes_at_a_time(void)
{
	fresh(1, 1);
	pages_map(program, 0x10000, 32);
	hand_to(program);
	for (unsigned left = 32; left > 16; left--) {
		CHECK_IS(mapped(program), left);
		displace(1, root);
	}
}

static void in_a_larger_cache_as_many_go_as_it_is_larger(void)
{
	uint64_t before;

	fresh(TIMES, 1);
	pages_map(program, 0x10000, 2 * TIMES);
	hand_to(program);
	before = state.counters->displaced[KIND_MAPPING];
	displace(1, root);
	CHECK_IS(mapped(program), TIMES);
	CHECK_IS(state.counters->displaced[KIND_MAPPING] - before, TIMES);
	displace(1, root);
	CHECK_IS(mapped(program), 0);
}

static void those_that_were_loaded_first_go_first(void)
{
	fresh(TIMES, 1);
	pages_map(program, 0x10000, 3 * TIMES);
	hand_to(program);
	displace(2, root);
	CHECK_IS(mapped(program), TIMES);
	for (unsigned i = 2 * TIMES; i < 3 * TIMES; i++)
		(void)mapping_of_page(0x10000 + i * PAGE_BYTES);
}

static void what_runs_keeps_its_last_mappings_and_locked_ones_stay(void)
{
	struct thread *t;

	fresh(TIMES, 1);
	pages_map(program, 0x10000, TIMES);
	t = world_thread(world_running());
	t->guard[0] = mapping_of_page(0x13000) + 1;
	t->guard[1] = mapping_of_page(0x17000) + 1;
	displace(1000, root);
	CHECK_IS(mapped(program), 2);
	CHECK_IS(mapping_of_page(0x13000), t->guard[0] - 1);
	CHECK_IS(mapping_of_page(0x17000), t->guard[1] - 1);
	for (uint32_t m = 0; m < state.cache[KIND_MAPPING].count; m++)
		CHECK(!mapping_at(m)->locked || mapping_at(m)->live);
}

static void a_mapping_that_no_other_processor_knows_goes_first(void)
{
	baryon_uid other;

	fresh(TIMES, 2);
	other = world_space_load(k, 102, SPACE_PROGRAM, 0);
	pages_map(program, 0x10000, 2);
	pages_map(other, 0x40000, TIMES);
	another_cpu_has(program, true);
	hand_to(program);
	displace(1, root);
	CHECK_IS(mapped(program), 2);
	CHECK(mapped(other) < TIMES);
	CHECK_IS(state.counters->shootdowns, 0);
	another_cpu_has(program, false);
}

static void several_go_with_one_shootdown(void)
{
	fresh(TIMES, 2);
	pages_map(program, 0x10000, 2 * TIMES);
	another_cpu_has(program, true);
	hand_to(program);
	displace(1, root);
	CHECK(mapped(program) <= 2 * TIMES - TIMES / 2);
	CHECK_IS(state.counters->shootdowns, 1);
	another_cpu_has(program, false);
}

static void tables_that_become_empty_go_with_the_same_shootdown(void)
{
	uint32_t free_before;

	fresh(TIMES, 2);
	free_before = state.tables_free;
	pages_map(program, 0x10000, 2);
	CHECK_IS(state.tables_free, free_before - 3);
	another_cpu_has(program, true);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x10000, 2), 0);
	CHECK_IS(state.tables_free, free_before);
	CHECK_IS(state.counters->shootdowns, 1);
	another_cpu_has(program, false);
}

static void others_leave_a_kernel_the_mappings_of_its_floor(void)
{
	fresh(TIMES, 1);
	kernel->floor[KIND_MAPPING] = 5;
	pages_map(program, 0x10000, TIMES);
	displace(100, root);
	CHECK_IS(kernel->loaded[KIND_MAPPING], 5);
	/* Its own it displaces itself. */
	displace(100, kernel);
	CHECK_IS(mapped(program), 0);
}

int main(void)
{
	with_the_smallest_cache_one_mapping_goes_at_a_time();
	in_a_larger_cache_as_many_go_as_it_is_larger();
	those_that_were_loaded_first_go_first();
	what_runs_keeps_its_last_mappings_and_locked_ones_stay();
	a_mapping_that_no_other_processor_knows_goes_first();
	several_go_with_one_shootdown();
	tables_that_become_empty_go_with_the_same_shootdown();
	others_leave_a_kernel_the_mappings_of_its_floor();
	return 0;
}
