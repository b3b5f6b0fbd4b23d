/* Who is told of a signal: the receivers of a page that are loaded, and for those that are not their kernels' redirect threads. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/cache.h"
#include "strange/container.h"
#include "strange/signal.h"

#define REDIRECT UID_MAKE(2, 206)
enum { PAGE = 60, OFFSET = 24, IRQ = 5 };

static struct world_kernel *k;
static struct thread *redirect;

static baryon_uid worker(unsigned n)
{
	return world_thread_load(k, 200 + n, k->space, k->base + 0x100000 * (n + 1), 5);
}

static void fresh(void)
{
	world_boot(NULL, 1);
	world.locked_pages = WORLD_PAGES - PAGE;
	world.after_step = invariants_check;
	world_kernel_home.redirect = REDIRECT;
	k = world_kernel_make(2, KERNEL_MAY_INTERRUPTS, false);
	world_run(k->thread);
	world_kernel_portals(k);
	CHECK_IS(worker(6), REDIRECT);
	redirect = world_thread(REDIRECT);
}

/* Where the receiver's mapping number n of the page is. */
static uint64_t place(unsigned n) { return k->base + (9ull << 30) + n * PAGE_BYTES; }

/* The kernel says that it has `others` receivers of the page beside this one. */
static long receiver_map(baryon_uid receiver, unsigned n, unsigned others, unsigned flags)
{
	struct mapping_home h = { place(n), PAGE, 100 + k->number, RIGHT_READ | RIGHT_WRITE,
				  (uint16_t)(flags | others << MAPPING_OTHERS), receiver };
	uint64_t home;
	long r;

	world_run(ROOT_THREAD);
	home = world_memory(&world.root, sizeof h);
	world_write(home, &h, sizeof h);
	world_remember(&world.root, KIND_MAPPING, k->space, h.address, home, 0);
	r = world_call(CALL_MAPPING_LOAD, k->space, home, 1, 0);
	world_run(k->thread);
	return r;
}

static baryon_uid receiver(unsigned n, unsigned others)
{
	baryon_uid w = worker(n);

	CHECK_IS(receiver_map(w, n, others, 0), 1);
	return w;
}

static long send(void) { return world_call(CALL_SIGNAL, k->memory + PAGE * PAGE_BYTES + OFFSET); }

static void unload(baryon_uid thread)
{
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, thread), 0);
}

static void reload(baryon_uid thread, unsigned n)
{
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, thread, 0)), 0);
	CHECK(world_touch(place(n), RIGHT_READ));
}

/* The redirect thread has got one message, and takes it. */
static void redirected(void)
{
	CHECK_IS(redirect->signal_count, 3);
	CHECK_IS(redirect->signals[redirect->signal_first], k->container);
	CHECK_IS(redirect->signals[(redirect->signal_first + 1) % THREAD_SIGNALS], PAGE);
	CHECK_IS(redirect->signals[(redirect->signal_first + 2) % THREAD_SIGNALS], OFFSET);
	redirect->signal_first = (redirect->signal_first + 3) % THREAD_SIGNALS;
	redirect->signal_count = 0;
}

static void a_signal_without_its_receiver_goes_to_the_redirect_thread(void)
{
	baryon_uid w;

	fresh();
	w = receiver(1, 0);
	CHECK_IS(send(), 0);
	CHECK_IS(world_thread(w)->signal_count, 1);
	CHECK_IS(redirect->signal_count, 0);
	unload(w);
	CHECK_IS(send(), 0);
	redirected();
	/* Ten of them fit; one that does not leaves no part of it. */
	for (unsigned i = 0; i <= THREAD_SIGNALS / 3; i++)
		CHECK_IS(send(), 0);
	CHECK_IS(redirect->signal_count, THREAD_SIGNALS / 3 * 3);
	CHECK(redirect->signal_overflow);
	/* The receiver is back, with its mapping: it gets them itself. */
	redirect->signal_count = 0;
	reload(w, 1);
	CHECK_IS(send(), 0);
	CHECK_IS(world_thread(w)->signal_count, 2);
	CHECK_IS(redirect->signal_count, 0);
}

