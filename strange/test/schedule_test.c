/* Shares of equals: who is woken with a rest of its slice, and who is in a call when its slice ends, go before others, and nobody gets
 * more than its turn by it. */
#include "invariants.h"
#include "strange/pool.h"
#include "strange/schedule.h"

enum { PROGRAM_START = 0x5000, STEP_NS = 300000 };

static struct world_kernel *k;

static struct registers *now(void) { return &machine_cpu()->now; }

static baryon_uid worker(unsigned n, unsigned priority)
{
	return world_thread_load(k, 200 + n, k->space, k->base + 0x100000 * (n + 1), priority);
}

static void fresh(unsigned cpus)
{
	world_boot(NULL, cpus);
	host.now = 1000;
	world.after_step = invariants_check;
	k = world_kernel_make(2, 0, false);
	world_run(k->thread);
	world_kernel_portals(k);
}

/* The running thread computes for so long, or until its time is over. False: the timer fired. */
static bool compute(uint64_t ns)
{
	uint64_t until = host.now + ns;

	if (until < machine_cpu()->timer) {
		host.now = until;
		return true;
	}
	host.now = machine_cpu()->timer;
	CHECK(machine_poll());
	invariants_check();
	return false;
}

/* The running thread computes until its slice is over. */
static void slice_use(void)
{
	const struct thread *t = world_thread(world_running());

	host.now = t->started_ns + t->slice_ns;
	CHECK(machine_poll());
	invariants_check();
}

static void who_is_woken_with_a_rest_of_its_slice_goes_before_who_had_its_turn(void)
{
	baryon_uid w[4];

	fresh(1);
	for (unsigned i = 0; i < 4; i++)
		w[i] = worker(i, 5);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_IS(world_running(), w[i]);
		CHECK(compute(STEP_NS));
		CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	}
	CHECK_IS(world_running(), w[2]);
	CHECK_IS(world_call(CALL_UNPARK, w[0]), 0);
	CHECK_IS(world_call(CALL_UNPARK, w[1]), 0);
	CHECK_IS(world_running(), w[2]);
	slice_use();
	CHECK_IS(world_running(), w[0]);
	CHECK_IS(world_thread(w[0])->slice_ns, SLICE_NS - STEP_NS);
	slice_use();
	CHECK_IS(world_running(), w[1]);
	slice_use();
	CHECK_IS(world_running(), w[3]);
}

/* Each computes a little, wakes the next one, and waits. */
static void those_who_wake_each_other_take_no_more_than_their_share(void)
{
	enum { TALKERS = 4, ALL = 6, TURNS = 20 };
	uint64_t ran[ALL] = { 0 }, begun;
	baryon_uid w[ALL];

	fresh(1);
	for (unsigned i = 0; i < ALL; i++)
		w[i] = worker(i, 5);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	begun = host.now;
	world.after_step = NULL;
	while (host.now < begun + TURNS * ALL * (uint64_t)SLICE_NS) {
		unsigned n = (unsigned)UID_NUMBER(world_running()) - 200;
		uint64_t before = host.now;
		bool goes_on = compute(n < TALKERS ? STEP_NS + n : SLICE_NS);

		CHECK(n < ALL);
		ran[n] += host.now - before;
		if (goes_on && n < TALKERS) {
			(void)world_call(CALL_UNPARK, w[n ^ 1]);
			(void)world_call(CALL_PARK, 0);
		}
	}
	/* Two that talk may both have waited when a turn began; who computes loses nothing by it. */
	for (unsigned i = TALKERS; i < ALL; i++)
		CHECK(ran[i] >= (TURNS - 1) * (uint64_t)SLICE_NS);
	for (unsigned i = 0; i < TALKERS; i++)
		CHECK(ran[i] > 0 && ran[i] <= (TURNS + 1) * (uint64_t)SLICE_NS);
}

/* in calls */

static baryon_uid program, other;

/* A program's thread in a call of its kernel, and another thread that is as urgent. */
static void enter(void)
{
	fresh(1);
	program = world_space_load(k, 100, SPACE_PROGRAM, 0);
	program = world_thread_load(k, 101, program, PROGRAM_START, 6);
	other = worker(0, 6);
	world_park();
	CHECK_IS(world_running(), program);
	now()->rax = 1;
	machine_syscall();
	CHECK_IS(now()->rip, k->base + ENTRY_TRAP);
}

static void who_is_in_a_call_when_its_slice_ends_goes_on_until_it_returns(void)
{
	enum { OVER_NS = ADVANCE_NS / 5 };

	enter();
	slice_use();
	CHECK_IS(world_running(), program);
	CHECK_IS(machine_cpu()->timer, host.now + ADVANCE_NS);
	CHECK(compute(OVER_NS));
	world_resume();
	CHECK_IS(world_running(), other);
	CHECK_IS(world_thread(program)->pool, 0);
	slice_use();
	/* What it had in advance is not in its next turn. */
	CHECK_IS(world_running(), program);
	CHECK_IS(world_thread(program)->slice_ns, SLICE_NS - OVER_NS);
	slice_use();
	CHECK_IS(world_running(), other);
}

static void who_does_not_return_gets_no_more_than_its_share(void)
{
	uint64_t ran[2] = { 0 };

	enter();
	for (unsigned i = 0; i < 60; i++) {
		uint64_t before = host.now;
		bool is_other = world_running() == other;

		(void)compute(SLICE_NS);
		ran[is_other] += host.now - before;
	}
	CHECK(ran[0] <= ran[1] + SLICE_NS + ADVANCE_NS && ran[1] <= ran[0] + SLICE_NS + ADVANCE_NS);
	CHECK(world_thread(program)->quanta_elsewhere >= 18 && world_thread(program)->quanta_program == 0);
}

/* Its wait in the call is no end of the turn; the end of the call is. */
static void who_waits_in_a_call_that_is_late_keeps_the_rest(void)
{
	enter();
	slice_use();
	CHECK(compute(ADVANCE_NS / 2));
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), other);
	CHECK_IS(world_call(CALL_UNPARK, program), 0);
	slice_use();
	CHECK_IS(world_running(), program);
	CHECK_IS(world_thread(program)->slice_ns, ADVANCE_NS / 2);
	CHECK_IS(world_call(CALL_YIELD), WORLD_AWAY);
	CHECK_IS(world_running(), other);
	slice_use();
	/* A new turn, which it has whole. */
	CHECK_IS(world_thread(program)->slice_ns, SLICE_NS - ADVANCE_NS);
	CHECK_IS(world_thread(program)->pool, 0);
	world_resume();
	CHECK_IS(world_running(), program);
}

int main(void)
{
	who_is_woken_with_a_rest_of_its_slice_goes_before_who_had_its_turn();
	those_who_wake_each_other_take_no_more_than_their_share();
	who_is_in_a_call_when_its_slice_ends_goes_on_until_it_returns();
	who_does_not_return_gets_no_more_than_its_share();
	who_waits_in_a_call_that_is_late_keeps_the_rest();
	return 0;
}
