/* Pages and mappings: what is refused, what a program can reach, page groups, revocation. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/kernel.h"
#include "strange/mapping.h"
#include "strange/memory.h"
#include "strange/table.h"

static struct world_kernel *k;
static baryon_uid program, thread;

enum { PROGRAM_START = 0x5000 };

static void fresh(void)
{
	world_boot(NULL, 1);
	world.after_step = invariants_check;
	k = world_kernel_make(2, 0, false);
	world_run(k->thread);
	world_kernel_portals(k);
	program = world_space_load(k, 100, SPACE_PROGRAM, 0);
	thread = world_thread_load(k, 101, program, PROGRAM_START, 6);
}

/* The kernel's own thread parks, so that the program runs. */
static void program_run(void)
{
	world_park();
	CHECK_IS(world_running(), thread);
	CHECK_IS(machine_cpu()->now.rip, PROGRAM_START);
}

/* From the program into its handler. */
static struct trap_frame program_trap(uint64_t number)
{
	struct trap_frame f;

	machine_cpu()->now.rax = number;
	machine_syscall();
	invariants_check();
	CHECK_IS(machine_cpu()->now.rip, k->base + ENTRY_TRAP);
	world_read(machine_cpu()->now.rdi, &f, sizeof f);
	CHECK_IS(f.cause, TRAP_SYSCALL);
	CHECK_IS(f.registers.rax, number);
	CHECK_IS(f.registers.rip, PROGRAM_START + SYSCALL_BYTES);
	f.registers.rip = PROGRAM_START;
	world_write(machine_cpu()->now.rdi, &f, sizeof f);
	return f;
}

static long map_try(uint64_t address, uint64_t index, unsigned handle, unsigned rights, unsigned flags)
{
	struct mapping_home h = { .address = address, .index = index, .container = handle, .rights = (uint16_t)rights,
				  .flags = (uint16_t)flags };
	uint64_t at = world_memory(k, sizeof h);

	world_write(at, &h, sizeof h);
	return world_call(CALL_MAPPING_LOAD, program, at, 1, 0);
}

