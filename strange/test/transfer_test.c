/* Control transfer: portal calls and returns, pools, handlers and resume, records and what a forged one is worth. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/activation.h"
#include "strange/cache.h"
#include "strange/capability.h"

enum { PROGRAM_START = 0x5000, CHAIN = 6 };
#define SCHEDULER UID_MAKE(2, 205)

static struct world_kernel *a, *b;
static baryon_uid program, thread;

static uint64_t rip(void) { return machine_cpu()->now.rip; }
static struct registers *now(void) { return &machine_cpu()->now; }

/* Two kernels; each holds references to the other's service (handle 40) and to its own (41). */
static void fresh(bool supervisor)
{
	baryon_uid service_a, service_b;

	world_boot(NULL, 1);
	world.after_step = invariants_check;
	world_kernel_home.scheduler = SCHEDULER;
	a = world_kernel_make(2, KERNEL_MAY_SUPERVISE, supervisor);
	b = world_kernel_make(3, 0, false);
	world_run(b->thread);
	world_kernel_portals(b);
	service_b = world_portal_load(b, 70, ENTRY_SERVICE, 4);
	CHECK_IS(world_reference_load(b, KIND_PORTAL, service_b, RIGHT_CALL, 0xb1, b->space, 41), 0);
	world_run(a->thread);
	world_kernel_portals(a);
	service_a = world_portal_load(a, 70, ENTRY_SERVICE, 4);
	CHECK_IS(world_reference_load(a, KIND_PORTAL, service_a, RIGHT_CALL, 0xa1, a->space, 41), 0);
	world_portal_give(a, 70, 0xa0, b, 40);
	world_portal_give(b, 70, 0xb0, a, 40);
	program = world_space_load(a, 100, SPACE_PROGRAM, 0);
	thread = world_thread_load(a, 101, program, PROGRAM_START, 6);
}

