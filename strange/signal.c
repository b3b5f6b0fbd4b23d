/* Signals: addresses, translated to the receiver's. Home: queued signals stand in the thread's home. Device interrupts are
 * signals to the page that they were bound to. Locks: the thread's for its queue. */
#include "signal.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "fast.h"
#include "mapping.h"
#include "memory.h"
#include "schedule.h"
#include "wait.h"

enum { RECEIVERS = 16 };

/* Queue it; the thread is locked. */
static __attribute__((noinline)) void post_locked(struct thread *t, uint64_t address)
{
	if (t->signal_count < THREAD_SIGNALS)
		t->signals[(t->signal_first + t->signal_count++) % THREAD_SIGNALS] = address;
	else
		t->signal_overflow = true;
	if (t->run == RUN_SIGNAL) {
		t->takes_signals = true;
		thread_wake_locked(t);
	}
}

bool signal_post(struct thread *t, uint32_t generation, uint64_t address)
{
	bool there;

	spin_lock(&t->slot.lock);
	there = t->slot.generation == generation && t->slot.state == SLOT_LOADED;
	if (there)
		post_locked(t, address);
	spin_unlock(&t->slot.lock);
	if (!there)
		state.counters->signals_dropped++;
	return there;
}

void signal_frame(frame_number frame, uint64_t offset)
{
	struct signal_receiver to[RECEIVERS];
	unsigned n = mapping_receivers(frame, to, RECEIVERS);

	for (unsigned i = 0; i < n; i++)
		(void)signal_post(to[i].thread, to[i].generation, to[i].address + offset);
}

/* Both only rise, and a space's count is never that of another load of its slot: no sum comes twice. */
static inline uint64_t signal_stamp(const struct space *s) { return s->changes + state.receivers_changed; }

static __attribute__((cold)) struct registers *signal_search(struct cpu *cpu, struct thread *t, struct registers *r)
{
	struct space *s = thread_top(t)->space;
	struct receiver_memo *memo = &cpu->memo[r->rdi / PAGE_BYTES % MEMOS];
	uint64_t address = r->rdi, stamp = signal_stamp(s);
	struct signal_receiver to[RECEIVERS];
	struct memory_place place;
	result e = memory_place(s, address, RIGHT_READ, &place);
	unsigned n;

	if (e < 0)
		return syscall_end(cpu, t, r, e);
	n = mapping_receivers(place.frame, to, RECEIVERS);
	for (unsigned i = 0; i < n; i++)
		(void)signal_post(to[i].thread, to[i].generation, to[i].address + address % PAGE_BYTES);
	if (n == 1)
		*memo = (struct receiver_memo){ address / PAGE_BYTES, s, stamp, to[0].thread, to[0].address, to[0].generation };
	r->rax = 0;
	return cpu_leave(cpu);
}

struct registers *syscall_signal(struct cpu *cpu, struct thread *t, struct registers *r)
{
	uint64_t address = r->rdi;
	const struct space *s = thread_top(t)->space;
	const struct receiver_memo *memo = &cpu->memo[address / PAGE_BYTES % MEMOS];
	struct thread *to = memo->thread;

	if (memo->page != address / PAGE_BYTES || memo->space != s || memo->stamp != signal_stamp(s))
		return signal_search(cpu, t, r);
	spin_lock(&to->slot.lock);
	if (to->slot.generation != memo->generation || to->slot.state != SLOT_LOADED) {
		spin_unlock(&to->slot.lock);
		return signal_search(cpu, t, r);
	}
	r->rax = 0;
	address = memo->address + address % PAGE_BYTES;
	if (to->run == RUN_SIGNAL && thread_goes_first(cpu, t, to) && !(cpu->attention | to->asked) &&
	    thread_signal_now(cpu, to, address)) {
		spin_unlock(&to->slot.lock);
		thread_exchange(cpu, t, to);
		cpu_hide_xstate(activation_hides_xstate(to));
		trap_save_to(thread_save_place(to));
		return &thread_top(to)->registers;
	}
	post_locked(to, address);
	spin_unlock(&to->slot.lock);
	return cpu_leave(cpu);
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