static void homes_of_mappings_are_checked(void)
{
	fresh();
	CHECK_IS(map_try(0x10001, 1, HANDLE_MEMORY, RIGHT_READ, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(PROGRAM_LIMIT, 1, HANDLE_MEMORY, RIGHT_READ, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(k->memory, 1, HANDLE_MEMORY, RIGHT_READ, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(~0ull << 12, 1, HANDLE_MEMORY, RIGHT_READ, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(0x10000, WORLD_PAGES, HANDLE_MEMORY, RIGHT_READ, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(0x10000, 1, HANDLE_MEMORY, 0, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(0x10000, 1, HANDLE_MEMORY, RIGHT_CALL, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(0x10000, 1, HANDLE_MEMORY, RIGHT_READ, MAPPING_LARGE), -BARYON_EINVAL);
	CHECK_IS(map_try(0x200000, 0, HANDLE_MEMORY, RIGHT_READ, MAPPING_LARGE), -BARYON_EINVAL);
	CHECK_IS(map_try(0x10000, 1, 77, RIGHT_READ, 0), -BARYON_ENOENT);
	CHECK_IS(map_try(0x10000, 1, HANDLE_LIMIT, RIGHT_READ, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(0x10000, 1, HANDLE_MEMORY, RIGHT_READ, MAPPING_LOCKED), -BARYON_EQUOTA);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, program, k->memory + 1, 1, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, program, k->memory, 0, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, program, k->memory, BATCH_LIMIT + 1, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, k->space, k->memory, 1, 0), -BARYON_EPERM);
}

/* The last table of a program's space has an entry for the page beyond it: nothing is entered there, or the space would never be empty. */
static void the_page_beyond_a_program_is_refused_beside_its_last(void)
{
	fresh();
	for (unsigned i = 1; i < 4; i++) {
		CHECK_IS(map_try(PROGRAM_LIMIT - i * PAGE_BYTES, 60, HANDLE_MEMORY, RIGHT_READ, 0), 1);
		CHECK_IS(map_try(PROGRAM_LIMIT, 61, HANDLE_MEMORY, RIGHT_READ, 0), -BARYON_EINVAL);
	}
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, thread), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_SPACE, program), 0);
}

static void writable_and_executable_is_refused(void)
{
	fresh();
	CHECK_IS(map_try(0x10000, 1, HANDLE_MEMORY, RIGHT_WRITE | RIGHT_EXECUTE, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(0x10000, 1, HANDLE_MEMORY, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE, 0), -BARYON_EINVAL);
	CHECK_IS(map_try(0x10000, 1, HANDLE_MEMORY, RIGHT_READ | RIGHT_EXECUTE, 0), 1);
	CHECK_IS(map_try(0x11000, 1, HANDLE_MEMORY, RIGHT_READ | RIGHT_WRITE, 0), 1);
}

static void a_reference_gives_no_more_than_its_rights(void)
{
	world_boot(NULL, 1);
	world.after_step = invariants_check;
	k = world_kernel_make(2, 0, false);
	CHECK_IS(world_reference_load(&world.root, KIND_CONTAINER, k->container, RIGHT_READ, 0, k->space, 3), 0);
	world_run(k->thread);
	world_kernel_portals(k);
	program = world_space_load(k, 100, SPACE_PROGRAM, 0);
	CHECK_IS(map_try(0x10000, 1, 3, RIGHT_READ, 0), 1);
	CHECK_IS(map_try(0x11000, 1, 3, RIGHT_READ | RIGHT_WRITE, 0), -BARYON_EPERM);
	CHECK_IS(map_try(0x11000, 1, 3, RIGHT_READ | RIGHT_EXECUTE, 0), -BARYON_EPERM);
}

static void a_program_reaches_what_is_mapped_and_nothing_else(void)
{
	uint64_t word = 0x1122334455667788ull, got;

	fresh();
	CHECK_IS(world_map(k, program, 0x10000, 60, RIGHT_READ | RIGHT_WRITE, 0), 1);
	CHECK_IS(world_map(k, program, 0x11000, 60, RIGHT_READ, 0), 1);
	program_run();
	world_write(0x10010, &word, 8);
	world_read(0x11010, &got, 8);
	CHECK_IS(got, word);
	/* No right: a fault to its owner, with everything that it needs to know. */
	CHECK(machine_translate(0x11010, RIGHT_WRITE) == NULL);
	machine_fault(0x11010, RIGHT_WRITE);
	struct trap_frame f;
	CHECK_IS(machine_cpu()->now.rip, k->base + ENTRY_FAULT);
	CHECK_IS(machine_cpu()->now.rdx, TRAP_FAULT);
	CHECK_IS(machine_cpu()->now.rsi, thread ^ 0xc00c1e);
	world_read(machine_cpu()->now.rdi, &f, sizeof f);
	CHECK_IS(f.address, 0x11010);
	CHECK_IS(f.access, RIGHT_WRITE);
	CHECK_IS(f.space, program);
	CHECK_IS(f.registers.rip, PROGRAM_START);
	world_resume();
	CHECK_IS(machine_cpu()->now.rip, PROGRAM_START);
	/* The kernel's domain and Strange are out of reach. */
	CHECK(machine_translate(k->memory, RIGHT_READ) == NULL);
	machine_fault(k->memory, RIGHT_READ);
	CHECK_IS(machine_cpu()->now.rip, k->base + ENTRY_EXCEPTION);
}

static void existing_mappings_are_replaced_only_when_asked(void)
{
	fresh();
	CHECK_IS(world_map(k, program, 0x10000, 1, RIGHT_READ, 0), 1);
	CHECK_IS(world_map(k, program, 0x10000, 2, RIGHT_READ, 0), -BARYON_EEXIST);
	CHECK_IS(world_map(k, program, 0x10000, 2, RIGHT_READ | RIGHT_WRITE, LOAD_REPLACE), 1);
	struct mapping_home h;
	uint64_t out = world_memory(k, sizeof h);
	CHECK_IS(world_call(CALL_MAPPING_READ, program, 0x10123, out), 0);
	world_read(out, &h, sizeof h);
	CHECK_IS(h.address, 0x10000);
	CHECK_IS(h.index, 2);
	CHECK_IS(h.rights, RIGHT_READ | RIGHT_WRITE);
	CHECK_IS(world_call(CALL_MAPPING_READ, program, 0x11000, out), -BARYON_ENOENT);
	CHECK_IS(world_call(CALL_MAPPING_READ, program, k->memory, out), -BARYON_ENOENT);
}

static void a_batch_is_one_call(void)
{
	struct mapping_home h[BATCH_LIMIT];
	uint64_t at;

	fresh();
	memset(h, 0, sizeof h);
	for (unsigned i = 0; i < BATCH_LIMIT; i++)
		h[i] = (struct mapping_home){ 0x40000 + i * PAGE_BYTES, i % 16, HANDLE_MEMORY, RIGHT_READ, 0, 0 };
	at = world_memory(k, sizeof h);
	world_write(at, h, sizeof h);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, program, at, BATCH_LIMIT, 0), BATCH_LIMIT);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, program, at, BATCH_LIMIT, 0), BATCH_LIMIT);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x40000, BATCH_LIMIT), 0);
	CHECK_IS(world_call(CALL_MAPPING_READ, program, 0x40000, at), -BARYON_ENOENT);
}

static void ranges_are_checked(void)
{
	fresh();
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x1001, 1), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x1000, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, PROGRAM_LIMIT, 1), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x1000, ~0ull), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, ~0xfffull, 2), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0, DOMAIN_BYTES / PAGE_BYTES), 0);
	CHECK_IS(world_call(CALL_MAPPING_PROTECT, program, 0x1000, 1, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_MAPPING_PROTECT, program, 0x1000, 1, RIGHT_CALL), -BARYON_EINVAL);
}

static void unloading_tells_what_was_used(void)
{
	uint64_t word = 1;

	fresh();
	for (unsigned i = 0; i < 3; i++)
		CHECK_IS(world_map(k, program, 0x10000 + i * PAGE_BYTES, i + 50, RIGHT_READ | RIGHT_WRITE, 0), 1);
	program_run();
	world_read(0x11000, &word, 8);
	world_write(0x12000, &word, 8);
	(void)program_trap(5);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x10000, 1), 0);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x11000, 1), MAPPING_ACCESSED);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x12000, 1), MAPPING_ACCESSED | MAPPING_DIRTY);
	world_forget(KIND_MAPPING, program, 0x12000);
	world_resume();
	CHECK(!world_touch(0x12000, RIGHT_READ));
}

