/* Waiting, waking, signals and their overflow, time-outs, alerts; who runs when; copies between a handler and its program. */
#include <pthread.h>
#include <unistd.h>
#include "abi/start.h"
#include "invariants.h"
#include "strange/cache.h"
#include "strange/schedule.h"

enum { PROGRAM_START = 0x5000 };

static struct world_kernel *k;
static baryon_uid program, thread;

static struct registers *now(void) { return &machine_cpu()->now; }

static unsigned locked_pages;

static void fresh(unsigned cpus)
{
	world_boot(NULL, cpus);
	world.locked_pages = locked_pages;
	host.now = 1000;
	world.after_step = invariants_check;
	k = world_kernel_make(2, KERNEL_MAY_INTERRUPTS, false);
	world_run(k->thread);
	world_kernel_portals(k);
	program = world_space_load(k, 100, SPACE_PROGRAM, 0);
}

static baryon_uid worker(unsigned n, unsigned priority)
{
	return world_thread_load(k, 200 + n, k->space, k->base + 0x100000 * (n + 1), priority);
}

/* The call that the thread waited in is over, and this is its answer. */
static long waited(void)
{
	invariants_check();
	CHECK_IS(now()->rip, world_thread(world_running())->act[0].registers.rip);
	return (long)now()->rax;
}

static void a_token_makes_park_return_at_once(void)
{
	baryon_uid w;

	fresh(1);
	w = worker(1, 5);
	CHECK_IS(world_call(CALL_UNPARK, w), 0);
	CHECK_IS(world_call(CALL_UNPARK, w), 0);
	world_park();
	CHECK_IS(world_running(), w);
	CHECK_IS(world_call(CALL_PARK, 0), 0);
	/* Tokens do not add up. */
	CHECK_IS(world_call(CALL_PARK, host.now + 1000), WORLD_AWAY);
	CHECK_IS(world_thread(w)->run, RUN_PARKED);
	CHECK_IS(world_running(), 0);
	host.now += 1000;
	CHECK(machine_poll());
	CHECK_IS(world_running(), w);
	CHECK_IS(waited(), -BARYON_ETIMEDOUT);
	CHECK_IS(world_call(CALL_PARK, 1), -BARYON_ETIMEDOUT);
}

static void deadlines_fire_in_order(void)
{
	static const uint64_t after[] = { 500, 100, 900, 300, 700, 200, 100 };
	baryon_uid w[7];
	uint64_t last = 0;

	fresh(1);
	for (unsigned i = 0; i < 7; i++) {
		w[i] = worker(i, 5);
		world_run(w[i]);
		CHECK_IS(world_call(CALL_PARK, 1000 + after[i] * 1000), WORLD_AWAY);
		world_run(k->thread);
	}
	/* One is taken out of the middle. */
	CHECK_IS(world_call(CALL_UNPARK, w[3]), 0);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), w[3]);
	CHECK_IS(waited(), 0);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	for (unsigned n = 0; n < 6; n++) {
		CHECK_IS(world_running(), 0);
		CHECK(machine_cpu()->timer >= last && machine_cpu()->timer != UINT64_MAX);
		last = host.now = machine_cpu()->timer;
		CHECK(machine_poll());
		while (world_running()) {
			struct actor { uint64_t deadline; } a = { now()->rdi };

			CHECK(a.deadline <= host.now);
			CHECK_IS(waited(), -BARYON_ETIMEDOUT);
			CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
		}
		if (last == 901000)
			return;
	}
	CHECK(!"all have fired");
}

static void alerts_end_waits(void)
{
	baryon_uid w;

	fresh(1);
	w = worker(1, 5);
	world_run(w);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	world_run(k->thread);
	CHECK_IS(world_call(CALL_ALERT, w), 0);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), w);
	CHECK_IS(waited(), -BARYON_EALERT);
	CHECK_IS(world_call(CALL_WAIT, 1, k->memory, 4), -BARYON_ETIMEDOUT);
}

/* The receiver's page: page 60 of k's memory, named by `receiver`, at `at` of k's domain beside the usual place. */
static uint64_t signal_map(baryon_uid receiver)
{
	uint64_t at = k->base + (9ull << 30), home;

	world_run(ROOT_THREAD);
	struct mapping_home h = { at, 60, 100 + k->number, RIGHT_READ | RIGHT_WRITE, 0, receiver };
	home = world_memory(&world.root, sizeof h);
	world_write(home, &h, sizeof h);
	world_remember(&world.root, KIND_MAPPING, k->space, at, home, 0);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, k->space, home, 1, 0), 1);
	world_run(k->thread);
	return at;
}