static void call_into(uint64_t handle, struct world_kernel *target, uint64_t badge)
{
	uint64_t words[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	CHECK_IS(world_portal_call(handle, 0x77, 0, words), WORLD_AWAY);
	CHECK_IS(rip(), target->base + ENTRY_SERVICE);
	CHECK_IS(now()->rax, badge);
	CHECK_IS(now()->rbx, 70);
	CHECK_IS(now()->rsp % 16, 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_IS(*world_word(i), i + 1);
	/* Nothing else of the caller's is shown. */
	CHECK_IS(now()->rbp | now()->r14 | now()->r15, 0);
}

static void a_call_brings_words_there_and_back(void)
{
	uint64_t back[8] = { 11, 12, 13, 14, 15, 16, 17, 18 };

	fresh(false);
	uint64_t before = rip();

	call_into(40, b, 0xb0);
	world_portal_return(back);
	CHECK_IS(rip(), before + SYSCALL_BYTES);
	CHECK_IS(now()->rax, 0);
	for (unsigned i = 0; i < 8; i++)
		CHECK_IS(*world_word(i), back[i]);
}

static void a_call_needs_its_right(void)
{
	uint64_t words[8] = { 1, 2, 3 };

	fresh(false);
	CHECK_IS(world_reference_load(a, KIND_PORTAL, UID_MAKE(2, 70), RIGHT_READ, 1, a->space, 50), 0);
	CHECK_IS(world_portal_call(50, 0, 0, words), -BARYON_EPERM);
	CHECK_IS(words[0] | words[1] | words[2], 0);
	CHECK_IS(world_portal_call(HANDLE_MEMORY, 0, 0, words), -BARYON_EINVAL);
	CHECK_IS(world_portal_call(51, 0, 0, words), -BARYON_ENOENT);
	CHECK_IS(world_portal_call(1ull << 40, 0, 0, words), -BARYON_EINVAL);
	CHECK_IS(world_reference_load(a, KIND_PORTAL, UID_MAKE(2, NUMBER_TRAP_PORTAL), RIGHT_CALL, 1, a->space, 52), 0);
	CHECK_IS(world_portal_call(52, 0, 0, words), -BARYON_EINVAL);
	world_portal_return(words);
	CHECK_IS(now()->rax, -BARYON_EINVAL);
	world_resume();
	CHECK_IS(now()->rax, -BARYON_EINVAL);
}

/* Each level remembers where it was although only two are in Strange. */
static void chain(void)
{
	uint64_t stopped[CHAIN], back[8] = { 0 };
	struct world_kernel *in[CHAIN + 1];

	in[0] = a;
	for (unsigned i = 0; i < CHAIN; i++) {
		bool own = i % 3 == 2;

		stopped[i] = rip();
		in[i + 1] = own ? in[i] : in[i] == a ? b : a;
		call_into(own ? 41 : 40, in[i + 1], in[i + 1] == a ? (own ? 0xa1 : 0xa0) : (own ? 0xb1 : 0xb0));
		now()->rip += 0x1000 * (i + 1);
	}
	CHECK_IS(world_thread(a->thread)->depth, CHAIN);
	for (unsigned i = CHAIN; i-- > 0;) {
		back[0] = i + 100;
		world_portal_return(back);
		CHECK_IS(rip(), stopped[i] + (machine_cpu()->supervisor ? DIRECT_BYTES : SYSCALL_BYTES));
		CHECK_IS(now()->rax, 0);
		CHECK_IS(*world_word(0), i + 100);
	}
	CHECK_IS(world_thread(a->thread)->depth, 0);
}

static void calls_nest_and_unwind(void)
{
	for (unsigned supervisor = 0; supervisor < 2; supervisor++)
		for (unsigned slow = 0; slow < 2; slow++) {
			host.slow = slow;
			fresh(supervisor);
			chain();
			chain();
		}
	host.slow = false;
}

/* A thread that is unloaded in the middle of its calls goes on where it stood. */
static void a_thread_comes_back_in_the_middle_of_its_calls(void)
{
	uint64_t back[8] = { 0 }, at[3];

	fresh(false);
	for (unsigned i = 0; i < 3; i++) {
		at[i] = rip() + SYSCALL_BYTES;
		call_into(40, i % 2 ? a : b, i % 2 ? 0xa0 : 0xb0);
		now()->rip += 0x1000 * (i + 1);
	}
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, a->thread), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, a->thread, 0)), 0);
	world_run(a->thread);
	for (unsigned i = 3; i-- > 0;) {
		world_portal_return(back);
		CHECK_IS(rip(), at[i]);
	}
}

/* The records of portal 70 of k. */
static struct activation_record *record_of(struct world_kernel *k, unsigned stack)
{
	struct slot *s = world_slot(KIND_PORTAL, UID_MAKE(k->number, 70));

	return &((struct portal *)s)->record[stack];
}

/* a calls b, b calls a, a calls b again: the record of the first call to b is evicted to b's memory. */
static struct activation_record *evicted(void)
{
	fresh(false);
	call_into(40, b, 0xb0);
	call_into(40, a, 0xa0);
	call_into(40, b, 0xb0);
	for (unsigned i = 0; i < 4; i++)
		if (record_of(b, i)->kind == ACTIVATION_EXPLICIT && record_of(b, i)->registers.rip)
			return record_of(b, i);
	CHECK(!"evicted");
	return NULL;
}

/* There is nobody to return to: the thread ends. */
static void lost_level(void)
{
	uint64_t back[8] = { 0 };

	world.after_step = NULL;        /* what a record says is no longer so */
	world_portal_return(back);
	CHECK_IS(rip() & ~0xfffull, a->base);
	CHECK_IS(world_call(CALL_PORTAL_RETURN), WORLD_AWAY);
	CHECK(world_thread(a->thread) == NULL);
}

static void a_record_with_another_link_is_no_record(void)
{
	evicted()->link ^= 1;
	lost_level();
}

static void a_record_of_another_thread_is_no_record(void)
{
	evicted()->thread = thread;
	lost_level();
}

static void a_record_of_another_depth_is_no_record(void)
{
	evicted()->depth++;
	lost_level();
}