static void protecting_takes_rights_at_once(void)
{
	uint64_t word = 1;

	fresh();
	CHECK_IS(world_map(k, program, 0x10000, 50, RIGHT_READ | RIGHT_WRITE, 0), 1);
	CHECK_IS(world_map(k, program, 0x11000, 51, RIGHT_READ | RIGHT_EXECUTE, 0), 1);
	program_run();
	world_write(0x10000, &word, 8);
	world_read(0x11000, &word, 8);
	(void)program_trap(5);
	CHECK_IS(world_call(CALL_MAPPING_PROTECT, program, 0x10000, 2, RIGHT_READ), 0);
	world_resume();
	CHECK(machine_translate(0x10000, RIGHT_READ) && machine_translate(0x11000, RIGHT_READ));
	CHECK(machine_translate(0x10000, RIGHT_WRITE) == NULL);
	CHECK(machine_translate(0x11000, RIGHT_EXECUTE) == NULL);
	/* Taking rights never gives any. */
	(void)program_trap(5);
	CHECK_IS(world_call(CALL_MAPPING_PROTECT, program, 0x10000, 2, RIGHT_READ | RIGHT_WRITE), 0);
	world_resume();
	CHECK(machine_translate(0x10000, RIGHT_WRITE) == NULL);
}

static void a_load_that_resumes_goes_on_in_the_program(void)
{
	struct mapping_home h = { 0x20000, 55, HANDLE_MEMORY, RIGHT_READ | RIGHT_WRITE, 0, 0 };
	uint64_t at;

	fresh();
	at = world_memory(k, sizeof h);
	world_write(at, &h, sizeof h);
	/* Not in a handler: nothing is loaded either. */
	CHECK_IS(world_call(CALL_MAPPING_LOAD, program, at, 1, LOAD_RESUME), -BARYON_EINVAL);
	program_run();
	machine_fault(0x20008, RIGHT_WRITE);
	CHECK_IS(machine_cpu()->now.rip, k->base + ENTRY_FAULT);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, program, at, 1, LOAD_RESUME), WORLD_AWAY);
	CHECK_IS(machine_cpu()->now.rip, PROGRAM_START);
	CHECK(machine_translate(0x20008, RIGHT_WRITE));
}

/* The level below was displaced: the call misses it in before it loads anything, or it would find its own mapping there. */
static void a_load_that_resumes_may_restart(void)
{
	struct mapping_home h = { 0x20000, 55, HANDLE_MEMORY, RIGHT_READ | RIGHT_WRITE, 0, 0 };
	uint64_t at;

	fresh();
	at = world_memory(k, sizeof h);
	world_write(at, &h, sizeof h);
	program_run();
	machine_fault(0x20008, RIGHT_WRITE);
	CHECK_IS(machine_cpu()->now.rip, k->base + ENTRY_FAULT);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, thread), WORLD_AWAY);
	world_run(k->thread);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_SPACE, program), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_SPACE, world_home(KIND_SPACE, program, 0)), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, thread, 0)), 0);
	world_park();
	CHECK_IS(world_running(), thread);
	CHECK_IS(machine_cpu()->now.rax, 0);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, program, at, 1, LOAD_RESUME), WORLD_AWAY);
	CHECK_IS(machine_cpu()->now.rip, PROGRAM_START);
	CHECK(machine_translate(0x20008, RIGHT_WRITE));
}

static void pages_are_revoked_from_every_space(void)
{
	struct page_home h;
	uint64_t word = 1, home;

	fresh();
	CHECK_IS(world_map(k, program, 0x10000, 60, RIGHT_READ | RIGHT_WRITE, 0), 1);
	program_run();
	world_write(0x10000, &word, 8);
	machine_cpu()->now.rax = 5;
	machine_syscall();
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, k->container, 60, 1), 1);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, k->container, 60, 1), 0);
	home = world_home(KIND_PAGE, k->container, 60);
	world_read(home, &h, sizeof h);
	CHECK_IS(h.flags & (PAGE_DIRTY | PAGE_LOADED), PAGE_DIRTY);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, ROOT_MEMORY, 0, BATCH_LIMIT + 1), -BARYON_EINVAL);
}

static long page_try(const struct page_home *h)
{
	uint64_t at = world_memory(&world.root, sizeof *h);

	world_write(at, h, sizeof *h);
	return world_call(CALL_PAGE_LOAD, at, 1);
}

static void homes_of_pages_are_checked(void)
{
	struct page_home h = { .container = ROOT_MEMORY, .index = 3000, .frame = 9000, .version = HOME_VERSION }, x;
	uint64_t at;

	fresh();
	world_run(ROOT_THREAD);
	x = h, x.version = 7;
	CHECK_IS(page_try(&x), -BARYON_EVERSION);
	x = h, x.container = UID_MAKE(2, 1);
	CHECK_IS(page_try(&x), -BARYON_EPERM);
	x = h, x.frame = host.frames;
	CHECK_IS(page_try(&x), -BARYON_EINVAL);
	x = h, x.frame = ~0ull;
	CHECK_IS(page_try(&x), -BARYON_EINVAL);
	x = h, x.frame = state.table_frame;
	CHECK_IS(page_try(&x), -BARYON_EBUSY);
	x = h, x.flags = PAGE_LARGE;
	CHECK_IS(page_try(&x), -BARYON_EINVAL);
	x = h, x.index = 1u << 20;
	CHECK_IS(page_try(&x), -BARYON_EINVAL);
	/* Cleared beyond its end, clearing would never be over. */
	x = h, x.flags = PAGE_CLEAR, x.cleared = 2;
	CHECK_IS(page_try(&x), -BARYON_EINVAL);
	CHECK_IS(page_try(&h), 1);
	CHECK_IS(page_try(&h), 1);
	x = h, x.index = 3001;
	CHECK_IS(page_try(&x), -BARYON_EBUSY);
	at = world_memory(&world.root, 64);
	CHECK_IS(world_call(CALL_PAGE_LOAD, at + 8, 1), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_PAGE_LOAD, at, 0), -BARYON_EINVAL);
	world_run(k->thread);
	CHECK_IS(world_call(CALL_PAGE_LOAD, k->memory, 1), -BARYON_EINVAL);     /* not in locked memory */
}

