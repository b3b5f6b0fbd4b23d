/* Loading, unloading, destroying and writing back, of every kind; what depends goes first; what is refused. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/schedule.h"

static struct world_kernel *k;

static void fresh(uint32_t rights)
{
	world_boot(NULL, 1);
	world.after_step = invariants_check;
	world_kernel_home.lock_quota[KIND_CONTAINER] = 1;
	k = world_kernel_make(2, rights, false);
	world_run(k->thread);
	world_kernel_portals(k);
}

static uint64_t container_home(uint64_t number)
{
	struct container_home h = { .header = { KIND_CONTAINER, HOME_VERSION, 1, UID_MAKE(2, number) }, .size_pages = 10 };
	uint64_t at = world_memory(k, sizeof h);

	world_write(at, &h, sizeof h);
	return at;
}

static void header_put(uint64_t at, uint16_t kind, uint16_t version, baryon_uid uid)
{
	struct home_header h = { kind, version, 1, uid };

	world_write(at, &h, sizeof h);
}

static void homes_are_checked(void)
{
	uint64_t at;

	fresh(0);
	at = container_home(100);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at + 8), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_COUNT, at), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_PAGE, at), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_MAPPING, at), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at, 64), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, 0x1000), -BARYON_EFAULT);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, world.root.memory), -BARYON_EFAULT);
	header_put(at, KIND_SPACE, HOME_VERSION, UID_MAKE(2, 100));
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at), -BARYON_EINVAL);
	header_put(at, KIND_CONTAINER, HOME_VERSION + 1, UID_MAKE(2, 100));
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at), -BARYON_EVERSION);
	header_put(at, KIND_CONTAINER, HOME_VERSION, UID_MAKE(3, 100));
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at), -BARYON_EPERM);
	header_put(at, KIND_CONTAINER, HOME_VERSION, 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at), -BARYON_EINVAL);
	header_put(at, KIND_CONTAINER, HOME_VERSION, UID_MAKE(2, 100));
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at), -BARYON_EEXIST);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_CONTAINER, UID_MAKE(2, 100)), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_CONTAINER, UID_MAKE(2, 100)), -BARYON_ENOENT);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_CONTAINER, UID_MAKE(1, 65)), -BARYON_EPERM);
}

static void locked_objects_count_against_the_quota(void)
{
	uint64_t a, b;

	fresh(0);
	a = container_home(100);
	b = container_home(101);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, a, LOAD_LOCKED), 0);
	/* What is loaded already needs no quota. */
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, a, LOAD_LOCKED), -BARYON_EEXIST);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, b, LOAD_LOCKED), -BARYON_EQUOTA);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, b), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_CONTAINER, UID_MAKE(2, 100)), 0);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_CONTAINER, UID_MAKE(2, 101)), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, b, LOAD_LOCKED), 0);
}

static void a_kernel_needs_a_keeper_that_may(void)
{
	struct kernel_home h = { .header = { KIND_KERNEL, HOME_VERSION, 1, KERNEL_UID(20) }, .number = 20 };
	uint64_t at;

	fresh(0);
	at = world_memory(k, sizeof h);
	world_write(at, &h, sizeof h);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_KERNEL, at), -BARYON_EPERM);
	fresh(KERNEL_MAY_KERNELS);
	at = world_memory(k, sizeof h);
	h.rights = KERNEL_MAY_PORTS;
	world_write(at, &h, sizeof h);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_KERNEL, at), -BARYON_EPERM);
	h.rights = 0;
	h.number = 21;
	world_write(at, &h, sizeof h);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_KERNEL, at), -BARYON_EINVAL);
	h.number = 20;
	h.priority_ceiling = PRIORITY_COUNT;
	world_write(at, &h, sizeof h);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_KERNEL, at), -BARYON_EINVAL);
	h.priority_ceiling = 4;
	world_write(at, &h, sizeof h);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_KERNEL, at), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_KERNEL, KERNEL_UID(20)), 0);
}

