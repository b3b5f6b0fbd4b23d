/* The attackers: calls with random registers, and calls that are nearly right. */
#include "hostile.h"

#include "abi/rights.h"
#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/wild.h"

enum { WAIT_NS = 200000, LOG_BYTES = 1 };

static void registers_random(struct attacker *a, struct wild_registers *r)
{
	uint64_t *word = (uint64_t *)r;

	for (unsigned i = 0; i < sizeof *r / 8; i++)
		word[i] = random_next(&a->random);
}

/* What would end or silence the kernel by its own right is left out. */
static bool suicidal(const struct wild_registers *r)
{
	if (r->rax == CALL_THREAD_SET && (uint32_t)r->rsi == THREAD_SET_PRIORITY)
		return r->rdx < PRIORITY_COUNT && r->rdx > PRIORITY_ATTACK;
	if (r->rax == CALL_PORTAL_CALL && (r->rbx & 0xffffffff) == HANDLE_SRM)
		return r->rdi == SRM_POWER_OFF || r->rdi == SRM_FAILED;
	return r->rax == CALL_LOG || (r->rax == CALL_OBJECT_DESTROY && UID_KEEPER(r->rsi) == hostile.start->number &&
		UID_NUMBER(r->rsi) < NUMBER_SACRIFICES);
}

static bool foreign(baryon_uid uid) { return UID_KEEPER(uid) != hostile.start->number; }

/* Its own memory holds the record, which nobody but this attacker changes. */
static bool in_arenas(const struct attacker *a, uint64_t at, uint64_t bytes)
{
	return at - (uint64_t)a->arena <= ARENA_BYTES - bytes || at - (uint64_t)a->far_arena <= ARENA_BYTES - bytes;
}

static bool load_trespasses(const struct attacker *a, const struct wild_registers *r)
{
	const struct home_header *header = (const struct home_header *)r->rsi;

	if (r->rdi == KIND_KERNEL)
		return true;
	if (r->rdi == KIND_REFERENCE || r->rdi == KIND_PAGE || r->rdi == KIND_MAPPING || !in_arenas(a, r->rsi, sizeof *header))
		return false;
	return foreign(header->uid);
}

static bool page_trespasses(const struct attacker *a, const struct wild_registers *r)
{
	const struct page_home *home = (const struct page_home *)r->rdi;
	uint64_t group;

	if (!in_arenas(a, r->rdi, sizeof *home))
		return false;
	group = home->frame / GROUP_PAGES;
	return foreign(home->container) || group - hostile.start->grant_first >= hostile.start->grant_count;
}

/* Is it about something that is not its own? Such a call must not succeed. */
static bool trespasses(const struct attacker *a, const struct wild_registers *r)
{
	switch (r->rax) {
	case CALL_OBJECT_LOAD:
		return load_trespasses(a, r);
	case CALL_PAGE_LOAD:
		return page_trespasses(a, r);
	case CALL_OBJECT_UNLOAD:
	case CALL_OBJECT_DESTROY:
	case CALL_OBJECT_WRITE_BACK:
	case CALL_CAPABILITY_MAKE:
		return foreign(r->rsi);
	case CALL_PAGE_UNLOAD:
	case CALL_MAPPING_LOAD:
	case CALL_MAPPING_UNLOAD:
	case CALL_MAPPING_PROTECT:
	case CALL_MAPPING_READ:
	case CALL_UNPARK:
	case CALL_ALERT:
	case CALL_THREAD_SET:
	case CALL_THREAD_REBASE:
		return foreign(r->rdi);
	case CALL_REFERENCE_UNLOAD:
		return foreign(r->rdi) && r->rdi != hostile.start->space;
	case CALL_INTERRUPT_BIND:
	case CALL_INTERRUPT_DONE:
	case CALL_PORT_READ:
	case CALL_PORT_WRITE:
	case CALL_MACHINE:
		return true;
	}
	return false;
}

static void call(struct attacker *a, struct wild_registers *r)
{
	long result;

	if (suicidal(r))
		return;
	result = (long)wild_call(r);
	if (result >= 0 && trespasses(a, r) && a->trespasses++ == 0)
		log_format("hostile: call %lu succeeded: %lx %lx %lx %lx\n", r->rax, r->rdi, r->rsi, r->rdx, r->r10);
	if (result >= 0)
		a->answers[0]++;
	else if (result > -32)
		a->answers[-result]++;
	else
		a->answers[31]++;
}

static void random_one(struct attacker *a)
{
	struct wild_registers r;

	registers_random(a, &r);
	if (random_below(&a->random, 8))
		r.rax %= CALL_COUNT + 2;
	call(a, &r);
}

/* A deadline that has passed, comes soon, or never comes: the warden ends those waits. */
static uint64_t deadline(struct attacker *a)
{
	return random_below(&a->random, 8) ? clock_now_ns() + random_below(&a->random, WAIT_NS) : random_number(&a->random);
}

static uint64_t room(struct attacker *a)
{
	return (uint64_t)a->arena + random_below(&a->random, ARENA_BYTES / 2);
}