/* ---- grants ---- */

enum { OWN_PAGES = 101, GRANT = 16 };

static uint64_t home_of_k;

static void extent_put(unsigned i, uint32_t first, uint32_t count)
{
	struct group_extent e = { first, count };

	world_write(home_of_k + offsetof(struct kernel_home, extents) + i * sizeof e, &e, sizeof e);
}

static void granted_on(unsigned cpus, uint32_t lock_quota)
{
	struct container_home h = { .header = { KIND_CONTAINER, HOME_VERSION, 1, UID_MAKE(2, OWN_PAGES) }, .size_pages = 4 * GROUP_PAGES };
	uint64_t at;

	world_boot(NULL, cpus);
	world.after_step = invariants_check;
	world.locked_pages = 4;
	world_kernel_home.extents[0] = (struct group_extent){ GRANT, 2 };
	world_kernel_home.lock_quota[KIND_PAGE] = lock_quota;
	k = world_kernel_make(2, KERNEL_MAY_FRAMES, false);
	home_of_k = world_home(KIND_KERNEL, KERNEL_UID(2), 0);
	world_run(k->thread);
	world_kernel_portals(k);
	at = world_memory(k, sizeof h);
	world_write(at, &h, sizeof h);
	CHECK_IS(world_load(KIND_CONTAINER, at, 0), 0);
}

static void granted(uint32_t lock_quota) { granted_on(1, lock_quota); }

/* Page `index` of k's own container in frame number `frame`. */
static long own_page(uint64_t index, uint64_t frame, uint32_t flags)
{
	struct page_home h = { .container = UID_MAKE(2, OWN_PAGES), .index = index, .frame = frame, .flags = flags, .version = HOME_VERSION };
	uint64_t at = k->memory + (WORLD_PAGES - 1) * PAGE_BYTES + index % GROUP_PAGES * sizeof h;

	world_write(at, &h, sizeof h);
	return world_call(CALL_PAGE_LOAD, at, 1);
}

static long own_page_map(uint64_t address, uint64_t index)
{
	struct mapping_home h = { address, index, 30, RIGHT_READ, 0, 0 };
	uint64_t at = world_memory(k, sizeof h);

	world_write(at, &h, sizeof h);
	return world_call(CALL_MAPPING_LOAD, program, at, 1, 0);
}

static uint64_t home_of_own;

static void page_stripes(bool lock)
{
	for (unsigned i = 0; i < 64; i++)
		if (lock)
			spin_lock(&state.cache[KIND_PAGE].hash.stripe[i]);
		else
			spin_unlock(&state.cache[KIND_PAGE].hash.stripe[i]);
}

/* Another processor, while this one looks for the page: the container comes back with a higher generation, and with that page. */
static void revoke_meanwhile(void)
{
	struct container_home h;

	page_stripes(false);
	world.after_step = NULL;    /* this one holds locks */
	machine_become(1);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_CONTAINER, UID_MAKE(2, OWN_PAGES)), 0);
	world_read(home_of_own, &h, sizeof h);
	h.header.generation++;
	world_write(home_of_own, &h, sizeof h);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, home_of_own), 0);
	CHECK_IS(own_page(0, GRANT * GROUP_PAGES, 0), 1);
	machine_become(0);
	world.after_step = invariants_check;
}

/* Its mapping would stay as long as the page. flags: of the mapping's home; with some it is loaded the long way. */
static void revoked_between_reference_and_page(unsigned flags)
{
	struct mapping_home h = { 0x400000, 0, 30, RIGHT_READ, (uint16_t)flags, 0 };
	baryon_uid revoker;
	uint64_t at;

	granted_on(2, 0);
	home_of_own = world_home(KIND_CONTAINER, UID_MAKE(2, OWN_PAGES), 0);
	program = world_space_load(k, 100, SPACE_PROGRAM, 0);
	CHECK_IS(world_reference_load(k, KIND_CONTAINER, UID_MAKE(2, OWN_PAGES), RIGHT_ALL, 0, k->space, 30), 0);
	revoker = world_thread_load(k, 103, k->space, k->base + ENTRY_START, 5);
	CHECK_IS(world_call(CALL_THREAD_SET, revoker, THREAD_SET_CPU, 1), 0);
	machine_start_cpu(1);
	CHECK_IS(world_running(), revoker);
	machine_become(0);
	CHECK_IS(own_page(0, GRANT * GROUP_PAGES, 0), 1);
	at = world_memory(k, sizeof h);
	world_write(at, &h, sizeof h);
	page_stripes(true);
	host.in_pause = revoke_meanwhile;
	CHECK_IS(world_call(CALL_MAPPING_LOAD, program, at, 1, 0), -BARYON_ESTALE);
	CHECK(host.in_pause == NULL && world_slot(KIND_CONTAINER, UID_MAKE(2, OWN_PAGES))->home_generation == 2);
	CHECK_IS(state.frames[GRANT * GROUP_PAGES].mappings, 0);
	invariants_check();
}

