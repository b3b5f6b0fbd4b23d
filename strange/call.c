/* Calls from domains into Strange, and the explicit transfer of control between spaces. A call decodes and checks, rechecks
 * under its locks, and commits; one that finds something missing is executed again when it is there. */
#include "call.h"
#include "activation.h"
#include "cache.h"
#include "container.h"
#include "fast.h"
#include "forward.h"
#include "interrupt.h"
#include "kernel.h"
#include "abandon.h"
#include "machine.h"
#include "mapping.h"
#include "memory.h"
#include "page.h"
#include "pool.h"
#include "portal.h"
#include "reference.h"
#include "schedule.h"
#include "signal.h"
#include "thread.h"

void call_set_argument(struct call *call, unsigned i, uint64_t value)
{
	uint64_t *registers[] = { &call->r->rdi, &call->r->rsi, &call->r->rdx, &call->r->r10, &call->r->r8, &call->r->r9 };

	*registers[i] = value;
}

/* objects */

static result call_object_load(struct call *call)
{
	if (call->a[0] >= KIND_COUNT || (call->a[2] & ~(uint64_t)LOAD_LOCKED))
		return -BARYON_EINVAL;
	return kind_operations[call->a[0]].load(call, call->a[1], (unsigned)call->a[2]);
}

/* The named object, loaded, of the caller's own. */
static result own_object(struct call *call, struct slot **s)
{
	uint64_t kind = call->a[0], uid = call->a[1];

	if (kind >= KIND_COUNT || kind == KIND_PAGE || kind == KIND_MAPPING || kind == KIND_REFERENCE)
		return -BARYON_EINVAL;
	if (UID_KEEPER(uid) != call->kernel->number)
		return -BARYON_EPERM;
	*s = slot_find((unsigned)kind, uid);
	return *s ? 0 : -BARYON_ENOENT;
}

static result object_end(struct call *call, bool destroy)
{
	struct slot *s;
	result r = own_object(call, &s);

	if (r < 0)
		return r;
	if (s == &call->thread->slot)
		return thread_unload_self(call, destroy);
	return object_unload_id(s->id, s->generation, destroy);
}

static result call_object_unload(struct call *call) { return object_end(call, false); }

static result call_object_destroy(struct call *call)
{
	struct slot *s;
	result r;

	if (call->a[0] == KIND_SPACE) {
		thread_leave_base(call);
		if (own_object(call, &s) == 0)
			((struct space *)s)->destroyed = true;
	}
	r = object_end(call, true);
	/* Also of one that is not loaded. */
	if ((r == 0 || r == -BARYON_ENOENT) && (call->a[0] == KIND_SPACE || call->a[0] == KIND_KERNEL))
		interrupts_unbind(call->a[1], 0, 0);
	if ((r == 0 || r == -BARYON_ENOENT) && call->a[0] == KIND_KERNEL)
		containers_forget_kernel((uint32_t)call->a[1]);
	return r;
}

/* The levels of a thread that another CPU runs are that CPU's alone: its home learns only what others may know. */
static bool runs_elsewhere(const struct call *call, const struct slot *s)
{
	const struct thread *t = (const struct thread *)s;

	return call->a[0] == KIND_THREAD && t->run == RUN_RUNNING && t->cpu != (int)call->cpu->number;
}

static void running_write_back(struct thread *t)
{
	struct thread_home *h = t->slot.home;

	if (h == NULL)
		return;
	frame_touch(t->slot.home_frame);
	h->state = THREAD_RUNNABLE;
	h->priority = t->priority;
	h->cpu = t->bound;
	h->used_ns = t->used_ns;
}

static COLD result call_object_write_back(struct call *call)
{
	struct slot *s;
	result r = own_object(call, &s);

	if (r < 0)
		return r;
	spin_lock(&s->lock);
	if (s->state == SLOT_LOADED && s->uid == call->a[1]) {
		if (runs_elsewhere(call, s))
			running_write_back((struct thread *)s);
		else
			kind_operations[call->a[0]].write_back(slot_index(s));
	}
	spin_unlock(&s->lock);
	return 0;
}

/* explicit calls */

static __attribute__((noinline)) void words_move(struct registers *to, const struct registers *from)
{
	to->rdi = from->rdi, to->rsi = from->rsi, to->rdx = from->rdx;
	to->r8 = from->r8, to->r9 = from->r9, to->r10 = from->r10;
	to->r12 = from->r12, to->r13 = from->r13;
}

static __attribute__((noinline)) void words_clear(struct registers *r)
{
	r->rdi = r->rsi = r->rdx = r->r8 = r->r9 = r->r10 = r->r12 = r->r13 = 0;
}

void call_result(struct registers *at, long r)
{
	words_clear(at);
	at->rax = (uint64_t)r;
}