static uint64_t word_at(uint64_t address)
{
	uint64_t word;

	world_read(address, &word, sizeof word);
	return word;
}

static const struct thread_home *unloaded(baryon_uid w)
{
	static struct thread_home h;

	if (world_thread(w))
		CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, w), 0);
	world_read(world_home(KIND_THREAD, w, 0), &h, sizeof h);
	return &h;
}

/* Between the wake-up and the first instruction the home is as true as before and after. */
static void homes_say_how_a_wait_ended_before_the_thread_runs(void)
{
	uint64_t out, at, rip;
	baryon_uid w;

	fresh(1);
	w = worker(1, 5);
	at = signal_map(w);
	out = world_memory(k, 64);
	CHECK(world_touch(out, RIGHT_WRITE));
	world_run(w);
	rip = now()->rip;
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	world_run(k->thread);
	CHECK_IS(world_call(CALL_UNPARK, w), 0);
	CHECK_IS(unloaded(w)->state, THREAD_RUNNABLE);
	CHECK_IS(unloaded(w)->base.registers.rip, rip + SYSCALL_BYTES);
	CHECK_IS(unloaded(w)->base.registers.rax, 0);
	CHECK_IS(unloaded(w)->unpark_token, 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, w, 0)), 0);
	world_run(w);
	CHECK_IS(now()->rip, rip + SYSCALL_BYTES);
	CHECK_IS(world_call(CALL_WAIT, 0, out, 4), WORLD_AWAY);
	world_run(k->thread);
	CHECK_IS(world_call(CALL_SIGNAL, at + 40), 0);
	CHECK_IS(unloaded(w)->base.registers.rip, rip + SYSCALL_BYTES);
	CHECK_IS(unloaded(w)->base.registers.rax, CALL_WAIT);
	CHECK_IS(unloaded(w)->signal_count, 1);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, w, 0)), 0);
	world_run(w);
	machine_syscall();
	CHECK_IS(now()->rax, 1);
	CHECK_IS(word_at(out), at + 40);
}

/* The place for the signals is not mapped when the thread comes to run: it calls again, and gets them all. */
static void signals_wait_for_the_place_they_go_to(void)
{
	uint64_t out, at;
	baryon_uid w;

	fresh(1);
	w = worker(1, 5);
	at = signal_map(w);
	out = world_memory(k, 64);
	CHECK(world_touch(out, RIGHT_WRITE));
	world_run(w);
	CHECK_IS(world_call(CALL_WAIT, 0, out, 4), WORLD_AWAY);
	world_run(ROOT_THREAD);
	CHECK(world_call(CALL_MAPPING_UNLOAD, k->space, out & ~(PAGE_BYTES - 1), 1) >= 0);
	world_run(k->thread);
	CHECK_IS(world_call(CALL_SIGNAL, at + 48), 0);
	CHECK_IS(world_call(CALL_SIGNAL, at + 56), 0);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), w);
	CHECK_IS(now()->rax, CALL_WAIT);
	CHECK_IS(world_call(CALL_WAIT, 0, out, 4), 2);
	CHECK_IS(word_at(out + 8), at + 56);
}

/* Without a turn its timer would fire before its first instruction, for ever. */
static void roots_own_thread_has_a_turn(void)
{
	fresh(1);
	CHECK_IS(world_thread(ROOT_THREAD)->quantum_ns, SLICE_NS);
	world_run(ROOT_THREAD);
	CHECK(world_thread(ROOT_THREAD)->slice_ns != 0);
}

static void a_stopped_thread_does_not_run(void)
{
	baryon_uid w;

	fresh(1);
	w = worker(1, 5);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_STATE, THREAD_STOPPED), 0);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), 0);
	world_run(k->thread);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_STATE, THREAD_RUNNABLE), 0);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_STATE, 9), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_PRIORITY, 25), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_CPU, 1), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_BASES, PROGRAM_LIMIT, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_THREAD_SET, w, 77, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_THREAD_SET, ROOT_THREAD, THREAD_SET_PRIORITY, 1), -BARYON_EPERM);
}

/* signals */