static void load_fill(struct attacker *a, struct wild_registers *r)
{
	uint64_t kind = random_below(&a->random, KIND_COUNT);

	if (random_chance(&a->random, 3))
		kind = KIND_THREAD;
	r->rdi = kind;
	r->rsi = forge(a, (enum object_kind)kind);
	r->rdx = random_below(&a->random, 8) ? 0 : random_below(&a->random, 4);
}

static void mapping_fill(struct attacker *a, struct wild_registers *r)
{
	r->rdx = random_below(&a->random, 8) ? 1 + random_below(&a->random, 16) : random_number(&a->random);
	r->rdi = random_below(&a->random, 8) ? OWN_UID(NUMBER_SPACES + random_below(&a->random, SPACES)) :
					       random_uid(&a->random);
	r->rsi = forge_mappings(a, r->rdx);
	r->r10 = random_below(&a->random, 2) ? LOAD_REPLACE : random_below(&a->random, 8);
}

static void range_fill(struct attacker *a, struct wild_registers *r)
{
	r->rdi = random_below(&a->random, 8) ? OWN_UID(NUMBER_SPACES + random_below(&a->random, SPACES)) :
					       random_uid(&a->random);
	r->rsi = random_program_address(&a->random) & ~(PAGE_BYTES - 1);
	r->rdx = random_below(&a->random, 4) ? 1 + random_below(&a->random, 64) : random_number(&a->random);
	r->r10 = r->rax == CALL_MAPPING_READ ? room(a) : random_below(&a->random, 8);
	if (r->rax == CALL_MAPPING_READ)
		r->rdx = room(a) & ~7ull;
}

static void portal_fill(struct attacker *a, struct wild_registers *r)
{
	r->rbx = random_handle(&a->random);
	r->rbp = random_below(&a->random, 2) ? 0 : forge_blocks(a);
	r->r14 = clock_now_ns() + random_below(&a->random, WAIT_NS);
	r->rdi = random_word(&a->random);
	r->rsi = random_word(&a->random);
}

static void copy_fill(struct attacker *a, struct wild_registers *r)
{
	bool in = r->rax == CALL_COPY_IN;

	r->rdi = in ? room(a) : random_address(&a->random);
	r->rsi = in ? random_address(&a->random) : room(a);
	r->rdx = random_below(&a->random, 4) ? random_below(&a->random, ARENA_BYTES / 2) : random_number(&a->random);
	r->r10 = room(a);
}

/* Every other argument may be replaced. */
static void arguments_fill(struct attacker *a, struct wild_registers *r)
{
	switch (r->rax) {
	case CALL_OBJECT_LOAD:
		load_fill(a, r);
		break;
	case CALL_PAGE_LOAD:
		r->rdi = forge(a, KIND_PAGE);
		r->rsi = random_below(&a->random, 8) ? 1 + random_below(&a->random, 4) : random_number(&a->random);
		break;
	case CALL_MAPPING_LOAD:
		mapping_fill(a, r);
		break;
	case CALL_MAPPING_UNLOAD:
	case CALL_MAPPING_PROTECT:
	case CALL_MAPPING_READ:
		range_fill(a, r);
		break;
	case CALL_PORTAL_CALL:
		portal_fill(a, r);
		break;
	case CALL_COPY_IN:
	case CALL_COPY_OUT:
		copy_fill(a, r);
		break;
	case CALL_CAPABILITY_MAKE:
		r->r10 = room(a) & ~7ull;
		break;
	case CALL_WAIT:
		r->rsi = room(a) & ~7ull;
		r->rdi = deadline(a);
		break;
	case CALL_PARK:
		r->rdi = deadline(a);
		break;
	case CALL_OBJECT_UNLOAD:
	case CALL_OBJECT_DESTROY:
	case CALL_OBJECT_WRITE_BACK:
		r->rdi = random_below(&a->random, KIND_COUNT + 1);
		r->rsi = random_uid(&a->random);
		break;
	}
}

static void near_one(struct attacker *a)
{
	struct wild_registers r;

	registers_random(a, &r);
	r.rax = random_chance(&a->random, 3) ? CALL_OBJECT_LOAD : random_below(&a->random, CALL_COUNT);
	r.rdi = random_uid(&a->random);
	r.rsi = random_word(&a->random);
	r.rdx = random_word(&a->random);
	r.r10 = random_word(&a->random);
	arguments_fill(a, &r);
	if (random_chance(&a->random, 8))
		r.rdi = random_word(&a->random);
	if (random_chance(&a->random, 16))
		r.rsi = random_word(&a->random);
	if (random_chance(&a->random, 16))
		r.rdx = random_word(&a->random);
	call(a, &r);
}

_Noreturn void attacker_run(void *attacker)
{
	struct attacker *a = attacker;

	for (;;) {
		uint64_t n = __atomic_fetch_add(&a->progress, 1, __ATOMIC_RELAXED);

		if (n >= a->goal)
			park(0);
		else if (n % 2)
			near_one(a);
		else
			random_one(a);
	}
}