static void each_receiver_that_is_missing_is_told_of_and_those_that_are_there_get_the_signal(void)
{
	baryon_uid a, b;

	fresh();
	a = receiver(1, 1);
	b = receiver(2, 1);
	CHECK_IS(send(), 0);
	CHECK_IS(world_thread(a)->signal_count, 1);
	CHECK_IS(world_thread(b)->signal_count, 1);
	CHECK_IS(redirect->signal_count, 0);
	unload(b);
	/* Every time: what is at hand for one receiver is not for one of two. */
	for (unsigned i = 2; i < 5; i++) {
		CHECK_IS(send(), 0);
		CHECK_IS(world_thread(a)->signal_count, i);
		redirected();
	}
	/* Its thread is there, its mapping is not. */
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, b, 0)), 0);
	CHECK_IS(send(), 0);
	redirected();
	CHECK(world_touch(place(2), RIGHT_READ));
	CHECK_IS(send(), 0);
	CHECK_IS(world_thread(b)->signal_count, 2);
	CHECK_IS(redirect->signal_count, 0);
	/* The other one. */
	unload(a);
	CHECK_IS(send(), 0);
	CHECK_IS(world_thread(b)->signal_count, 3);
	redirected();
	/* Both: once, for the kernel knows what is missing. */
	unload(b);
	CHECK_IS(send(), 0);
	redirected();
}

/* Another processor took it out between the two. */
static void a_receiver_that_goes_after_it_was_found_is_told_of(void)
{
	struct thread *t;

	fresh();
	t = world_thread(receiver(1, 1));
	(void)receiver(2, 1);
	t->slot.state = SLOT_DYING;
	CHECK_IS(send(), 0);
	t->slot.state = SLOT_LOADED;
	CHECK_IS(t->signal_count, 0);
	redirected();
}

static void the_last_load_says_how_many_receivers_there_are(void)
{
	baryon_uid a, b;

	fresh();
	a = receiver(1, 1);
	CHECK_IS(send(), 0);
	redirected();
	/* The second is there; the first goes, and the kernel says that there is no other now. */
	b = receiver(2, 1);
	CHECK_IS(send(), 0);
	CHECK_IS(redirect->signal_count, 0);
	world_forget(KIND_MAPPING, k->space, place(1));
	unload(a);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, k->space, place(2), 1), 0);
	world_run(k->thread);
	CHECK_IS(receiver_map(b, 2, 0, 0), 1);
	CHECK_IS(send(), 0);
	CHECK_IS(redirect->signal_count, 0);
	CHECK_IS(world_thread(b)->signal_count, 2);
}

/* Neither the receiver nor who would be told in its place is loaded: the kernel is asked for that one, and the call made again. */
static void a_redirect_thread_that_is_not_loaded_is_missed(void)
{
	fresh();
	unload(receiver(1, 0));
	unload(REDIRECT);
	CHECK(world_thread(REDIRECT) == NULL);
	CHECK_IS(send(), 0);
	CHECK(world_thread(REDIRECT));
	CHECK_IS(world_thread(REDIRECT)->signal_count, 3);
}

/* Misses go downwards only: root, which keeps the kernel, waits for nobody there. */
static void root_does_not_wait_for_a_redirect_thread(void)
{
	struct container *c;
	uint64_t dropped;

	fresh();
	c = (struct container *)slot_find(KIND_CONTAINER, ROOT_MEMORY);
	CHECK_IS(container_signal_kernel(c, ROOT_MEMORY, k->number), 0);
	unload(REDIRECT);
	world_run(ROOT_THREAD);
	dropped = state.counters->signals_dropped;
	CHECK_IS(world_call(CALL_SIGNAL, world_memory(&world.root, 8)), 0);
	CHECK_IS(state.counters->signals_dropped, dropped + 1);
	CHECK(world_thread(REDIRECT) == NULL);
}

/* A receiver of an interrupt that is not loaded is told of like any other; but an interrupt waits for nobody. */
static void an_interrupt_without_its_receiver_goes_to_the_redirect_thread(void)
{
	uint64_t dropped;
	baryon_uid w;

	fresh();
	w = receiver(1, 0);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, IRQ, k->memory + PAGE * PAGE_BYTES + OFFSET, 0), 0);
	machine_interrupt(IRQ);
	CHECK_IS(world_thread(w)->signal_count, 1);
	CHECK_IS(redirect->signal_count, 0);
	CHECK_IS(world_call(CALL_INTERRUPT_DONE, IRQ), 0);
	unload(w);
	machine_interrupt(IRQ);
	redirected();
	CHECK_IS(world_call(CALL_INTERRUPT_DONE, IRQ), 0);
	unload(REDIRECT);
	dropped = state.counters->signals_dropped;
	machine_interrupt(IRQ);
	CHECK_IS(state.counters->signals_dropped, dropped + 1);
	CHECK(world_thread(REDIRECT) == NULL);
	CHECK_IS(world_running(), k->thread);
}