static void signals_come_as_the_receiver_maps_them(void)
{
	uint64_t at, out, got[4];
	baryon_uid w;

	fresh(1);
	w = worker(1, 5);
	at = signal_map(w);
	out = world_memory(k, 64);
	CHECK(world_touch(out, RIGHT_WRITE));
	world_run(w);
	CHECK_IS(world_call(CALL_WAIT, 0, out, 4), WORLD_AWAY);
	world_run(k->thread);
	CHECK_IS(world_call(CALL_SIGNAL, k->memory + 60 * PAGE_BYTES + 24), 0);
	CHECK_IS(world_call(CALL_SIGNAL, at + 32), 0);
	CHECK_IS(world_call(CALL_SIGNAL, k->memory + 61 * PAGE_BYTES), 0);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), w);
	CHECK_IS(waited(), 2);
	world_read(out, got, 16);
	CHECK_IS(got[0], at + 24);
	CHECK_IS(got[1], at + 32);
	CHECK_IS(world_call(CALL_WAIT, 0, out + 4, 4), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_WAIT, 0, out, 0), -BARYON_EINVAL);
}

/* The second time its receiver is known: it runs with the signal in place. Where the place is missing, it calls again. */
static void a_signal_to_a_more_urgent_waiter_runs_it_at_once(void)
{
	uint64_t at, out;
	baryon_uid w, sender;

	fresh(1);
	w = worker(1, 5);
	sender = worker(2, 3);
	at = signal_map(w);
	out = world_memory(k, 64);
	CHECK(world_touch(out, RIGHT_WRITE));
	for (unsigned i = 0; i < 4; i++) {
		world_run(w);
		CHECK_IS(world_call(CALL_WAIT, 0, out, 4), WORLD_AWAY);
		world_run(sender);
		CHECK_IS(world_call(CALL_SIGNAL, at + i), WORLD_AWAY);
		CHECK_IS(world_running(), w);
		CHECK_IS(now()->rax, 1);
		CHECK_IS(word_at(out), at + i);
		CHECK_IS(world_thread(sender)->run, RUN_READY);
		CHECK_IS(world_thread(w)->signal_count, 0);
		invariants_check();
	}
	CHECK_IS(world_call(CALL_WAIT, 0, out, 4), WORLD_AWAY);
	world_run(ROOT_THREAD);
	CHECK(world_call(CALL_MAPPING_UNLOAD, k->space, out & ~(PAGE_BYTES - 1), 1) >= 0);
	world_run(sender);
	CHECK(world_touch(at, RIGHT_READ));
	CHECK_IS(world_call(CALL_SIGNAL, at + 8), WORLD_AWAY);
	CHECK_IS(now()->rax, CALL_WAIT);
	CHECK_IS(world_call(CALL_WAIT, 0, out, 4), 1);
	CHECK_IS(word_at(out), at + 8);
}

/* What a signal left behind: who is charged what, who is queued where, what both find in their registers. */
struct signalled {
	uint64_t slice, used, kernel_used, period, receiver_started, receiver_slice, word;
	struct registers sender, receiver;
	bool first, demoted, timer;
};

/* A second signal, `ns` after the sender began to run, by the short way or the long one. */
static struct signalled signal_after(uint64_t ns, uint64_t deadline, bool slow)
{
	baryon_uid w, sender;
	struct signalled got = { 0 };
	uint64_t at, out;
	struct kernel *payer;

	fresh(1);
	w = worker(1, 5);
	sender = worker(2, 3);
	at = signal_map(w);
	out = world_memory(k, 64);
	CHECK(world_touch(out, RIGHT_WRITE));
	for (unsigned i = 0; i < 2; i++) {
		world_run(w);
		CHECK_IS(world_call(CALL_WAIT, i ? deadline : 0, out, 4), WORLD_AWAY);
		world_run(sender);
		host.now += i ? ns : 0;
		host.slow = slow && i;
		CHECK_IS(world_call(CALL_SIGNAL, at + 8), WORLD_AWAY);
		host.slow = false;
	}
	payer = world_thread(sender)->payer;
	got.slice = world_thread(sender)->slice_ns;
	got.used = world_thread(sender)->used_ns;
	got.kernel_used = payer->used_ns[0];
	got.period = payer->period_ns[0];
	got.demoted = payer->demoted[0];
	got.receiver_started = world_thread(w)->started_ns;
	got.receiver_slice = world_thread(w)->slice_ns;
	got.timer = world_thread(w)->timer_cpu >= 0;
	got.word = word_at(out);
	got.first = state.cpu[0].queue.first[level_rest(3)] == world_thread(sender);
	got.receiver = *now();
	got.sender = thread_top(world_thread(sender))->registers;
	CHECK_IS(got.sender.rax, 0);
	invariants_check();
	return got;
}

