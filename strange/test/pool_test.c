/* The stacks of a portal: who gets one, who waits, who is woken, and who is as urgent as those who wait. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/cache.h"
#include "strange/pool.h"

enum { SERVICE = 70, HANDLE = 40, THREADS = 6, AGAIN = 50 };

static struct world_kernel *a, *b, *c;
static baryon_uid w[THREADS];

static struct registers *now(void) { return &machine_cpu()->now; }

static struct world_kernel *kernel_make(uint32_t number, unsigned stacks)
{
	struct world_kernel *k;

	world_run(ROOT_THREAD);
	k = world_kernel_make(number, 0, false);
	world_run(k->thread);
	world_kernel_portals(k);
	(void)world_portal_load(k, SERVICE, ENTRY_SERVICE, stacks);
	return k;
}

static baryon_uid worker(struct world_kernel *k, unsigned n, unsigned priority)
{
	world_run(k->thread);
	return world_thread_load(k, 200 + n, k->space, k->base + 0x10000 * (n + 1), priority);
}

/* a calls b, b calls c; a's threads are w. */
static void fresh(unsigned stacks)
{
	static const unsigned priority[THREADS] = { 2, 3, 4, 7, 5, 6 };

	world_boot(NULL, 1);
	world.after_step = invariants_check;
	host.now = 1000;
	a = kernel_make(2, 1);
	b = kernel_make(3, stacks);
	c = kernel_make(4, 1);
	world_portal_give(b, SERVICE, 0, a, HANDLE + b->number);
	world_portal_give(c, SERVICE, 0, b, HANDLE + c->number);
	world_portal_give(b, SERVICE, 0, c, HANDLE + b->number);
	for (unsigned i = 0; i < THREADS; i++)
		w[i] = worker(a, i, priority[i]);
}

/* The thread calls k's service, and is in it or waits. */
static void call(baryon_uid thread, struct world_kernel *k)
{
	uint64_t words[8] = { 0 };

	world_run(thread);
	CHECK_IS(world_portal_call(HANDLE + k->number, 0, 0, words), WORLD_AWAY);
}

static bool inside(baryon_uid thread, unsigned depth) { return world_thread(thread)->depth == depth; }
static bool waits(baryon_uid thread) { return world_thread(thread)->run == RUN_STACK; }

static unsigned waiting(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < THREADS; i++)
		n += world_thread(w[i]) && waits(w[i]);
	return n;
}

static void leave(baryon_uid thread)
{
	world_run(thread);
	world_portal_return(NULL);
}

/* Whoever runs and has a turn uses it. */
static void turn_used(baryon_uid thread)
{
	CHECK(!waits(thread));
	for (int i = 0; i < 10 && world_running() != thread; i++)
		machine_notice();
	CHECK_IS(world_running(), thread);
	machine_syscall();
	invariants_check();
	CHECK_IS(world_thread(thread)->pool & POOL_TURN, 0);
}

static void the_most_urgent_of_those_who_wait_is_woken_alone(void)
{
	fresh(2);
	call(w[0], b);
	call(w[1], b);
	for (unsigned i = 2; i < THREADS; i++)
		call(w[i], b);
	CHECK_IS(waiting(), 4);
	leave(w[0]);
	CHECK_IS(waiting(), 3);
	turn_used(w[3]);
	CHECK(inside(w[3], 1));
	leave(w[1]);
	CHECK_IS(waiting(), 2);
	turn_used(w[5]);
	CHECK(inside(w[5], 1));
	CHECK_IS(waiting(), 2);
}

/* Two stacks are held; w[3] and then w[5] are the most urgent of those who wait. */
static void turn_of_w3(void)
{
	fresh(2);
	for (unsigned i = 0; i < THREADS; i++)
		call(w[i], b);
	world_run(w[1]);
	world_portal_return(NULL);
	CHECK(!waits(w[3]));
	CHECK_IS(waiting(), 3);
}

static void whoever_is_stopped_at_its_turn_passes_it_on(void)
{
	turn_of_w3();
	world_run(a->thread);
	CHECK_IS(world_call(CALL_THREAD_SET, w[3], THREAD_SET_STATE, THREAD_STOPPED), 0);
	world_park();
	CHECK(!waits(w[5]));
	CHECK_IS(waiting(), 2);
}

static void whoever_is_unloaded_at_its_turn_passes_it_on(void)
{
	for (int destroy = 0; destroy < 2; destroy++) {
		turn_of_w3();
		struct thread *t = world_thread(w[3]);

		while (object_unload_id(t->slot.id, t->slot.generation, destroy) == RESULT_RESTART)
			machine_notice();
		machine_notice();
		CHECK(world_thread(w[3]) == NULL);
		CHECK(!waits(w[5]));
		CHECK_IS(waiting(), 2);
		invariants_check();
	}
}