static long space_try(uint64_t number, uint32_t flags, uint32_t domain, baryon_uid principal)
{
	struct space_home h = { .header = { KIND_SPACE, HOME_VERSION, 1, UID_MAKE(2, number) }, .flags = flags,
				.domain = domain, .principal = principal };
	uint64_t at = world_memory(k, sizeof h);

	world_write(at, &h, sizeof h);
	return world_call(CALL_OBJECT_LOAD, KIND_SPACE, at, 0);
}

static void spaces_are_checked(void)
{
	fresh(0);
	CHECK_IS(space_try(100, SPACE_PROGRAM, 0, KERNEL_UID(2)), -BARYON_EINVAL);
	CHECK_IS(space_try(100, SPACE_PROGRAM | SPACE_SUPERVISOR, 0, 0), -BARYON_EINVAL);
	CHECK_IS(space_try(100, 0, 0, KERNEL_UID(2)), -BARYON_EINVAL);
	CHECK_IS(space_try(100, 0, DOMAIN_COUNT, KERNEL_UID(2)), -BARYON_EINVAL);
	CHECK_IS(space_try(100, 0, 9, KERNEL_UID(1)), -BARYON_EPERM);
	CHECK_IS(space_try(100, SPACE_SUPERVISOR, 9, KERNEL_UID(2)), -BARYON_EPERM);
	CHECK_IS(space_try(100, 8, 9, KERNEL_UID(2)), -BARYON_EINVAL);
	CHECK_IS(space_try(100, 0, DOMAIN_FIRST_OWN - 1, KERNEL_UID(2)), -BARYON_EPERM);
	CHECK_IS(space_try(100, 0, DOMAIN_FIRST_OWN, KERNEL_UID(2)), 0);
	CHECK_IS(space_try(101, SPACE_PROGRAM, 0, 0), 0);
}

/* Else its tables would be those of the other, and its mappings would appear there. */
static void a_domain_belongs_to_one_space(void)
{
	fresh(KERNEL_MAY_SUPERVISE);
	CHECK_IS(space_try(100, SPACE_SUPERVISOR, DOMAIN_FIRST_OWN, KERNEL_UID(2)), 0);
	CHECK_IS(space_try(101, 0, DOMAIN_FIRST_OWN, KERNEL_UID(2)), -BARYON_EBUSY);
	CHECK_IS(space_try(102, 0, 2, KERNEL_UID(2)), -BARYON_EPERM);
	CHECK_IS(space_try(103, SPACE_SUPERVISOR, 2, KERNEL_UID(2)), -BARYON_EPERM);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_SPACE, UID_MAKE(2, 100)), 0);
	CHECK_IS(space_try(101, 0, DOMAIN_FIRST_OWN, KERNEL_UID(2)), 0);
}

static void unloading_a_big_space_takes_all_its_mappings(void)
{
	baryon_uid space;

	fresh(0);
	space = world_space_load(k, 100, SPACE_PROGRAM, 0);
	world.after_step = NULL;
	for (uint64_t i = 0; i < 300; i++)
		CHECK_IS(world_map(k, space, 0x10000 + i * PAGE_BYTES * 3, i % 8, RIGHT_READ, 0), 1);
	world.after_step = invariants_check;
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_SPACE, space), 0);
	CHECK(world_slot(KIND_SPACE, space) == NULL);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_SPACE, space), -BARYON_ENOENT);
}

static void what_depends_on_a_space_goes_first(void)
{
	baryon_uid space, program, thread, portal;

	fresh(0);
	space = world_space_load(k, 100, 0, 40);
	program = world_space_load(k, 101, SPACE_PROGRAM, 0);
	portal = world_portal_load(k, 102, ENTRY_SERVICE, 2);
	CHECK_IS(world_reference_load(k, KIND_PORTAL, portal, RIGHT_CALL, 7, space, 30), 0);
	CHECK_IS(world_reference_load(k, KIND_PORTAL, portal, RIGHT_CALL, 7, k->space, 31), 0);
	thread = world_thread_load(k, 103, program, 0x5000, 3);
	CHECK_IS(world_map(k, program, 0x5000, 3, RIGHT_READ, 0), 1);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_SPACE, program), 0);
	CHECK(world_slot(KIND_THREAD, thread) == NULL && world_slot(KIND_SPACE, program) == NULL);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_SPACE, space), 0);
	CHECK_IS(state.cache[KIND_REFERENCE].count - state.cache[KIND_REFERENCE].free_count, 3);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, portal), 0);
	CHECK_IS(state.cache[KIND_REFERENCE].count - state.cache[KIND_REFERENCE].free_count, 2);
}

