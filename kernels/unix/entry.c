/* The ways into UNIX: system calls, faults, exceptions and alerts of programs, and misses of objects whose homes UNIX keeps.
 * Each runs on the calling thread's handler stack and ends by resuming from the frame (lib's portal entries do that). */
#include "abi/rights.h"
#include "baryon/calls.h"
#include "baryon/portal.h"
#include "calls.h"
#include "portals.h"
#include "process/internal.h"
#include "process/numbers.h"

typedef int64_t (*call_function)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

#define X(number, name, function) [number] = function,
static const call_function call_table[CALL_NUMBERS] = {
#include "syscalls.def"
};
#undef X

/* ---- system calls ---- */

static uint64_t unknown_counts[CALL_NUMBERS + 1];       /* the last: of all numbers that Linux does not have */

static __attribute__((noinline)) int64_t call_unknown(uint64_t number)
{
	if (__atomic_fetch_add(&unknown_counts[number < CALL_NUMBERS ? number : CALL_NUMBERS], 1, __ATOMIC_RELAXED) != 0)
		return -ENOSYS;
	log_line("unknown system call %lu (%s) by %s", number, call_name(number), self_process()->name);
	return -ENOSYS;
}

void calls_unknown_say(void)
{
	for (uint64_t number = 0; number < CALL_NUMBERS; number++) {
		uint64_t count = __atomic_load_n(&unknown_counts[number], __ATOMIC_RELAXED);

		if (count > 1)
			log_line("unknown system call %lu (%s) was made %lu times", number, call_name(number), count);
	}
	if (unknown_counts[CALL_NUMBERS] > 1)
		log_line("system calls beyond Linux's numbers were made %lu times", unknown_counts[CALL_NUMBERS]);
}

void trap_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	const struct thread *me = (const struct thread *)cookie;
	const struct registers *r = &frame->registers;
	call_function function = r->rax < CALL_NUMBERS ? call_table[r->rax] : NULL;
	int64_t result;

	(void)cause;
	if (__builtin_expect(function != NULL, 1))
		result = function(r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9);
	else
		result = call_unknown(r->rax);
	if (__builtin_expect(__atomic_load_n(&me->work, __ATOMIC_RELAXED) != 0, 0))
		work_do(frame, true, result);
	else
		frame->registers.rax = (uint64_t)result;
}

/* ---- faults, exceptions, alerts ---- */

static void work_check(struct trap_frame *frame)
{
	if (__atomic_load_n(&self()->work, __ATOMIC_RELAXED) != 0)
		work_do(frame, false, 0);
}

/* The fault happens again when there may be memory for it, or the signal that was posted meanwhile ends the process. */
static void fault_relieve(void)
{
	unsigned *tries = &self()->shortage_tries;

	if (!memory_relieve(tries, true))
		signal_force(SIGKILL, SI_KERNEL, 0);
}

static void fault_signal(int status, uint64_t address)
{
	if (status == -EIO)
		signal_force(SIGBUS, BUS_ADRERR, address);
	else if (status == -ENOMEM)
		fault_relieve();
	else
		signal_force(SIGSEGV, status == -EACCES ? SEGV_ACCERR : SEGV_MAPERR, address);
}

/* No page is writable and executable at once: an instruction that writes to its own page is executed in another one. */
static int fault_own_page(struct space *space, struct trap_frame *frame)
{
	int status = space_fault_in(space, frame->address, frame->access);

	return status != 0 ? status : step_begin(frame, frame->address);
}

void fault_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	struct thread *me = (struct thread *)cookie;
	struct process *process = me->process;
	bool alone = process->thread_count == 1 && process->space->references == 1 && me->work == 0;
	int status;

	(void)cause;
	process->faults++;
	if (__builtin_expect((frame->access & RIGHT_WRITE) && step_may_be_needed(frame, frame->address), 0))
		status = fault_own_page(process->space, frame);
	else if (__builtin_expect(me->step.from != 0 && (frame->access & RIGHT_EXECUTE), 0) && !step_leave(frame))
		status = 0;
	else
		status = space_fault_resume(process->space, frame->address, frame->access, alone);
	if (status != 0)
		fault_signal(status, frame->address);
	else
		me->shortage_tries = 0;
	work_check(frame);
}

void exception_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	enum { DIVIDE = 0, DEBUG = 1, BREAKPOINT = 3, OPCODE = 6, X87 = 16, ALIGNMENT = 17, VECTOR = 19, STEPPED = 256 };
	uint64_t at;

	(void)cookie;
	(void)cause;
	if (step_leave(frame) && frame->vector == BREAKPOINT)
		frame->vector = STEPPED;
	at = frame->registers.rip;
	switch (frame->vector) {
	case STEPPED:
		break;
	case DIVIDE:
	case X87:
	case VECTOR:
		signal_force(SIGFPE, FPE_INTDIV, at);
		break;
	case DEBUG:
	case BREAKPOINT:
		signal_force(SIGTRAP, TRAP_BRKPT, at);
		break;
	case OPCODE:
		signal_force(SIGILL, ILL_ILLOPN, at);
		break;
	case ALIGNMENT:
		signal_force(SIGBUS, BUS_ADRERR, at);
		break;
	default:
		signal_force(SIGSEGV, SI_KERNEL, frame->vector == 14 ? frame->address : 0);
	}
	work_check(frame);
}

void alert_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	(void)cookie;
	(void)cause;
	work_check(frame);
}

/* ---- misses ---- */

long miss_answer(enum object_kind kind, baryon_uid uid, uint64_t index)
{
	(void)index;
	switch (kind) {
	case KIND_SPACE:
		return space_reload(uid);
	case KIND_THREAD:
		return number_kind(uid) == 0 ? own_object_reload(kind, uid) : thread_reload(uid);
	default:
		return own_object_reload(kind, uid);
	}
}