static void a_container_knows_a_few_kernels_with_receivers(void)
{
	struct container *c;

	fresh();
	(void)receiver(1, 3);
	c = (struct container *)slot_find(KIND_CONTAINER, k->container);
	CHECK(c);
	CHECK_IS(c->signal_kernels[0], k->number | 3 << SIGNAL_OTHERS);
	for (uint32_t i = 1; i < SIGNAL_KERNELS; i++)
		CHECK_IS(container_signal_kernel(c, c->slot.uid, 40 + i), 0);
	CHECK_IS(container_signal_kernel(c, c->slot.uid, 41 | 1 << SIGNAL_OTHERS), 0);
	CHECK_IS(c->signal_kernels[1], 41 | 1 << SIGNAL_OTHERS);
	CHECK_IS(container_signal_kernel(c, c->slot.uid, 60), -BARYON_EFULL);
	CHECK_IS(container_signal_kernel(c, c->slot.uid + 1, 41), RESULT_RESTART);
}

/* Loaded or not when it is destroyed; and who signals then asks nobody for it. */
static void a_kernel_that_is_gone_frees_its_place(void)
{
	for (unsigned displaced = 0; displaced < 2; displaced++) {
		struct world_kernel *other;
		struct container *c;

		fresh();
		(void)receiver(1, 0);
		world_run(ROOT_THREAD);
		other = world_kernel_make(3, 0, false);
		c = (struct container *)slot_find(KIND_CONTAINER, k->container);
		CHECK_IS(container_signal_kernel(c, c->slot.uid, other->number | 2 << SIGNAL_OTHERS), 0);
		CHECK_IS(container_signal_kernel(c, c->slot.uid, 40), 0);
		if (displaced)
			CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_KERNEL, KERNEL_UID(3)), 0);
		/* Nobody else's is freed. */
		CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_KERNEL, KERNEL_UID(9)), -BARYON_ENOENT);
		CHECK_IS(c->signal_kernels[1], other->number | 2 << SIGNAL_OTHERS);
		CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_KERNEL, KERNEL_UID(3)), displaced ? -BARYON_ENOENT : 0);
		CHECK_IS(c->signal_kernels[0], k->number);
		CHECK_IS(c->signal_kernels[1], 40);
		CHECK_IS(c->signal_kernels[2], 0);
		CHECK_IS(c->signal_kernels[3], 0);
		world_run(k->thread);
		CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_KERNEL, KERNEL_UID(2)), -BARYON_EPERM);
	}
}

static void for_receivers_that_a_signal_does_not_reach_the_redirect_thread_is_told(void)
{
	baryon_uid w;

	fresh();
	w = worker(1);
	for (unsigned n = 0; n < RECEIVERS; n++)
		CHECK_IS(receiver_map(w, n, RECEIVERS - 1, 0), 1);
	CHECK_IS(send(), 0);
	CHECK_IS(world_thread(w)->signal_count, RECEIVERS);
	CHECK_IS(redirect->signal_count, 0);
	world_thread(w)->signal_count = 0;
	CHECK_IS(receiver_map(w, RECEIVERS, RECEIVERS, 0), 1);
	CHECK_IS(send(), 0);
	CHECK_IS(world_thread(w)->signal_count, RECEIVERS);
	redirected();
}

/* One mapping of many frames is in none of their lists. */
static void a_mapping_of_a_page_group_takes_no_signals(void)
{
	struct mapping_home h = { k->base + (9ull << 30), 0, 100, RIGHT_READ, MAPPING_LARGE, REDIRECT };
	uint64_t home;

	fresh();
	world_run(ROOT_THREAD);
	home = world_memory(&world.root, sizeof h);
	world_write(home, &h, sizeof h);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, k->space, home, 1, 0), -BARYON_EINVAL);
	h.signal = 0;
	world_write(home, &h, sizeof h);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, k->space, home, 1, 0), -BARYON_ENOENT);
}

int main(void)
{
	a_signal_without_its_receiver_goes_to_the_redirect_thread();
	each_receiver_that_is_missing_is_told_of_and_those_that_are_there_get_the_signal();
	a_receiver_that_goes_after_it_was_found_is_told_of();
	the_last_load_says_how_many_receivers_there_are();
	a_redirect_thread_that_is_not_loaded_is_missed();
	root_does_not_wait_for_a_redirect_thread();
	an_interrupt_without_its_receiver_goes_to_the_redirect_thread();
	a_container_knows_a_few_kernels_with_receivers();
	a_kernel_that_is_gone_frees_its_place();
	for_receivers_that_a_signal_does_not_reach_the_redirect_thread_is_told();
	a_mapping_of_a_page_group_takes_no_signals();
	return 0;
}