/* The whole of an application kernel leaves with it and comes back by misses. */
static void a_kernel_goes_with_everything_and_comes_back(void)
{
	baryon_uid program, thread;
	uint32_t spaces;

	fresh(0);
	program = world_space_load(k, 101, SPACE_PROGRAM, 0);
	thread = world_thread_load(k, 103, program, 0x5000, 3);
	world_run(ROOT_THREAD);
	spaces = state.cache[KIND_SPACE].free_count;
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_KERNEL, KERNEL_UID(2)), 0);
	CHECK(world_slot(KIND_THREAD, thread) == NULL && world_slot(KIND_KERNEL, KERNEL_UID(2)) == NULL);
	CHECK_IS(state.cache[KIND_SPACE].free_count, spaces + 2);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_KERNEL, world_home(KIND_KERNEL, KERNEL_UID(2), 0), 0), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_SPACE, world_home(KIND_SPACE, k->space, 0), 0), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, k->thread, 0), 0), 0);
	world_run(k->thread);
	/* A kernel loads its own handlers before it can be told of misses. */
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_PORTAL, world_home(KIND_PORTAL, UID_MAKE(2, NUMBER_MISS_PORTAL), 0), 0), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, thread, 0), 0), 0);
	CHECK(world_slot(KIND_THREAD, thread) && world_slot(KIND_SPACE, program));
}

static void everything_can_be_forgotten(void)
{
	baryon_uid space;
	uint64_t at;

	fresh(0);
	space = world_space_load(k, 101, SPACE_PROGRAM, 0);
	(void)world_thread_load(k, 103, space, 0x5000, 3);
	at = container_home(100);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at), 0);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_MACHINE, MACHINE_FORGET), 0);
	CHECK(world_slot(KIND_KERNEL, KERNEL_UID(2)) == NULL);
	for (uint32_t i = 0; i < state.cache[KIND_PAGE].count; i++)
		CHECK(page_at(i)->state == SLOT_FREE || (page_at(i)->flags & PAGE_LOCKED));
}

/* A kernel may be dying while one of its threads still runs: what that loads then is not left half linked. */
static void a_dying_kernel_loads_nothing(void)
{
	struct slot *s;

	fresh(0);
	s = world_slot(KIND_KERNEL, KERNEL_UID(2));
	for (unsigned n = 0; n < 3; n++) {
		struct space_home h = { .header = { KIND_SPACE, HOME_VERSION, 1, UID_MAKE(2, 100) }, .flags = SPACE_PROGRAM };
		uint64_t at = world_memory(k, sizeof h);

		world_write(at, &h, sizeof h);
		machine_cpu()->now.rax = CALL_OBJECT_LOAD;
		machine_cpu()->now.rdi = KIND_SPACE;
		machine_cpu()->now.rsi = at;
		machine_cpu()->now.rdx = 0;
		s->state = SLOT_DYING;
		machine_syscall();
		s->state = SLOT_LOADED;
		invariants_check();
		CHECK(world_slot(KIND_SPACE, UID_MAKE(2, 100)) == NULL || n > 0);
	}
}

static void capabilities_are_of_portals_and_containers(void)
{
	uint64_t at;

	fresh(0);
	at = world_memory(k, sizeof(struct capability));
	for (unsigned kind = 0; kind < KIND_COUNT + 1; kind++)
		if (kind != KIND_PORTAL && kind != KIND_CONTAINER)
			CHECK_IS(world_call(CALL_CAPABILITY_MAKE, kind, UID_MAKE(2, 1), RIGHT_ALL, at), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_CAPABILITY_MAKE, KIND_PORTAL, UID_MAKE(1, 2), RIGHT_ALL, at), -BARYON_EPERM);
	CHECK_IS(world_call(CALL_CAPABILITY_MAKE, KIND_PORTAL, UID_MAKE(2, 1), RIGHT_CALL, at), 0);
}

