/* The short way of a signal: one receiver, found before. When it waits for signals in a domain, runs on this CPU and is more urgent
 * than the sender, it runs at once. Compiled to take all registers as its own (mk/kernel.mk), so only Charm's entry calls what is
 * here. What is decided is decided before anything is changed; who is not plain takes the long way. */
#include "activation.h"
#include "memory.h"
#include "schedule.h"
#include "signal.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE void lock(struct spin *l)
{
	if (!spin_try(l))
		cpu_spin_wait(l);
}

/* What the sender is charged. */
struct bill {
	uint64_t now, ns, period;
};

/* Is the sender's slice not over, its kernel within its share, and no timer needed that is not set? */
static ALWAYS_INLINE bool bill_make(const struct cpu *cpu, unsigned number, const struct thread *from, const struct thread *to, struct bill *b)
{
	const struct kernel *k = from->payer;

	b->now = clock_read();
	b->ns = b->now - from->started_ns;
	b->period = k->period_ns[number] + charge_weighted(b->ns, from->urgency);
	return b->ns < from->slice_ns && b->period <= k->limit_ns[number] && to->slice_ns && b->now + to->slice_ns >= cpu->timer_set;
}

static ALWAYS_INLINE void bill_pay(unsigned number, struct thread *from, const struct bill *b)
{
	struct kernel *k = from->payer;

	from->used_ns += b->ns;
	from->slice_ns -= b->ns;
	k->used_ns[number] += b->ns;
	k->period_ns[number] = b->period;
}

/* No extended state, no guards, no timer. */
static ALWAYS_INLINE bool plain(const struct thread *from, const struct thread *to)
{
	return !(from->program | to->program | from->guard_next) && to->timer_cpu < 0;
}

/* The sender is the first of its priority. */
static ALWAYS_INLINE void sender_queue(struct queue *q, struct thread *t)
{
	lock(&t->slot.lock);
	t->run = RUN_READY;
	lock(&q->lock);
	queue_put_first(q, t, level_rest(t->urgency));
	spin_unlock(&q->lock);
	spin_unlock(&t->slot.lock);
	idle_call();
}

/* The receiver (RUN_SIGNAL, locked) has the signal and runs. False: nothing was done. */
static ALWAYS_INLINE bool receiver_run(struct cpu *cpu, unsigned number, struct thread *from, struct thread *to, uint64_t address)
{
	struct activation *top = thread_top(to);
	struct bill b;

	if (!plain(from, to) || (top->map && top->map != cpu->map) || !bill_make(cpu, number, from, to, &b) ||
	    !trap_store(top->registers.rsi, address))
		return false;
	bill_pay(number, from, &b);
	registers_forward(&top->registers);
	top->registers.rax = 1;
	thread_on_plain(cpu, to, b.now);
	return true;
}

struct registers *strange_signal(uint64_t address, struct registers *r)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	const struct space *s = thread_top(t)->space;
	const struct receiver_memo *memo = receiver_memo(cpu, address);
	uint64_t offset = address - memo->page;
	struct thread *to = memo->thread;

	r->rax = CALL_SIGNAL;
	if (offset >= PAGE_BYTES || memo->space != s || memo->stamp != signal_stamp(s))
		return strange_syscall(r);
	lock(&to->slot.lock);
	if (to->slot.generation != memo->generation || to->slot.state != SLOT_LOADED) {
		spin_unlock(&to->slot.lock);
		return strange_syscall(r);
	}
	r->rax = 0;
	address = memo->address + offset;
	if (to->run == RUN_SIGNAL && thread_goes_first(cpu, t, to) && !(cpu->attention | to->asked) &&
	    receiver_run(cpu, cpu->number, t, to, address)) {
		r = &thread_top(to)->registers;
		spin_unlock(&to->slot.lock);
		sender_queue(&cpu->queue, t);
		trap_save_to(r);
		return r;
	}
	signal_post_locked(to, address);
	spin_unlock(&to->slot.lock);
	return cpu_leave(cpu);
}
