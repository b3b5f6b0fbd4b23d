/* Threads. Home: a thread_home at the owner, with the lowest activation; what waits, waits by executing its call again.
 * Derived: queue places, guards. Locks: slot.lock for the run state, tokens and signals. */
#include "thread.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "kernel.h"
#include "loss.h"
#include "memory.h"
#include "pool.h"
#include "portal.h"
#include "schedule.h"
#include "signal.h"
#include "space.h"
#include "timer.h"
#include "mapping.h"
#include "xstate.h"

/* dependence */

static bool level_uses(const struct activation *a, const struct space *s, const struct portal *p)
{
	return s ? a->space == s || a->map == s : a->portal == p;
}

static bool thread_uses(const struct thread *t, const struct space *s, const struct portal *p)
{
	return level_uses(thread_top(t), s, p) || (t->count == 2 && level_uses(thread_lower(t), s, p));
}

static bool thread_search(const struct space *s, const struct portal *p, uint32_t *id, uint32_t *generation)
{
	for (uint32_t i = 0; i < state.cache[KIND_THREAD].count; i++) {
		struct thread *t = thread_at(i);

		/* One that is being loaded looks whether they are there after it has its level. */
		if (t->slot.state == SLOT_FREE || t->level[0] == NULL || !thread_uses(t, s, p))
			continue;
		*id = t->slot.id;
		*generation = t->slot.generation;
		return true;
	}
	return false;
}

bool thread_in_space(const struct space *s, uint32_t *id, uint32_t *generation)
{
	return !(s->flags & SPACE_PROGRAM) && thread_search(s, NULL, id, generation);
}

bool thread_in_portal(const struct portal *p, uint32_t *id, uint32_t *generation)
{
	return (p->revisited || p->free_stacks != portal_all_stacks(p)) && thread_search(NULL, p, id, generation);
}

/* loading */

static bool canonical(uint64_t address) { return (address + (1ull << 47)) >> 48 == 0; }

static result thread_check(struct call *call, const struct thread_home *h)
{
	if (h->priority >= PRIORITY_COUNT || h->priority > call->kernel->priority_ceiling)
		return -BARYON_EINVAL;
	if (h->handler_top % 512 || h->handler_top == 0 || h->state > THREAD_WAITING_STACK)
		return -BARYON_EINVAL;
	if (h->cpu != CPU_ANY && h->cpu >= state.cpus)
		return -BARYON_EINVAL;
	/* A program sets its bases itself, to any address there is. */
	if (!canonical(h->fs_base) || !canonical(h->gs_base) || h->signal_count > THREAD_SIGNALS)
		return -BARYON_EINVAL;
	return h->base.kind == ACTIVATION_BASE && h->base.thread == h->header.uid ? 0 : -BARYON_EFORGED;
}

static result spaces_want(struct call *call, const struct thread_home *h, struct space **base, struct space **handler)
{
	result r = space_want_own(call, h->base.space, base);

	if (r == 0)
		r = space_want_own(call, h->handler_space, handler);
	if (r == 0 && ((*handler)->flags & SPACE_PROGRAM))
		r = slot_refused(&(*handler)->slot, -BARYON_EINVAL);
	return r;
}

static bool quantum_good(uint64_t ns)
{
	return ns >= QUANTUM_LEAST_NS && ns <= QUANTUM_MOST_NS;
}

static void thread_fill(struct thread *t, const struct thread_home *h)
{
	t->priority = (uint8_t)h->priority;
	t->bound = h->cpu;
	t->home_flags = h->flags;
	t->cpu = h->cpu == CPU_ANY ? -1 : h->cpu;
	t->timer_cpu = -1;
	t->depth = h->depth;
	t->lower_unseen = h->depth > 0;
	t->quantum_ns = quantum_good(h->quantum_ns) ? h->quantum_ns : SLICE_NS;
	t->quanta_program = h->quanta_program;
	t->quanta_elsewhere = h->quanta_elsewhere;
	t->slice_ns = h->slice_ns > t->quantum_ns ? t->quantum_ns : h->slice_ns;
	t->fs_base = h->fs_base;
	t->gs_base = h->gs_base;
	t->unpark_token = h->unpark_token != 0;
	t->alert_pending = h->alert_pending & 1;
	t->abandon_asked = (h->alert_pending & 2) != 0;
	t->cookie = h->cookie;
	t->used_ns = h->used_ns;
	t->signal_count = h->signal_count;
	t->signal_overflow = h->signal_overflow != 0;
	t->handler_top = h->handler_top;
	memory_move(t->signals, h->signals, sizeof t->signals);
}