/* Its reference is gone and its call fails: it comes to something else, and at the latest when it waits. */
static void whoever_does_something_else_at_its_turn_passes_it_on(void)
{
	turn_of_w3();
	world_run(a->thread);
	CHECK_IS(world_call(CALL_THREAD_SET, w[3], THREAD_SET_PRIORITY, 1), 0);
	world_forget(KIND_REFERENCE, a->space, HANDLE + b->number);
	struct slot *s = world_slot(KIND_REFERENCE, UID_MAKE(0, 0));

	CHECK(s == NULL);
	for (uint32_t i = 0; i < state.cache[KIND_REFERENCE].count; i++) {
		struct reference *f = SLOT_AT(reference, KIND_REFERENCE, i);

		if (f->slot.state == SLOT_LOADED && f->space->slot.uid == a->space && f->handle == HANDLE + b->number)
			CHECK_IS(object_unload_id(f->slot.id, f->slot.generation, false), 0);
	}
	world_run(w[3]);
	machine_syscall();
	for (int i = 0; i < 20 && world_running() == w[3] && (long)now()->rax != -BARYON_ENOENT; i++)
		if (!world_play())
			machine_syscall();
	world_park();
	for (int i = 0; i < 20 && waits(w[5]); i++)
		world_run(a->thread), world_park();
	CHECK(!waits(w[5]));
	invariants_check();
}

static unsigned urgency(baryon_uid thread) { return world_thread(thread)->urgency; }

static void who_waits_lends_its_priority_until_the_stack_is_given_back(void)
{
	fresh(1);
	call(w[0], b);
	CHECK_IS(urgency(w[0]), 2);
	call(w[1], b);
	CHECK_IS(urgency(w[0]), 3);
	call(w[3], b);
	CHECK_IS(urgency(w[0]), 7);
	CHECK_IS(urgency(w[1]), 3);
	call(w[2], b);
	CHECK_IS(urgency(w[0]), 7);
	/* Its own is what its home says. */
	world_run(a->thread);
	CHECK_IS(world_call(CALL_OBJECT_WRITE_BACK, KIND_THREAD, w[0]), 0);
	CHECK_IS(((struct thread_home *)world_thread(w[0])->slot.home)->priority, 2);
	leave(w[0]);
	for (int i = 0; i < 20 && world_thread(w[0])->pool; i++)
		world_run(w[0]), world_park();
	CHECK_IS(urgency(w[0]), 2);
	CHECK_IS(world_thread(w[0])->lent, 0);
}

/* w[0] is in b and from there in c, w[1] waits for c, w[3] for b. */
static void what_is_lent_is_lent_on(void)
{
	fresh(2);
	call(w[0], b);
	call(w[0], c);
	CHECK(inside(w[0], 2));
	call(w[1], b);
	call(w[1], c);
	CHECK(waits(w[1]));
	CHECK_IS(urgency(w[0]), 3);
	call(w[3], b);
	CHECK(waits(w[3]));
	CHECK_IS(urgency(w[1]), 7);
	CHECK_IS(urgency(w[0]), 7);
	/* Out of c it still holds what w[3] waits for. */
	leave(w[0]);
	CHECK(inside(w[0], 1));
	CHECK_IS(urgency(w[0]), 7);
	world_run(w[0]);
	world_portal_return(NULL);
	for (int i = 0; i < 20 && world_thread(w[0])->pool; i++)
		world_run(w[0]), world_park();
	CHECK_IS(urgency(w[0]), 2);
}

static void who_comes_back_with_a_stack_is_lent_again(void)
{
	struct thread *t;

	fresh(1);
	call(w[0], b);
	call(w[3], b);
	world_run(w[0]);
	world_park();
	world_run(a->thread);
	t = world_thread(w[0]);
	CHECK_IS(t->urgency, 7);
	CHECK_IS(object_unload_id(t->slot.id, t->slot.generation, false), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, w[0], 0)), 0);
	CHECK_IS(urgency(w[0]), 7);
	CHECK_IS(world_thread(w[0])->priority, 2);
}

static void an_abandoned_call_leaves_nothing_lent(void)
{
	fresh(1);
	call(w[0], b);
	call(w[3], b);
	CHECK_IS(urgency(w[0]), 7);
	world_run(a->thread);
	CHECK_IS(world_call(CALL_ABANDON, w[0]), 0);
	for (int i = 0; i < 20 && world_thread(w[0])->depth; i++)
		world_run(w[0]), world_run(a->thread);
	CHECK(inside(w[0], 0));
	CHECK_IS(urgency(w[0]), 2);
	CHECK(!waits(w[3]));
}

static void a_priority_that_is_set_counts_beside_what_is_lent(void)
{
	fresh(1);
	call(w[0], b);
	call(w[3], b);
	world_run(a->thread);
	CHECK_IS(world_call(CALL_THREAD_SET, w[0], THREAD_SET_PRIORITY, 4), 0);
	CHECK_IS(urgency(w[0]), 7);
	CHECK_IS(world_call(CALL_THREAD_SET, w[0], THREAD_SET_PRIORITY, 9), 0);
	CHECK_IS(urgency(w[0]), 9);
}

