/* Calls that are abandoned, by the owner of the thread or at their deadline: what the caller gets, where the callee's part goes on, and
 * what becomes of both when something is missing. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/activation.h"

enum { SERVICE = 70, PLAIN = 71, VECTORS = 72, HEIR = 300, STACKS = 3, KERNELS = 3, PROGRAM_START = 0x5000 };

static struct world_kernel *k[KERNELS];
static baryon_uid worker;       /* of k[0], in its domain */

static uint64_t rip(void) { return machine_cpu()->now.rip; }
static struct registers *now(void) { return &machine_cpu()->now; }

static struct portal *portal_of(unsigned i, unsigned number)
{
	return (struct portal *)world_slot(KIND_PORTAL, UID_MAKE(k[i]->number, number));
}

static void portal_load(struct world_kernel *to, unsigned number, baryon_uid heirs, unsigned flags)
{
	struct portal_home h = { .header = { KIND_PORTAL, HOME_VERSION, 1, UID_MAKE(to->number, number) }, .space = to->space,
				 .entry = to->base + ENTRY_SERVICE, .stack_bytes = WORLD_STACK_BYTES, .stack_count = STACKS,
				 .cookie = number, .heirs = heirs, .flags = flags };
	uint64_t at = world_memory(to, sizeof h);

	h.stacks = world_pages(to, 1);
	h.records = world_pages(to, 1);
	CHECK(world_touch(h.records, RIGHT_WRITE));
	world_write(at, &h, sizeof h);
	CHECK_IS(world_load(KIND_PORTAL, at, 0), 0);
}

/* Spare threads that never run by themselves. */
static void heirs_load(struct world_kernel *to)
{
	static struct thread_home h;

	for (unsigned i = 0; i < STACKS; i++) {
		baryon_uid uid = UID_MAKE(to->number, HEIR + i);
		uint64_t at = world_thread_home(to, &h, uid, to->space, to->base + 0x9000, 5);

		h.state = THREAD_STOPPED;
		world_write(at, &h, sizeof h);
		CHECK_IS(world_load(KIND_THREAD, at, 0), 0);
	}
}

/* Handle 40 + i: the service of kernel i, with heirs; 50 + i: without. */
static void fresh(unsigned cpus, bool supervisor)
{
	world_boot(NULL, cpus);
	host.now = 1000;
	world.after_step = invariants_check;
	for (unsigned i = 0; i < KERNELS; i++) {
		k[i] = world_kernel_make(2 + i, i == 1 && supervisor ? KERNEL_MAY_SUPERVISE : 0, i == 1 && supervisor);
		world_run(k[i]->thread);
		world_kernel_portals(k[i]);
		heirs_load(k[i]);
		portal_load(k[i], SERVICE, UID_MAKE(k[i]->number, HEIR), 0);
		portal_load(k[i], PLAIN, 0, 0);
		world_run(ROOT_THREAD);
	}
	for (unsigned from = 0; from < KERNELS; from++)
		for (unsigned to = 0; to < KERNELS; to++) {
			world_portal_give(k[from], SERVICE, 0xb0, k[to], 40 + from);
			world_portal_give(k[from], PLAIN, 0xb0, k[to], 50 + from);
		}
	world_run(k[0]->thread);
	worker = world_thread_load(k[0], 200, k[0]->space, k[0]->base + 0x10000, 6);
}