static void a_signal_by_the_short_way_leaves_what_the_long_way_leaves(void)
{
	static const uint64_t times[] = { 0, 700, SLICE_NS - 1, SLICE_NS, 3 * SLICE_NS };

	for (unsigned i = 0; i < 2 * sizeof times / sizeof times[0]; i++) {
		uint64_t deadline = i % 2 ? 1000000000 : 0;
		struct signalled s = signal_after(times[i / 2], deadline, false), l = signal_after(times[i / 2], deadline, true);

		CHECK_IS(s.slice, l.slice);
		CHECK_IS(s.used, l.used);
		CHECK_IS(s.kernel_used, l.kernel_used);
		CHECK_IS(s.period, l.period);
		CHECK_IS(s.demoted, l.demoted);
		CHECK_IS(s.receiver_started, l.receiver_started);
		CHECK_IS(s.receiver_slice, l.receiver_slice);
		CHECK_IS(s.timer, false);
		CHECK_IS(l.timer, false);
		CHECK_IS(s.word, l.word);
		CHECK_IS(s.first, l.first);
		CHECK_IS(s.receiver.rip, l.receiver.rip);
		CHECK_IS(s.receiver.rsp, l.receiver.rsp);
		CHECK_IS(s.receiver.rax, l.receiver.rax);
		CHECK_IS(s.sender.rip, l.sender.rip);
		CHECK_IS(s.sender.rsp, l.sender.rsp);
		CHECK_IS(s.sender.rbx, l.sender.rbx);
		CHECK_IS(s.sender.r12, l.sender.r12);
		CHECK_IS(s.sender.rdx | s.sender.rsi | s.sender.r8 | s.sender.r9 | s.sender.r10, 0);
	}
}

static void a_signal_does_not_pull_a_bound_receiver_here(void)
{
	uint64_t at, out;
	baryon_uid w, sender;

	fresh(2);
	w = worker(1, 5);
	sender = worker(2, 3);
	at = signal_map(w);
	out = world_memory(k, 64);
	CHECK(world_touch(out, RIGHT_WRITE));
	state.idle_cpus = 0;    /* the other runs something, as far as this one knows */
	for (unsigned i = 0; i < 2; i++) {
		world_run(w);
		CHECK_IS(world_call(CALL_WAIT, 0, out, 4), WORLD_AWAY);
		world_run(sender);
		if (i)
			CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_CPU, 1), 0);
		state.idle_cpus = 0;
		CHECK_IS(world_call(CALL_SIGNAL, at), i ? 0 : WORLD_AWAY);
	}
	CHECK_IS(world_running(), sender);
	CHECK_IS(world_thread(w)->run, RUN_READY);
	CHECK_IS(world_thread(w)->cpu, 1);
}

static void a_wait_for_signals_outside_of_the_domain_is_refused_at_once(void)
{
	uint64_t at, end = k->base + DOMAIN_BYTES;
	baryon_uid w;

	fresh(1);
	w = worker(1, 5);
	at = signal_map(w);
	world_run(w);
	CHECK_IS(world_call(CALL_WAIT, 0, k->base - 8, 1), -BARYON_EFAULT);
	CHECK_IS(world_call(CALL_WAIT, 0, end - 8, 2), -BARYON_EFAULT);
	CHECK_IS(world_call(CALL_WAIT, 0, end - 8, ~0ull), -BARYON_EFAULT);
	CHECK_IS(world_call(CALL_WAIT, 0, end, 1), -BARYON_EFAULT);
	CHECK_IS(world_call(CALL_WAIT, 0, 0x1000, 1), -BARYON_EFAULT);
	CHECK_IS(world_call(CALL_WAIT, 0, ~7ull, 1), -BARYON_EFAULT);
	CHECK_IS(world_call(CALL_SIGNAL, at), 0);
	CHECK_IS(world_call(CALL_WAIT, 0, end, 1), -BARYON_EFAULT);
	CHECK_IS(world_thread(w)->signal_count, 1);
}

static void too_many_signals_say_so(void)
{
	uint64_t at, out;
	baryon_uid w;

	fresh(1);
	w = worker(1, 5);
	at = signal_map(w);
	out = world_memory(k, 512);
	for (unsigned i = 0; i < THREAD_SIGNALS + 3; i++)
		CHECK_IS(world_call(CALL_SIGNAL, at + i), 0);
	/* They survive the thread's unloading. */
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, w), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, w, 0)), 0);
	world_run(w);
	CHECK_IS(world_call(CALL_WAIT, 0, out, 20), 20 | SIGNAL_OVERFLOWED);
	CHECK_IS(world_call(CALL_WAIT, 0, out, 20), THREAD_SIGNALS - 20);
	CHECK_IS(world_call(CALL_WAIT, 1, out, 20), -BARYON_ETIMEDOUT);
}

