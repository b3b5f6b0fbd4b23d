/* Signals: addresses, translated to the receiver's. Home: queued signals stand in the thread's home. Device interrupts are
 * signals to the page that they were bound to. Locks: the thread's for its queue. */
#include "signal.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "mapping.h"
#include "memory.h"
#include "schedule.h"
#include "timer.h"

enum { RECEIVERS = 16 };

void signal_post(struct thread *t, uint32_t generation, uint64_t address)
{
	spin_lock(&t->slot.lock);
	if (t->slot.generation != generation || t->slot.state != SLOT_LOADED) {
		spin_unlock(&t->slot.lock);
		state.counters->signals_dropped++;
		return;
	}
	if (t->signal_count < THREAD_SIGNALS)
		t->signals[(t->signal_first + t->signal_count++) % THREAD_SIGNALS] = address;
	else
		t->signal_overflow = true;
	if (t->run == RUN_SIGNAL) {
		timer_remove(t);
		thread_ready_locked(t);
	}
	spin_unlock(&t->slot.lock);
}

void signal_frame(frame_number frame, uint64_t offset)
{
	struct signal_receiver to[RECEIVERS];
	unsigned n = mapping_receivers(frame, to, RECEIVERS);

	for (unsigned i = 0; i < n; i++)
		signal_post(to[i].thread, to[i].generation, to[i].address + offset);
}

result call_signal(struct call *call)
{
	struct memory_place place;
	result r = memory_place(call->space, call->a[0], RIGHT_READ, &place);

	if (r < 0)
		return r;
	signal_frame(place.frame, call->a[0] % PAGE_BYTES);
	return 0;
}

static result signals_take(struct call *call, uint64_t out, uint64_t count)
{
	struct thread *t = call->thread;
	uint64_t taken[THREAD_SIGNALS], n;
	bool overflow;
	result r;

	spin_lock(&t->slot.lock);
	n = t->signal_count < count ? t->signal_count : count;
	for (uint64_t i = 0; i < n; i++)
		taken[i] = t->signals[(t->signal_first + i) % THREAD_SIGNALS];
	spin_unlock(&t->slot.lock);
	r = n ? memory_write(call->space, out, taken, n * 8) : 0;
	if (r < 0)
		return r;
	spin_lock(&t->slot.lock);
	t->signal_first = (t->signal_first + (uint32_t)n) % THREAD_SIGNALS;
	t->signal_count -= (uint32_t)n;
	overflow = t->signal_overflow;
	t->signal_overflow = false;
	spin_unlock(&t->slot.lock);
	return (result)(n | (overflow ? SIGNAL_OVERFLOWED : 0));
}

result call_wait(struct call *call)
{
	struct thread *t = call->thread;
	uint64_t deadline = call->a[0];

	if (call->a[2] == 0 || call->a[1] % 8)
		return -BARYON_EINVAL;
	if (t->signal_count || t->signal_overflow)
		return signals_take(call, call->a[1], call->a[2]);
	if (t->alert_pending) {
		t->alert_pending = false;
		return -BARYON_EALERT;
	}
	if (deadline && clock_now() >= deadline)
		return -BARYON_ETIMEDOUT;
	registers_rewind(call->r);
	return thread_block(call->cpu, t, RUN_SIGNAL, deadline) ? RESULT_BLOCKED : RESULT_TRANSFERRED;
}

/* interrupts */

struct registers *strange_interrupt(struct registers *r, unsigned irq)
{
	frame_number frame;
	uint64_t offset;

	registers_in(this_cpu()->thread, r);
	spin_lock(&state.irq_lock);
	frame = state.irq_frame[irq];
	offset = state.irq_offset[irq];
	spin_unlock(&state.irq_lock);
	if (frame)
		signal_frame(frame, offset);
	return cpu_leave(this_cpu());
}

/* The page must be locked: an interrupt has no time to miss. */
COLD result call_interrupt_bind(struct call *call)
{
	uint64_t irq = call->a[0];
	struct memory_place place;
	result r;

	if (!(call->kernel->rights & KERNEL_MAY_INTERRUPTS))
		return -BARYON_EPERM;
	if (irq >= IRQ_LIMIT)
		return -BARYON_EINVAL;
	r = memory_place(call->space, call->a[1], RIGHT_READ, &place);
	if (r < 0)
		return r;
	if (!(page_at(place.page)->flags & PAGE_LOCKED))
		return -BARYON_EINVAL;
	if (!irq_route((unsigned)irq, 0))
		return -BARYON_ENOENT;
	spin_lock(&state.irq_lock);
	state.irq_frame[irq] = place.frame;
	state.irq_offset[irq] = (uint16_t)(call->a[1] % PAGE_BYTES);
	spin_unlock(&state.irq_lock);
	irq_unmask((unsigned)irq);
	return 0;
}

COLD result call_interrupt_done(struct call *call)
{
	if (!(call->kernel->rights & KERNEL_MAY_INTERRUPTS))
		return -BARYON_EPERM;
	if (call->a[0] >= IRQ_LIMIT || state.irq_frame[call->a[0]] == 0)
		return -BARYON_EINVAL;
	irq_unmask((unsigned)call->a[0]);
	return 0;
}