static void a_record_that_is_free_is_no_record(void)
{
	evicted()->kind = ACTIVATION_FREE;
	lost_level();
}

static void a_record_cannot_leave_its_domain(void)
{
	struct activation_record *r = evicted();

	r->registers.rip = a->base + 0x100;
	r->registers.flags = REGISTERS_SUPERVISOR;
	lost_level();
}

/* a's owner changes the depth in its home, to have another kernel's level taken for its own base. */
static void a_depth_cannot_be_forged(void)
{
	struct thread_home *h;

	fresh(false);
	world_run(ROOT_THREAD);
	world_run(a->thread);
	call_into(40, b, 0xb0);
	call_into(40, a, 0xa0);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, a->thread), 0);
	h = machine_translate(world_home(KIND_THREAD, a->thread, 0), RIGHT_WRITE);
	CHECK_IS(h->depth, 2);
	h->depth = 1;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, a->thread, 0)), -BARYON_EFORGED);
	h->depth = 2;
	h->top_link ^= 1;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, a->thread, 0)), -BARYON_EFORGED);
	h->top_link ^= 1;
	h->top_record += 256;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, a->thread, 0)), -BARYON_EFORGED);
	h->top_record -= 256;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, a->thread, 0)), 0);
}

/* a's thread is stopped inside b. Its owner puts a level of its own upon b's, to return to b in the middle of b's work. */
static void a_level_cannot_be_put_upon_anothers(void)
{
	struct activation_record *r, *of_b;
	struct thread_home *h;

	fresh(false);
	r = record_of(a, 0);
	call_into(40, b, 0xb0);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, a->thread), 0);
	h = machine_translate(world_home(KIND_THREAD, a->thread, 0), RIGHT_WRITE);
	of_b = record_of(b, 0);
	*r = (struct activation_record){ .link = 76, .thread = a->thread, .kind = ACTIVATION_EXPLICIT, .depth = 2,
					 .space = a->space, .portal = UID_MAKE(2, 70), .lower_link = h->top_link,
					 .lower_record = h->top_record, .lower_space = h->top_space,
					 .lower_portal = h->top_portal, .registers = { .rip = a->base + 0x4000 } };
	CHECK_IS(of_b->link, h->top_link);
	CHECK_IS(of_b->upper_link, 0);
	world.after_step = NULL;        /* the stack of the forged level was never taken */
	h->depth = 2;
	h->top_link = r->link;
	h->top_space = a->space;
	h->top_portal = UID_MAKE(2, 70);
	h->top_record = ((struct portal *)world_slot(KIND_PORTAL, UID_MAKE(2, 70)))->records;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, a->thread, 0)), 0);
	world_run(a->thread);
	CHECK_IS(rip(), a->base + 0x4000);
	world_portal_return(NULL);
	CHECK(world_thread(a->thread) == NULL);
	CHECK_IS(of_b->kind, ACTIVATION_EXPLICIT);
}

/* a's thread comes back to a level of a's that has returned already, because its owner kept the home and the record of then. */
static void an_old_level_cannot_return_again(void)
{
	uint64_t home, back[8] = { 0 };
	struct activation_record old, *r = NULL;
	struct thread_home then, *h;

	fresh(false);
	home = world_home(KIND_THREAD, a->thread, 0);
	call_into(40, b, 0xb0);
	call_into(40, a, 0xa0);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, a->thread), 0);
	h = machine_translate(home, RIGHT_WRITE);
	then = *h;
	for (unsigned i = 0; i < 4; i++)
		if (record_of(a, i)->kind == ACTIVATION_EXPLICIT)
			r = record_of(a, i);
	old = *r;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, home), 0);
	world_run(a->thread);
	world_portal_return(back);
	CHECK_IS(rip() & ~0xfffull, b->base);
	now()->rip += 0x40;
	call_into(40, a, 0xa0);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, a->thread), 0);
	*h = then;
	*r = old;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, home), 0);
	world.after_step = NULL;        /* what a record says is no longer so */
	world_run(a->thread);
	world_portal_return(back);
	CHECK(world_thread(a->thread) == NULL);
}

