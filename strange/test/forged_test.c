/* What a kernel gains by writing to the records of levels that run in its memory, to homes while they are loaded, and by loading and
 * unloading at the wrong moment: nothing of another's. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/activation.h"
#include "strange/cache.h"

#define SERVICE(k) UID_MAKE((k)->number, 70)

static struct world_kernel *a, *b;

static uint64_t rip(void) { return machine_cpu()->now.rip; }

static void kernel_fill(struct world_kernel *k)
{
	world_run(k->thread);
	world_kernel_portals(k);
	CHECK_IS(world_portal_load(k, 70, ENTRY_SERVICE, 4), SERVICE(k));
	CHECK_IS(world_reference_load(k, KIND_PORTAL, SERVICE(k), RIGHT_CALL, 0, k->space, 41), 0);
}

/* Two kernels; each holds references to the other's service (40) and to its own (41). a's thread runs. */
static void fresh(void)
{
	world_boot(NULL, 1);
	world.after_step = invariants_check;
	a = world_kernel_make(2, 0, false);
	b = world_kernel_make(3, 0, false);
	kernel_fill(a);
	world_portal_give(a, 70, a->number, b, 40);
	kernel_fill(b);
	world_portal_give(b, 70, b->number, a, 40);
}

static void call_into(uint64_t handle, struct world_kernel *target)
{
	uint64_t words[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	CHECK_IS(world_portal_call(handle, 0x77, 0, words), WORLD_AWAY);
	CHECK_IS(rip(), target->base + ENTRY_SERVICE);
}

static struct activation_record *record_in(struct world_kernel *k, unsigned kind)
{
	struct portal *p = (struct portal *)world_slot(KIND_PORTAL, SERVICE(k));

	for (unsigned i = 0; i < 4; i++)
		if (p->record[i].kind == kind && p->record[i].registers.rip)
			return &p->record[i];
	CHECK(!"a written record");
	return NULL;
}

static const struct thread *running(void) { return state.cpu[0].thread; }

/* a called b, b called a, a called b: the record of the first call lies in b's memory, and its level comes back from there. */
static struct activation_record *evicted(void)
{
	fresh();
	call_into(40, b);
	call_into(40, a);
	call_into(40, b);
	return record_in(b, ACTIVATION_EXPLICIT);
}

static void back_in_b(void)
{
	world.after_step = NULL;        /* what a record says is no longer so */
	world_portal_return(NULL);
	CHECK_IS(rip() & ~0xfffull, a->base);
}

/* Else the frame of a's next fault would be written to where b says, in a's memory. */
static void a_callee_does_not_say_where_the_callers_handler_stack_is(void)
{
	struct activation_record *r = evicted();

	r->spare = a->memory + 0x5000;
	back_in_b();
	world_portal_return(NULL);
	CHECK_IS(rip() & ~0xfffull, b->base);
	CHECK_IS(thread_top(running())->handler_sp, running()->handler_top);
	call_into(40, a);
	CHECK_IS(thread_top(running())->handler_sp, running()->handler_top);
}

/* An unloaded thread's place on its handler stack is in its home. */
static void the_place_on_the_handler_stack_survives_an_unload(void)
{
	baryon_uid thread;
	uint64_t sp;

	fresh();
	call_into(40, b);
	call_into(40, a);
	thread = world_running();
	sp = thread_top(running())->handler_sp;
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, thread), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, thread, 0)), 0);
	CHECK_IS(thread_top(world_thread(thread))->handler_sp, sp);
}

/* Else an answer to a miss could be a return with words, and the reverse. */
static void a_record_of_another_kind_is_no_record(void)
{
	for (unsigned kind = ACTIVATION_BASE; kind <= ACTIVATION_IMPLICIT; kind++) {
		baryon_uid thread;

		evicted()->kind = (uint16_t)kind;
		thread = world_running();
		back_in_b();
		CHECK_IS(world_call(CALL_PORTAL_RETURN), WORLD_AWAY);
		CHECK(world_thread(thread) == NULL);
	}
}

static void a_record_does_not_say_what_a_level_was_called_for(void)
{
	evicted()->cause = TRAP_EXCEPTION;
	back_in_b();
	world_portal_return(NULL);
	CHECK_IS(rip() & ~0xfffull, b->base);
	CHECK(thread_top(running())->cause != TRAP_EXCEPTION);
}

/* A fault there would be a's own, which dies of it. */
static void a_callee_does_not_make_its_caller_fault(void)
{
	struct activation_record *r = evicted();
	baryon_uid thread = world_running();

	r->lower_record = a->base + 0x7777000;
	r->lower_space = a->space;
	r->lower_portal = 0;
	back_in_b();
	world_portal_return(NULL);
	CHECK_IS(rip() & ~0xfffull, b->base);
	world.quiet = KERNEL_NUMBER_ROOT;
	CHECK_IS(world_call(CALL_PORTAL_RETURN), WORLD_AWAY);
	CHECK(world_thread(thread) == NULL);
	CHECK(rip() != world.root.base + ENTRY_FAULT);
}

