/* Who runs: queues, slices, charging, timers, waking. */
#ifndef STRANGE_SCHEDULE_H
#define STRANGE_SCHEDULE_H

#include "state.h"
#include "charm/cpu.h"

enum { SLICE_NS = 10000000, PERIOD_NS = 100000000 };
/* A thread that ran no longer before it waited is expected to do so again. */
enum { BRIEF_NS = 100000 };
/* What a thread in a call may take of its next quantum. */
enum { ADVANCE_NS = QUANTUM_LEAST_NS / 2 };

/* What this CPU runs next, after a call or an interrupt: the same thread, another, or null. */
struct registers *cpu_leave(struct cpu *cpu);

/* Take the running thread off this CPU: its extended state and bases go to the slot. It stays RUN_RUNNING until the caller,
 * under its lock, says otherwise. */
void thread_off(struct cpu *cpu, struct thread *t);

/* Make a thread that is in `from` ready. Takes its lock. False: it was not. */
bool thread_wake(struct thread *t, unsigned from);
/* End a wait, with the lock held: it is ready, or this CPU runs it next. */
void thread_wake_locked(struct thread *t);
/* It may run, and goes into a queue. Locked. */
void thread_ready_locked(struct thread *t);
/* Its urgency is another now: what runs is chosen again. Locked. */
void thread_urgency_changed_locked(struct thread *t);
/* The running thread's slice is over: the next in this CPU's queue that is at least as urgent, if there is one, comes to run. */
void thread_yield(struct cpu *cpu, struct thread *t);
/* The running thread has POOL_LATE: if it is out of its call, its turn is over, and this CPU chooses again. */
void thread_late_end(struct cpu *cpu, struct thread *t);
/* Take it out of whatever queue it is in (not a portal's). Locked. */
void thread_unqueue_locked(struct thread *t);

/* The running thread waits in state `run`, with its registers rewound to the call. A deadline of 0 is for ever; now: what the clock
 * says. False: something that ends the wait came first, and the call is executed again. */
bool thread_block(struct cpu *cpu, struct thread *t, unsigned run, uint64_t deadline, uint64_t now);

bool cpu_needs_map(const struct cpu *cpu);
void cpu_leave_map(struct cpu *cpu);

/* This CPU no longer counts as one that may know translations of the space that it left last. */
static inline __attribute__((always_inline)) void cpu_forget_left(struct cpu *cpu)
{
	if (cpu->left != LEFT_NONE)
		__atomic_fetch_and(&cpu->left->cpus, ~(1ull << cpu->number), __ATOMIC_SEQ_CST);
	cpu->left = LEFT_NONE;
	cpu->flushes++;
}

static inline __attribute__((always_inline)) bool cpu_join_map(struct cpu *cpu, struct space *map)
{
	__atomic_fetch_or(&map->cpus, 1ull << cpu->number, __ATOMIC_SEQ_CST);
	if (map->slot.state != SLOT_LOADED) {
		__atomic_fetch_and(&map->cpus, ~(1ull << cpu->number), __ATOMIC_SEQ_CST);
		return false;
	}
	cpu_forget_left(cpu);
	return true;
}

bool cpu_join_map_out_of_line(struct cpu *cpu, struct space *map);

/* This CPU translates by `map` (null: by any). False when the space is going. Going to and fro between two maps, as calls do, moves
 * no bits: the space that was left last keeps this CPU's, and so cannot go before this CPU has flushed. */
static inline __attribute__((always_inline)) bool cpu_change_map(struct cpu *cpu, struct space *map, bool (*join)(struct cpu *, struct space *))
{
	struct space *old = cpu->map;

	if (map == old)
		return true;
	if (map != cpu->left) {
		if (map == NULL)
			return true;
		if (!join(cpu, map))
			return false;
		if (old == NULL)
			old = LEFT_NONE;
	}
	mmu_activate(map->root);
	cpu->map = map;
	cpu->left = old;        /* with no map, none was left: see cpu_leave_map */
	return true;
}