static unsigned taken(struct world_kernel *k)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 4; i++)
		n += record_of(k, i)->kind != ACTIVATION_FREE;
	return n;
}

/* Deep in calls, also when b's portal has to be loaded for it, and when the thread ends itself. */
static void a_destroyed_thread_gives_back_all_its_stacks(void)
{
	for (unsigned way = 0; way < 3; way++) {
		fresh(false);
		for (unsigned i = 0; i < 6; i++)
			call_into(40, i % 2 ? a : b, i % 2 ? 0xa0 : 0xb0);
		CHECK_IS(taken(a) + taken(b), 6);
		CHECK_IS(world_thread(a->thread)->depth, 6);
		if (way == 2) {
			CHECK_IS(rip() & ~0xfffull, a->base);
			world_park();
			world_run(ROOT_THREAD);
			CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, a->thread), 0);
			world_run(b->thread);
			CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(3, 70)), 0);
			world_run(ROOT_THREAD);
			CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, a->thread, 0)), 0);
		}
		world_run(ROOT_THREAD);
		CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_THREAD, a->thread), 0);
		CHECK(world_thread(a->thread) == NULL);
		CHECK_IS(taken(a) + taken(b), 0);
		CHECK_IS(((struct portal *)world_slot(KIND_PORTAL, UID_MAKE(3, 70)))->free_stacks, 15);
		invariants_check();
	}
}

static void links_do_not_repeat(void)
{
	static uint64_t drawn[4096];

	fresh(false);
	for (unsigned i = 0; i < 4096; i++) {
		drawn[i] = link_draw();
		for (unsigned j = 0; j < i; j++)
			CHECK(drawn[i] != drawn[j]);
	}
}

/* pools */

static baryon_uid worker(unsigned n)
{
	return world_thread_load(a, 200 + n, a->space, a->base + ENTRY_START + 0x10000 * (n + 1), 4);
}

static void full_pools_make_callers_wait(void)
{
	baryon_uid w[6];
	uint64_t words[8] = { 0 };

	fresh(false);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_THREAD, thread), 0);
	for (unsigned i = 0; i < 6; i++)
		w[i] = worker(i);
	for (unsigned i = 0; i < 4; i++) {
		world_run(w[i]);
		call_into(40, b, 0xb0);
		world_run(a->thread);
	}
	world_run(w[4]);
	CHECK_IS(world_portal_call(40, 0, 0, words), WORLD_AWAY);
	CHECK_IS(world_thread(w[4])->run, RUN_STACK);
	world_run(w[5]);
	CHECK_IS(world_portal_call(40, 0, 1000, words), WORLD_AWAY);
	CHECK_IS(world_thread(w[5])->run, RUN_STACK);
	/* The time-out ends a wait, and only that one. */
	world_run(a->thread);
	host.now = 1000;
	machine_tick();
	invariants_check();
	world_run(w[5]);
	while (rip() == a->base + ENTRY_START + 0x60000)
		machine_syscall();
	CHECK_IS(now()->rax, -BARYON_ETIMEDOUT);
	CHECK_IS(world_thread(w[4])->run, RUN_STACK);
	/* A stack that becomes free goes to who waits. */
	world_run(w[0]);
	world_portal_return(words);
	world_park();
	for (int i = 0; i < 10 && world_running() != w[4]; i++)
		world_park();
	CHECK_IS(world_running(), w[4]);
	machine_syscall();
	CHECK_IS(rip(), b->base + ENTRY_SERVICE);
}

static void waiting_for_ones_own_stack_fails_at_once(void)
{
	uint64_t words[8] = { 0 };

	fresh(false);
	for (unsigned i = 0; i < 4; i++)
		call_into(i ? 41 : 40, b, i ? 0xb1 : 0xb0);
	CHECK_IS(world_portal_call(41, 0, 0, words), -BARYON_EDEADLK);
}

