/* Device interrupts: signals to the locked page that a kernel bound them to. An interrupt belongs to that kernel until it unbinds it, or
 * the kernel, the space or the page goes for good; who is only displaced finds it bound when it is back. Home: none; it is bound anew
 * after a boot, like the device itself. Locks: irq_lock, a leaf. */
#include "interrupt.h"
#include "activation.h"
#include "call.h"
#include "memory.h"
#include "schedule.h"
#include "signal.h"

struct registers *strange_interrupt(struct registers *r, unsigned irq)
{
	struct cpu *cpu = this_cpu();
	struct signal_receivers found;
	struct irq bound;

	registers_in(cpu->thread, r);
	spin_lock(&state.irq_lock);
	bound = state.irq[irq];
	spin_unlock(&state.irq_lock);
	cpu->losing = true;
	if (bound.frame)
		(void)signal_frame(bound.frame, bound.offset, NULL, &found);
	cpu->losing = false;
	return cpu_leave(cpu);
}

static void irq_free(unsigned irq)
{
	irq_mask(irq);
	state.irqs_bound &= ~(1ull << irq);
	state.irq[irq].frame = 0;
	state.irq[irq].kernel = state.irq[irq].space = 0;
}

void interrupts_unbind(baryon_uid uid, frame_number first, uint64_t count)
{
	spin_lock(&state.irq_lock);
	for (uint64_t bits = state.irqs_bound; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		const struct irq *bound = &state.irq[i];

		if (uid ? bound->kernel == uid || bound->space == uid : (uint32_t)(bound->frame - first) < count)
			irq_free(i);
	}
	spin_unlock(&state.irq_lock);
}

/* Locked: may the call do something with it? */
static result irq_check(const struct call *call)
{
	baryon_uid owner = state.irq[call->a[0]].kernel;

	return owner && owner != call->kernel->slot.uid ? -BARYON_EBUSY : 0;
}

/* Locked. What is bound is free when its page goes: whoever unloads that marks it first. */
static result irq_bind(const struct call *call, const struct memory_place *place)
{
	unsigned irq = (unsigned)call->a[0];
	const struct page *p = page_at(place->page);
	result r = irq_check(call);

	if (r == 0 && (p->state != SLOT_LOADED || p->generation != place->generation))
		r = RESULT_RESTART;
	if (r == 0 && !irq_route(irq, (unsigned)call->a[2]))
		r = -BARYON_ENOENT;
	if (r < 0)
		return r;
	state.irq[irq] = (struct irq){ place->frame, (uint16_t)(call->a[1] % PAGE_BYTES), call->kernel->slot.uid,
				       call->space->slot.uid };
	state.irqs_bound |= 1ull << irq;
	irq_unmask(irq);
	return 0;
}

static result irq_unbind(const struct call *call)
{
	result r = irq_check(call);

	if (r == 0)
		irq_free((unsigned)call->a[0]);
	return r;
}

/* The page must be locked: an interrupt has no time to miss. */
static result irq_page(const struct call *call, struct memory_place *place)
{
	result r = memory_place(call->space, call->a[1], RIGHT_READ, place);

	return r == 0 && !(page_at(place->page)->flags & PAGE_LOCKED) ? -BARYON_EINVAL : r;
}

result call_interrupt_bind(struct call *call)
{
	struct memory_place place;
	result r = 0;

	if (!(call->kernel->rights & KERNEL_MAY_INTERRUPTS))
		return -BARYON_EPERM;
	if (call->a[0] >= IRQ_LIMIT || call->a[2] >= state.cpus)
		return -BARYON_EINVAL;
	if (call->a[1])
		r = irq_page(call, &place);
	if (r < 0)
		return r;
	spin_lock(&state.irq_lock);
	r = call->a[1] ? irq_bind(call, &place) : irq_unbind(call);
	spin_unlock(&state.irq_lock);
	return r;
}

result call_interrupt_done(struct call *call)
{
	result r;

	if (!(call->kernel->rights & KERNEL_MAY_INTERRUPTS))
		return -BARYON_EPERM;
	if (call->a[0] >= IRQ_LIMIT)
		return -BARYON_EINVAL;
	spin_lock(&state.irq_lock);
	r = state.irq[call->a[0]].frame ? irq_check(call) : -BARYON_EINVAL;
	if (r == 0)
		irq_unmask((unsigned)call->a[0]);
	spin_unlock(&state.irq_lock);
	return r;
}
