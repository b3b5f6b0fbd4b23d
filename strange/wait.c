/* Waiting and waking. Homes: tokens, signals, alerts and deadlines stand in the thread's; a thread that waits has its registers
 * at the call that waits, so whoever loads it executes that again. Who ends a wait of a loaded thread also ends the call for it:
 * writes the answer to its registers, under its lock; signals are written to its memory when it comes to run, for only
 * then its translations are there. Locks: the thread's. */
#include "wait.h"
#include "abandon.h"
#include "activation.h"
#include "cache.h"
#include "fast.h"
#include "memory.h"
#include "pool.h"
#include "schedule.h"
#include "signal.h"
#include "thread.h"
#include "timer.h"

static inline struct registers *answer(struct cpu *cpu, struct registers *r, result e)
{
	r->rax = (uint64_t)e;
	return cpu_leave(cpu);
}

/* What was asked of the thread comes before the wait, and so does a turn that it does not use. */
static __attribute__((noinline, cold)) bool wait_ended(struct thread *t, unsigned run)
{
	if ((t->pool & POOL_TURN) && run != RUN_STACK) {
		t->turn_rip = 0;
		return true;
	}
	return t->abandon_asked || (t->alert_pending && (run != RUN_STACK || t->alertable));
}

bool thread_wait_over(struct thread *t, unsigned run)
{
	if (t->asked && wait_ended(t, run))
		return true;
	if (run == RUN_PARKED)
		return t->unpark_token;
	if (run == RUN_SIGNAL)
		return t->signal_count > 0 || t->signal_overflow;
	return t->waits_for == NULL;
}

void thread_end_wait_locked(struct thread *t, result e)
{
	struct registers *r = &thread_top(t)->registers;

	registers_forward(r);
	r->rax = (uint64_t)e;
	thread_wake_locked(t);
}

struct registers *syscall_park(struct cpu *cpu, struct thread *t, struct registers *r)
{
	uint64_t deadline = r->rdi, now;

	if (t->unpark_token) {
		t->unpark_token = false;
		return answer(cpu, r, 0);
	}
	if (t->alert_pending) {
		t->alert_pending = false;
		return answer(cpu, r, -BARYON_EALERT);
	}
	now = clock_now();
	if (deadline && now >= deadline)
		return answer(cpu, r, -BARYON_ETIMEDOUT);
	registers_rewind(r);
	(void)thread_block(cpu, t, RUN_PARKED, deadline, now);
	return cpu_leave(cpu);
}

/* signals */

/* How many signals the call can take. */
static inline uint64_t words_asked(const struct registers *r) { return r->rdx < THREAD_SIGNALS ? r->rdx : THREAD_SIGNALS; }

/* To the memory that the call names, which lies in the domain; the result is its. The thread is locked, and runs on this CPU. False:
 * that memory is not there. */
static __attribute__((noinline)) bool signals_put(struct thread *t, struct registers *r)
{
	uint64_t out = r->rsi, n = t->signal_count < r->rdx ? t->signal_count : r->rdx;

	for (uint64_t i = 0; i < n; i++)
		if (!trap_store(out + i * 8, t->signals[(t->signal_first + i) % THREAD_SIGNALS]))
			return false;
	t->signal_first = (t->signal_first + (uint32_t)n) % THREAD_SIGNALS;
	t->signal_count -= (uint32_t)n;
	r->rax = n | (t->signal_overflow ? SIGNAL_OVERFLOWED : 0);
	t->signal_overflow = false;
	return true;
}

void thread_take_signals(struct thread *t)
{
	struct registers *r = &thread_top(t)->registers;

	t->takes_signals = false;
	spin_lock(&t->slot.lock);
	if ((t->signal_count || t->signal_overflow) && r->rax == CALL_WAIT && signals_put(t, r))
		registers_forward(r);
	spin_unlock(&t->slot.lock);
}

/* Why signals_put failed: the first or the last of these words cannot be written. */
static __attribute__((noinline, cold)) result words_missing(struct space *s, uint64_t out, uint64_t words)
{
	struct memory_place place;
	result r = memory_place(s, out, RIGHT_WRITE, &place);

	if (r == 0)
		r = memory_place(s, out + (words - 1) * 8, RIGHT_WRITE, &place);
	return r == 0 ? RESULT_RESTART : r;
}

static __attribute__((noinline, cold)) struct registers *signals_take(struct cpu *cpu, struct thread *t, struct registers *r)
{
	bool put;

	spin_lock(&t->slot.lock);
	put = signals_put(t, r);
	spin_unlock(&t->slot.lock);
	return put ? cpu_leave(cpu) : syscall_end(cpu, t, r, words_missing(thread_top(t)->space, r->rsi, words_asked(r)));
}

