/* Signals: addresses, translated to the receiver's. Home: queued signals stand in the thread's home.
 * Locks: the thread's for its queue. */
#include "signal.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "fast.h"
#include "mapping.h"
#include "memory.h"
#include "schedule.h"
#include "wait.h"

void signal_post_locked(struct thread *t, uint64_t address)
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
		signal_post_locked(t, address);
	spin_unlock(&t->slot.lock);
	if (!there)
		state.counters->signals_dropped++;
	return there;
}

static void receivers_tell(const struct signal_receivers *found, uint64_t offset)
{
	for (unsigned i = 0; i < found->count; i++)
		(void)signal_post(found->to[i].thread, found->to[i].generation, found->to[i].address + offset);
}

void signal_frame(frame_number frame, uint64_t offset)
{
	struct signal_receivers found;

	mapping_receivers(frame, &found);
	receivers_tell(&found, offset);
}

/* The thread of kernel `number` that signals are redirected to; null: it has none. */
static COLD result redirect_want(uint32_t number, struct thread **t)
{
	struct slot *k, *s = NULL;
	result r = slot_want(KIND_KERNEL, KERNEL_UID(number), &k);

	if (r == 0 && UID_KEEPER(((struct kernel *)k)->redirect) == number)
		r = slot_want(KIND_THREAD, ((struct kernel *)k)->redirect, &s);
	*t = (struct thread *)s;
	return r;
}

/* All three words or none. */
static COLD result redirect_post(struct thread *t, uint32_t number, const uint64_t *words)
{
	result r = 1;

	spin_lock(&t->slot.lock);
	if (t->slot.state != SLOT_LOADED || t->slot.keeper->number != number)
		r = RESULT_RESTART;
	else if (t->signal_count > THREAD_SIGNALS - 3)
		t->signal_overflow = true;
	else
		for (unsigned i = 0; i < 3; i++)
			t->signals[(t->signal_first + t->signal_count++) % THREAD_SIGNALS] = words[i];
	if (r > 0 && t->run == RUN_SIGNAL) {
		t->takes_signals = true;
		thread_wake_locked(t);
	}
	spin_unlock(&t->slot.lock);
	return r;
}

/* Misses go downwards only: nobody waits for a kernel that it keeps, and root for none. */
static COLD bool waits_upwards(const struct kernel *k, uint32_t number)
{
	const struct slot *s = slot_find(KIND_KERNEL, KERNEL_UID(number));

	return number != k->number && (k->number == KERNEL_NUMBER_ROOT || (s && s->keeper == k));
}

/* To the redirect threads of kernels that have no receiver loaded. 1: to some; a miss: the call is made again, and whoever was
 * told already is told twice. A kernel above the caller that would have to be asked first is not told: it looks when it is back. */
static COLD result absent_tell(const struct kernel *caller, const struct signal_receivers *found, uint64_t offset)
{
	uint64_t words[3] = { found->container, found->index, offset };
	result told = 0;

	for (unsigned i = 0; i < SIGNAL_KERNELS; i++) {
		struct thread *t = NULL;
		result r = found->absent[i] ? redirect_want(found->absent[i], &t) : 0;

		if (r == 0 && t)
			told = r = redirect_post(t, found->absent[i], words);
		if (r == RESULT_MISS && waits_upwards(caller, this_cpu()->want.keeper))
			state.counters->signals_dropped++;
		else if (r < 0)
			return r;
	}
	return told;
}

/* To all receivers of the page. */
COLD struct registers *syscall_signal(struct cpu *cpu, struct thread *t, struct registers *r)
{
	struct space *s = thread_top(t)->space;
	uint64_t address = r->rdi, stamp = signal_stamp(s);
	struct signal_receivers found;
	struct memory_place place;
	result e = memory_place(s, address, RIGHT_READ, &place);

	if (e == 0) {
		mapping_receivers(place.frame, &found);
		receivers_tell(&found, address % PAGE_BYTES);
		e = absent_tell(s->principal, &found, address % PAGE_BYTES);
	}
	if (e == 0 && found.count == 1)
		*receiver_memo(cpu, address) = (struct receiver_memo){ address - address % PAGE_BYTES, s, stamp, found.to[0].thread,
								       found.to[0].address, found.to[0].generation };
	return syscall_end(cpu, t, r, e > 0 ? 0 : e);
}
