/* Scheduling: fixed priorities with time slices, a queue a CPU; idle CPUs take work from the others. Homes: priority, slice,
 * state and deadline stand in the thread's; queues, charges of the period and idle bits are derived.
 * Locks: a thread's run state changes under its lock, and while it runs only on its CPU; queue locks are leaves. */
#include "schedule.h"
#include "activation.h"
#include "memory.h"
#include "cache.h"
#include "abandon.h"
#include "pool.h"
#include "portal.h"
#include "shootdown.h"
#include "thread.h"
#include "timer.h"
#include "wait.h"

/* queues */

/* A full fence, too. */
static inline void queue_put_end(struct queue *q, struct thread *t, unsigned level)
{
	if (q->first[level] == NULL) {
		queue_put_first(q, t, level);
		return;
	}
	t->queue_level = (uint8_t)level;
	t->queue_next = NULL;
	t->queue_at = q->end[level];
	*q->end[level] = t;
	q->end[level] = &t->queue_next;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void queue_remove(struct queue *q, struct thread *t)
{
	unsigned level = t->queue_level;

	*t->queue_at = t->queue_next;
	if (t->queue_next)
		t->queue_next->queue_at = t->queue_at;
	else
		q->end[level] = t->queue_at;
	t->queue_at = NULL;
	if (q->first[level] == NULL)
		q->ready &= ~(1ull << level);
}

static unsigned top_level(uint64_t ready) { return 63u - (unsigned)__builtin_clzll(ready); }

static bool may_run(const struct thread *t, unsigned cpu)
{
	return (t->bound == CPU_ANY || t->bound == cpu) && (state.only == NULL || state.only == t);
}

/* The best thread of the levels `ready` that may run on `cpu`; it leaves the queue, which is locked. */
static inline struct thread *queue_best(struct queue *q, unsigned cpu, uint64_t ready)
{
	struct thread *t;

	while (ready) {
		for (t = q->first[top_level(ready)]; t; t = t->queue_next)
			if (may_run(t, cpu)) {
				queue_remove(q, t);
				return t;
			}
		ready &= ~(1ull << top_level(ready));
	}
	return NULL;
}

/* The same, of `levels`, a bit each; null: none. */
static __attribute__((noinline)) struct thread *queue_take(struct queue *q, unsigned cpu, uint64_t levels)
{
	struct thread *t;

	if ((q->ready & levels) == 0)
		return NULL;
	spin_lock(&q->lock);
	t = queue_best(q, cpu, q->ready & levels);
	spin_unlock(&q->lock);
	return t;
}

static __attribute__((noinline)) void timer_set(struct cpu *cpu, uint64_t until)
{
	cpu->timer_set = until;
	clock_set_timer(until);
}

static inline void timer_arm(struct cpu *cpu, uint64_t until)
{
	if (until < cpu->timer_set)
		timer_set(cpu, until);
}

/* Who wakes another and then waits itself, as two that talk do, leaves its CPU to the other: that costs less than telling one that
 * is idle. If it does not wait after all, the idle one is called by the tick that is due then. */
static __attribute__((noinline, cold)) bool waker_goes_soon(struct cpu *cpu)
{
	if (cpu->thread == NULL || !cpu->thread->brief || cpu->queue.ready)
		return false;
	timer_arm(cpu, clock_now() + BRIEF_NS);
	return true;
}

static unsigned cpu_choose(const struct thread *t)
{
	uint64_t idle = state.idle_cpus;

	if (t->bound != CPU_ANY)
		return t->bound < state.cpus ? t->bound : 0;
	if (__builtin_expect(idle != 0, 0) && waker_goes_soon(this_cpu()))
		return this_cpu()->number;
	if (t->cpu >= 0 && (idle & (1ull << t->cpu)))
		return (unsigned)t->cpu;
	if (t->cpu >= 0 && state.cpu[t->cpu].thread == NULL)
		return (unsigned)t->cpu;
	return idle ? (unsigned)__builtin_ctzll(idle) : t->cpu >= 0 ? (unsigned)t->cpu : this_cpu()->number;
}

static void cpu_poke(struct cpu *cpu, unsigned priority)
{
	struct thread *running = cpu->thread;

	if (running && thread_priority_on(running, cpu->number) >= priority)
		return;
	cpu->reschedule = true;
	if (cpu != this_cpu())
		cpu_notify(1ull << cpu->number);
}

/* Who was woken with a rest of its slice has it before its equals begin turns. */
void thread_ready_locked(struct thread *t)
{
	struct cpu *cpu = &state.cpu[cpu_choose(t)];
	struct queue *q = &cpu->queue;
	bool rest = t->run >= RUN_PARKED && t->slice_ns;
	unsigned priority;

	t->cpu = (int)cpu->number;
	priority = thread_priority_on(t, cpu->number);
	t->run = RUN_READY;
	spin_lock(&q->lock);
	queue_put_end(q, t, 2 * priority + rest);
	spin_unlock(&q->lock);
	cpu_poke(cpu, priority);
}

static inline bool hand_over(struct cpu *cpu, struct thread *t)
{
	if (cpu->thread == NULL || cpu->next || !thread_goes_first(cpu, cpu->thread, t))
		return false;
	t->run = RUN_RUNNING;
	cpu->next = t;
	cpu->hand_over = true;
	return true;
}

void thread_wake_locked(struct thread *t)
{
	if (t->timer_cpu >= 0)
		timer_remove(t);
	if (!hand_over(this_cpu(), t))
		thread_ready_locked(t);
}

bool thread_wake(struct thread *t, unsigned from)
{
	bool woken;

	spin_lock(&t->slot.lock);
	/* Who waits for a stack is out of the portal's queue first: the run queue uses the same links. */
	woken = t->run == from && t->slot.state == SLOT_LOADED && (from != RUN_STACK || t->waits_for == NULL);
	if (woken)
		thread_wake_locked(t);
	spin_unlock(&t->slot.lock);
	return woken;
}

void thread_unqueue_locked(struct thread *t)
{
	timer_remove(t);
	if (t->run == RUN_READY) {
		struct queue *q = &state.cpu[t->cpu].queue;

		spin_lock(&q->lock);
		if (t->queue_at)
			queue_remove(q, t);
		spin_unlock(&q->lock);
	}
}

void thread_urgency_changed_locked(struct thread *t)
{
	if (t->run == RUN_READY) {
		thread_unqueue_locked(t);
		thread_ready_locked(t);
	} else if (t->run == RUN_RUNNING) {
		state.cpu[t->cpu].reschedule = true;
		if (t->cpu != (int)this_cpu()->number)
			cpu_notify(1ull << t->cpu);
	}
}

/* maps */

bool cpu_needs_map(const struct cpu *cpu)
{
	return cpu->thread && thread_top(cpu->thread)->map == cpu->map;
}

bool cpu_join_map_out_of_line(struct cpu *cpu, struct space *map) { return cpu_join_map(cpu, map); }

COLD bool cpu_enter_map_out_of_line(struct cpu *cpu, struct space *map) { return cpu_enter_map(cpu, map); }

void cpu_leave_map(struct cpu *cpu)
{
	struct space *old = cpu->map;

	mmu_activate(state.table_frame + state.blank_table);
	cpu_forget_left(cpu);
	cpu->map = NULL;
	if (old)
		__atomic_fetch_and(&old->cpus, ~(1ull << cpu->number), __ATOMIC_SEQ_CST);
}

/* running */

static inline void charge(struct cpu *cpu, struct thread *t, uint64_t now)
{
	struct kernel *k = t->payer;
	uint64_t ns = now - t->started_ns;
	unsigned number = cpu->number;

	t->started_ns = now;
	t->used_ns += ns;
	t->slice_ns = t->slice_ns > ns ? t->slice_ns - ns : 0;
	k->used_ns[number] += ns;
	k->period_ns[number] += charge_weighted(ns, t->urgency);
	if (k->period_ns[number] > k->limit_ns[number])
		k->demoted[number] = true;
}

static __attribute__((noinline)) void guards_clear(struct thread *t)
{
	memory_zero(t->guard, sizeof t->guard);
	t->guard_next = 0;
}

static inline void guards_drop(struct thread *t)
{
	if (t->guard_next)
		guards_clear(t);
}

static __attribute__((noinline)) void program_save(struct thread *t)
{
	bases_keep(t);
	cpu_switch_xstate(t->xstate_at, NULL);
}

static __attribute__((noinline)) void program_restore(const struct thread *t) { cpu_switch_xstate(NULL, t->xstate_at); }

static inline void leave_cpu(struct cpu *cpu, struct thread *t, uint64_t now)
{
	charge(cpu, t, now);
	if (t->program)
		program_save(t);
	guards_drop(t);
}

void thread_off(struct cpu *cpu, struct thread *t)
{
	leave_cpu(cpu, t, clock_now());
}

/* The slice, or the next look at its kernel's share. */
static inline uint64_t slice_piece(uint64_t ns) { return ns < SLICE_NS ? ns : SLICE_NS; }

/* A new turn: a quantum less what was taken of it in advance. */
static __attribute__((noinline)) void slice_begin(struct thread *t)
{
	if (t->pool & POOL_LATE)
		pool_clear(t, POOL_LATE);
	t->slice_ns = t->quantum_ns - t->advance_ns;
	t->advance_ns = 0;
}

static inline void thread_on(struct cpu *cpu, struct thread *t, uint64_t now)
{
	t->cpu = (int)cpu->number;
	if (t->slice_ns == 0)
		slice_begin(t);
	if (t->program)
		program_restore(t);
	thread_on_plain(cpu, t, now);
	timer_arm(cpu, now + slice_piece(t->slice_ns));
}

/* Out of its queue, it may meanwhile have gone elsewhere. Locked. */
static inline bool thread_may_be_claimed(const struct thread *t)
{
	return t->run == RUN_READY && t->queue_at == NULL && t->slot.state == SLOT_LOADED;
}

static inline bool thread_claim(struct cpu *cpu, struct thread *t, uint64_t now)
{
	bool mine;

	spin_lock(&t->slot.lock);
	mine = thread_may_be_claimed(t);
	if (mine)
		thread_on(cpu, t, now);
	spin_unlock(&t->slot.lock);
	return mine;
}

static void idle_set(struct cpu *cpu, bool idle)
{
	uint64_t bit = 1ull << cpu->number;

	if (idle)
		__atomic_fetch_or(&state.idle_cpus, bit, __ATOMIC_SEQ_CST);
	else if (state.idle_cpus & bit)
		__atomic_fetch_and(&state.idle_cpus, ~bit, __ATOMIC_SEQ_CST);
}

/* Its own queue was empty: from any queue, also when the CPU was called idle meanwhile. */
static __attribute__((noinline, cold)) struct thread *thread_steal(struct cpu *cpu)
{
	struct thread *t = NULL;

	for (unsigned round = 0; t == NULL && round < 2; round++) {
		for (unsigned i = 0; t == NULL && i < state.cpus; i++)
			t = queue_take(&state.cpu[(cpu->number + i) % state.cpus].queue, cpu->number, ~0ull);
		if (t == NULL)
			idle_set(cpu, true);
	}
	if (t)
		state.counters->steals++;
	return t;
}

/* A thread to run, or null: then the CPU is idle and its timer stands at the first deadline. */
static __attribute__((noinline)) struct thread *choose(struct cpu *cpu, uint64_t now)
{
	struct thread *t;

	do {
		t = queue_take(&cpu->queue, cpu->number, ~0ull);
		if (t == NULL)
			t = thread_steal(cpu);
		if (t == NULL) {
			timer_arm(cpu, timer_first(cpu));
			return NULL;
		}
		idle_set(cpu, false);
	} while (!thread_claim(cpu, t, now));
	return t;
}

/* The thread that ran here goes into the queue: it is the next of its priority unless its slice is over. */
static __attribute__((noinline)) void requeue(struct cpu *cpu, struct thread *t, bool ended)
{
	struct queue *q = &cpu->queue;

	spin_lock(&t->slot.lock);
	t->run = RUN_READY;
	spin_lock(&q->lock);
	if (ended)
		queue_put_end(q, t, level_turn(thread_priority_on(t, cpu->number)));
	else
		queue_put_first(q, t, level_rest(thread_priority_on(t, cpu->number)));
	spin_unlock(&q->lock);
	spin_unlock(&t->slot.lock);
	idle_call();
}

/* Who was woken comes to run. */
static __attribute__((noinline)) struct thread *relieve(struct cpu *cpu)
{
	struct thread *t = cpu->next, *from = cpu->thread;
	uint64_t now = clock_now();

	cpu->next = NULL;
	cpu->hand_over = false;
	if (from)
		leave_cpu(cpu, from, now);
	thread_on(cpu, t, now);
	if (from)
		requeue(cpu, from, from->slice_ns == 0);
	return t;
}

void thread_yield(struct cpu *cpu, struct thread *t)
{
	struct thread *next;

	t->slice_ns = 0;
	if (state.only)
		return;
	next = queue_take(&cpu->queue, cpu->number, ~0ull << level_turn(thread_priority_on(t, cpu->number)));
	if (next == NULL)
		return;
	spin_lock(&next->slot.lock);
	if (thread_may_be_claimed(next)) {
		next->run = RUN_RUNNING;
		cpu->next = next;
		cpu->hand_over = true;
	}
	spin_unlock(&next->slot.lock);
}

/* When a more urgent thread is there, or the slice is over and another of the same priority, the running one goes into the queue. */
static COLD void preempt(struct cpu *cpu)
{
	struct thread *t = cpu->thread;
	struct queue *q = &cpu->queue;
	bool ended = t->slice_ns == 0, held = state.only && state.only != t;

	/* Whose slice is over goes for its equals, else only for the more urgent. */
	if (!held && (q->ready == 0 || top_level(q->ready) < level_turn(thread_effective_priority(t) + !ended)))
		return;
	thread_off(cpu, t);
	cpu->thread = NULL;
	requeue(cpu, t, ended);
}

/* What others asked of the running thread. */
static void serve_asked(struct cpu *cpu, struct thread *t)
{
	if (t->unload_asked || t->stop_asked || t->leave_asked || t->slot.state == SLOT_DYING)
		thread_serve_asked(cpu, t);
}

/* The long way: until there is a thread that may run. */
static __attribute__((noinline, cold)) struct thread *settle(struct cpu *cpu)
{
	struct thread *t;

	for (;;) {
		if (cpu->flush_pending)
			shootdown_serve();
		t = cpu->thread;
		if (t)
			serve_asked(cpu, t);
		if (cpu->hand_over)
			(void)relieve(cpu);
		if (cpu->thread && (__atomic_exchange_n(&cpu->reschedule, false, __ATOMIC_SEQ_CST) ||
				    (state.only && state.only != cpu->thread)))
			preempt(cpu);
		if (cpu->thread == NULL)
			cpu->thread = choose(cpu, clock_now());
		t = cpu->thread;
		if (t == NULL)
			return NULL;
		if (!cpu_enter_map_out_of_line(cpu, thread_top(t)->map)) {
			thread_map_lost(cpu, t);
			continue;
		}
		if (activation_leave(cpu, t))
			return t;
	}
}

struct registers *cpu_leave(struct cpu *cpu)
{
	struct thread *t = cpu->thread;

	if (cpu->hand_over && (t == NULL || !t->asked)) {
		t = relieve(cpu);
	} else if (t == NULL) {
		__atomic_store_n(&cpu->reschedule, false, __ATOMIC_SEQ_CST);
		t = choose(cpu, clock_now());
	}
	if (t == NULL || cpu_attention(cpu, t) || !cpu_enter_map(cpu, thread_top(t)->map)) {
		t = settle(cpu);
		if (t == NULL)
			return NULL;
	} else {
		cpu_hide_xstate(activation_hides_xstate(t));
	}
	if (t->takes_signals)
		thread_take_signals(t);
	trap_save_to(thread_save_place(t));
	return &thread_top(t)->registers;
}

bool thread_block(struct cpu *cpu, struct thread *t, unsigned run, uint64_t deadline, uint64_t now)
{
	bool blocked;

	if (call_abandon_possible(t))
		deadline = deadline_earliest(t, deadline);
	t->brief = now - t->started_ns < BRIEF_NS;
	leave_cpu(cpu, t, now);
	spin_lock(&t->slot.lock);
	blocked = !thread_wait_over(t, run) && t->slot.state == SLOT_LOADED;
	if (blocked) {
		t->run = (uint8_t)run;
		cpu->thread = NULL;
		t->deadline = deadline;
		if (deadline) {
			timer_insert(cpu, t, deadline);
			timer_arm(cpu, deadline);
		}
	}
	spin_unlock(&t->slot.lock);
	return blocked;
}

/* time */

static COLD void period_begin(struct cpu *cpu, uint64_t now)
{
	if (now - cpu->period_start_ns < PERIOD_NS)
		return;
	cpu->period_start_ns = now;
	for (uint32_t i = 0; i < state.cache[KIND_KERNEL].count; i++) {
		struct kernel *k = SLOT_AT(kernel, KIND_KERNEL, i);

		k->period_ns[cpu->number] = 0;
		k->demoted[cpu->number] = false;
	}
	/* Demoted threads in the lowest queue get their priorities back. */
	spin_lock(&cpu->queue.lock);
	for (unsigned level = 0; level < 2; level++)
		for (struct thread *t = cpu->queue.first[level], *next; t; t = next) {
			next = t->queue_next;
			if (thread_effective_priority(t) == 0)
				continue;
			queue_remove(&cpu->queue, t);
			queue_put_end(&cpu->queue, t, level_turn(thread_effective_priority(t)) + level);
		}
	spin_unlock(&cpu->queue.lock);
}

static void quantum_count(struct thread *t)
{
	const struct space *s = thread_top(t)->space;

	if (s && (s->flags & SPACE_PROGRAM))
		t->quanta_program++;
	else
		t->quanta_elsewhere++;
}

/* Its slice is over. Who is in a call may have locks of the callee's, for which all others would wait a round of turns: once in a turn
 * it gets a little of the next, until it returns. */
static COLD void slice_end(struct thread *t)
{
	if (t->advance_ns != 0)
		return;
	quantum_count(t);
	if (t->depth == 0)
		return;
	t->slice_ns = t->advance_ns = ADVANCE_NS;
	pool_set(t, POOL_LATE);
}

COLD void thread_late_end(struct cpu *cpu, struct thread *t)
{
	if (t->depth != 0)
		return;
	charge(cpu, t, clock_now());
	pool_clear(t, POOL_LATE);
	t->advance_ns -= (uint32_t)t->slice_ns;
	t->slice_ns = 0;
	cpu->reschedule = true;
}

struct registers *strange_tick(struct registers *r)
{
	struct cpu *cpu = this_cpu();
	uint64_t now = clock_now();
	struct thread *t = cpu->thread, *late;
	uint64_t first;

	registers_in(t, r);
	cpu->timer_set = UINT64_MAX;
	while ((late = timer_expired(cpu, now)) != NULL)
		thread_expire(late, now);
	/* It goes to the hardware at the end, if nothing earlier went there by then. */
	first = timer_first(cpu);
	if (first < cpu->timer_set)
		cpu->timer_set = first;
	period_begin(cpu, now);
	if (t && !cpu->hand_over) {
		charge(cpu, t, now);
		guards_drop(t);
		if (t->slice_ns == 0)
			slice_end(t);
		if (t->slice_ns == 0 || t->payer->demoted[cpu->number] || (call_abandon_possible(t) && deadline_passed(t, now)))
			cpu->reschedule = true;
		t->brief = false;
		if (cpu->queue.ready)
			idle_call();
		timer_arm(cpu, now + slice_piece(t->slice_ns ? t->slice_ns : t->quantum_ns));
	}
	r = cpu_leave(cpu);
	if (cpu->thread && cpu->thread->slice_ns == 0)
		slice_begin(cpu->thread);
	if (cpu->timer_set == first)
		clock_set_timer(first);
	return r;
}

struct registers *strange_notice(struct registers *r)
{
	registers_in(this_cpu()->thread, r);
	return cpu_leave(this_cpu());
}