static void a_signal_mapping_goes_with_its_thread(void)
{
	baryon_uid w;
	uint64_t at;

	fresh(1);
	w = worker(1, 5);
	at = signal_map(w);
	CHECK(world_touch(at, RIGHT_READ));
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, w), 0);
	CHECK(machine_translate(at, RIGHT_READ) == NULL);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, w, 0)), 0);
	CHECK(world_touch(at, RIGHT_READ));
}

/* scheduling */

static void the_most_urgent_runs_first(void)
{
	baryon_uid low, high, middle;

	fresh(1);
	low = worker(0, 2);
	high = worker(1, 7);
	middle = worker(2, 5);
	CHECK_IS(world_running(), k->thread);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), high);
	CHECK_IS(world_call(CALL_YIELD), 0);
	CHECK_IS(world_running(), high);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), middle);
	/* Who becomes ready and is more urgent runs at once. */
	CHECK_IS(world_call(CALL_UNPARK, high), WORLD_AWAY);
	CHECK_IS(world_running(), high);
	CHECK_IS(waited(), 0);
	(void)low;
}

static void equals_take_turns_by_slices(void)
{
	unsigned ran[3] = { 0 };

	fresh(1);
	for (unsigned i = 0; i < 3; i++)
		(void)worker(i, 5);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	for (unsigned i = 0; i < 30; i++) {
		ran[UID_NUMBER(world_running()) - 200]++;
		host.now = machine_cpu()->timer;
		CHECK(machine_poll());
		invariants_check();
	}
	for (unsigned i = 0; i < 3; i++)
		CHECK(ran[i] >= 9 && ran[i] <= 11);
}

static void who_yields_goes_behind_its_equals(void)
{
	baryon_uid equal[2];

	fresh(1);
	(void)worker(0, 2);
	equal[0] = worker(1, 5);
	equal[1] = worker(2, 5);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	for (unsigned i = 0; i < 6; i++) {
		baryon_uid from = world_running();

		CHECK(from == equal[0] || from == equal[1]);
		CHECK_IS(world_call(CALL_YIELD), WORLD_AWAY);
		CHECK_IS(world_running(), equal[from == equal[0]]);
		CHECK_IS(world_thread(from)->run, RUN_READY);
		invariants_check();
	}
	/* Alone at its urgency it goes on, with a turn of its own. */
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_call(CALL_YIELD), 0);
	invariants_check();
}

static void a_longer_turn_is_a_larger_share(void)
{
	uint64_t ran[2] = { 0 };
	baryon_uid w[2];

	fresh(1);
	for (unsigned i = 0; i < 2; i++)
		w[i] = worker(i, 5);
	CHECK_IS(world_call(CALL_THREAD_SET, w[0], THREAD_SET_QUANTUM, QUANTUM_LEAST_NS - 1), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_THREAD_SET, w[0], THREAD_SET_QUANTUM, 1ull << 32 | QUANTUM_LEAST_NS), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_THREAD_SET, w[0], THREAD_SET_QUANTUM, 4 * SLICE_NS), 0);
	CHECK_IS(world_call(CALL_THREAD_SET, w[1], THREAD_SET_QUANTUM, QUANTUM_LEAST_NS), 0);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	for (unsigned i = 0; i < 160; i++) {
		uint64_t before = host.now;
		unsigned running = world_running() == w[1];

		host.now = machine_cpu()->timer;
		ran[running] += host.now - before;
		CHECK(machine_poll());
		invariants_check();
	}
	CHECK(ran[0] > 30 * ran[1] && ran[1] > 0);
	CHECK(world_thread(w[0])->quanta_elsewhere > 10);
}

static void a_kernel_over_its_share_yields_to_others(void)
{
	baryon_uid w, other;
	struct world_kernel *l;

	world_boot(NULL, 1);
	world_kernel_home.cpu_share[0] = 30;
	k = world_kernel_make(2, 0, false);
	l = world_kernel_make(3, 0, false);
	world_run(k->thread);
	world_kernel_portals(k);
	w = worker(0, 7);
	world_run(l->thread);
	world_kernel_portals(l);
	other = world_thread_load(l, 200, l->space, l->base + 0x100000, 5);
	world_park();
	CHECK_IS(world_running(), w);
	for (unsigned i = 0; i < 5 && world_running() == w; i++) {
		host.now += SLICE_NS;
		machine_tick();
	}
	CHECK_IS(world_running(), other);
	/* The next period begins afresh. */
	host.now += PERIOD_NS;
	machine_tick();
	machine_tick();
	CHECK_IS(world_running(), w);
}