static void what_is_revoked_while_a_mapping_is_loaded_gives_none(void)
{
	revoked_between_reference_and_page(0);
	revoked_between_reference_and_page(1 << MAPPING_OTHERS);
}

static void only_the_keeper_says_what_is_granted(void)
{
	granted(0);
	CHECK_IS(world_call(CALL_KERNEL_GROUP, KERNEL_UID(2), GRANT), -BARYON_EPERM);
	CHECK_IS(world_call(CALL_KERNEL_GROUP, KERNEL_UID(KERNEL_NUMBER_ROOT), GRANT), -BARYON_EPERM);
	CHECK_IS(own_page(0, GRANT * GROUP_PAGES, 0), 1);
	CHECK_IS(own_page(1, (GRANT + 2) * GROUP_PAGES, 0), -BARYON_EPERM);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_KERNEL_GROUP, KERNEL_UID(2), GRANT), 0);
	CHECK(state.frames[GRANT * GROUP_PAGES].page != 0);
	CHECK_IS(world_call(CALL_KERNEL_GROUP, KERNEL_UID(2), ~0ull), 0);
	extent_put(5, GRANT + 2, 1);
	CHECK_IS(world_call(CALL_KERNEL_GROUP, KERNEL_UID(2), GRANT + 2), 0);
	world_run(k->thread);
	CHECK_IS(own_page(1, (GRANT + 2) * GROUP_PAGES, 0), 1);
}

/* With what maps them; those in other groups stay, and nobody loads there again. */
static void pages_of_a_group_that_is_taken_go(void)
{
	uint64_t kept = GRANT * GROUP_PAGES + 3, frame = (GRANT + 1) * GROUP_PAGES;

	granted(0);
	program = world_space_load(k, 100, SPACE_PROGRAM, 0);
	CHECK_IS(world_reference_load(k, KIND_CONTAINER, UID_MAKE(2, OWN_PAGES), RIGHT_ALL, 0, k->space, 30), 0);
	CHECK_IS(own_page(0, kept, 0), 1);
	for (uint64_t i = 1; i < 30; i++)
		CHECK_IS(own_page(i, frame + i, 0), 1);
	CHECK_IS(own_page_map(0x400000, 0), 1);
	CHECK_IS(own_page_map(0x401000, 7), 1);
	CHECK(state.frames[kept].mappings && state.frames[frame + 7].mappings);
	world_run(ROOT_THREAD);
	extent_put(0, GRANT, 1);
	CHECK_IS(world_call(CALL_KERNEL_GROUP, KERNEL_UID(2), GRANT + 1), 0);
	for (uint64_t i = 0; i < GROUP_PAGES; i++)
		CHECK(state.frames[frame + i].page == 0 && state.frames[frame + i].mappings == 0);
	CHECK(state.frames[kept].page && state.frames[kept].mappings);
	world_run(k->thread);
	CHECK_IS(own_page(7, frame + 7, 0), -BARYON_EPERM);
	CHECK_IS(own_page(7, frame + 7, PAGE_CLEAR), -BARYON_EPERM);
	CHECK_IS(own_page(7, GRANT * GROUP_PAGES + 7, 0), 1);
}

static void a_group_with_a_locked_page_is_not_taken(void)
{
	granted(1);
	CHECK_IS(own_page(0, GRANT * GROUP_PAGES, PAGE_LOCKED), 1);
	CHECK_IS(own_page(1, GRANT * GROUP_PAGES + 1, 0), 1);
	world_run(ROOT_THREAD);
	extent_put(0, GRANT + 1, 1);
	CHECK_IS(world_call(CALL_KERNEL_GROUP, KERNEL_UID(2), GRANT), -BARYON_EBUSY);
	CHECK(state.frames[GRANT * GROUP_PAGES].page != 0);
}

/* A kernel that was unloaded has the grant of its home when it comes back. */
static void a_kernel_comes_back_with_what_its_home_grants(void)
{
	granted(0);
	CHECK_IS(own_page(0, GRANT * GROUP_PAGES, 0), 1);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_KERNEL, KERNEL_UID(2)), 0);
	extent_put(0, GRANT + 1, 1);
	CHECK_IS(world_call(CALL_KERNEL_GROUP, KERNEL_UID(2), GRANT), 0);
	CHECK(world_slot(KIND_KERNEL, KERNEL_UID(2)) == NULL);
	CHECK_IS(world_load(KIND_KERNEL, home_of_k, 0), 0);
	CHECK(!kernel_has_frame((struct kernel *)world_slot(KIND_KERNEL, KERNEL_UID(2)), GRANT * GROUP_PAGES));
}