static void call_into(unsigned handle, uint64_t deadline)
{
	uint64_t words[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	CHECK_IS(world_portal_call(handle, 0x77, deadline, words), WORLD_AWAY);
	CHECK_IS(rip(), k[handle % 10]->base + ENTRY_SERVICE);
	now()->rip += 0x40;
}

static baryon_uid heir(unsigned i, unsigned stack) { return UID_MAKE(k[i]->number, HEIR + stack); }

static void abandon_from_first(void)
{
	world_run(k[0]->thread);
	CHECK_IS(world_call(CALL_ABANDON, worker), 0);
}

static void caller_got(uint64_t at, long error)
{
	world_run(worker);
	CHECK_IS(rip(), at + SYSCALL_BYTES);
	CHECK_IS(now()->rax, error);
	for (unsigned i = 0; i < 8; i++)
		CHECK_IS(*world_word(i), 0);
	CHECK_IS(world_thread(worker)->depth, 0);
}

/* The heir runs where the callee stood, or after the park that world_run made there, and after its return it is spare again. */
static void heir_ends(unsigned i, unsigned stack, uint64_t at)
{
	uint64_t back[8] = { 9 }, step = k[i]->supervisor ? DIRECT_BYTES : SYSCALL_BYTES;

	world_run(heir(i, stack));
	CHECK(rip() == at || rip() == at + step);
	CHECK_IS(world_thread(heir(i, stack))->depth, 1);
	CHECK_IS(portal_of(i, SERVICE)->record[stack].thread, heir(i, stack));
	world_portal_return(back);
	CHECK(world_running() != heir(i, stack));
	CHECK_IS(world_thread(heir(i, stack))->run, RUN_STOPPED);
	CHECK_IS(world_thread(heir(i, stack))->depth, 0);
	CHECK_IS(portal_of(i, SERVICE)->free_stacks, (1 << STACKS) - 1);
	invariants_check();
}

static void the_caller_returns_and_the_callee_goes_on_in_its_heir(void)
{
	for (unsigned supervisor = 0; supervisor < 2; supervisor++)
		for (unsigned round = 0; round < 3; round++) {
			uint64_t at, inside;

			if (round == 0)
				fresh(1, supervisor);
			world_run(worker);
			at = rip();
			call_into(41, 0);
			inside = rip();
			now()->r12 = 0x1234;
			abandon_from_first();
			caller_got(at, -BARYON_EABANDONED);
			world_run(heir(1, 0));
			CHECK_IS(now()->r12, 0x1234);
			heir_ends(1, 0, inside);
		}
}

/* Its slice ends in the callee's part, or that has used extended state: it is spare all the same afterwards. */
static void an_heir_that_ends_late_or_with_vectors_is_an_heir_again(void)
{
	enum { DEVICE_NOT_AVAILABLE = 7 };

	fresh(1, false);
	world_run(k[1]->thread);
	portal_load(k[1], VECTORS, UID_MAKE(k[1]->number, HEIR), PORTAL_XSTATE);
	world_portal_give(k[1], VECTORS, 0xb0, k[0], 61);
	for (unsigned round = 0; round < 6; round++) {
		struct thread *t = world_thread(heir(1, 0));
		uint64_t at, inside;

		world_run(worker);
		at = rip();
		call_into(round & 1 ? 61 : 41, 0);
		if (round & 1)
			machine_exception(DEVICE_NOT_AVAILABLE, 0);
		inside = rip();
		abandon_from_first();
		caller_got(at, -BARYON_EABANDONED);
		world_run(heir(1, 0));
		CHECK(rip() == inside || rip() == inside + SYSCALL_BYTES);
		/* What it had in advance may be to use first. */
		for (unsigned i = 0; i < 3 && !(t->pool & POOL_LATE); i++) {
			world_run(heir(1, 0));
			host.now = machine_cpu()->timer;
			CHECK(machine_poll());
		}
		CHECK_IS(world_running(), heir(1, 0));
		CHECK(t->pool & POOL_LATE);
		world_portal_return(NULL);
		CHECK_IS(t->run, RUN_STOPPED);
		CHECK_IS(t->asked, 0);
	}
}

/* What the callee asks of a caller that is gone. */
static void an_heir_has_no_caller(void)
{
	uint64_t out;

	fresh(1, false);
	world_run(worker);
	call_into(41, 0);
	abandon_from_first();
	world_run(heir(1, 0));
	out = world_memory(k[1], 64);
	CHECK_IS(world_call(CALL_COPY_IN, out, k[0]->memory, 16, out + 32), -BARYON_EPERM);
	CHECK_IS(world_call(CALL_ABANDON, heir(1, 0)), -BARYON_ENOENT);
	/* It may call others. */
	call_into(42, 0);
	world_portal_return(NULL);
	CHECK_IS(now()->rax, 0);
}

static void without_an_heir_the_callee_ends(void)
{
	uint64_t at;

	fresh(1, false);
	world_run(worker);
	at = rip();
	call_into(51, 0);
	abandon_from_first();
	caller_got(at, -BARYON_EABANDONED);
	CHECK_IS(portal_of(1, PLAIN)->free_stacks, (1 << STACKS) - 1);
	/* So does one whose heir is busy, or not there. */
	world_run(worker);
	at = rip();
	call_into(41, 0);
	world_run(k[1]->thread);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, heir(1, 0)), 0);
	abandon_from_first();
	caller_got(at, -BARYON_EABANDONED);
	CHECK_IS(portal_of(1, SERVICE)->free_stacks, (1 << STACKS) - 1);
}