static void a_long_turn_does_not_outrun_the_share(void)
{
	baryon_uid w, other;
	struct world_kernel *l;
	uint64_t ran = 0;

	world_boot(NULL, 1);
	world_kernel_home.cpu_share[0] = 20;
	k = world_kernel_make(2, 0, false);
	l = world_kernel_make(3, 0, false);
	world_run(k->thread);
	world_kernel_portals(k);
	w = worker(0, 7);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_QUANTUM, QUANTUM_MOST_NS), 0);
	world_run(l->thread);
	world_kernel_portals(l);
	other = world_thread_load(l, 200, l->space, l->base + 0x100000, 5);
	world_park();
	while (host.now < 10 * PERIOD_NS) {
		uint64_t before = host.now;
		bool running = world_running() == w;

		CHECK(running || world_running() == other);
		host.now = machine_cpu()->timer;
		ran += running ? host.now - before : 0;
		CHECK(machine_poll());
	}
	CHECK(ran < 10 * PERIOD_NS / 3);
}

/* Its keeper is another, and has its own share. */
static void a_first_thread_takes_its_own_kernels_time(void)
{
	struct world_kernel *l;
	baryon_uid other;

	world_boot(NULL, 1);
	l = world_kernel_make(3, 0, false);
	world_run(l->thread);
	world_kernel_portals(l);
	other = world_thread_load(l, 200, l->space, l->base + 0x100000, 5);
	world_run(ROOT_THREAD);
	world_kernel_home.cpu_share[0] = 30;
	world_kernel_home.priority_ceiling = 7;
	k = world_kernel_make(2, 0, false);
	world_run(k->thread);
	CHECK_IS(thread_effective_priority(world_thread(k->thread)), 7);
	for (unsigned i = 0; i < 5 && world_running() == k->thread; i++) {
		host.now += SLICE_NS;
		machine_tick();
	}
	CHECK_IS(world_running(), other);
	host.now += PERIOD_NS;
	machine_tick();
	machine_tick();
	CHECK_IS(world_running(), k->thread);
}

/* Where the other is queued that was woken on processor 0 while processor 1 is idle. */
static void a_waker_that_used_to_wait_at_once_leaves_its_processor(void)
{
	baryon_uid w[2];

	fresh(2);
	for (unsigned i = 0; i < 2; i++)
		w[i] = worker(i, 5);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), w[0]);
	machine_start_cpu(1);
	CHECK_IS(world_running(), w[1]);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), 0);
	CHECK(world_thread(w[1])->brief);
	machine_become(0);
	world_thread(w[0])->brief = true;
	CHECK_IS(world_call(CALL_UNPARK, w[1]), 0);
	CHECK_IS(world_thread(w[1])->cpu, 0);
	invariants_check();
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), w[1]);
	/* Now the waker does not wait: the idle one comes. */
	CHECK_IS(world_call(CALL_UNPARK, w[0]), 0);
	CHECK_IS(world_thread(w[0])->cpu, 0);
	host.now += BRIEF_NS;
	CHECK(machine_poll());
	CHECK_IS(world_running(), w[1]);
	CHECK(!world_thread(w[1])->brief);
	machine_become(1);
	CHECK(machine_poll());
	CHECK_IS(world_running(), w[0]);
	invariants_check();
	machine_become(0);
}

static void a_bound_thread_runs_where_it_is_bound(void)
{
	baryon_uid w;

	fresh(2);
	w = worker(0, 5);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_CPU, 1), 0);
	CHECK_IS(world_call(CALL_PARK, 0), WORLD_AWAY);
	CHECK_IS(world_running(), 0);
	machine_start_cpu(1);
	CHECK_IS(world_running(), w);
	invariants_check();
	machine_become(0);
}

static void what_was_set_of_a_thread_is_in_its_home(void)
{
	baryon_uid w;
	uint64_t home;

	fresh(2);
	w = worker(0, 5);
	home = world_thread(w)->home_address;
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_CPU, 1), 0);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_PRIORITY, 6), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, w), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, home, 0), 0);
	CHECK_IS(world_thread(w)->bound, 1);
	CHECK_IS(world_thread(w)->priority, 6);
	CHECK_IS(world_call(CALL_THREAD_SET, w, THREAD_SET_CPU, CPU_ANY), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, w), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, home, 0), 0);
	CHECK_IS(world_thread(w)->bound, CPU_ANY);
}

