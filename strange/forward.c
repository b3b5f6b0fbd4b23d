/* Implicit calls. To the thread's own owner they go on the thread's handler stack, nested as deep as need be, with the
 * registers in a trap frame there; to every other kernel on a stack of its portal's pool, with words only, so that
 * no kernel sees another's registers. */
#include "forward.h"
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "charm/console.h"
#include "fast.h"
#include "kernel.h"
#include "abandon.h"
#include "memory.h"
#include "pool.h"
#include "portal.h"
#include "schedule.h"
#include "space.h"
#include "table.h"
#include "xstate.h"

enum { FORWARD_DEPTH = 6, BLOCK_BYTES = 512, XSTATE_VECTOR = 7 };

static uint64_t flags_in(const struct space *s)
{
	return s->flags & SPACE_SUPERVISOR ? REGISTERS_SUPERVISOR : 0;
}

static struct space *map_in(const struct activation *lower, struct space *s)
{
	return s->flags & SPACE_SUPERVISOR ? lower->map : s;
}

/* on the handler stack */

/* Where the next record and frame pair goes, and Strange's view of it. */
static result block_place(struct thread *t, uint64_t *block, struct trap_frame **frame, struct node *n)
{
	struct activation *top = thread_top(t);
	uint64_t sp = top->kind == ACTIVATION_HANDLER ? top->registers.rsp : top->handler_sp;
	struct memory_place place;
	result r;

	n->at = NULL;
	*block = (sp - BLOCK_BYTES) & ~(uint64_t)(BLOCK_BYTES - 1);
	if (*block + BLOCK_BYTES == t->handler_top) {
		*frame = t->handler_frame;
		return 0;
	}
	r = memory_place_depend(t->handler_space, *block, RIGHT_READ | RIGHT_WRITE, &place, n, t->slot.id);
	*frame = place.pointer;
	return r;
}

static void frame_fill(struct trap_frame *f, const struct event *e, const struct registers *r)
{
	frame_touch_pointer(f);
	f->registers = *r;
	f->cause = e->cause;
	f->address = e->address;
	f->access = e->access;
	f->vector = e->vector;
	f->error = e->error;
	f->flags = e->indirect ? FRAME_INDIRECT : 0;
	f->space = e->space ? e->space->slot.uid : 0;
	f->lower = 0;
}

static void handler_start(struct thread *t, struct activation *a, const struct event *e, const struct portal *p)
{
	uint64_t frame = a->block;

	a->registers = (struct registers){
		.rip = p->entry, .rsp = frame, .rdi = frame, .rsi = t->cookie, .rdx = e->cause,
		.flags = flags_in(a->space),
	};
}

static void page_node_move(struct node *to, struct node *from, frame_number frame)
{
	struct page *p = page_at(state.frames[frame].page - 1);

	if (from->at == NULL)
		return;
	spin_lock(&p->lock);
	struct node **at = from->at;

	node_unlink(from);
	node_link(at, to, from->object);
	spin_unlock(&p->lock);
}

static COLD result handler_push(struct thread *t, const struct event *e, struct portal *p)
{
	struct activation *a, *lower = thread_top(t);
	struct trap_frame *frame;
	struct node n;
	uint64_t block;
	result r = block_place(t, &block, &frame, &n);

	if (r == 0)
		r = activation_make_room(t);
	if (r < 0)
		return r;
	a = activation_push(t);
	a->kind = ACTIVATION_HANDLER;
	a->space = p->space;
	a->map = map_in(lower, p->space);
	a->portal = NULL;
	a->block = block;
	a->frame = frame;
	a->record = (struct activation_record *)(frame + 1);
	a->page_node.at = NULL;
	page_node_move(&a->page_node, &n, frame_of_pointer(frame));
	a->lower_in_frame = true;
	a->cause = e->cause;
	frame_fill(frame, e, &lower->registers);
	a->record->kind = ACTIVATION_HANDLER;
	a->record->thread = t->slot.uid;
	handler_start(t, a, e, p);
	return 0;
}

/* on a pool's stack */

static COLD result stack_wait(struct cpu *cpu, struct thread *t, struct portal *p, uint64_t deadline)
{
	result r = pool_wait(cpu, t, p, deadline, false);

	if (r != -BARYON_ETIMEDOUT)
		return r;
	call_fail(thread_top(t), TRAP_MISS, r);
	return 0;
}

static void pool_start(struct thread *t, struct activation *a, const struct event *e, const struct portal *p,
		       const struct kernel *owner)
{
	bool exception = e->cause == TRAP_EXCEPTION;

	a->registers = (struct registers){
		.rip = p->entry, .rsp = portal_stack_top(p, a->stack), .rbx = p->cookie,
		.rdi = e->cause, .rsi = exception ? e->vector : e->address, .rdx = exception ? e->error : e->access,
		.r8 = e->cause == TRAP_MISS ? e->error : thread_lower(t)->registers.rip, .r9 = e->space ? e->space->slot.uid : 0,
		.r10 = t->slot.keeper == owner ? t->cookie : 0, .r12 = t->slot.uid,
		.flags = flags_in(a->space),
	};
}

