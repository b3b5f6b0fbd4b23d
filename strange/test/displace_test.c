/* What makes room for others: how much at once, in which order, and what floors keep. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/cache.h"
#include "strange/mapping.h"
#include "strange/table.h"

enum { OTHER_CPU = 2, FIRST = 8 };

static struct world_kernel *k;
static struct kernel *kernel;
static const struct kernel *root;
static baryon_uid program;

static void fresh(const char *caches, unsigned cpus)
{
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

static void displace(unsigned times, const struct kernel *for_whom)
{
	while (times-- > 0)
		(void)(cache_displace(KIND_MAPPING, for_whom) == 0);
	invariants_check();
}

/* Until it hits one of that space's. */
static void displace_of(baryon_uid space)
{
	for (unsigned before = mapped(space), tries = 0; mapped(space) == before; tries++) {
		CHECK(tries < 1000);
		displace(1, root);
	}
}

static void mappings_make_room_a_part_of_the_cache_at_a_time(void)
{
	fresh("caches=mapping=256", 1);
	pages_map(program, 0x10000, 32);
	CHECK_IS(mapped(program), 32);
	displace_of(program);
	CHECK_IS(mapped(program), 16);
	displace_of(program);
	CHECK_IS(mapped(program), 0);
}

static void what_runs_keeps_its_last_mappings_also_among_those_that_go(void)
{
	struct thread *t;

	fresh("caches=mapping=256", 1);
	pages_map(program, 0x10000, 16);
	t = world_thread(world_running());
	for (unsigned i = 0; i < 2; i++)
		for (uint32_t m = 0; m < state.cache[KIND_MAPPING].count; m++)
			if (mapping_at(m)->live && mapping_at(m)->page == 0x10 + 3 + 4 * i)
				t->guard[i] = m + 1;
	displace(100, root);
	CHECK_IS(mapped(program), 2);
	CHECK(mapping_at(t->guard[0] - 1)->live);
	CHECK(mapping_at(t->guard[1] - 1)->live);
}

static void a_mapping_that_no_other_processor_knows_goes_first(void)
{
	baryon_uid other;

	fresh("caches=mapping=256", 2);
	other = world_space_load(k, 102, SPACE_PROGRAM, 0);
	pages_map(program, 0x10000, 16);
	pages_map(other, 0x10000, 16);
	state.cpu[1].left = (struct space *)world_slot(KIND_SPACE, program);
	state.cpu[1].left->cpus = OTHER_CPU;
	displace_of(other);
	CHECK_IS(mapped(program), 16);
	CHECK_IS(mapped(other), 0);
	CHECK_IS(state.counters->shootdowns, 0);
	state.cpu[1].left->cpus = 0;
	state.cpu[1].left = LEFT_NONE;
}

static void others_leave_a_kernel_the_mappings_of_its_floor(void)
{
	fresh("caches=mapping=256", 1);
	kernel->floor[KIND_MAPPING] = 21;
	pages_map(program, 0x10000, 32);
	displace(100, root);
	CHECK_IS(kernel->loaded[KIND_MAPPING], 21);
	/* Its own it displaces itself. */
	displace(100, kernel);
	CHECK(kernel->loaded[KIND_MAPPING] < 21);
}

/* Root keeps the space of its domain, and loads what is mapped there. */
static void mappings_of_a_kernels_own_domain_count_for_its_floor(void)
{
	fresh("caches=mapping=256", 1);
	for (uint64_t i = 0; i < 20; i++)
		CHECK(world_touch(k->memory + (FIRST + i) * PAGE_BYTES, RIGHT_READ));
	CHECK(mapped(k->space) >= 20);
	CHECK_IS(kernel->loaded[KIND_MAPPING], mapped(k->space));
	kernel->floor[KIND_MAPPING] = 15;
	displace(100, root);
	CHECK_IS(kernel->loaded[KIND_MAPPING], 15);
	CHECK_IS(mapped(k->space), 15);
}

static void others_leave_a_kernel_the_page_tables_of_its_floor(void)
{
	uint32_t before;

	fresh("caches=mapping=256", 1);
	before = kernel->loaded[COUNT_TABLES];
	for (unsigned i = 1; i <= 10; i++)
		pages_map(program, i * GROUP_BYTES, 1);
	CHECK_IS(kernel->loaded[COUNT_TABLES], before + 12);    /* and the two above them */
	kernel->floor[COUNT_TABLES] = before + 7;
	for (unsigned i = 0; i < 100; i++) {
		if (kernel->loaded[COUNT_TABLES] == before + 7)
			break;
		CHECK_IS(table_displace(root), 0);
		invariants_check();
	}
	CHECK_IS(kernel->loaded[COUNT_TABLES], before + 7);
	/* Nothing of it goes, unless a space does. */
	CHECK_IS(mapped(program), 5);
	CHECK_IS(table_displace(kernel), 0);
	CHECK_IS(kernel->loaded[COUNT_TABLES], before + 6);
}

int main(void)
{
	mappings_make_room_a_part_of_the_cache_at_a_time();
	what_runs_keeps_its_last_mappings_also_among_those_that_go();
	a_mapping_that_no_other_processor_knows_goes_first();
	others_leave_a_kernel_the_mappings_of_its_floor();
	mappings_of_a_kernels_own_domain_count_for_its_floor();
	others_leave_a_kernel_the_page_tables_of_its_floor();
	return 0;
}