/* Clearing a group must not touch frames that a page in its middle has. */
static void clearing_spares_frames_in_use(void)
{
	struct page_home small = { .container = ROOT_MEMORY, .index = 3000, .frame = 16 * GROUP_PAGES + 7,
				   .version = HOME_VERSION };
	struct page_home group = { .container = ROOT_MEMORY, .index = 4 * GROUP_PAGES, .frame = 16 * GROUP_PAGES,
				   .flags = PAGE_LARGE | PAGE_CLEAR, .version = HOME_VERSION };

	fresh();
	world_run(ROOT_THREAD);
	CHECK_IS(page_try(&small), 1);
	*(uint64_t *)frame_pointer((frame_number)small.frame) = 77;
	CHECK_IS(page_try(&group), -BARYON_EBUSY);
	CHECK_IS(*(uint64_t *)frame_pointer((frame_number)small.frame), 77);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, ROOT_MEMORY, 3000, 1), 1);
	*(uint64_t *)frame_pointer((frame_number)group.frame + 511) = 77;
	CHECK_IS(page_try(&group), 1);
	CHECK_IS(*(uint64_t *)frame_pointer((frame_number)group.frame + 511), 0);
}

static long root_map(uint64_t address, uint64_t index, unsigned flags, unsigned load)
{
	struct mapping_home h = { address, index, 20, RIGHT_READ | RIGHT_WRITE, (uint16_t)flags, 0 };
	uint64_t at = world_memory(&world.root, sizeof h);

	world_write(at, &h, sizeof h);
	return world_call(CALL_MAPPING_LOAD, ROOT_SPACE_UID, at, 1, load);
}

static void page_groups_map_whole_or_by_pages(void)
{
	struct page_home group = { .container = ROOT_MEMORY, .index = 4 * GROUP_PAGES, .frame = 16 * GROUP_PAGES,
				   .flags = PAGE_LARGE, .version = HOME_VERSION };
	uint64_t at, word = 5, got;

	fresh();
	world_run(ROOT_THREAD);
	at = world.root.base + (1ull << 33);
	CHECK_IS(world_reference_load(&world.root, KIND_CONTAINER, ROOT_MEMORY, RIGHT_ALL, 0, ROOT_SPACE_UID, 20), 0);
	CHECK_IS(page_try(&group), 1);
	CHECK_IS(root_map(at, group.index, MAPPING_LARGE, 0), 1);
	CHECK_IS(root_map(at + GROUP_BYTES, group.index + 300, 0, 0), 1);
	world_write(at + 300 * PAGE_BYTES, &word, 8);
	world_read(at + GROUP_BYTES, &got, 8);
	CHECK_IS(got, 5);
	CHECK_IS(root_map(at + PAGE_BYTES, group.index + 1, 0, 0), -BARYON_EEXIST);
	CHECK_IS(root_map(at + GROUP_BYTES, group.index, MAPPING_LARGE, 0), -BARYON_EEXIST);
	CHECK_IS(root_map(at + GROUP_BYTES, group.index, MAPPING_LARGE, LOAD_REPLACE), 1);
	CHECK_IS(root_map(at + PAGE_BYTES, group.index + 1, 0, LOAD_REPLACE), 1);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, ROOT_MEMORY, group.index, 1), 1);
	CHECK(machine_translate(at + PAGE_BYTES, RIGHT_READ) == NULL);
	CHECK(machine_translate(at + GROUP_BYTES, RIGHT_READ) == NULL);
}

/* A page of its own in the middle of a group would give one index two frames. */
static void a_page_and_a_group_around_it_exclude_each_other(void)
{
	struct page_home small = { .container = ROOT_MEMORY, .index = 4 * GROUP_PAGES + 5, .frame = 9000, .version = HOME_VERSION };
	struct page_home group = { .container = ROOT_MEMORY, .index = 4 * GROUP_PAGES, .frame = 16 * GROUP_PAGES,
				   .flags = PAGE_LARGE, .version = HOME_VERSION };

	fresh();
	world_run(ROOT_THREAD);
	CHECK_IS(page_try(&small), 1);
	CHECK_IS(page_try(&group), 1);  /* a batch passes over what is there */
	CHECK_IS(state.frames[group.frame].page, 0);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, ROOT_MEMORY, small.index, 1), 1);
	CHECK_IS(page_try(&group), 1);
	CHECK(state.frames[group.frame].page != 0);
	CHECK_IS(page_try(&small), 1);
	CHECK_IS(state.frames[small.frame].page, 0);
}

static void a_locked_page_stays_until_its_container_goes(void)
{
	struct page_home locked = { .container = ROOT_MEMORY, .index = 3000, .frame = 9000, .flags = PAGE_LOCKED,
				    .version = HOME_VERSION };

	fresh();
	world_run(ROOT_THREAD);
	CHECK_IS(page_try(&locked), 1);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, ROOT_MEMORY, 3000, 1), -BARYON_EBUSY);
	CHECK(state.frames[9000].page != 0);
}