static void alerts_end_a_wait_for_a_stack(void)
{
	baryon_uid w[5];
	uint64_t words[8] = { 0 };

	fresh(false);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_THREAD, thread), 0);
	for (unsigned i = 0; i < 5; i++) {
		w[i] = worker(i);
		world_run(w[i]);
		if (i < 4)
			call_into(40, b, 0xb0);
		else
			CHECK_IS(world_portal_call(40, 0, 0, words), WORLD_AWAY);
		world_run(a->thread);
	}
	CHECK_IS(world_call(CALL_ALERT, w[4]), 0);
	invariants_check();
	world_run(w[4]);
	while (rip() == a->base + ENTRY_START + 0x50000)
		machine_syscall();
	CHECK_IS(now()->rax, -BARYON_EALERT);
}

/* A waiting thread that is stopped leaves the queue; the next in it still gets the stack. */
static void stopping_a_waiter_loses_no_wake_up(void)
{
	baryon_uid w[6];
	uint64_t words[8] = { 0 };

	fresh(false);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_THREAD, thread), 0);
	for (unsigned i = 0; i < 6; i++) {
		w[i] = worker(i);
		world_run(w[i]);
		if (i < 4)
			call_into(40, b, 0xb0);
		else
			CHECK_IS(world_portal_call(40, 0, 0, words), WORLD_AWAY);
		world_run(a->thread);
	}
	CHECK_IS(world_call(CALL_THREAD_SET, w[4], THREAD_SET_STATE, THREAD_STOPPED), 0);
	world_run(w[0]);
	world_portal_return(words);
	CHECK(world_thread(w[5])->run != RUN_STACK);
	world_run(a->thread);
	CHECK_IS(world_call(CALL_THREAD_SET, w[4], THREAD_SET_STATE, THREAD_RUNNABLE), 0);
	world_run(w[4]);
}

static void displace(baryon_uid uid)
{
	struct thread *t = world_thread(uid);

	CHECK_IS(object_unload_id(t->slot.id, t->slot.generation, false), 0);
	invariants_check();
}

/* Only Strange knew who waits for a stack: its owner brings it back, and it calls again. */
static void the_scheduler_is_told_of_a_displaced_waiter_for_a_stack(void)
{
	baryon_uid w[6];
	uint64_t words[8] = { 0 };
	struct thread *scheduler;

	fresh(false);
	CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_THREAD, thread), 0);
	for (unsigned i = 0; i < 6; i++) {
		w[i] = worker(i);
		world_run(w[i]);
		if (i < 4)
			call_into(40, b, 0xb0);
		else if (i == 4)
			CHECK_IS(world_portal_call(40, 0, 0, words), WORLD_AWAY);
		world_run(a->thread);
	}
	scheduler = world_thread(SCHEDULER);
	CHECK_IS(world_thread(w[4])->run, RUN_STACK);
	displace(w[4]);
	CHECK_IS(scheduler->signal_count, 1);
	CHECK_IS(scheduler->signals[0], world_home(KIND_THREAD, w[4], 0));
	/* Who is parked for ever is brought back by whoever unparks it. */
	CHECK_IS(world_thread(w[0])->run, RUN_PARKED);
	displace(w[0]);
	CHECK_IS(scheduler->signal_count, 1);
}

/* handlers */

static void trap(uint64_t number);

/* While its handler waits for a stack the program's level is in the home; resuming gets it from there. */
static void a_handler_that_waited_still_resumes(void)
{
	baryon_uid w[4];
	uint64_t words[8] = { 0 }, at;

	fresh(false);
	for (unsigned i = 0; i < 4; i++) {
		w[i] = worker(i);
		world_run(w[i]);
		call_into(40, b, 0xb0);
		world_run(a->thread);
	}
	/* It ran in between, and parked in its handler. */
	world_run(thread);
	world_resume();
	trap(1);
	at = rip();
	CHECK_IS(world_portal_call(40, 0, 1000, words), WORLD_AWAY);
	world_run(a->thread);
	host.now = 1000;
	machine_tick();
	world_run(thread);
	while (rip() == at)
		machine_syscall();
	CHECK_IS(now()->rax, -BARYON_ETIMEDOUT);
	world_resume();
	CHECK_IS(rip(), PROGRAM_START + 2 * SYSCALL_BYTES);
}