static result thread_handler(struct thread *t, struct space *handler)
{
	struct memory_place place;
	result r = memory_place_depend(handler, t->handler_top - 512, RIGHT_READ | RIGHT_WRITE, &place,
				       &t->handler_node, t->slot.id);

	if (r < 0)
		return r;
	t->handler_frame = place.pointer;
	t->handler_dirty = &state.frames[place.frame].dirty;
	t->handler_record = (struct activation_record *)(t->handler_frame + 1);
	t->handler_supervisor = handler->flags & SPACE_SUPERVISOR;
	frame_touch(place.frame);
	return 0;
}

/* A kernel's first thread is kept by another, but runs for the kernel. */
static void base_set(struct thread *t, struct space *base)
{
	t->base_space = base;
	t->payer = base && base->principal ? base->principal : t->slot.keeper;
	t->urgency = thread_urgency(t);
}

static result thread_depend(struct thread *t, struct space *base, baryon_uid base_uid, struct space *handler,
			    baryon_uid handler_uid)
{
	uint32_t id = t->slot.id;

	t->base_space = base;
	t->handler_space = handler;
	if (!dependent_add(&base->slot, base_uid, &t->base_node, id))
		return RESULT_RESTART;
	if (!dependent_add(&handler->slot, handler_uid, &t->handler_space_node, id))
		return RESULT_RESTART;
	base_set(t, base);
	xstate_own(t);
	return 0;
}

static void thread_independ(struct thread *t)
{
	for (unsigned i = 0; i < 2; i++)
		if (t->act[i].page_node.at)
			activation_forget(&t->act[i]);
	if (t->base_node.at)
		dependent_remove(&t->base_space->slot, &t->base_node);
	if (t->handler_space_node.at)
		dependent_remove(&t->handler_space->slot, &t->handler_space_node);
	if (t->handler_node.at)
		memory_independ(frame_of_pointer(t->handler_frame), &t->handler_node);
}

/* The top level: from the home when the thread is in no call, else from the record that the home names. */
static result thread_levels(struct thread *t, const struct thread_home *h)
{
	struct record_name name = { h->top_record, h->top_space, h->top_portal, h->top_link, 0 };
	result r;

	if (h->depth == 0)
		name = (struct record_name){ 0 };
	t->level[0] = &t->act[0];
	t->level[1] = &t->act[1];
	t->count = 1;
	r = h->depth && h->top_record == 0 ? -BARYON_EFORGED : activation_read(t, &t->act[0], &name);
	if (r < 0)
		return r == -BARYON_ELOST ? -BARYON_EFORGED : r;
	t->act[0].handler_sp = h->depth ? h->handler_sp : t->handler_top;
	if (!registers_acceptable(&t->act[0], &t->act[0].registers))
		return -BARYON_EFORGED;
	return activation_there(&t->act[0], &name) ? 0 : RESULT_RESTART;
}

static result thread_build(struct thread *t, const struct thread_home *h, struct space *base, struct space *handler,
			   uint64_t home)
{
	result r;

	thread_fill(t, h);
	t->home_address = home;
	memory_move(t->xstate, h->xstate, XSTATE_BYTES);
	r = xstate_check(t->xstate);
	if (r == 0)
		r = thread_depend(t, base, h->base.space, handler, h->handler_space);
	if (r == 0)
		r = thread_handler(t, handler);
	if (r == 0)
		r = thread_levels(t, h);
	return r;
}

/* Who it is and what it needs. The rest may be written at this moment, by whoever unloads it. */
static result home_names(struct call *call, uint64_t home, struct thread_home *h)
{
	result r = memory_read(call->space, home, &h->header, sizeof h->header);

	if (r == 0)
		r = memory_read(call->space, home + offsetof(struct thread_home, base.space), &h->base.space, 8);
	if (r == 0)
		r = memory_read(call->space, home + offsetof(struct thread_home, handler_space), &h->handler_space, 8);
	return r;
}

