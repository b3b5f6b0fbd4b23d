/* The victims: threads in program spaces. Every trap, fault, exception or alert of theirs comes to a handler here, which
 * writes the next instructions into the victim's code page, wild registers into its frame, and resumes it. */
#include "hostile.h"

#include "abi/rights.h"
#include "baryon/format.h"
#include "baryon/string.h"

enum { CODE_BYTES = 32, INTERRUPTS = 256, STUB_BYTES_ALL = 4 * 4096, MODES = 5 };

struct instruction {
	uint8_t bytes[12];
	uint8_t count;
};

/* What user mode may not do, or does at its own risk (AMD64 volume 3; Intel SDM volume 2). */
static const struct instruction instructions[] = {
	{ { 0xf4 }, 1 },                        /* hlt */
	{ { 0xfa }, 1 },                        /* cli */
	{ { 0xfb }, 1 },                        /* sti */
	{ { 0x0f, 0x01, 0xf8 }, 3 },            /* swapgs */
	{ { 0x0f, 0x01, 0xca }, 3 },            /* clac */
	{ { 0x0f, 0x01, 0xcb }, 3 },            /* stac */
	{ { 0x0f, 0x20, 0xc0 }, 3 },            /* mov cr0, rax */
	{ { 0x0f, 0x22, 0xd8 }, 3 },            /* mov rax, cr3 */
	{ { 0x0f, 0x22, 0xe0 }, 3 },            /* mov rax, cr4 */
	{ { 0x0f, 0x23, 0xf8 }, 3 },            /* mov rax, dr7 */
	{ { 0x0f, 0x32 }, 2 },                  /* rdmsr */
	{ { 0x0f, 0x30 }, 2 },                  /* wrmsr */
	{ { 0x0f, 0x33 }, 2 },                  /* rdpmc */
	{ { 0x0f, 0x31 }, 2 },                  /* rdtsc */
	{ { 0x0f, 0x08 }, 2 },                  /* invd */
	{ { 0x0f, 0x09 }, 2 },                  /* wbinvd */
	{ { 0x0f, 0x06 }, 2 },                  /* clts */
	{ { 0x0f, 0x01, 0x38 }, 3 },            /* invlpg (rax) */
	{ { 0x0f, 0x01, 0x10 }, 3 },            /* lgdt (rax) */
	{ { 0x0f, 0x01, 0x18 }, 3 },            /* lidt (rax) */
	{ { 0x0f, 0x01, 0x00 }, 3 },            /* sgdt (rax) */
	{ { 0x0f, 0x01, 0x08 }, 3 },            /* sidt (rax) */
	{ { 0x0f, 0x00, 0xd0 }, 3 },            /* lldt ax */
	{ { 0x0f, 0x00, 0xd8 }, 3 },            /* ltr ax */
	{ { 0x0f, 0x00, 0xc8 }, 3 },            /* str eax */
	{ { 0x0f, 0x01, 0xe0 }, 3 },            /* smsw eax */
	{ { 0x0f, 0x01, 0xf0 }, 3 },            /* lmsw ax */
	{ { 0x0f, 0x01, 0xd1 }, 3 },            /* xsetbv */
	{ { 0x0f, 0xae, 0x28 }, 3 },            /* xrstor (rax) */
	{ { 0x0f, 0xae, 0x10 }, 3 },            /* ldmxcsr (rax) */
	{ { 0xf3, 0x0f, 0xae, 0xd0 }, 4 },      /* wrfsbase eax */
	{ { 0xf3, 0x48, 0x0f, 0xae, 0xd8 }, 5 },/* wrgsbase rax */
	{ { 0x0f, 0x34 }, 2 },                  /* sysenter */
	{ { 0x0f, 0x35 }, 2 },                  /* sysexit */
	{ { 0x48, 0x0f, 0x07 }, 3 },            /* sysretq */
	{ { 0x48, 0xcf }, 2 },                  /* iretq */
	{ { 0x48, 0xcb }, 2 },                  /* lretq */
	{ { 0xcc }, 1 },                        /* int3 */
	{ { 0xf1 }, 1 },                        /* int1 */
	{ { 0x0f, 0x0b }, 2 },                  /* ud2 */
	{ { 0xec }, 1 },                        /* in */
	{ { 0xef }, 1 },                        /* out */
	{ { 0x6c }, 1 },                        /* insb */
	{ { 0x48, 0xf7, 0xf1 }, 3 },            /* div rcx */
	{ { 0x8e, 0xd8 }, 2 },                  /* mov ds, ax */
	{ { 0x8e, 0xd0 }, 2 },                  /* mov ss, ax */
	{ { 0x8e, 0xe8 }, 2 },                  /* mov gs, ax */
	{ { 0x8e, 0xd0, 0xcd, 0x80 }, 4 },      /* mov ss, ax; int 0x80 */
	{ { 0x50, 0x9d }, 2 },                  /* push rax; popfq */
	{ { 0x68, 0x02, 0x03, 0x04, 0x00, 0x9d }, 6 },  /* trap flag and alignment check, then a system call */
	{ { 0x68, 0x02, 0x43, 0x04, 0x00, 0x9d }, 6 },  /* nested task too */
	{ { 0xfd }, 1 },                        /* std */
	{ { 0x48, 0x8b, 0x00 }, 3 },            /* mov (rax), rax */
	{ { 0x48, 0x89, 0x00 }, 3 },            /* mov rax, (rax) */
	{ { 0xff, 0xe0 }, 2 },                  /* jmp rax */
	{ { 0xff, 0x28 }, 2 },                  /* ljmp (rax) */
	{ { 0xeb, 0xfe }, 2 },                  /* jmp to itself */
	{ { 0x0f, 0x01, 0xc1 }, 3 },            /* vmcall */
	{ { 0x0f, 0x01, 0xd8 }, 3 },            /* vmrun */
	{ { 0x0f, 0xc7, 0xf8 }, 3 },            /* rdseed */
	{ { 0xf0, 0x0f, 0xc7, 0xc8 }, 4 },      /* lock cmpxchg8b eax */
	{ { 0x0f, 0xae, 0x38 }, 3 },            /* clflush (rax) */
};