struct registers *syscall_wait(struct cpu *cpu, struct thread *t, struct registers *r)
{
	uint64_t deadline = r->rdi, now;

	if (r->rdx == 0 || r->rsi % 8)
		return answer(cpu, r, -BARYON_EINVAL);
	if (r->rsi - thread_top(t)->space->first > DOMAIN_BYTES - words_asked(r) * 8)
		return answer(cpu, r, -BARYON_EFAULT);
	if (t->signal_count || t->signal_overflow)
		return signals_take(cpu, t, r);
	if (t->alert_pending) {
		t->alert_pending = false;
		return answer(cpu, r, -BARYON_EALERT);
	}
	now = clock_now();
	if (deadline && now >= deadline)
		return answer(cpu, r, -BARYON_ETIMEDOUT);
	registers_rewind(r);
	(void)thread_block(cpu, t, RUN_SIGNAL, deadline, now);
	return cpu_leave(cpu);
}

/* waking */

void thread_disturb_locked(struct thread *t)
{
	if (t->run == RUN_PARKED || t->run == RUN_SIGNAL)
		thread_wake_locked(t);
	else if (t->run == RUN_RUNNING && t->cpu != (int)this_cpu()->number)
		cpu_notify(1ull << t->cpu);
}

void thread_stop_queueing(struct thread *t)
{
	pool_leave(t);
	(void)thread_wake(t, RUN_STACK);
}

/* The caller's own thread of that name, locked. */
static __attribute__((noinline)) result thread_lock(struct thread *t, baryon_uid uid, struct thread **other)
{
	struct slot *s;
	result r;

	if (UID_KEEPER(uid) != thread_top(t)->space->principal->number)
		return -BARYON_EPERM;
	s = this_cpu()->recent[KIND_THREAD][uid % RECENT];
	if (s == NULL || s->uid != uid || s->state != SLOT_LOADED) {
		r = slot_want(KIND_THREAD, uid, &s);
		if (r < 0)
			return r;
	}
	*other = (struct thread *)s;
	spin_lock(&s->lock);
	if (s->uid == uid && s->state == SLOT_LOADED)
		return 0;
	spin_unlock(&s->lock);
	return RESULT_RESTART;
}

struct registers *syscall_unpark(struct cpu *cpu, struct thread *t, struct registers *r)
{
	struct thread *other;
	result e = thread_lock(t, r->rdi, &other);

	if (e < 0)
		return syscall_end(cpu, t, r, e);
	if (other->run == RUN_PARKED)
		thread_end_wait_locked(other, 0);
	else
		other->unpark_token = true;
	spin_unlock(&other->slot.lock);
	return answer(cpu, r, 0);
}

/* Who waits in a domain gets the answer; everybody else finds the alert when it waits or runs in its program. */
struct registers *syscall_alert(struct cpu *cpu, struct thread *t, struct registers *r)
{
	struct thread *other;
	bool waits;
	result e = thread_lock(t, r->rdi, &other);

	if (e < 0)
		return syscall_end(cpu, t, r, e);
	if (other->run == RUN_PARKED || other->run == RUN_SIGNAL)
		thread_end_wait_locked(other, -BARYON_EALERT);
	else
		other->alert_pending = true;
	if (other->run == RUN_RUNNING && other->cpu != (int)cpu->number)
		cpu_notify(1ull << other->cpu);
	waits = other->run == RUN_STACK && other->alertable;
	spin_unlock(&other->slot.lock);
	if (waits)
		thread_stop_queueing(other);
	return answer(cpu, r, 0);
}

struct registers *syscall_yield(struct cpu *cpu, struct thread *t, struct registers *r)
{
	thread_yield(cpu, t);
	return answer(cpu, r, 0);
}

/* time */

void thread_expire(struct thread *t, uint64_t now)
{
	bool waits, inside;

	if (t->waits_for)
		pool_leave(t);
	spin_lock(&t->slot.lock);
	waits = t->run == RUN_PARKED || t->run == RUN_SIGNAL;
	inside = call_abandon_possible(t);
	if (t->slot.state == SLOT_LOADED && t->deadline && t->deadline <= now) {
		if (waits && !inside) {
			thread_end_wait_locked(t, -BARYON_ETIMEDOUT);
		} else if (waits || (t->run == RUN_STACK && t->waits_for == NULL)) {
			/* It may be the deadline of a call that it is in: it looks itself, and else calls again. */
			t->due_asked = inside;
			thread_wake_locked(t);
		}
	}
	spin_unlock(&t->slot.lock);
}