/* The home, once the name is taken: nobody else has the thread now, and what was written is all there. */
static result home_take(struct call *call, const struct slot *s, struct thread_home *h, baryon_uid base, baryon_uid handler)
{
	memory_move(h, s->home, sizeof *h);
	if (h->header.uid != s->uid || h->base.space != base || h->handler_space != handler)
		return RESULT_RESTART;
	return thread_check(call, h);
}

result thread_load(struct call *call, uint64_t home, unsigned flags)
{
	struct space *base, *handler;
	struct portal *portal;
	struct thread_home h;
	struct thread *t;
	struct slot *s;
	result r;

	if (home % sizeof h)
		return -BARYON_EINVAL;
	r = home_names(call, home, &h);
	if (r == 0)
		r = spaces_want(call, &h, &base, &handler);
	if (r == 0)
		r = slot_begin(call, KIND_THREAD, home, flags, &h, sizeof h, &s);
	if (r < 0)
		return r;
	t = (struct thread *)s;
	r = home_take(call, s, &h, h.base.space, h.handler_space);
	if (r == 0)
		r = thread_build(t, &h, base, handler, home);
	if (r < 0) {
		thread_independ(t);
		slot_abort(s);
		return r;
	}
	t->run = RUN_STOPPED;
	/* Published and ready at once: whoever unloads it must never find it stopped, and write that home. */
	spin_lock(&s->lock);
	portal = thread_top(t)->portal;
	r = slot_publish(s);
	if (r == 0 && h.state != THREAD_STOPPED)
		thread_ready_locked(t);
	spin_unlock(&s->lock);
	if (r == 0 && portal)
		pool_hurry(portal);
	return r;
}

/* write-back */

static uint32_t home_state(const struct thread *t)
{
	static const uint8_t map[] = {
		[RUN_STOPPED] = THREAD_STOPPED, [RUN_READY] = THREAD_RUNNABLE, [RUN_RUNNING] = THREAD_RUNNABLE,
		[RUN_PARKED] = THREAD_PARKED, [RUN_SIGNAL] = THREAD_WAITING_SIGNAL, [RUN_STACK] = THREAD_WAITING_STACK,
	};

	return map[t->run];
}

static void home_top(const struct thread *t, struct thread_home *h)
{
	const struct activation *top = thread_top(t);

	h->top_record = activation_address(top);
	h->top_space = top->space->slot.uid;
	h->top_portal = top->portal ? top->portal->slot.uid : 0;
	h->top_link = top->link;
	h->handler_sp = top->handler_sp;
}

static void home_signals(struct thread *t, struct thread_home *h)
{
	h->signal_count = t->signal_count;
	h->signal_overflow = t->signal_overflow;
	for (uint32_t i = 0; i < t->signal_count; i++)
		h->signals[i] = t->signals[(t->signal_first + i) % THREAD_SIGNALS];
}

static void levels_write(struct thread *t)
{
	struct activation *top = thread_top(t), *lower = t->count == 2 ? thread_lower(t) : NULL;

	t->entered = false;     /* they have links now */
	if (lower)
		activation_write(t, lower, NULL);
	activation_write(t, top, lower);
}

void thread_write_back(uint32_t index)
{
	struct thread *t = thread_at(index);
	struct thread_home *h = t->slot.home;

	if (h == NULL)
		return;
	levels_write(t);
	frame_touch(t->slot.home_frame);
	h->priority = t->priority;
	h->cpu = t->bound;
	h->state = home_state(t);
	h->depth = t->depth;
	h->slice_ns = t->slice_ns;
	h->deadline_ns = t->run >= RUN_PARKED ? t->deadline : 0;
	h->waits_for = t->waits_for ? t->waits_for->slot.uid : 0;
	h->fs_base = t->fs_base;
	h->gs_base = t->gs_base;
	h->unpark_token = t->unpark_token;
	h->alert_pending = t->alert_pending | t->abandon_asked << 1;
	h->used_ns = t->used_ns;
	h->quantum_ns = t->quantum_ns;
	h->quanta_program = t->quanta_program;
	h->quanta_elsewhere = t->quanta_elsewhere;
	home_top(t, h);
	home_signals(t, h);
	frame_write(t->slot.home_frame, h->xstate, t->xstate, XSTATE_BYTES);
}