enum { INSTRUCTIONS = sizeof instructions / sizeof instructions[0] };

static void code_write(struct victim *v, const uint8_t *bytes, uint64_t count)
{
	memcpy(v->code, bytes, count);
	v->code[count] = 0x0f;
	v->code[count + 1] = 0x05;      /* syscall */
	v->code[count + 2] = 0x0f;
	v->code[count + 3] = 0x0b;      /* ud2 */
}

/* No VEX prefixes: QEMU's own translator gives up on some of what may follow. */
static void code_random(struct victim *v)
{
	uint8_t bytes[CODE_BYTES];

	for (unsigned i = 0; i < CODE_BYTES; i++) {
		bytes[i] = (uint8_t)(random_next(&v->random) >> 24);
		bytes[i] = bytes[i] == 0xc4 || bytes[i] == 0xc5 ? 0x90 : bytes[i];
	}
	code_write(v, bytes, CODE_BYTES);
}

static void registers_random(struct victim *v, struct registers *r)
{
	uint64_t *word = (uint64_t *)r;

	for (unsigned i = 0; i < 15; i++)
		word[i] = random_below(&v->random, 2) ? random_address(&v->random) : random_word(&v->random);
	r->rip = PROGRAM_CODE;
	r->rflags = random_below(&v->random, 4) ? 0x202 : random_next(&v->random);
	r->rsp = random_below(&v->random, 4) ? PROGRAM_STACK + 2048 : random_address(&v->random);
	r->flags = random_below(&v->random, 4) ? REGISTERS_FULL : random_next(&v->random);
}

/* Chooses what the victim executes next: each instruction and interrupt in turn, every byte of the stub pages, random code. */
static void probe_choose(struct victim *v, struct registers *r)
{
	uint64_t n = v->probe++ / MODES;

	registers_random(v, r);
	switch (v->probe % MODES) {
	case 0:
		code_write(v, instructions[n % INSTRUCTIONS].bytes, instructions[n % INSTRUCTIONS].count);
		break;
	case 1:
		code_write(v, (uint8_t[]){ 0xcd, (uint8_t)n }, 2);
		break;
	case 2:
		r->rip = STUBS_TRAPPING + n % STUB_BYTES_ALL;
		break;
	case 3:
		r->rip = random_chance(&v->random, 2) ? random_address(&v->random) : random_next(&v->random);
		break;
	default:
		code_random(v);
	}
}