static void program_run(void)
{
	if (world_running() != thread)
		world_park();
	CHECK_IS(world_running(), thread);
}

static void trap(uint64_t number)
{
	now()->rax = number;
	machine_syscall();
	invariants_check();
	CHECK_IS(rip(), a->base + ENTRY_TRAP);
}

static struct trap_frame *frame_here(void)
{
	CHECK(world_touch(now()->rdi, RIGHT_WRITE));
	return machine_translate(now()->rdi, RIGHT_WRITE);
}

static void system_calls_go_to_the_owner_and_back(void)
{
	for (unsigned supervisor = 0; supervisor < 2; supervisor++) {
		fresh(supervisor);
		program_run();
		for (unsigned i = 0; i < 5; i++) {
			now()->rdi = 0x1234 + i;
			now()->r14 = 0x5678;
			trap(39 + i);
			CHECK_IS(machine_cpu()->supervisor, supervisor);
			CHECK_IS(now()->rsi, thread ^ 0xc00c1e);
			CHECK_IS(now()->rdx, TRAP_SYSCALL);
			CHECK_IS(now()->rsp, now()->rdi);
			CHECK_IS(now()->r14, 0);
			struct trap_frame *f = frame_here();
			CHECK_IS(f->registers.rax, 39 + i);
			CHECK_IS(f->registers.rdi, 0x1234 + i);
			CHECK_IS(f->registers.r14, 0x5678);
			f->registers.rax = 42;
			world_resume();
			CHECK_IS(rip(), PROGRAM_START + SYSCALL_BYTES * (i + 1));
			CHECK_IS(now()->rax, 42);
			CHECK_IS(now()->r14, 0x5678);
			CHECK(!machine_cpu()->supervisor);
			invariants_check();
		}
	}
}

static void handlers_nest_on_the_handler_stack(void)
{
	fresh(false);
	program_run();
	trap(1);
	uint64_t frame = now()->rdi, stack = now()->rsp;

	for (unsigned i = 0; i < 4; i++) {
		/* Something that the handler wants of its own kernel is not loaded. */
		world.quiet = 2;
		now()->rsp = stack - 1000 * (i + 1);
		CHECK_IS(world_call(CALL_UNPARK, UID_MAKE(2, 999)), WORLD_AWAY);
		world.quiet = 0;
		CHECK_IS(rip(), a->base + ENTRY_MISS);
		CHECK_IS(now()->rdx, TRAP_MISS);
		CHECK(now()->rdi < stack - 1000 * (i + 1));
		CHECK_IS(now()->rdi % 512, 0);
		CHECK_IS(frame_here()->address, UID_MAKE(2, 999));
		CHECK_IS(frame_here()->access, KIND_THREAD);
		CHECK_IS(frame_here()->flags, 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		struct trap_frame *f = machine_translate(thread_top(world_thread(thread))->block, RIGHT_WRITE);

		f->registers.rip += SYSCALL_BYTES;
		world_resume();
		CHECK_IS(rip(), a->base + (i == 3 ? ENTRY_TRAP : ENTRY_MISS) + SYSCALL_BYTES);
	}
	CHECK_IS(world_thread(thread)->depth, 1);
	(void)frame;
	world_resume();
	CHECK_IS(rip(), PROGRAM_START + SYSCALL_BYTES);
}

static void forged_frames_are_not_resumed(void)
{
	static const struct { uint64_t rip, fs; } bad[] = {
		{ 0x1000, PROGRAM_LIMIT }, { 0x1000, 0x8000000000000000ull },
	};

	for (unsigned slow = 0; slow < 2; slow++) {
		fresh(false);
		program_run();
		trap(1);
		for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
			uint64_t at = world_thread(thread)->handler_top - 512;
			struct trap_frame *f = machine_translate(at, RIGHT_WRITE);

			f->registers.rip = bad[i].rip;
			f->fs_base = bad[i].fs;
			f->flags = FRAME_BASES;
			CHECK_IS(world_call(CALL_RESUME, 0), -BARYON_EFORGED);
		}
		struct trap_frame *f = machine_translate(world_thread(thread)->handler_top - 512, RIGHT_WRITE);
		f->registers.rip = 0x1000;
		f->registers.flags = REGISTERS_SUPERVISOR | REGISTERS_DIRECT | REGISTERS_FULL;
		f->fs_base = 0x7000;
		f->flags = FRAME_BASES;
		world_resume();
		CHECK_IS(rip(), 0x1000);
		CHECK(!machine_cpu()->supervisor);
		CHECK_IS(host_this->fs_base, 0x7000);
	}
}