/* The owner's scheduler thread reloads what can run, and what must wake by itself. */
static void scheduler_tell(struct kernel *k, uint64_t home_address)
{
	struct slot *s = k->scheduler ? slot_find(KIND_THREAD, k->scheduler) : NULL;

	if (s && s->state == SLOT_LOADED && s->keeper == k)
		(void)signal_post((struct thread *)s, s->generation, home_address);
}

/* Nobody else will think of it: it can run, has a deadline, or waited for a stack, whose waiters only Strange knew. */
static bool wakes_itself(const struct thread *t)
{
	return t->run == RUN_READY || t->run == RUN_STACK || (t->run >= RUN_PARKED && t->deadline);
}

/* Dying, off every CPU, locked: out. */
static void thread_out(struct thread *t, bool write)
{
	struct kernel *k = t->slot.keeper;
	uint64_t home = t->home_address;
	bool tell = write && !t->unload_asked && wakes_itself(t);

	thread_unqueue_locked(t);
	if (write)
		thread_write_back(slot_index(&t->slot));
	t->run = RUN_STOPPED;
	thread_independ(t);
	slot_end(&t->slot);
	if (tell)
		scheduler_tell(k, home);
}

/* The thread is dying, off every CPU and locked, and stays so; meanwhile it is unlocked, and nobody else may begin the same. Fails, and
 * it is unlocked, when a level to be released cannot be reached now: somebody comes again. */
static result levels_end(struct thread *t, bool write)
{
	unsigned run = t->run;
	result r = 0;

	t->ending = true;
	thread_unqueue_locked(t);
	t->run = RUN_STOPPED;
	spin_unlock(&t->slot.lock);
	if (write)
		levels_lose(t);
	else
		r = levels_cut(t);
	if (!write && r == 0)
		levels_release(t);
	spin_lock(&t->slot.lock);
	t->ending = false;
	t->queue_at = NULL;
	if (r < 0)
		spin_unlock(&t->slot.lock);
	else
		t->run = run == RUN_READY || write ? RUN_READY : (uint8_t)run;
	return r;
}

bool thread_dependent(uint32_t index, uint32_t *id, uint32_t *generation)
{
	(void)index, (void)id, (void)generation;
	return false;
}

result thread_unload(uint32_t index, uint32_t generation, bool write)
{
	struct thread *t = thread_at(index);

	if (mapping_unload_signals(t) > 0)
		return RESULT_RESTART;
	pool_leave(t);
	if (!slot_lock_dying(&t->slot, generation)) {
		(void)thread_wake(t, RUN_STACK);        /* it was another: it looks again */
		return 0;
	}
	/* Another CPU ends its levels, without the lock, and then takes it out; nobody else may, whatever is left of them. */
	if (t->ending) {
		spin_unlock(&t->slot.lock);
		return RESULT_RESTART;
	}
	if (t->run == RUN_RUNNING) {
		/* Its CPU does it: serve_asked sees SLOT_DYING. */
		t->destroy_asked = !write;
		t->leave_asked = true;
		spin_unlock(&t->slot.lock);
		if (t->cpu != (int)this_cpu()->number)
			cpu_notify(1ull << t->cpu);
		return RESULT_RESTART;
	}
	if (!write || top_ends(t)) {
		result r = levels_end(t, write);

		if (r < 0)
			return r;
	}
	thread_out(t, write);
	return 0;
}

/* Off its CPU, and not to run. One that is dying is ended by whoever destroys it, who can wait for what that needs. */
static void thread_put_off(struct cpu *cpu, struct thread *t)
{
	spin_lock(&t->slot.lock);
	cpu->thread = NULL;
	t->stop_asked = t->leave_asked = t->destroy_asked = false;
	t->run = RUN_STOPPED;
	(void)pool_lent_end(t);
	if (t->depth == 0)      /* whatever it was late for or had in a call */
		pool_clear(t, POOL_LATE | POOL_XSTATE);
	spin_unlock(&t->slot.lock);
}