static COLD result pool_push(struct cpu *cpu, struct thread *t, const struct event *e, struct portal *p,
			const struct kernel *owner)
{
	struct activation *a, *lower = thread_top(t);
	uint32_t stack;
	result r = activation_make_room(t);

	if (r < 0)
		return r;
	if (p->stack_count == 0)
		return -BARYON_EINVAL;
	if (!pool_take_implicit(p, t, &stack))
		return stack_wait(cpu, t, p, e->cause == TRAP_MISS && !e->indirect ? deadline_of_call(lower) : 0);
	bases_keep(t);
	a = activation_push(t);
	a->kind = ACTIVATION_IMPLICIT;
	a->space = p->space;
	a->map = map_in(lower, p->space);
	a->portal = p;
	a->stack = stack;
	a->page_node.at = NULL;
	a->record = p->record + stack;
	a->record->kind = ACTIVATION_IMPLICIT;
	a->record->thread = t->slot.uid;
	a->cause = e->cause | (e->indirect ? CAUSE_INDIRECT : 0);
	pool_start(t, a, e, p, owner);
	return 0;
}

static COLD result owner_of(struct thread *t, const struct event *e, struct kernel **owner)
{
	if (e->cause == TRAP_MISS)
		return kernel_want(e->keeper, owner);
	*owner = e->space ? e->space->slot.keeper : thread_top(t)->space->slot.keeper;
	return 0;
}

static result enter_owner(struct cpu *cpu, struct thread *t, const struct event *e, struct portal *p, struct kernel *owner)
{
	const struct space *runs_in = thread_top(t)->space;

	if (owner->portal[e->cause] != p)
		return RESULT_RESTART;
	if (t->slot.keeper == owner && p->space == t->handler_space &&
	    (runs_in->slot.keeper == owner || runs_in->principal == owner))
		return handler_push(t, e, p);
	if (e->cause == TRAP_SYSCALL)
		return -BARYON_EINVAL;
	return pool_push(cpu, t, e, p, owner);
}

static result deliver(struct cpu *cpu, struct thread *t, const struct event *e)
{
	struct kernel *owner;
	struct portal *p;
	result r = owner_of(t, e, &owner);

	if (r == 0)
		r = kernel_portal_want(owner, (unsigned)e->cause, &p);
	if (r == -BARYON_ENOENT && e->cause == TRAP_MISS)
		r = slot_refused(&owner->slot, r);
	if (r < 0)
		return r;
	portal_enter(cpu, p);
	r = enter_owner(cpu, t, e, p, owner);
	portal_entered(cpu);
	return r;
}

static void event_of_want(struct event *e, const struct want *w)
{
	*e = (struct event){ .cause = w->cause, .address = w->address, .access = w->access, .error = w->index,
			     .space = w->space, .keeper = w->keeper };
}

static COLD void dead(struct cpu *cpu, struct thread *t, const struct event *e, result r)
{
	const struct registers *g = &thread_top(t)->registers;

	(void)cpu;
	console_print("baryon: thread %lx stopped: cause %lu address %lx access %lu error %ld at %lx (space %lx)\n",
		      t->slot.uid, e->cause, e->address, e->access, (long)r, g->rip, thread_top(t)->space->slot.uid);
	t->stop_asked = true;
}

/* When nobody can answer for what a call misses, as when its keeper's own miss portal is gone, because that kernel is just being taken
 * down or as it likes, the call fails with what was in the way, or as if the answer were no. */
void forward(struct cpu *cpu, struct thread *t, struct event *e)
{
	bool trap = e->cause == TRAP_SYSCALL, miss = e->cause == TRAP_MISS;
	result r = 0;

	for (int n = 0; n < FORWARD_DEPTH; n++) {
		r = deliver(cpu, t, e);
		if (r == 0 || r == RESULT_BLOCKED)
			return;
		if (trap)       /* a program's system call is executed again */
			registers_rewind(&thread_top(t)->registers);
		trap = false;
		if (r == RESULT_RESTART)
			return;
		if (r != RESULT_MISS && r != RESULT_FAULT)
			break;
		event_of_want(e, &cpu->want);
		e->indirect = !miss;
	}
	if (!miss || !call_fail(thread_top(t), TRAP_MISS, r > -256 ? r : -BARYON_ENOENT))
		dead(cpu, t, e, r);
}