/* copies */

static uint64_t local;

static void handler_enter(void)
{
	fresh(1);
	thread = world_thread_load(k, 101, program, PROGRAM_START, 6);
	for (unsigned i = 0; i < 3; i++)
		CHECK_IS(world_map(k, program, 0x10000 + i * PAGE_BYTES, 50 + i, i == 2 ? RIGHT_READ : RIGHT_READ | RIGHT_WRITE, 0), 1);
	local = world_pages(k, 3);
	world_park();
	CHECK_IS(world_running(), thread);
	now()->rax = 1;
	machine_syscall();
	CHECK_IS(now()->rip, k->base + ENTRY_TRAP);
}

static struct copy_short shortage(uint64_t out)
{
	struct copy_short s;

	world_read(out, &s, sizeof s);
	return s;
}

static void copies_stop_where_something_is_missing(void)
{
	uint8_t bytes[6000], got[6000];
	uint64_t out;

	handler_enter();
	out = world_memory(k, 16);
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 7);
	world_write(local, bytes, sizeof bytes);
	CHECK_IS(world_call(CALL_COPY_OUT, 0x10100, local, 6000, out), 6000);
	CHECK_IS(world_call(CALL_COPY_IN, local + 6000, 0x10100, 6000, out), 6000);
	world_read(local + 6000, got, 6000);
	CHECK(memcmp(bytes, got, 6000) == 0);
	/* Small enough for the short way, over the end of a page. */
	CHECK_IS(world_call(CALL_COPY_OUT, 0x10f00, local + 100, 700, out), 700);
	CHECK_IS(world_call(CALL_COPY_IN, local + 6000, 0x10f00, 700, out), 700);
	world_read(local + 6000, got, 700);
	CHECK(memcmp(bytes + 100, got, 700) == 0);
	CHECK_IS(world_call(CALL_COPY_OUT, 0x11f00, local, 700, out), 0x100);
	CHECK_IS(shortage(out).address, 0x12000);
	CHECK_IS(world_call(CALL_COPY_IN, local + 6000, 0x12f00, 700, out), 0x100);
	CHECK_IS(shortage(out).address, 0x13000);
	/* Into the page that is read-only. */
	CHECK_IS(world_call(CALL_COPY_OUT, 0x11f00, local, 6000, out), 0x100);
	CHECK_IS(shortage(out).address, 0x12000);
	CHECK_IS(shortage(out).access, RIGHT_WRITE);
	/* Out of the last page, which is the last. */
	CHECK_IS(world_call(CALL_COPY_IN, local, 0x12ff0, 100, out), 16);
	CHECK_IS(shortage(out).address, 0x13000);
	CHECK_IS(shortage(out).access, RIGHT_READ);
	CHECK_IS(world_call(CALL_COPY_IN, local, PROGRAM_LIMIT - 8, 16, out), 0);
	CHECK_IS(world_call(CALL_COPY_IN, local, k->memory, 16, out), 0);
	CHECK_IS(world_call(CALL_COPY_IN, local, ~0ull - 4, 16, out), 0);
	CHECK_IS(world_call(CALL_COPY_IN, world.root.memory, 0x10000, 16, out), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_COPY_IN, 0x10000, 0x10000, 16, out), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_COPY_IN, local, 0x10000, 0, out), 0);
}

static void long_copies_say_where_they_go_on(void)
{
	uint64_t out, done;

	handler_enter();
	for (unsigned i = 0; i < 40; i++)
		CHECK_IS(world_map(k, program, 0x40000 + i * PAGE_BYTES, 50, RIGHT_READ, LOAD_REPLACE), 1);
	out = world_memory(k, 16);
	done = (uint64_t)world_call(CALL_COPY_IN, local, 0x40000, 3 * PAGE_BYTES, out);
	CHECK_IS(done, 3 * PAGE_BYTES);
	done = (uint64_t)world_call(CALL_COPY_IN, k->memory, 0x40000, 40 * PAGE_BYTES, out);
	CHECK(done > 0 && done < 40 * PAGE_BYTES);
	CHECK_IS(shortage(out).address, 0x40000 + done);
	CHECK_IS(shortage(out).access, RIGHT_READ);
}

/* Another processor, which holds the slot's lock for a while, as one does that unloads what it finds loaded. */
static void *holder(void *slot)
{
	struct thread *t = slot;

	while (t->slot.state == SLOT_FREE)
		;
	usleep(30000);
	CHECK_IS(t->slot.state, SLOT_LOADING);
	spin_unlock(&t->slot.lock);
	return NULL;
}