bool call_fail(struct activation *a, uint64_t cause, long error)
{
	struct registers *r = &a->registers;

	if (cause != TRAP_MISS || (a->space->flags & SPACE_PROGRAM) || r->rax == CALL_PORTAL_RETURN)
		return false;
	registers_forward(r);
	if (r->rax == CALL_PORTAL_CALL)
		words_clear(r);
	r->rax = (uint64_t)error;
	return true;
}

static COLD result call_stack_wait(struct call *call, struct portal *p)
{
	struct thread *t = call->thread;

	if (t->alert_pending) {
		t->alert_pending = false;
		return -BARYON_EALERT;
	}
	return pool_wait(call->cpu, t, p, call->r->r14, true);
}

static void callee_start(struct thread *t, struct portal *p, uint32_t stack, uint64_t badge)
{
	bases_keep(t);

	struct activation *lower = thread_top(t), *a = activation_push(t);

	a->kind = ACTIVATION_EXPLICIT;
	a->space = p->space;
	a->map = p->space->flags & SPACE_SUPERVISOR ? lower->map : p->space;
	a->portal = p;
	a->stack = stack;
	a->cause = 0;
	a->page_node.at = NULL;
	a->record = p->record + stack;
	a->record->kind = ACTIVATION_EXPLICIT;
	a->record->thread = t->slot.uid;
	a->registers = (struct registers){
		.rip = p->entry, .rsp = portal_stack_top(p, stack), .rax = badge, .rbx = p->cookie,
		.flags = p->space->flags & SPACE_SUPERVISOR ? REGISTERS_SUPERVISOR : 0,
	};
	words_move(&a->registers, &lower->registers);
}

/* The portal does not end meanwhile. */
static result portal_push(struct call *call, struct portal *p, const struct reference_view *f)
{
	struct thread *t = call->thread;
	uint32_t stack;
	result r;

	if (!reference_is(f))
		return RESULT_RESTART;
	if (p->stack_count == 0)
		return -BARYON_EINVAL;
	r = activation_make_room(t);
	if (r < 0)
		return r;
	if (!pool_take(p, t, &stack))
		return call_stack_wait(call, p);
	callee_start(t, p, stack, f->badge);
	/* Whoever unloads the space or the portal marked it first. */
	if (reference_bind(call->space, call->r->rbx, f) && p->space->slot.state == SLOT_LOADED &&
	    p->slot.state == SLOT_LOADED)
		return RESULT_TRANSFERRED;
	activation_pop(t);
	return RESULT_RESTART;
}

result call_portal_call(struct call *call)
{
	struct reference_view f;
	result r;

	portal_entered(call->cpu);      /* by the short way, which gave up */
	r = reference_want(call->space, call->r->rbx, KIND_PORTAL, &f);
	if (r < 0)
		return r;
	if (!(f.rights & RIGHT_CALL))
		return -BARYON_EPERM;
	portal_enter(call->cpu, (struct portal *)f.target);
	r = portal_push(call, (struct portal *)f.target, &f);
	portal_entered(call->cpu);
	return r;
}

/* What a callee would return to is gone: the thread ends here, for the callee has nobody to tell. */
static result caller_lost(struct thread *t)
{
	t->destroy_asked = true;
	t->unload_asked = true;
	return RESULT_TRANSFERRED;
}

/* An implicit call to another kernel ends: its lower executes again, or the call that missed fails. */
static COLD void implicit_end(struct thread *t, uint64_t cause, long answer)
{
	struct registers *lower = &thread_top(t)->registers;

	if (answer == 0)
		return;
	if (cause == TRAP_MISS && lower->rax == CALL_PORTAL_RETURN && thread_top(t)->kind >= ACTIVATION_IMPLICIT) {
		(void)caller_lost(t);
		return;
	}
	if (cause == TRAP_MISS) {
		call_fail(thread_top(t), cause, answer < 0 && answer > -256 ? answer : -BARYON_ENOENT);
		return;
	}
	struct event e = { .cause = TRAP_EXCEPTION, .vector = 14, .space = thread_top(t)->space, .address = lower->rip };

	forward(this_cpu(), t, &e);
}

result call_portal_return(struct call *call)
{
	struct thread *t = call->thread;
	struct activation *top = thread_top(t);
	struct registers words;
	uint64_t cause = top->cause;
	bool implicit = top->kind == ACTIVATION_IMPLICIT, orphan = top->kind == ACTIVATION_ORPHAN;
	result r;

	if (top->kind < ACTIVATION_IMPLICIT)
		return -BARYON_EINVAL;
	r = activation_want_lower(t);
	if (r < 0 && r > -256)
		return caller_lost(t);
	if (r < 0)
		return r;
	words_move(&words, &top->registers);
	activation_pop(t);
	if (orphan) {
		t->stop_asked = true;
		return RESULT_TRANSFERRED;
	}
	if (implicit) {
		implicit_end(t, cause, (long)words.rdi);
		return RESULT_TRANSFERRED;
	}
	words_move(&thread_top(t)->registers, &words);
	thread_top(t)->registers.rax = 0;
	return RESULT_TRANSFERRED;
}