/* The same, when the map is active or the one that was left last. */
static inline __attribute__((always_inline)) bool cpu_turn_map(struct cpu *cpu, struct space *map)
{
	struct space *old = cpu->map;

	if (map == old)
		return true;
	if (map != cpu->left)
		return false;
	mmu_activate(map->root);
	cpu->map = map;
	cpu->left = old;
	return true;
}

static inline __attribute__((always_inline)) bool cpu_enter_map(struct cpu *cpu, struct space *map) { return cpu_change_map(cpu, map, cpu_join_map_out_of_line); }
bool cpu_enter_map_out_of_line(struct cpu *cpu, struct space *map);

/* Must something be looked at before the thread runs on? */
static inline bool cpu_attention(const struct cpu *cpu, const struct thread *t)
{
	return (*(const uint64_t *)&t->asked | *(const uint64_t *)&cpu->attention) != 0;
}

/* For t->urgency. What is lent knows no ceiling: it is another's. */
static inline uint8_t thread_urgency(const struct thread *t)
{
	unsigned ceiling = t->payer->priority_ceiling, own = t->priority < ceiling ? t->priority : ceiling;

	return (uint8_t)(own > t->lent ? own : t->lent);
}

/* While a kernel has used up its share of a CPU, its threads there are the last. */
static inline unsigned thread_priority_on(const struct thread *t, unsigned cpu) { return t->payer->demoted[cpu] ? 0 : t->urgency; }

/* The same where it ran last. */
static inline unsigned thread_effective_priority(const struct thread *t)
{
	return t->cpu >= 0 ? thread_priority_on(t, (unsigned)t->cpu) : t->urgency;
}

/* Who is woken, and more urgent than what runs here, runs here next. An idle CPU is better still. */
static inline bool thread_goes_first(const struct cpu *cpu, const struct thread *from, const struct thread *t)
{
	return (state.idle_cpus | (uint64_t)state.only) == 0 && t->cpu == (int)cpu->number &&
	       (t->bound == CPU_ANY || t->bound == cpu->number) && t->urgency > from->urgency && !t->payer->demoted[cpu->number];
}

/* Graduated: urgent time costs up to twice as much as the same time at the lowest priority. */
static inline uint64_t charge_weighted(uint64_t ns, unsigned urgency) { return ns + ns * urgency / PRIORITY_COUNT; }

static inline unsigned level_rest(unsigned priority) { return 2 * priority + 1; }
static inline unsigned level_turn(unsigned priority) { return 2 * priority; }

/* Before all others of that level, or alone; a full fence. The queue is locked. */
static inline __attribute__((always_inline)) void queue_put_first(struct queue *q, struct thread *t, unsigned level)
{
	struct thread *next = q->first[level];

	t->queue_level = (uint8_t)level;
	t->queue_next = next;
	t->queue_at = &q->first[level];
	q->first[level] = t;
	if (next)
		next->queue_at = &t->queue_next;
	else
		q->end[level] = &t->queue_next;
	__atomic_fetch_or(&q->ready, 1ull << level, __ATOMIC_SEQ_CST);
}

/* A thread was put into this CPU's queue, with a fence, and nobody told: one that is idle may come for it. */
static inline void idle_call(void)
{
	if (state.idle_cpus)
		cpu_notify(state.idle_cpus & -state.idle_cpus);
}

/* It runs here, where it ran last; it is in no program, has a slice, and the timer is set. */
static inline __attribute__((always_inline)) void thread_on_plain(struct cpu *cpu, struct thread *t, uint64_t now)
{
	t->run = RUN_RUNNING;
	t->started_ns = now;
	cpu->thread = t;
	t->slot.used = true;
	if (t->base_space)
		t->base_space->slot.used = true;
	cpu_set_bases(t->fs_base, t->gs_base);
	state.counters->switches++;
}

#endif