void forward_want(struct cpu *cpu, struct thread *t)
{
	struct event e;

	event_of_want(&e, &cpu->want);
	if (e.cause == TRAP_MISS)
		state.counters->misses++;
	else
		state.counters->faults++;
	forward(cpu, t, &e);
}

bool forward_alert(struct cpu *cpu, struct thread *t)
{
	struct event e = { .cause = TRAP_ALERT, .space = thread_top(t)->space };
	uint32_t depth = t->depth;

	forward(cpu, t, &e);
	if (cpu->thread == t && t->depth > depth && thread_top(t)->cause == TRAP_ALERT)
		t->alert_pending = false;
	return cpu->thread != t || t->depth != depth || t->stop_asked;
}

/* from Charm */

/* The short ways. An owner that finds the mapping there already, because another CPU was quicker, just resumes. */
static struct registers *fault_enter(struct thread *t, uint64_t address, unsigned access)
{
	struct trap_frame *f = t->handler_frame;

	handler_touch(t);
	f->address = address;
	f->access = access;
	f->space = thread_top(t)->space->slot.uid;
	state.counters->faults++;
	return handler_enter(t, TRAP_FAULT);
}

static struct registers *exception_enter(struct thread *t, unsigned vector, uint64_t error)
{
	struct trap_frame *f = t->handler_frame;

	handler_touch(t);
	f->vector = vector;
	f->error = error;
	f->space = thread_top(t)->space->slot.uid;
	return handler_enter(t, TRAP_EXCEPTION);
}

static bool entry_allows(struct space *s, uint64_t address, unsigned access)
{
	mmu_entry e = table_entry(s, address);

	return mmu_present(e) && (access & ~mmu_rights(e) & 7) == 0;
}

static __attribute__((noinline)) struct registers *fault_long(struct registers *r, uint64_t address, unsigned access)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct activation *a;
	struct event e = { .address = address, .access = access };

	if (t == NULL)
		panic("fault at %lx while idle", address);
	registers_in(t, r);
	a = thread_top(t);
	e.space = space_of_address(a, address);
	if (e.space && !(a->space->flags & SPACE_PROGRAM) && (e.space->flags & SPACE_PROGRAM))
		e.space = NULL;     /* a domain reaches programs by copies only */
	if (e.space && entry_allows(e.space, address, access))
		return cpu_leave(cpu);  /* another CPU was quicker */
	e.cause = TRAP_FAULT;
	if (e.space == NULL) {
		e.cause = TRAP_EXCEPTION;
		e.space = a->space;
		e.vector = 14;
		e.error = access;
	}
	state.counters->faults++;
	forward(cpu, t, &e);
	return cpu_leave(cpu);
}

/* When the handler's map was not the last: again with that one. */
static COLD __attribute__((noinline)) struct registers *fault_with_map(struct registers *r, uint64_t address, unsigned access)
{
	struct cpu *cpu = this_cpu();
	struct space *map = thread_lower(cpu->thread)->map;

	return map && cpu_enter_map_out_of_line(cpu, map) ? strange_fault(r, address, access) : fault_long(r, address, access);
}

struct registers *strange_fault(struct registers *r, uint64_t address, unsigned access)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;

	if (t == NULL || address >= PROGRAM_LIMIT || !handler_ready(cpu, t))
		return fault_long(r, address, access);
	if (!cpu_turn_map(cpu, thread_lower(t)->map))
		return fault_with_map(r, address, access);
	return fault_enter(t, address, access);
}

static __attribute__((noinline)) struct registers *exception_long(struct registers *r, unsigned vector, uint64_t error)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;
	struct event e = { .cause = TRAP_EXCEPTION, .vector = vector, .error = error };

	if (t == NULL)
		panic("exception %u at %lx while idle", vector, r ? r->rip : 0);
	registers_in(t, r);
	if (vector == XSTATE_VECTOR && xstate_take(t))
		return cpu_leave(cpu);
	e.space = thread_top(t)->space;
	e.address = thread_top(t)->registers.rip;
	forward(cpu, t, &e);
	return cpu_leave(cpu);
}

static COLD __attribute__((noinline)) struct registers *exception_with_map(struct registers *r, unsigned vector, uint64_t error)
{
	struct cpu *cpu = this_cpu();
	struct space *map = thread_lower(cpu->thread)->map;

	return map && cpu_enter_map_out_of_line(cpu, map) ? strange_exception(r, vector, error) : exception_long(r, vector, error);
}

struct registers *strange_exception(struct registers *r, unsigned vector, uint64_t error)
{
	struct cpu *cpu = this_cpu();
	struct thread *t = cpu->thread;

	if (t == NULL || !handler_ready(cpu, t))
		return exception_long(r, vector, error);
	if (!cpu_turn_map(cpu, thread_lower(t)->map))
		return exception_with_map(r, vector, error);
	return exception_enter(t, vector, error);
}
