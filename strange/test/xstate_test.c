/* Extended state of callees and of kernels' threads: who declared it gets his own, and nobody sees another's. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/cache.h"

enum { SERVICE = 70, PLAIN = 71, HANDLE = 40, PLAIN_HANDLE = 41, DEVICE_NOT_AVAILABLE = 7, BYTE = 200, PROGRAM_START = 0x5000 };

static struct world_kernel *a, *b;
static baryon_uid thread;

static struct registers *now(void) { return &machine_cpu()->now; }
static bool hidden(void) { return machine_cpu()->hidden; }
static uint8_t *registers_of_vectors(void) { return machine_cpu()->xstate; }

static long portal_load(unsigned number, unsigned stacks)
{
	struct portal_home h = { .header = { KIND_PORTAL, HOME_VERSION, 1, UID_MAKE(b->number, number) }, .space = b->space,
				 .entry = b->base + ENTRY_SERVICE, .stack_bytes = WORLD_STACK_BYTES, .stack_count = stacks,
				 .flags = PORTAL_XSTATE };
	uint64_t at = world_memory(b, sizeof h);

	h.stacks = world_pages(b, stacks);
	h.records = world_pages(b, 1);
	CHECK(world_touch(h.records, RIGHT_WRITE));
	world_write(at, &h, sizeof h);
	return world_load(KIND_PORTAL, at, 0);
}

static void fresh(void)
{
	world_boot(NULL, 1);
	world.after_step = invariants_check;
	a = world_kernel_make(2, 0, false);
	b = world_kernel_make(3, 0, false);
	world_run(b->thread);
	world_kernel_portals(b);
	CHECK_IS(portal_load(SERVICE, 2), 0);
	(void)world_portal_load(b, PLAIN, ENTRY_SERVICE, 2);
	world_run(a->thread);
	world_kernel_portals(a);
	world_portal_give(b, SERVICE, 0, a, HANDLE);
	world_portal_give(b, PLAIN, 0, a, PLAIN_HANDLE);
	world_run(a->thread);
	thread = world_thread_load(a, 200, a->space, a->base + 0x10000, 5);
	world_run(thread);
}

static void call(uint64_t handle)
{
	uint64_t words[8] = { 0 };

	CHECK_IS(world_portal_call(handle, 0, 0, words), WORLD_AWAY);
	CHECK_IS(now()->rip, b->base + ENTRY_SERVICE);
	CHECK(hidden());
}

/* The instruction is executed again, with the state there. */
static void used(void)
{
	uint64_t rip = now()->rip;
	uint32_t depth = world_thread(world_running())->depth;

	CHECK(hidden());
	machine_exception(DEVICE_NOT_AVAILABLE, 0);
	invariants_check();
	CHECK_IS(now()->rip, rip);
	CHECK_IS(world_thread(world_running())->depth, depth);
	CHECK(!hidden());
}

static void who_declared_it_gets_a_fresh_one_each_time(void)
{
	fresh();
	for (unsigned i = 0; i < 3; i++) {
		call(HANDLE);
		used();
		CHECK_IS(registers_of_vectors()[BYTE], 0);
		registers_of_vectors()[BYTE] = 0x77;
		world_portal_return(NULL);
		CHECK_IS(world_thread(thread)->depth, 0);
		CHECK(hidden());
		CHECK_IS(world_thread(thread)->pool, 0);
		CHECK(!world_thread(thread)->program);
	}
	/* Also after one that used none. */
	call(HANDLE);
	world_portal_return(NULL);
	call(HANDLE);
	used();
	CHECK_IS(registers_of_vectors()[BYTE], 0);
}

static void who_did_not_gets_an_exception(void)
{
	fresh();
	call(PLAIN_HANDLE);
	machine_exception(DEVICE_NOT_AVAILABLE, 0);
	CHECK_IS(world_thread(thread)->depth, 2);
	CHECK(now()->rip != b->base + ENTRY_SERVICE);
	CHECK(hidden());
}

static void a_callee_keeps_its_own_wherever_the_thread_was(void)
{
	struct thread *t;

	fresh();
	call(HANDLE);
	used();
	registers_of_vectors()[BYTE] = 0x55;
	/* Another thread ran. */
	world_run(a->thread);
	CHECK(hidden());
	registers_of_vectors()[BYTE] = 0x99;
	world_run(thread);
	CHECK(!hidden());
	CHECK_IS(registers_of_vectors()[BYTE], 0x55);
	/* It was unloaded. */
	world_run(a->thread);
	t = world_thread(thread);
	CHECK_IS(object_unload_id(t->slot.id, t->slot.generation, false), 0);
	registers_of_vectors()[BYTE] = 0x99;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, thread, 0)), 0);
	world_run(thread);
	used();
	CHECK_IS(registers_of_vectors()[BYTE], 0x55);
	world_portal_return(NULL);
	CHECK(hidden());
	call(HANDLE);
	used();
	CHECK_IS(registers_of_vectors()[BYTE], 0);
}

/* The program's is in the registers in its handler, and again after the callee. */
static void the_callers_is_not_shown_and_not_lost(void)
{
	baryon_uid program, in_program;

	fresh();
	world_run(a->thread);
	program = world_space_load(a, 100, SPACE_PROGRAM, 0);
	in_program = world_thread_load(a, 201, program, PROGRAM_START, 5);
	for (int i = 0; i < 50 && world_running() != in_program; i++)
		world_park();
	CHECK_IS(world_running(), in_program);
	registers_of_vectors()[BYTE] = 0x11;
	now()->rax = 39;
	machine_syscall();
	CHECK_IS(now()->rip, a->base + ENTRY_TRAP);
	CHECK(!hidden());
	call(HANDLE);
	used();
	CHECK_IS(registers_of_vectors()[BYTE], 0);
	registers_of_vectors()[BYTE] = 0x22;
	world_portal_return(NULL);
	CHECK(!hidden());
	CHECK_IS(registers_of_vectors()[BYTE], 0x11);
	CHECK(world_thread(in_program)->program);
}

static void there_must_be_room_beside_the_records(void)
{
	fresh();
	world_run(b->thread);
	CHECK_IS(portal_load(80, 4), -BARYON_EINVAL);
	CHECK_IS(portal_load(81, 3), 0);
}

static void a_kernels_thread_may_say_that_it_has_one(void)
{
	static struct thread_home h;
	baryon_uid uid = UID_MAKE(2, 210);
	uint64_t at;

	fresh();
	world_run(a->thread);
	at = world_thread_home(a, &h, uid, a->space, a->base + 0x20000, 5);
	h.flags = THREAD_XSTATE;
	world_write(at, &h, sizeof h);
	CHECK_IS(world_load(KIND_THREAD, at, 0), 0);
	world_run(uid);
	CHECK(!hidden());
	registers_of_vectors()[BYTE] = 0x33;
	call(PLAIN_HANDLE);
	world_portal_return(NULL);
	CHECK(!hidden());
	CHECK_IS(registers_of_vectors()[BYTE], 0x33);
	world_run(a->thread);
	CHECK(hidden());
	registers_of_vectors()[BYTE] = 0;
	world_run(uid);
	CHECK_IS(registers_of_vectors()[BYTE], 0x33);
}

int main(void)
{
	who_declared_it_gets_a_fresh_one_each_time();
	who_did_not_gets_an_exception();
	a_callee_keeps_its_own_wherever_the_thread_was();
	the_callers_is_not_shown_and_not_lost();
	there_must_be_room_beside_the_records();
	a_kernels_thread_may_say_that_it_has_one();
	return 0;
}