/* Its record says that the stack is free, and then again that it is not. */
static void a_portal_with_a_thread_inside_stays_whatever_its_records_say(void)
{
	baryon_uid thread;
	struct activation_record *r;

	fresh();
	thread = world_thread_load(a, 200, a->space, a->base + ENTRY_START + 0x10000, 4);
	world_run(thread);
	call_into(41, a);
	world_run(a->thread);
	world.after_step = NULL;
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, thread), 0);
	r = record_in(a, ACTIVATION_EXPLICIT);
	r->kind = ACTIVATION_FREE;
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, SERVICE(a)), 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_PORTAL, world_home(KIND_PORTAL, SERVICE(a), 0)), 0);
	r->kind = ACTIVATION_EXPLICIT;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, thread, 0)), 0);
	CHECK(world_thread(thread));
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, SERVICE(a)), 0);
	CHECK(world_thread(thread) == NULL);
}

/* The way back to a program that is not the short one checks the address. */
static void a_program_that_made_a_call_is_no_caller(void)
{
	baryon_uid program, thread;
	struct thread_home *h;

	fresh();
	program = world_space_load(a, 100, SPACE_PROGRAM, 0);
	thread = world_thread_load(a, 200, a->space, a->base + ENTRY_START + 0x10000, 4);
	world_run(thread);
	call_into(41, a);
	world_run(a->thread);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, thread), 0);
	h = machine_translate(world_home(KIND_THREAD, thread, 0), RIGHT_WRITE);
	h->base.space = program;
	h->base.registers.rip = 1ull << 62;
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, thread, 0)), 0);
	world_run(thread);
	CHECK(world_call(CALL_THREAD_REBASE, thread, program) < 0);
	world.after_step = NULL;
	CHECK_IS(world_call(CALL_PORTAL_RETURN), WORLD_AWAY);
	CHECK(world_thread(thread) == NULL);
}

/* As a callee may do in user mode. */
static void a_callee_does_not_change_the_bases_of_a_program(void)
{
	for (unsigned way = 0; way < 4; way++) {
		baryon_uid program, thread;

		fresh();
		program = world_space_load(a, 100, SPACE_PROGRAM, 0);
		thread = world_thread_load(a, 101, program, 0x5000, 6);
		world_park();
		CHECK_IS(world_running(), thread);
		host_this->fs_base = 0x1111;
		host_this->gs_base = 0x2222;
		machine_cpu()->now.rax = 5;
		machine_syscall();
		host.slow = way & 1;
		call_into(40, b);
		host_this->fs_base = host_this->gs_base = 0xbad;
		if (way & 2) {
			world_run(a->thread);
			host_this->fs_base = host_this->gs_base = 0xbad;
			world_run(thread);
		}
		host_this->fs_base = host_this->gs_base = 0xbad;
		world_portal_return(NULL);
		host.slow = false;
		CHECK_IS(rip() & ~0xfffull, a->base);
		CHECK_IS(host_this->fs_base, 0x1111);
		CHECK_IS(host_this->gs_base, 0x2222);
		world_resume();
		CHECK_IS(world_running(), thread);
		world_run(a->thread);
		CHECK_IS(world_thread(thread)->fs_base, 0x1111);
		CHECK_IS(world_thread(thread)->gs_base, 0x2222);
	}
}

/* Its own miss portal is gone, and it would have to be asked for that too: as while a kernel is taken down. Nobody else stops of it. */
static void what_no_keeper_can_answer_for_fails_the_call(void)
{
	fresh();
	world_run(a->thread);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(a->number, 70)), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(a->number, NUMBER_MISS_PORTAL)), 0);
	world_run(b->thread);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_REFERENCE, world_home(KIND_REFERENCE, b->space, 40), 0), -BARYON_ENOENT);
	CHECK_IS(world_running(), b->thread);
	CHECK(!world_thread(b->thread)->stop_asked);
}

/* A portal that takes no calls at all: whoever misses hears of it. */
static void what_a_keeper_cannot_be_asked_for_fails_with_the_reason(void)
{
	struct portal_home h = { .header = { KIND_PORTAL, HOME_VERSION, 1, UID_MAKE(2, NUMBER_MISS_PORTAL) } };
	uint64_t at;

	fresh();
	world_run(a->thread);
	h.space = a->space;
	h.entry = a->base + ENTRY_MISS;
	at = world_memory(a, sizeof h);
	world_write(at, &h, sizeof h);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, h.header.uid), 0);
	CHECK_IS(world_load(KIND_PORTAL, at, 0), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, SERVICE(a)), 0);
	world_run(b->thread);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_REFERENCE, world_home(KIND_REFERENCE, b->space, 40), 0), -BARYON_EINVAL);
	CHECK_IS(world_running(), b->thread);
	CHECK(!world_thread(b->thread)->stop_asked);
}

int main(void)
{
	a_callee_does_not_change_the_bases_of_a_program();
	a_callee_does_not_say_where_the_callers_handler_stack_is();
	the_place_on_the_handler_stack_survives_an_unload();
	a_record_of_another_kind_is_no_record();
	a_record_does_not_say_what_a_level_was_called_for();
	a_callee_does_not_make_its_caller_fault();
	a_portal_with_a_thread_inside_stays_whatever_its_records_say();
	a_program_that_made_a_call_is_no_caller();
	what_no_keeper_can_answer_for_fails_the_call();
	what_a_keeper_cannot_be_asked_for_fails_with_the_reason();
	return 0;
}