void thread_serve_asked(struct cpu *cpu, struct thread *t)
{
	bool destroy = t->destroy_asked;

	pool_leave(t);
	if (t->stop_asked && !t->unload_asked && t->slot.state == SLOT_LOADED) {
		thread_off(cpu, t);
		thread_put_off(cpu, t);
		return;
	}
	if (t->signal_mappings)
		while (mapping_unload_signals(t) > 0)
			;
	thread_off(cpu, t);
	t->slot.state = SLOT_DYING;
	if (destroy && levels_cut(t) < 0 && !t->unload_asked) {
		thread_put_off(cpu, t);
		return;
	}
	if (destroy)
		levels_release(t);
	else
		levels_lose(t);
	spin_lock(&t->slot.lock);
	cpu->thread = NULL;
	t->run = t->stop_asked ? RUN_STOPPED : RUN_READY;
	t->queue_at = NULL;
	thread_out(t, !destroy);
}

void thread_map_lost(struct cpu *cpu, struct thread *t)
{
	t->slot.state = SLOT_DYING;
	thread_serve_asked(cpu, t);
}

result thread_unload_self(struct call *call, bool destroy)
{
	result r = mapping_unload_signals(call->thread) > 0 ? RESULT_RESTART : destroy ? levels_cut(call->thread) : 0;

	if (r < 0)
		return r;
	call->thread->unload_asked = true;
	call->thread->destroy_asked = destroy;
	return 0;
}

/* settings */

result thread_want(struct call *call, baryon_uid uid, struct thread **t)
{
	struct slot *s;
	result r;

	if (UID_KEEPER(uid) != call->kernel->number)
		return -BARYON_EPERM;
	r = slot_want(KIND_THREAD, uid, &s);
	*t = (struct thread *)s;
	return r;
}

static result set_state(struct call *call, struct thread *t, uint64_t value)
{
	if (value == THREAD_RUNNABLE) {
		if (t->run == RUN_STOPPED)
			thread_ready_locked(t);
		t->stop_asked = false;
		return 0;
	}
	if (value != THREAD_STOPPED)
		return -BARYON_EINVAL;
	if (t->run == RUN_RUNNING) {
		t->stop_asked = true;
		if (t->cpu != (int)call->cpu->number)
			cpu_notify(1ull << t->cpu);
		return 0;
	}
	if (t->waits_for || (t->pool & POOL_TURN))
		return RESULT_RESTART;  /* it began to wait after it had left its queue: again */
	thread_unqueue_locked(t);
	t->run = RUN_STOPPED;
	return 0;
}

static result set_bases(struct call *call, struct thread *t, uint64_t fs, uint64_t gs)
{
	if (fs >= PROGRAM_LIMIT || gs >= PROGRAM_LIMIT)
		return -BARYON_EINVAL;
	if (t == call->thread)
		cpu_set_bases(fs, gs);
	else if (t->run == RUN_RUNNING)
		return -BARYON_EBUSY;
	t->fs_base = fs;
	t->gs_base = gs;
	return 0;
}

static result set_one(struct call *call, struct thread *t)
{
	uint64_t value = call->a[2];

	switch (call->a[1]) {
	case THREAD_SET_PRIORITY:
		if (value >= PRIORITY_COUNT || value > call->kernel->priority_ceiling)
			return -BARYON_EINVAL;
		t->priority = (uint8_t)value;
		t->urgency = thread_urgency(t);
		thread_urgency_changed_locked(t);
		return 0;
	case THREAD_SET_CPU:
		if (value != CPU_ANY && value >= state.cpus)
			return -BARYON_EINVAL;
		t->bound = (uint16_t)value;
		if (t->run == RUN_READY) {
			thread_unqueue_locked(t);
			thread_ready_locked(t);
		}
		return 0;
	case THREAD_SET_BASES:
		return set_bases(call, t, value, call->a[3]);
	case THREAD_SET_STATE:
		return set_state(call, t, value);
	case THREAD_SET_QUANTUM:
		if (!quantum_good(value))
			return -BARYON_EINVAL;
		t->quantum_ns = (uint32_t)value;
		return 0;
	}
	return -BARYON_EINVAL;
}