/* Neither flags in its frame nor the link that it was written home with. */
static void a_handler_that_resumed_leaves_nothing_to_the_next(void)
{
	uint64_t link;

	for (unsigned supervisor = 0; supervisor < 2; supervisor++) {
		fresh(supervisor);
		program_run();
		trap(1);
		frame_here()->flags = FRAME_BASES;
		world_resume();
		trap(2);
		CHECK_IS(frame_here()->flags, 0);
		CHECK_IS(world_call(CALL_OBJECT_WRITE_BACK, KIND_THREAD, thread), 0);
		link = thread_top(world_thread(thread))->link;
		CHECK(link);
		world_resume();
		trap(3);
		CHECK(thread_top(world_thread(thread))->link != link);
		world_resume();
	}
}

/* The owner's portal is not loaded: the program's system call is not lost, but made when it is. */
static void a_system_call_that_misses_is_made_later(void)
{
	for (unsigned slow = 0; slow < 2; slow++) {
		fresh(false);
		/* root keeps the portal's miss path here: the miss portal stays loaded */
		CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(2, NUMBER_TRAP_PORTAL)), 0);
		program_run();
		if (slow) {
			now()->rax = 7;
			machine_notice();       /* no longer prepared, or so */
		}
		now()->rax = 7;
		now()->rdi = 0x99;
		machine_syscall();
		invariants_check();
		CHECK_IS(rip(), a->base + ENTRY_MISS);
		CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_PORTAL, world_home(KIND_PORTAL, UID_MAKE(2, NUMBER_TRAP_PORTAL), 0)), 0);
		world_resume();
		CHECK_IS(rip(), PROGRAM_START);
		CHECK_IS(now()->rax, 7);
		CHECK_IS(now()->rdi, 0x99);
		trap(7);
	}
}

/* Nobody can load it: the instruction that faulted is not skipped. */
static void a_fault_whose_handler_cannot_come_skips_nothing(void)
{
	fresh(false);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(2, NUMBER_FAULT_PORTAL)), 0);
	program_run();
	now()->rax = 0x1717;
	machine_fault(0x9000, RIGHT_READ);
	invariants_check();
	CHECK_IS(rip(), a->base + ENTRY_MISS);
	struct trap_frame *f = frame_here();
	CHECK_IS(f->cause, TRAP_MISS);
	CHECK_IS(f->flags, FRAME_INDIRECT);
	CHECK_IS(f->registers.rip, PROGRAM_START);
	CHECK_IS(f->registers.rax, 0x1717);
}

static void an_alert_survives_a_miss(void)
{
	fresh(false);
	CHECK_IS(world_call(CALL_ALERT, thread), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(2, NUMBER_ALERT_PORTAL)), 0);
	world.quiet = 2;
	world_park();
	world.quiet = 0;
	CHECK_IS(world_running(), thread);
	CHECK_IS(rip(), a->base + ENTRY_MISS);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_PORTAL, world_home(KIND_PORTAL, UID_MAKE(2, NUMBER_ALERT_PORTAL), 0)), 0);
	world_resume();
	CHECK_IS(rip(), a->base + ENTRY_ALERT);
	world_resume();
	CHECK_IS(rip(), PROGRAM_START);
	CHECK(!world_thread(thread)->alert_pending);
}