/* The innermost part that is not the owner's goes as a whole: k0 calls k1 calls k2 calls k1 ... */
static void chains_of_callees_stay_together(void)
{
	for (unsigned levels = 1; levels <= 5; levels++) {
		uint64_t at, stands[6], back[8] = { 7 };

		fresh(1, false);
		world_run(worker);
		at = rip();
		for (unsigned i = 0; i < levels; i++) {
			stands[i] = rip();
			call_into(i % 2 ? 42 : 41, 0);
		}
		abandon_from_first();
		caller_got(at, -BARYON_EABANDONED);
		world_run(heir(1, 0));
		CHECK_IS(world_thread(heir(1, 0))->depth, levels);
		for (unsigned i = levels; i-- > 1;) {
			world_portal_return(back);
			CHECK_IS(world_running(), heir(1, 0));
			CHECK_IS(rip(), stands[i] + SYSCALL_BYTES);
			CHECK_IS(*world_word(0), 7);
		}
		world_portal_return(back);
		CHECK_IS(world_thread(heir(1, 0))->run, RUN_STOPPED);
		CHECK_IS(portal_of(1, SERVICE)->free_stacks & portal_of(2, SERVICE)->free_stacks, (1 << STACKS) - 1);
		invariants_check();
	}
}

static void a_chain_without_an_heir_gives_back_every_stack(void)
{
	uint64_t at;

	fresh(1, false);
	world_run(worker);
	at = rip();
	for (unsigned i = 0; i < 5; i++)
		call_into(i % 2 ? 42 : 51, 0);
	abandon_from_first();
	caller_got(at, -BARYON_EABANDONED);
	CHECK_IS(portal_of(1, PLAIN)->free_stacks & portal_of(2, SERVICE)->free_stacks, (1 << STACKS) - 1);
}

/* Only the innermost call goes: the owner's part in the middle, and what it called from there, go on. */
static void the_owners_own_part_goes_on(void)
{
	uint64_t at;

	fresh(1, false);
	world_run(worker);
	call_into(41, 0);
	call_into(40, 0);
	CHECK_IS(world_thread(worker)->depth, 2);
	at = rip();
	call_into(42, 0);
	abandon_from_first();
	world_run(worker);
	CHECK_IS(rip(), at + SYSCALL_BYTES);
	CHECK_IS(now()->rax, -BARYON_EABANDONED);
	CHECK_IS(world_thread(worker)->depth, 2);
	world_portal_return(NULL);
	CHECK_IS(rip() & ~0xfffull, k[1]->base);
	CHECK_IS(now()->rax, 0);
	world_portal_return(NULL);
	CHECK_IS(now()->rax, 0);
	heir_ends(2, 0, k[2]->base + ENTRY_SERVICE + 0x40);
}

