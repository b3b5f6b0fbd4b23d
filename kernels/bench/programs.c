/* A program space with one thread whose only doing is to trap: system calls, faults, exceptions and alerts, to the bench as their
 * owner and back. The handlers count the rounds. */
#include "bench.h"

#include "baryon/string.h"

/* Machine code of the programs, each an endless loop. */
static const uint8_t code_syscall[] = { 0x0f, 0x05, 0xeb, 0xfc };               /* syscall; jmp */
static const uint8_t code_load[] = { 0x8b, 0x07, 0xeb, 0xfc };                  /* mov (%rdi), %eax; jmp */
static const uint8_t code_walk[] = { 0x8b, 0x07, 0x48, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, 0xeb, 0xf5 };
									/* mov (%rdi), %eax; add $4096, %rdi; jmp */
static const uint8_t code_breakpoint[] = { 0xcc, 0xeb, 0xfd };                  /* int3; jmp */
static const uint8_t code_undefined[] = { 0x0f, 0x0b, 0xeb, 0xfc };             /* ud2; jmp */

enum { LOAD_BYTES = 2, UNDEFINED_BYTES = 2, WORKER_PROGRAM = 2, PROGRAM_OFFSET_STEP = 64 };

static struct space_home space_home __attribute__((aligned(64)));

/* Rounds of the current program. `passed` is written by handlers only. */
static struct {
	uint64_t passed, first, last;
	bool alerts, maps;
} tape;

/* A round is over; after the last the program's thread stays here. */
static void round_pass(void)
{
	if (tape.passed == 0)
		tape.first = ticks();
	if (tape.passed++ < ROUNDS)
		return;
	tape.last = ticks();
	must(unpark(own_uid(NUMBER_RUNNER)), "unpark");
	for (;;)
		park(0);
}

void trap_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	(void)frame, (void)cookie, (void)cause;
	if (tape.alerts)
		must(alert(own_uid(NUMBER_PROGRAM_THREAD)), "alert");
	else
		round_pass();
}

void alert_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	(void)frame, (void)cookie, (void)cause;
	round_pass();
}

static void fault_map(uint64_t address)
{
	struct mapping_home home = {
		.address = address, .index = PAGES_FIRST + (address - PROGRAM_DATA) / PAGE_BYTES, .container = HANDLE_MEMORY,
		.rights = RIGHT_READ | RIGHT_WRITE,
	};

	must(mapping_load(own_uid(NUMBER_PROGRAM), &home, 1, LOAD_RESUME), "mapping and resuming");
}

void fault_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	(void)cookie, (void)cause;
	if (frame->space != own_uid(NUMBER_PROGRAM))
		panic("bench: fault at %lx, instruction %lx", frame->address, frame->registers.rip);
	round_pass();
	if (tape.maps)
		fault_map(frame->address);
	frame->registers.rip += LOAD_BYTES;
}

void exception_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	(void)cookie, (void)cause;
	if (frame->space != own_uid(NUMBER_PROGRAM))
		panic("bench: exception %lu at %lx", frame->vector, frame->registers.rip);
	round_pass();
	if (frame->vector == 6)
		frame->registers.rip += UNDEFINED_BYTES;
}

void program_map(uint64_t address, uint64_t page, uint16_t rights, baryon_uid signal)
{
	struct mapping_home home = {
		.address = address, .index = page, .container = HANDLE_MEMORY, .rights = rights, .signal = signal,
	};

	must(mapping_load(own_uid(NUMBER_PROGRAM), &home, 1, LOAD_REPLACE), "mapping a page of the program");
}

void program_space_start(void)
{
	home_start(&space_home, sizeof space_home, KIND_SPACE, own_uid(NUMBER_PROGRAM));
	space_home.flags = SPACE_PROGRAM;
	must(object_load(KIND_SPACE, &space_home, 0), "the program's space");
	memory_page(PAGE_CODE)[0] = 0;
	program_map(PROGRAM_CODE, PAGE_CODE, RIGHT_READ | RIGHT_EXECUTE, 0);
}

struct program {
	const char *name;
	const uint8_t *code;
	unsigned bytes;
	bool alerts, maps;
};

static void program_thread_start(void)
{
	static struct thread_home home __attribute__((aligned(2048)));
	static uint8_t handler_stack[8192] __attribute__((aligned(4096)));
	struct thread_start start = {
		.uid = own_uid(NUMBER_PROGRAM_THREAD), .space = own_uid(NUMBER_PROGRAM), .entry = PROGRAM_CODE,
		.argument = PROGRAM_DATA, .handler_space = bench.start->space,
		.handler_top = (uint64_t)handler_stack + sizeof handler_stack, .priority = PRIORITY_LOW,
	};

	handler_stack[0] = handler_stack[sizeof handler_stack - 1] = 0;
	thread_home_start(&home, &start);
	must(object_load(KIND_THREAD, &home, 0), "the program's thread");
}

/* What the handlers' own part of a round takes. */
static uint64_t overhead(void)
{
	struct trap_frame frame = { .space = own_uid(NUMBER_PROGRAM) };
	uint64_t start;

	memset(&tape, 0, sizeof tape);
	start = ticks();
	for (unsigned i = 0; i < ROUNDS; i++)
		exception_handle(&frame, 0, 0);
	return ticks() - start;
}

static void program_run(const struct program *program)
{
	uint64_t without = overhead();

	memset(&tape, 0, sizeof tape);
	tape.alerts = program->alerts;
	tape.maps = program->maps;
	memcpy(memory_page(PAGE_CODE), program->code, program->bytes);
	program_thread_start();
	must(park(0), "park");
	row(program->name, tape.last - tape.first - without, ROUNDS);
	worker_end(NUMBER_PROGRAM_THREAD);
}

void rows_programs(void)
{
	static const struct program programs[] = {
		{ "null_syscall_trap", code_syscall, sizeof code_syscall, false, false },
		{ "fault_and_back", code_load, sizeof code_load, false, false },
		{ "exception_int3_and_back", code_breakpoint, sizeof code_breakpoint, false, false },
		{ "exception_ud2_and_back", code_undefined, sizeof code_undefined, false, false },
		{ "trap_alert_to_itself_and_back", code_syscall, sizeof code_syscall, true, false },
		{ "fault_load_mapping_and_resume", code_walk, sizeof code_walk, false, true },
	};

	for (unsigned i = 0; i < sizeof programs / sizeof programs[0]; i++)
		program_run(&programs[i]);
	must(mapping_unload(own_uid(NUMBER_PROGRAM), PROGRAM_DATA, ROUNDS + 16), "unmapping");
}