/* floors */

enum { ROOT_STACKS = 8, KEPT = 2, MANY = ROOT_STACKS + 2 };

static baryon_uid many[MANY];

static struct portal *faults(void) { return (struct portal *)world_slot(KIND_PORTAL, UID_MAKE(KERNEL_NUMBER_ROOT, NUMBER_FAULT_PORTAL)); }

/* The thread of k is in root's fault portal, which does not answer, or waits for it. */
static void fault(struct world_kernel *k, baryon_uid thread)
{
	world_run(thread);
	world.quiet = KERNEL_NUMBER_ROOT;
	CHECK(!world_touch(k->base + (77ull << 30), RIGHT_READ));
	world.quiet = 0;
}

static unsigned many_waiting(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MANY; i++)
		n += waits(many[i]);
	return n;
}

/* As many of a's threads are there as may be. */
static void fresh_with_faults(void)
{
	fresh(1);
	for (unsigned i = 0; i < MANY; i++)
		many[i] = worker(a, 20 + i, 3);
	for (unsigned i = 0; i < MANY; i++)
		fault(a, many[i]);
	CHECK_IS(many_waiting(), MANY - (ROOT_STACKS - KEPT));
}

static void the_last_stacks_are_for_kernels_that_have_none(void)
{
	fresh_with_faults();
	CHECK_IS(__builtin_popcount(faults()->free_stacks), KEPT);
	fault(c, c->thread);
	CHECK(inside(c->thread, 1));
	CHECK_IS(__builtin_popcount(faults()->free_stacks), KEPT - 1);
	/* What it gives back is for such kernels again. */
	leave(c->thread);
	CHECK_IS(__builtin_popcount(faults()->free_stacks), KEPT);
	CHECK_IS(many_waiting(), MANY - (ROOT_STACKS - KEPT));
	/* Of what a's threads give back each goes to one of them. */
	leave(many[0]);
	CHECK_IS(many_waiting(), MANY - (ROOT_STACKS - KEPT) - 1);
}

static void a_kernel_that_has_none_comes_before_more_urgent_threads_of_others(void)
{
	baryon_uid other;

	fresh_with_faults();
	other = worker(c, 9, 1);
	fault(c, c->thread);
	fault(c, other);
	CHECK(waits(other));
	fault(b, b->thread);
	CHECK(inside(b->thread, 1));
	CHECK_IS(faults()->free_stacks, 0);
	leave(c->thread);
	CHECK(!waits(other));
	CHECK_IS(many_waiting(), MANY - (ROOT_STACKS - KEPT));
}

static void who_is_in_the_portal_may_have_the_last_one_too(void)
{
	uint32_t stack;

	fresh_with_faults();
	CHECK(!pool_take_implicit(faults(), world_thread(many[MANY - 1]), &stack));
	CHECK(pool_take_implicit(faults(), world_thread(many[0]), &stack));
	CHECK_IS(faults()->holder[stack], a->number);
	pool_give(faults(), stack);
	CHECK_IS(faults()->holder[stack], 0);
	CHECK_IS(many_waiting(), MANY - (ROOT_STACKS - KEPT));
}

/* Who holds what stands in the records too. */
static void a_portal_that_is_loaded_again_knows_who_has_its_stacks(void)
{
	fresh(4);
	call(w[0], b);
	world_run(w[0]);
	world_park();
	world_run(b->thread);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(3, SERVICE)), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_PORTAL, world_home(KIND_PORTAL, UID_MAKE(3, SERVICE), 0)), 0);
	struct portal *p = (struct portal *)world_slot(KIND_PORTAL, UID_MAKE(3, SERVICE));

	CHECK_IS(p->holder[0], a->number);
	CHECK_IS(p->holder[1], 0);
}

int main(void)
{
	the_most_urgent_of_those_who_wait_is_woken_alone();
	whoever_is_stopped_at_its_turn_passes_it_on();
	whoever_is_unloaded_at_its_turn_passes_it_on();
	whoever_does_something_else_at_its_turn_passes_it_on();
	who_waits_lends_its_priority_until_the_stack_is_given_back();
	what_is_lent_is_lent_on();
	who_comes_back_with_a_stack_is_lent_again();
	an_abandoned_call_leaves_nothing_lent();
	a_priority_that_is_set_counts_beside_what_is_lent();
	the_last_stacks_are_for_kernels_that_have_none();
	a_kernel_that_has_none_comes_before_more_urgent_threads_of_others();
	who_is_in_the_portal_may_have_the_last_one_too();
	a_portal_that_is_loaded_again_knows_who_has_its_stacks();
	return 0;
}