/* The locked page with its home goes with a container, and the frame may be another kernel's when the page goes. */
static void a_page_whose_home_has_gone_writes_to_nobody(void)
{
	struct container_home c = { .header = { KIND_CONTAINER, HOME_VERSION, 1, UID_MAKE(KERNEL_NUMBER_ROOT, 5000) }, .size_pages = 4 };
	struct page_home locked = { .container = c.header.uid, .frame = 9000, .flags = PAGE_LOCKED, .version = HOME_VERSION };
	struct page_home page = { .container = ROOT_MEMORY, .index = 3001, .frame = 9001, .version = HOME_VERSION };
	struct mapping_home m = { .address = world.root.base + 0x40000000, .container = 200, .rights = RIGHT_READ | RIGHT_WRITE };
	uint64_t at;

	fresh();
	world_run(ROOT_THREAD);
	at = world_memory(&world.root, sizeof c);
	world_write(at, &c, sizeof c);
	CHECK_IS(world_load(KIND_CONTAINER, at, 0), 0);
	CHECK_IS(world_reference_load(&world.root, KIND_CONTAINER, c.header.uid, RIGHT_ALL, 0, ROOT_SPACE_UID, 200), 0);
	CHECK_IS(page_try(&locked), 1);
	at = world_memory(&world.root, sizeof m);
	world_write(at, &m, sizeof m);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, ROOT_SPACE_UID, at, 1, 0), 1);
	world_write(m.address, &page, sizeof page);
	CHECK_IS(world_call(CALL_PAGE_LOAD, m.address, 1), 1);
	CHECK_IS(((struct page_home *)frame_pointer(9000))->flags, PAGE_LOADED);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_CONTAINER, c.header.uid), 0);
	CHECK_IS(state.frames[9000].page, 0);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, ROOT_MEMORY, 3001, 1), 1);
	CHECK_IS(((struct page_home *)frame_pointer(9000))->flags, PAGE_LOADED);
}

static uint64_t unloaded_before, unloaded_most;

static void count_unloaded(void)
{
	uint64_t now = state.counters->unloaded[KIND_MAPPING];

	if (now - unloaded_before > unloaded_most)
		unloaded_most = now - unloaded_before;
	unloaded_before = now;
}

/* Interrupts wait for one step at most, however many signal mappings a thread has. */
static void a_thread_with_many_signal_mappings_goes_in_steps(void)
{
	for (unsigned self = 0; self < 2; self++) {
		baryon_uid receiver;
		struct mapping_home h = { .index = 50, .container = HANDLE_MEMORY, .rights = RIGHT_READ };
		uint64_t at;

		fresh();
		receiver = self ? UID_MAKE(2, 102) : thread;
		if (self)
			CHECK_IS(world_thread_load(k, 102, k->space, k->base + ENTRY_START + 0x10000, 4), receiver);
		at = world_memory(k, sizeof h);
		for (unsigned i = 0; i < 300; i++) {
			h.address = 0x400000 + i * PAGE_BYTES;
			h.signal = receiver;
			world_write(at, &h, sizeof h);
			CHECK_IS(world_call(CALL_MAPPING_LOAD, program, at, 1, 0), 1);
		}
		if (self)
			world_run(receiver);
		world.after_step = count_unloaded;
		unloaded_before = state.counters->unloaded[KIND_MAPPING];
		unloaded_most = 0;
		CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_THREAD, receiver), self ? WORLD_AWAY : 0);
		CHECK(world_thread(receiver) == NULL);
		CHECK(unloaded_most <= BATCH_LIMIT);
	}
}

/* The mark lies beside the name of the page: whatever was written to a frame while it was nobody's is not its next page's. */
static void a_page_begins_clean_and_keeps_its_name_when_it_is_written(void)
{
	struct page_home page = { .container = ROOT_MEMORY, .index = 3000, .frame = 9000, .version = HOME_VERSION };
	uint32_t name;

	fresh();
	world_run(ROOT_THREAD);
	frame_touch(9000);
	CHECK_IS(page_try(&page), 1);
	name = state.frames[9000].page;
	CHECK(name != 0 && !state.frames[9000].dirty);
	frame_touch(9000);
	CHECK(state.frames[9000].dirty);
	CHECK_IS(state.frames[9000].page, name);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, ROOT_MEMORY, 3000, 1), 1);
	CHECK_IS(state.frames[9000].word, 0);
}

/* Longer than a call may take at once: it is executed again, and remembers. */
static void a_long_unload_remembers_what_it_saw(void)
{
	enum { LONG = 40 * BATCH_LIMIT };
	struct mapping_home h[BATCH_LIMIT];
	uint64_t at, word = 1;

	fresh();
	memset(h, 0, sizeof h);
	at = world_memory(k, sizeof h);
	for (unsigned n = 0; n < LONG; n += BATCH_LIMIT) {
		for (unsigned i = 0; i < BATCH_LIMIT; i++)
			h[i] = (struct mapping_home){ 0x400000 + (n + i) * PAGE_BYTES, 50 + i % 8, HANDLE_MEMORY,
						      RIGHT_READ | RIGHT_WRITE, 0, 0 };
		world_write(at, h, sizeof h);
		CHECK_IS(world_call(CALL_MAPPING_LOAD, program, at, BATCH_LIMIT, 0), BATCH_LIMIT);
	}
	program_run();
	world_write(0x400000, &word, 8);
	(void)program_trap(5);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x400000, LONG), MAPPING_ACCESSED | MAPPING_DIRTY);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x400000, LONG), 0);
}

static void protecting_keeps_the_marks(void)
{
	uint64_t word = 1;

	fresh();
	CHECK_IS(world_map(k, program, 0x10000, 50, RIGHT_READ | RIGHT_WRITE, 0), 1);
	program_run();
	world_write(0x10000, &word, 8);
	(void)program_trap(5);
	CHECK_IS(world_call(CALL_MAPPING_PROTECT, program, 0x10000, 1, RIGHT_READ), 0);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, 0x10000, 1), MAPPING_ACCESSED | MAPPING_DIRTY);
}