/* exec and exit */

static void a_base_moves_to_another_space(void)
{
	for (unsigned nested = 0; nested < 2; nested++)
		for (unsigned supervisor = 0; supervisor < 2; supervisor++) {
			baryon_uid other;

			fresh(supervisor);
			other = world_space_load(a, 110, SPACE_PROGRAM, 0);
			CHECK_IS(world_map(a, other, 0x30000, 60, RIGHT_READ, 0), 1);
			CHECK_IS(world_call(CALL_THREAD_REBASE, a->thread, other), -BARYON_EINVAL);
			program_run();
			trap(59);
			uint64_t frame = now()->rdi;
			if (nested) {
				world.quiet = 2;
				now()->rsp -= 1024;
				CHECK_IS(world_call(CALL_UNPARK, UID_MAKE(2, 999)), WORLD_AWAY);
				world.quiet = 0;
			}
			CHECK_IS(world_call(CALL_THREAD_REBASE, thread, a->space), -BARYON_EPERM);
			CHECK_IS(world_call(CALL_THREAD_REBASE, thread, other), 0);
			CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_SPACE, program), 0);
			invariants_check();
			if (nested) {
				struct trap_frame *f = machine_translate(thread_top(world_thread(thread))->block, RIGHT_WRITE);

				f->registers.rip += machine_cpu()->supervisor ? DIRECT_BYTES : SYSCALL_BYTES;
				world_resume();
				CHECK_IS(rip() & ~0xfffull, a->base);
			}
			((struct trap_frame *)machine_translate(frame, RIGHT_WRITE))->registers.rip = 0x8000;
			world_resume();
			CHECK_IS(world_running(), thread);
			CHECK_IS(rip(), 0x8000);
			CHECK(machine_translate(0x30000, RIGHT_READ));
		}
}

static void a_program_that_ends_takes_its_space_along(void)
{
	for (unsigned supervisor = 0; supervisor < 2; supervisor++) {
		fresh(supervisor);
		program_run();
		trap(60);
		CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_SPACE, program), 0);
		CHECK(world_slot(KIND_SPACE, program) == NULL);
		CHECK_IS(world_call(CALL_OBJECT_DESTROY, KIND_THREAD, thread), WORLD_AWAY);
		CHECK(world_thread(thread) == NULL);
		invariants_check();
		world_run(a->thread);
	}
}

int main(void)
{
	a_call_brings_words_there_and_back();
	a_call_needs_its_right();
	calls_nest_and_unwind();
	a_thread_comes_back_in_the_middle_of_its_calls();
	a_record_with_another_link_is_no_record();
	a_record_of_another_thread_is_no_record();
	a_record_of_another_depth_is_no_record();
	a_record_that_is_free_is_no_record();
	a_record_cannot_leave_its_domain();
	a_depth_cannot_be_forged();
	a_level_cannot_be_put_upon_anothers();
	an_old_level_cannot_return_again();
	a_destroyed_thread_gives_back_all_its_stacks();
	links_do_not_repeat();
	full_pools_make_callers_wait();
	waiting_for_ones_own_stack_fails_at_once();
	alerts_end_a_wait_for_a_stack();
	the_scheduler_is_told_of_a_displaced_waiter_for_a_stack();
	stopping_a_waiter_loses_no_wake_up();
	system_calls_go_to_the_owner_and_back();
	a_handler_that_waited_still_resumes();
	handlers_nest_on_the_handler_stack();
	forged_frames_are_not_resumed();
	a_handler_that_resumed_leaves_nothing_to_the_next();
	a_system_call_that_misses_is_made_later();
	a_fault_whose_handler_cannot_come_skips_nothing();
	an_alert_survives_a_miss();
	a_base_moves_to_another_space();
	a_program_that_ends_takes_its_space_along();
	return 0;
}