/* Copies from and to wild places; the counts that come back may be anything up to what was asked. */
static void copies_try(struct victim *v)
{
	struct copy_short at;
	uint64_t bytes = random_below(&v->random, 4) ? random_below(&v->random, PAGE_BYTES) : random_number(&v->random);
	uint64_t address = random_below(&v->random, 2) ? random_program_address(&v->random) : random_address(&v->random);
	long in, out;

	if (bytes > 2 * PAGE_BYTES)
		bytes = 2 * PAGE_BYTES;
	in = copy_in(v->copies, address, bytes, &at);
	out = copy_out(address, v->copies, bytes, &at);
	if (in > (long)bytes || out > (long)bytes)
		panic("hostile: %lu bytes copied as %ld and %ld", bytes, in, out);
}

/* A frame with something wrong. If Strange takes it, the victim traps again and comes back. */
static void resume_wild(struct victim *v, struct trap_frame *frame)
{
	uint64_t *word = (uint64_t *)frame;
	struct trap_frame good = *frame;

	for (uint64_t n = 1 + random_below(&v->random, 4); n > 0; n--)
		word[random_below(&v->random, sizeof *frame / 8)] = random_word(&v->random);
	(void)resume(random_chance(&v->random, 4) ? random_next(&v->random) : 0);
	*frame = good;
}

/* Its registers are the processor's until something interrupts it. */
static void rest(struct victim *v, struct trap_frame *frame)
{
	code_write(v, (uint8_t[]){ 0xeb, 0xfe }, 2);
	frame->registers.rip = PROGRAM_CODE;
	frame->registers.flags = REGISTERS_FULL;
	frame->flags = 0;
	v->progress++;
}

static void next(struct victim *v, struct trap_frame *frame)
{
	if (hostile.frames) {
		rest(v, frame);
		return;
	}
	if (__atomic_fetch_add(&v->progress, 1, __ATOMIC_RELAXED) >= v->goal)
		park(0);
	if (random_chance(&v->random, 2))
		copies_try(v);
	probe_choose(v, &frame->registers);
	if (random_chance(&v->random, 4)) {
		frame->fs_base = random_address(&v->random);
		frame->gs_base = random_address(&v->random);
		frame->flags = FRAME_BASES;
	}
	if (random_chance(&v->random, 3))
		resume_wild(v, frame);
	frame->flags = 0;
}

/* The victim's code and stack, as a fault of its wants them. */
static long own_page_map(const struct victim *v, uint64_t address)
{
	uint64_t page = address & ~(PAGE_BYTES - 1);
	struct mapping_home home = {
		.address = page, .index = v->code_page + (page == PROGRAM_STACK), .container = HANDLE_MEMORY,
		.rights = page == PROGRAM_CODE ? RIGHT_READ | RIGHT_EXECUTE : RIGHT_READ | RIGHT_WRITE,
	};

	if (page != PROGRAM_CODE && page != PROGRAM_STACK)
		return -BARYON_EFAULT;
	return mapping_load(OWN_UID(NUMBER_SPACES + v->index % SPACES), &home, 1, LOAD_REPLACE);
}

void victim_prepare(struct victim *victim)
{
	code_write(victim, NULL, 0);
}

/* The victim whose cookie it is; null for an attacker that ran into its own traps. */
static struct victim *victim_of(struct trap_frame *frame, uint64_t cookie)
{
	struct victim *v = (struct victim *)cookie;

	if (v->sort == COOKIE_ATTACKER) {
		wild_handle(frame, OWN_UID(NUMBER_ATTACKERS + ((struct attacker *)cookie)->index));
		return NULL;
	}
	v->causes[frame->cause & 7]++;
	return v;
}

void trap_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	struct victim *v = victim_of(frame, cookie);

	(void)cause;
	if (v)
		next(v, frame);
}

void fault_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	struct victim *v = victim_of(frame, cookie);

	(void)cause;
	while (hostile.silent)
		park(0);
	if (!v || ((hostile.frames || !random_chance(&v->random, 8)) && own_page_map(v, frame->address) == 1))
		return;
	next(v, frame);
}

void exception_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	struct victim *v = victim_of(frame, cookie);

	(void)cause;
	if (!v)
		return;
	v->vectors[frame->vector & 31]++;
	v->escapes += frame->vector != 14 && frame->registers.rip - STUBS_DIRECT < PAGE_BYTES;
	next(v, frame);
}

void alert_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	trap_handle(frame, cookie, cause);
}