/* handlers */

static result registers_take(struct thread *t, struct activation *top, struct activation *lower)
{
	struct trap_frame *f = top->frame;
	struct registers r = f->registers;
	uint64_t bases = f->flags & FRAME_BASES, fs = f->fs_base, gs = f->gs_base;

	r.flags &= REGISTERS_FULL | REGISTERS_DIRECT;
	if (lower->space->flags & SPACE_SUPERVISOR)
		r.flags |= REGISTERS_SUPERVISOR;
	else
		r.flags &= ~(uint64_t)REGISTERS_DIRECT;
	if (!registers_acceptable(lower, &r) || (bases && (fs >= PROGRAM_LIMIT || gs >= PROGRAM_LIMIT)))
		return -BARYON_EFORGED;
	lower->registers = r;
	if (bases) {
		cpu_set_bases(fs, gs);
		t->fs_base = fs;
		t->gs_base = gs;
	}
	return 0;
}

result call_resume(struct call *call)
{
	struct thread *t = call->thread;
	struct activation *top = thread_top(t);
	result r;

	if (top->kind != ACTIVATION_HANDLER)
		return -BARYON_EINVAL;
	r = activation_want_lower(t);
	if (r == 0)
		r = registers_take(t, top, thread_lower(t));
	if (r < 0)
		return r;
	activation_pop(t);
	return RESULT_TRANSFERRED;
}

/* dispatch */

typedef result (*call_function)(struct call *);
#define CALL(NAME, name, number, arguments) [CALL_##NAME] = call_##name,
/* These never come so far: fast.c. */
enum { call_wait = 0, call_park = 0, call_unpark = 0, call_alert = 0, call_signal = 0, call_yield = 0 };

static const call_function call_table[CALL_COUNT] = {
#include "abi/calls.def"
};
#undef CALL

static void finish(struct cpu *cpu, struct thread *t, struct registers *g, result r)
{
	switch (r) {
	case RESULT_BLOCKED:
	case RESULT_TRANSFERRED:
		return;
	case RESULT_RESTART:
		registers_rewind(g);
		return;
	case RESULT_MISS:
	case RESULT_FAULT:
		registers_rewind(g);
		forward_want(cpu, t);
		return;
	}
	g->rax = (uint64_t)r;
}

struct registers *syscall_end(struct cpu *cpu, struct thread *t, struct registers *r, result e)
{
	finish(cpu, t, r, e);
	return cpu_leave(cpu);
}

static struct registers *trap_forward(struct cpu *cpu, struct thread *t, struct activation *top)
{
	struct event e = { .cause = TRAP_SYSCALL, .space = top->space };

	forward(cpu, t, &e);
	return cpu_leave(cpu);
}

static __attribute__((noinline)) struct registers *dispatch(struct cpu *cpu, struct thread *t, struct registers *r, uint64_t number)
{
	struct activation *top = thread_top(t);
	struct call call = { .cpu = cpu, .thread = t, .space = top->space, .kernel = top->space->principal, .r = r,
			     .a = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 } };

	if (top->space->flags & SPACE_PROGRAM) {
		registers_in(t, r);
		top->registers.flags = 0;
		top->registers.rcx = top->registers.rip;        /* as the processor left them */
		top->registers.r11 = top->registers.rflags;
		return trap_forward(cpu, t, top);
	}
	if (number >= CALL_COUNT) {
		r->rax = (uint64_t)-BARYON_ENOSYS;
		return cpu_leave(cpu);
	}
	result e = call_table[number](&call);

	if (e == RESULT_RESUME) {
		if (strange_resume())
			return NULL;
		e = call_resume(&call);
	}
	finish(cpu, t, r, e);
	if (e < 0 && e > -256 && number == CALL_PORTAL_CALL)
		words_clear(r);
	return cpu_leave(cpu);
}

/* The short ways come first. A program that was not forwarded at once comes here too: none of them finds anything of its own. */
struct registers *syscall_long(struct cpu *cpu, struct thread *t, struct registers *r)
{
	uint64_t number = r->rax;

	if (number == CALL_MAPPING_LOAD && !cpu_attention(cpu, t) && mapping_load_run(cpu, t, r, r->rdx) == 0) {
		if (!(r->r10 & LOAD_RESUME)) {
			r->rax = r->rdx;
			return r;
		}
		number = CALL_RESUME;
	}
	if (number == CALL_MAPPING_UNLOAD && !cpu_attention(cpu, t) && mapping_unload_fast(cpu, t, r))
		return r;
	if (number == CALL_RESUME && strange_resume())
		return NULL;
	return dispatch(cpu, t, r, number);
}