static void what_is_in_no_call_is_not_abandoned(void)
{
	fresh(1, false);
	CHECK_IS(world_call(CALL_ABANDON, worker), -BARYON_ENOENT);
	CHECK_IS(world_call(CALL_ABANDON, k[0]->thread), -BARYON_EPERM);
	CHECK_IS(world_call(CALL_ABANDON, heir(1, 0)), -BARYON_EPERM);
	CHECK_IS(world_call(CALL_ABANDON, UID_MAKE(2, 999)), -BARYON_ENOENT);
	/* An owner's own part that waits is not disturbed. */
	world_run(worker);
	call_into(41, 0);
	call_into(40, 0);
	world_run(k[0]->thread);
	CHECK_IS(world_call(CALL_ABANDON, worker), -BARYON_ENOENT);
}

/* The callee waits: in a park, for signals, for a stack. It waits again as the heir. */
static void a_callee_that_waits_waits_on_as_the_heir(void)
{
	uint64_t at, inside;

	fresh(1, false);
	world_run(worker);
	at = rip();
	call_into(41, 0);
	inside = rip();
	CHECK_IS(world_call(CALL_PARK, 500000), WORLD_AWAY);
	CHECK_IS(world_thread(worker)->run, RUN_PARKED);
	abandon_from_first();
	caller_got(at, -BARYON_EABANDONED);
	world_run(k[0]->thread);
	for (int i = 0; i < 10 && world_thread(heir(1, 0))->run != RUN_PARKED; i++) {
		world_park();
		if (world_running() == heir(1, 0))
			machine_syscall();
		world_run(k[0]->thread);
	}
	CHECK_IS(world_thread(heir(1, 0))->run, RUN_PARKED);
	CHECK_IS(world_thread(heir(1, 0))->deadline, 500000);
	world_run(heir(1, 0));
	CHECK_IS(rip(), inside);
}

/* deadlines */

static void a_deadline_ends_a_call_whose_callee_waits(void)
{
	uint64_t at, inside;

	fresh(1, false);
	world_run(worker);
	at = rip();
	call_into(41, 5000);
	inside = rip();
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_thread(worker)->deadline, 5000);
	world_run(k[0]->thread);
	host.now = 5000;
	machine_tick();
	CHECK_IS(world_thread(worker)->run, RUN_READY);
	caller_got(at, -BARYON_ETIMEDOUT);
	world_run(heir(1, 0));
	CHECK_IS(rip(), inside);
}

static void a_deadline_ends_a_call_whose_callee_runs_on(void)
{
	uint64_t at, inside;

	fresh(1, false);
	world_run(worker);
	at = rip();
	call_into(41, 5000);
	inside = rip();
	machine_tick();
	CHECK_IS(rip(), inside);
	host.now = 5000;
	machine_tick();
	caller_got(at, -BARYON_ETIMEDOUT);
	heir_ends(1, 0, inside);
}

/* k0 gives k1 until 9000, k1 gives k2 until 5000, k2 calls k1 without any. */
static void the_first_deadline_of_a_chain_counts(void)
{
	for (unsigned outer = 0; outer < 2; outer++) {
		uint64_t at, in_1, in_2;

		fresh(1, false);
		world_run(worker);
		at = rip();
		call_into(41, outer ? 5000 : 9000);
		in_1 = rip();
		call_into(42, outer ? 9000 : 5000);
		in_2 = rip();
		call_into(41, 0);
		CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
		CHECK_IS(world_thread(worker)->deadline, 5000);
		world_run(k[0]->thread);
		host.now = 5000;
		machine_tick();
		world_run(worker);
		CHECK_IS(now()->rax, -BARYON_ETIMEDOUT);
		if (outer) {
			CHECK_IS(rip(), at + SYSCALL_BYTES);
			CHECK_IS(world_thread(heir(1, 0))->depth, 3);
			continue;
		}
		CHECK_IS(rip(), in_1 + SYSCALL_BYTES);
		CHECK_IS(world_thread(worker)->depth, 1);
		CHECK_IS(world_thread(heir(2, 0))->depth, 2);
		world_run(heir(2, 0));
		CHECK_IS(rip(), k[1]->base + ENTRY_SERVICE + 0x40);
		world_portal_return(NULL);
		CHECK_IS(rip(), in_2 + SYSCALL_BYTES);
		world_run(worker);
		world_portal_return(NULL);
		CHECK_IS(rip(), at + SYSCALL_BYTES);
		CHECK_IS(now()->rax, 0);
	}
}