result call_thread_set(struct call *call)
{
	struct thread *t;
	result r = thread_want(call, call->a[0], &t);

	if (r < 0)
		return r;
	if (call->a[1] == THREAD_SET_STATE && call->a[2] == THREAD_STOPPED && t != call->thread)
		pool_leave(t);
	spin_lock(&t->slot.lock);
	r = t->slot.uid == call->a[0] && t->slot.state == SLOT_LOADED ? set_one(call, t) : RESULT_RESTART;
	spin_unlock(&t->slot.lock);
	if (r < 0)
		(void)thread_wake(t, RUN_STACK);        /* if it left its queue for nothing */
	return r;
}

/* Levels in supervisor domains run in the map of the base, whichever that is now. */
static void maps_move(struct thread *t, struct space *map)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct activation *a = t->level[i];

		if (a->space && (a->space->flags & SPACE_SUPERVISOR))
			a->map = map;
	}
}

static void home_rebase(struct thread *t, baryon_uid space)
{
	struct thread_home *h = t->slot.home;

	frame_write(t->slot.home_frame, &h->base.space, &space, sizeof space);
}

/* exec: the caller's lowest activation moves to another space of its owner. */
result call_thread_rebase(struct call *call)
{
	struct thread *t = call->thread;
	struct space *old = t->base_space;
	struct activation *base;
	struct space *s;
	result r;

	if (call->a[0] != t->slot.uid || t->depth == 0)
		return -BARYON_EINVAL;
	r = space_want_own(call, call->a[1], &s);
	if (r < 0)
		return r;
	if (t->slot.keeper != call->kernel || !(s->flags & SPACE_PROGRAM))
		return slot_refused(&s->slot, -BARYON_EPERM);
	if (t->depth == 1) {
		r = activation_want_lower(t);
		if (r < 0)
			return r;
	}
	if (t->base_node.at)
		dependent_remove(&old->slot, &t->base_node);
	if (!dependent_add(&s->slot, call->a[1], &t->base_node, t->slot.id)) {
		/* The old one takes the thread back, unless that is going as well. */
		if (old == NULL || !dependent_add(&old->slot, old->slot.uid, &t->base_node, t->slot.id))
			t->base_node.at = NULL;
		return RESULT_RESTART;
	}
	base_set(t, s);
	t->program = true;      /* in a callee's place too: it has its own when it is back */
	base = thread_lower(t);
	if (t->depth == 1)
		base->space = base->map = s;
	else
		home_rebase(t, call->a[1]);
	maps_move(t, s);
	return 0;
}

void thread_leave_base(struct call *call)
{
	struct thread *t = call->thread;

	if (t->base_space == NULL || t->base_space->slot.uid != call->a[1] || t->depth == 0 || t->slot.keeper != call->kernel)
		return;
	dependent_remove(&t->base_space->slot, &t->base_node);
	base_set(t, NULL);
	t->entered = false;
	if (t->depth == 1 && t->count == 2) {
		activation_forget(thread_lower(t));
		thread_lower(t)->space = thread_lower(t)->map = NULL;
		t->count = 1;
	}
	maps_move(t, NULL);
	if (call->cpu->map && !cpu_needs_map(call->cpu))
		cpu_leave_map(call->cpu);
}

struct thread *thread_make_root(struct kernel *root, baryon_uid uid, struct space *space, uint64_t entry, uint64_t stack,
				uint64_t argument, uint64_t handler_top, struct thread_home *home)
{
	struct thread *t = (struct thread *)slot_make(KIND_THREAD, root, uid);

	t->slot.home = home;
	t->slot.home_frame = frame_of_pointer(home);
	t->priority = PRIORITY_COUNT - 1;
	t->quantum_ns = SLICE_NS;
	t->bound = CPU_ANY;
	t->cpu = t->timer_cpu = -1;
	t->count = 1;
	t->handler_top = handler_top;
	t->level[0] = &t->act[0];
	t->level[1] = &t->act[1];
	t->act[0] = (struct activation){ .kind = ACTIVATION_BASE, .space = space, .map = space, .handler_sp = handler_top };
	t->act[0].registers = (struct registers){ .rip = entry, .rsp = stack, .rdi = argument, .flags = REGISTERS_FULL };
	xstate_reset(t->xstate);
	if (thread_depend(t, space, space->slot.uid, space, space->slot.uid) < 0 || thread_handler(t, space) < 0 ||
	    slot_publish(&t->slot) < 0)
		return NULL;
	return t;
}
