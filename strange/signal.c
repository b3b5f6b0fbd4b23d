/* Signals: addresses, translated to the receiver's. Home: queued signals stand in the thread's home.
 * Locks: the thread's for its queue. */
#include "signal.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "fast.h"
#include "mapping_entry.h"
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

/* Those in a list of mappings. */
static void receivers_add(uint32_t first, struct signal_receivers *out)
{
	for (uint32_t i = first; i && out->count < RECEIVERS; i = mapping_at(i - 1)->next) {
		struct mapping *m = mapping_at(i - 1);
		struct thread *t = thread_at(m->thread - 1u);

		if (m->thread == 0)
			continue;
		out->to[out->count].thread = t;
		out->to[out->count].generation = t->slot.generation;
		out->to[out->count].number = t->slot.keeper->number;
		out->to[out->count++].address = mapping_address(m);
	}
}

/* ALIAS_DEPTH levels at most. */
static void receivers_of_aliases(const struct page *p, frame_number frame, struct signal_receivers *out)
{
	for (uint32_t i = p->aliases; i; i = page_at(i - 1)->alias_next) {
		const struct page *alias = page_at(i - 1);

		if (alias->frame != frame)
			continue;
		receivers_add(alias->mappings, out);
		receivers_of_aliases(alias, frame, out);
	}
}

/* False: the page goes, and whoever signals there finds it missing. */
static bool receivers_find(frame_number frame, struct signal_receivers *out)
{
	uint32_t name = state.frames[frame].page;
	struct page *p = page_at(name - 1);
	const struct container *c;
	bool there;

	out->count = 0;
	if (name == 0)
		return false;
	spin_lock(&p->lock);
	there = p->container != 0;
	c = (struct container *)slot_of(p->container);
	if (there) {
		out->container = c->slot.uid;
		out->index = p->index + (frame - p->frame);
		memory_move(out->absent, c->signal_kernels, sizeof out->absent);
	}
	receivers_add(state.frames[frame].mappings, out);
	receivers_of_aliases(p, frame, out);
	spin_unlock(&p->lock);
	return there;
}

/* Its kernel misses one less. */
static void receiver_told(struct signal_receivers *found, uint32_t number)
{
	for (unsigned i = 0; i < SIGNAL_KERNELS; i++)
		if ((found->absent[i] & SIGNAL_KERNEL) == number)
			found->absent[i] = found->absent[i] >> SIGNAL_OTHERS ? found->absent[i] - (1u << SIGNAL_OTHERS) : 0;
}

/* One that went since it was found is missing like the others. */
static void receivers_tell(struct signal_receivers *found, uint64_t offset)
{
	for (unsigned i = 0; i < found->count; i++)
		if (signal_post(found->to[i].thread, found->to[i].generation, found->to[i].address + offset))
			receiver_told(found, found->to[i].number);
}

/* The thread of kernel `number` that signals are redirected to, as its home says now; null: it has none. */
static COLD result redirect_want(uint32_t number, struct thread **t)
{
	struct slot *k, *s = NULL;
	result r = slot_want(KIND_KERNEL, KERNEL_UID(number), &k);
	const struct kernel_home *h = r == 0 ? k->home : NULL;
	baryon_uid redirect = h ? h->redirect : 0;

	if (UID_KEEPER(redirect) == number)
		r = slot_want(KIND_THREAD, redirect, &s);
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

/* Misses go downwards only: nobody waits for a kernel that it keeps, root for none, and an interrupt (null) for nothing. */
static COLD bool waits(const struct kernel *k, result r)
{
	uint32_t number = this_cpu()->want.keeper;
	const struct slot *s;

	if (k == NULL || r != RESULT_MISS || number == k->number)
		return k != NULL;
	s = slot_find(KIND_KERNEL, KERNEL_UID(number));
	return k->number != KERNEL_NUMBER_ROOT && !(s && s->keeper == k);
}

/* To the redirect threads of kernels that miss a receiver. 1: to some; a miss: the call is made again, and whoever was
 * told already is told twice. A kernel above the caller that would have to be asked first is not told: it looks when it is back. */
static COLD result absent_tell(const struct kernel *caller, const struct signal_receivers *found, uint64_t offset)
{
	uint64_t words[3] = { found->container, found->index, offset };
	result told = 0;

	for (unsigned i = 0; i < SIGNAL_KERNELS; i++) {
		uint32_t number = found->absent[i] & SIGNAL_KERNEL;
		struct thread *t = NULL;
		result r = number ? redirect_want(number, &t) : 0;

		if (r == 0 && t)
			told = r = redirect_post(t, number, words);
		if (r < 0 && waits(caller, r))
			return r;
		state.counters->signals_dropped += r < 0;
	}
	return told;
}

result signal_frame(frame_number frame, uint64_t offset, const struct kernel *caller, struct signal_receivers *found)
{
	if (!receivers_find(frame, found))
		return RESULT_RESTART;
	receivers_tell(found, offset);
	return absent_tell(caller, found, offset);
}

/* To all receivers of the page. */
COLD struct registers *syscall_signal(struct cpu *cpu, struct thread *t, struct registers *r)
{
	struct space *s = thread_top(t)->space;
	uint64_t address = r->rdi, stamp = signal_stamp(s);
	struct signal_receivers found;
	struct memory_place place;
	result e = memory_place(s, address, RIGHT_READ, &place);

	if (e == 0)
		e = signal_frame(place.frame, address % PAGE_BYTES, s->principal, &found);
	if (e == 0 && found.count == 1)
		*receiver_memo(cpu, address) = (struct receiver_memo){ address - address % PAGE_BYTES, s, stamp, found.to[0].thread,
								       found.to[0].address, found.to[0].generation };
	return syscall_end(cpu, t, r, e > 0 ? 0 : e);
}