/* A deadline of a call that returned means nothing to the next. */
static void a_deadline_ends_with_its_call(void)
{
	fresh(1, false);
	world_run(worker);
	for (unsigned deep = 0; deep < 2; deep++) {
		call_into(41, 5000);
		if (deep)
			call_into(42, 0), call_into(41, 0), world_portal_return(NULL), world_portal_return(NULL);
		world_portal_return(NULL);
		CHECK_IS(now()->rax, 0);
		call_into(41, 0);
		call_into(42, 0);
		call_into(41, 0);
		host.now = 6000;
		machine_tick();
		CHECK_IS(world_thread(worker)->depth, 3);
		for (int i = 0; i < 3; i++)
			world_portal_return(NULL);
		CHECK_IS(now()->rax, 0);
		host.now = 1000;
	}
}

/* misses */

static void a_miss_ends_at_the_deadline_of_the_call(void)
{
	uint64_t words[8] = { 1 }, at;

	fresh(1, false);
	/* k1 asks for an object of k2's, and k2 does not answer. */
	world_run(worker);
	call_into(41, 0);
	world_run(k[2]->thread);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(4, SERVICE)), 0);
	world_run(k[1]->thread);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_REFERENCE, world_home(KIND_REFERENCE, k[1]->space, 42), 0), 0);
	world_run(k[2]->thread);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(4, SERVICE)), 0);
	world_run(worker);
	at = rip();
	world.quiet = 3;
	/* the reference went with the portal: k1 keeps it, and is quiet */
	CHECK_IS(world_portal_call(42, 0, 5000, words), WORLD_AWAY);
	CHECK_IS(rip(), k[1]->base + ENTRY_MISS);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	world_run(k[0]->thread);
	host.now = 5000;
	machine_tick();
	world_run(worker);
	CHECK_IS(rip(), at + SYSCALL_BYTES);
	CHECK_IS(now()->rax, -BARYON_ETIMEDOUT);
	CHECK_IS(*world_word(0), 0);
}

static void an_abandoned_thread_may_be_unloaded_before_it_knows(void)
{
	uint64_t at;

	fresh(1, false);
	world_run(worker);
	at = rip();
	call_into(41, 0);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	abandon_from_first();
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, worker), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, worker, 0), 0), 0);
	caller_got(at, -BARYON_EABANDONED);
	CHECK_IS(world_thread(heir(1, 0))->depth, 1);
}

static void heirs_must_be_the_portals_keepers(void)
{
	struct portal_home h = { .header = { KIND_PORTAL, HOME_VERSION, 1, UID_MAKE(2, 90) }, .heirs = UID_MAKE(3, HEIR) };
	uint64_t at;

	fresh(1, false);
	h.space = k[0]->space;
	h.entry = k[0]->base + ENTRY_SERVICE;
	at = world_memory(k[0], sizeof h);
	world_write(at, &h, sizeof h);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_PORTAL, at, 0), -BARYON_EINVAL);
}

int main(void)
{
	the_caller_returns_and_the_callee_goes_on_in_its_heir();
	an_heir_that_ends_late_or_with_vectors_is_an_heir_again();
	an_heir_has_no_caller();
	without_an_heir_the_callee_ends();
	chains_of_callees_stay_together();
	a_chain_without_an_heir_gives_back_every_stack();
	the_owners_own_part_goes_on();
	what_is_in_no_call_is_not_abandoned();
	a_callee_that_waits_waits_on_as_the_heir();
	a_deadline_ends_a_call_whose_callee_waits();
	a_deadline_ends_a_call_whose_callee_runs_on();
	the_first_deadline_of_a_chain_counts();
	a_deadline_ends_with_its_call();
	a_miss_ends_at_the_deadline_of_the_call();
	an_abandoned_thread_may_be_unloaded_before_it_knows();
	heirs_must_be_the_portals_keepers();
	return 0;
}
