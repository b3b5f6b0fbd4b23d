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

/* Both only rise, and a space's count is never that of another load of its slot: no sum comes twice. */
static inline uint64_t signal_stamp(const struct space *s) { return s->changes + state.receivers_changed; }

static __attribute__((cold)) struct registers *signal_search(struct cpu *cpu, struct thread *t, struct registers *r)
{
	struct space *s = thread_top(t)->space;
	struct receiver_memo *memo = &cpu->memo[r->rdi / PAGE_BYTES % MEMOS];
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
		*memo = (struct receiver_memo){ address / PAGE_BYTES, s, stamp, found.to[0].thread, found.to[0].address,
						found.to[0].generation };
	return syscall_end(cpu, t, r, e > 0 ? 0 : e);
}

/* One signal ends the wait (RUN_SIGNAL) of a thread that will run here at once: it has it already, and is RUN_RUNNING. False: nothing
 * was done, for more is to be looked at. Locked. */
static inline bool signal_now(const struct cpu *cpu, struct thread *t, uint64_t address)
{
	struct activation *top = thread_top(t);
	struct registers *r = &top->registers;

	if ((t->signal_count | t->signal_overflow) || t->timer_cpu >= 0 || (top->map && top->map != cpu->map) ||
	    r->rsi - top->space->first > DOMAIN_BYTES - sizeof t->signals || !trap_store(r->rsi, address))
		return false;
	registers_forward(r);
	r->rax = 1;
	t->run = RUN_RUNNING;
	return true;
}

struct registers *syscall_signal(struct cpu *cpu, struct thread *t, struct registers *r)
{
	uint64_t address = r->rdi;
	const struct space *s = thread_top(t)->space;
	const struct receiver_memo *memo = (void *)cpu_once((uint64_t)&cpu->memo[address / PAGE_BYTES % MEMOS]);
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
	    signal_now(cpu, to, address)) {
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