static long reference_try(uint64_t at) { return world_call(CALL_OBJECT_LOAD, KIND_REFERENCE, at, 0); }

static void forged_capabilities_bind_nothing(void)
{
	baryon_uid portal;
	struct reference_home h;
	uint64_t at;

	fresh(0);
	portal = world_portal_load(k, 102, ENTRY_SERVICE, 2);
	at = world_reference_home(k, KIND_PORTAL, portal, RIGHT_CALL, 7, k->space, 30);
	world_read(at, &h, sizeof h);
	for (unsigned bit = 0; bit < sizeof h.capability * 8; bit++) {
		struct reference_home forged = h;

		((uint8_t *)&forged)[bit / 8] ^= 1u << bit % 8;
		world_write(at, &forged, sizeof forged);
		/* The kind is checked first; the rest by its seal. */
		CHECK(reference_try(at) == -BARYON_EFORGED || reference_try(at) == -BARYON_EINVAL);
	}
	world_write(at, &h, sizeof h);
	CHECK_IS(reference_try(at), 0);
	CHECK_IS(reference_try(at), -BARYON_EEXIST);
	CHECK_IS(world_call(CALL_REFERENCE_UNLOAD, k->space, 30), 0);
	CHECK_IS(world_call(CALL_REFERENCE_UNLOAD, k->space, 30), -BARYON_ENOENT);
	h.handle = HANDLE_LIMIT;
	world_write(at, &h, sizeof h);
	CHECK_IS(reference_try(at), -BARYON_EINVAL);
	h.handle = 0;
	world_write(at, &h, sizeof h);
	CHECK_IS(reference_try(at), -BARYON_EINVAL);
}

static void a_raised_generation_revokes(void)
{
	struct portal_home p;
	baryon_uid portal;
	uint64_t at, home;

	fresh(0);
	portal = world_portal_load(k, 102, ENTRY_SERVICE, 2);
	at = world_reference_home(k, KIND_PORTAL, portal, RIGHT_CALL, 7, k->space, 30);
	home = world_home(KIND_PORTAL, portal, 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, portal), 0);
	world_read(home, &p, sizeof p);
	p.header.generation++;
	world_write(home, &p, sizeof p);
	CHECK_IS(reference_try(at), -BARYON_ESTALE);
}

static void a_thread_is_written_back_as_it_is(void)
{
	struct thread_home h;
	baryon_uid program, thread;
	uint64_t at;

	fresh(0);
	program = world_space_load(k, 101, SPACE_PROGRAM, 0);
	thread = world_thread_load(k, 103, program, 0x5000, 3);
	at = world_home(KIND_THREAD, thread, 0);
	CHECK_IS(world_call(CALL_THREAD_SET, thread, THREAD_SET_PRIORITY, 5), 0);
	CHECK_IS(world_call(CALL_THREAD_SET, thread, THREAD_SET_BASES, 0x1000, 0x2000), 0);
	CHECK_IS(world_call(CALL_UNPARK, thread), 0);
	CHECK_IS(world_call(CALL_OBJECT_WRITE_BACK, KIND_THREAD, thread), 0);
	world_read(at, &h, sizeof h);
	CHECK_IS(h.priority, 5);
	CHECK_IS(h.fs_base, 0x1000);
	CHECK_IS(h.gs_base, 0x2000);
	CHECK_IS(h.unpark_token, 1);
	CHECK_IS(h.state, THREAD_RUNNABLE);
	CHECK_IS(h.base.registers.rip, 0x5000);
	CHECK_IS(h.depth, 0);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_THREAD, thread), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, at, 0), 0);
}

int main(void)
{
	homes_are_checked();
	locked_objects_count_against_the_quota();
	a_kernel_needs_a_keeper_that_may();
	spaces_are_checked();
	a_domain_belongs_to_one_space();
	unloading_a_big_space_takes_all_its_mappings();
	what_depends_on_a_space_goes_first();
	a_kernel_goes_with_everything_and_comes_back();
	everything_can_be_forgotten();
	a_dying_kernel_loads_nothing();
	capabilities_are_of_portals_and_containers();
	forged_capabilities_bind_nothing();
	a_raised_generation_revokes();
	a_thread_is_written_back_as_it_is();
	return 0;
}