/* The look for the next mapping ends at the last address there is. */
static void a_domain_without_mappings_has_nothing_to_unload(void)
{
	baryon_uid domain;

	fresh();
	domain = world_space_load(k, 102, 0, DOMAIN_FIRST_OWN + 1);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, domain, DOMAIN_BASE + (DOMAIN_FIRST_OWN + 1) * DOMAIN_BYTES, 100), 0);
	CHECK_IS(world_call(CALL_MAPPING_PROTECT, domain, DOMAIN_BASE + (DOMAIN_FIRST_OWN + 1) * DOMAIN_BYTES, 100,
			    RIGHT_READ), 0);
}

/* What mapping loads found last is found again only while it is the same. */
static void a_load_does_not_trust_what_has_changed(void)
{
	struct page_home h;
	uint64_t home, old;

	world_boot(NULL, 1);
	world.after_step = invariants_check;
	k = world_kernel_make(2, 0, false);
	CHECK_IS(world_reference_load(&world.root, KIND_CONTAINER, k->container, RIGHT_ALL, 0, k->space, 3), 0);
	world_run(k->thread);
	world_kernel_portals(k);
	program = world_space_load(k, 100, SPACE_PROGRAM, 0);
	CHECK_IS(map_try(0x10000, 60, 3, RIGHT_READ | RIGHT_WRITE, 0), 1);
	/* The page comes back in another frame. */
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, k->container, 60, 1), 1);
	home = world_home(KIND_PAGE, k->container, 60);
	world_read(home, &h, sizeof h);
	old = h.frame;
	h.frame = 9000;
	world_write(home, &h, sizeof h);
	CHECK_IS(world_call(CALL_PAGE_LOAD, home, 1), 1);
	world_run(k->thread);
	CHECK_IS(map_try(0x10000, 60, 3, RIGHT_READ | RIGHT_WRITE, 0), 1);
	CHECK_IS(state.frames[old].mappings, 0);
	CHECK(state.frames[9000].mappings != 0);
	/* The reference comes back with fewer rights, and then not at all. */
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_REFERENCE_UNLOAD, k->space, 3), 0);
	world_forget(KIND_REFERENCE, k->space, 3);
	CHECK_IS(world_reference_load(&world.root, KIND_CONTAINER, k->container, RIGHT_READ, 0, k->space, 3), 0);
	world_run(k->thread);
	CHECK_IS(map_try(0x11000, 60, 3, RIGHT_READ | RIGHT_WRITE, 0), -BARYON_EPERM);
	CHECK_IS(map_try(0x11000, 60, 3, RIGHT_READ, 0), 1);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_REFERENCE_UNLOAD, k->space, 3), 0);
	world_forget(KIND_REFERENCE, k->space, 3);
	world_run(k->thread);
	CHECK_IS(map_try(0x12000, 60, 3, RIGHT_READ, 0), -BARYON_ENOENT);
}

/* Its owner may write to them at any time: that one word changes between two looks must not make the short way say that all is done, for
 * then the program would run with whatever flags stand there. */
static void a_program_never_loads_mappings_whatever_its_registers_become(void)
{
	struct cpu *cpu = &state.cpu[0];
	struct registers r = { .rax = CALL_MAPPING_LOAD };

	fresh();
	CHECK_IS(world_map(k, program, 0x10000, 60, RIGHT_READ | RIGHT_WRITE, 0), 1);
	program_run();
	r.rdi = program;
	r.rsi = 0x10000;
	for (uint64_t before = 0; before < 3; before++)
		for (r.rdx = 0; r.rdx < 3; r.rdx++)
			CHECK(mapping_load_run(cpu, cpu->thread, &r, before) != 0);
}

int main(void)
{
	a_page_begins_clean_and_keeps_its_name_when_it_is_written();
	a_program_never_loads_mappings_whatever_its_registers_become();
	a_page_and_a_group_around_it_exclude_each_other();
	a_locked_page_stays_until_its_container_goes();
	a_page_whose_home_has_gone_writes_to_nobody();
	a_thread_with_many_signal_mappings_goes_in_steps();
	a_long_unload_remembers_what_it_saw();
	protecting_keeps_the_marks();
	a_domain_without_mappings_has_nothing_to_unload();
	a_load_does_not_trust_what_has_changed();
	homes_of_mappings_are_checked();
	the_page_beyond_a_program_is_refused_beside_its_last();
	writable_and_executable_is_refused();
	a_reference_gives_no_more_than_its_rights();
	a_program_reaches_what_is_mapped_and_nothing_else();
	existing_mappings_are_replaced_only_when_asked();
	a_batch_is_one_call();
	ranges_are_checked();
	unloading_tells_what_was_used();
	protecting_takes_rights_at_once();
	a_load_that_resumes_goes_on_in_the_program();
	a_load_that_resumes_may_restart();
	pages_are_revoked_from_every_space();
	homes_of_pages_are_checked();
	what_is_revoked_while_a_mapping_is_loaded_gives_none();
	only_the_keeper_says_what_is_granted();
	pages_of_a_group_that_is_taken_go();
	a_group_with_a_locked_page_is_not_taken();
	a_kernel_comes_back_with_what_its_home_grants();
	clearing_spares_frames_in_use();
	page_groups_map_whole_or_by_pages();
	return 0;
}