/* Else it would be unloaded as a stopped one, its home would say so, and nobody would ever let it go on. */
static void a_loaded_thread_that_can_run_is_never_seen_stopped(void)
{
	struct thread *slot;
	pthread_t other;
	baryon_uid w;

	fresh(1);
	slot = thread_at(state.cache[KIND_THREAD].free - 1);
	CHECK(spin_try(&slot->slot.lock));
	pthread_create(&other, NULL, holder, slot);
	w = worker(1, 5);
	pthread_join(other, NULL);
	CHECK(world_thread(w) == slot);
	CHECK_IS(slot->run, RUN_READY);
}

/* The other has let the lock go, for it may reach the levels' records only so; the slot would be free twice. */
static void a_thread_that_another_processor_takes_out_is_left_to_it(void)
{
	struct thread *t;
	baryon_uid w;

	fresh(1);
	w = worker(1, 5);
	t = world_thread(w);
	t->ending = true;
	CHECK_IS(object_unload_id(t->slot.id, t->slot.generation, false), RESULT_RESTART);
	CHECK_IS(t->slot.uid, w);
	t->ending = false;
	CHECK_IS(object_unload_id(t->slot.id, t->slot.generation, false), 0);
	CHECK(world_thread(w) == NULL);
	invariants_check();
}

static void an_interrupt_goes_to_its_page_until_it_is_unbound(void)
{
	uint64_t at, out;
	baryon_uid w;

	locked_pages = 4;
	fresh(2);
	locked_pages = 0;
	w = worker(1, 5);
	at = signal_map(w);
	out = world_memory(k, 64);
	CHECK(world_touch(out, RIGHT_WRITE));
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, 5, at, 2), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, IRQ_LIMIT, at, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, IRQ_LIMIT, 0, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, 5, out, 0), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, 60, at, 0), -BARYON_ENOENT);
	CHECK_IS(world_call(CALL_INTERRUPT_DONE, 5), -BARYON_EINVAL);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, 5, at + 8, 1), 0);
	CHECK_IS(host.irq_cpu[5], 1);
	CHECK_IS(host.irq_open, 1u << 5);
	machine_interrupt(5);
	CHECK_IS(host.irq_open, 0);
	CHECK_IS(world_thread(w)->signal_count, 1);
	CHECK_IS(world_thread(w)->signals[0], at + 8);
	CHECK_IS(world_call(CALL_INTERRUPT_DONE, 5), 0);
	CHECK_IS(host.irq_open, 1u << 5);
	CHECK_IS(world_call(CALL_INTERRUPT_BIND, 5, 0, 0), 0);
	CHECK_IS(host.irq_open, 0);
	machine_interrupt(5);           /* one that was on its way */
	CHECK_IS(world_thread(w)->signal_count, 1);
	CHECK_IS(world_call(CALL_INTERRUPT_DONE, 5), -BARYON_EINVAL);
	CHECK_IS(host.irq_open, 0);
}

int main(void)
{
	an_interrupt_goes_to_its_page_until_it_is_unbound();
	a_token_makes_park_return_at_once();
	deadlines_fire_in_order();
	alerts_end_waits();
	homes_say_how_a_wait_ended_before_the_thread_runs();
	signals_wait_for_the_place_they_go_to();
	roots_own_thread_has_a_turn();
	a_stopped_thread_does_not_run();
	signals_come_as_the_receiver_maps_them();
	a_signal_to_a_more_urgent_waiter_runs_it_at_once();
	a_signal_by_the_short_way_leaves_what_the_long_way_leaves();
	a_signal_does_not_pull_a_bound_receiver_here();
	a_wait_for_signals_outside_of_the_domain_is_refused_at_once();
	too_many_signals_say_so();
	a_signal_mapping_goes_with_its_thread();
	the_most_urgent_runs_first();
	equals_take_turns_by_slices();
	who_yields_goes_behind_its_equals();
	a_longer_turn_is_a_larger_share();
	a_kernel_over_its_share_yields_to_others();
	a_long_turn_does_not_outrun_the_share();
	a_first_thread_takes_its_own_kernels_time();
	a_bound_thread_runs_where_it_is_bound();
	what_was_set_of_a_thread_is_in_its_home();
	a_waker_that_used_to_wait_at_once_leaves_its_processor();
	copies_stop_where_something_is_missing();
	long_copies_say_where_they_go_on();
	a_loaded_thread_that_can_run_is_never_seen_stopped();
	a_thread_that_another_processor_takes_out_is_left_to_it();
	return 0;
}
