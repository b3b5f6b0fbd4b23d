/* A kernel without frames that composes a container of another's pages (kernels/lend), for the tests of aliases. Each of those pages has
 * two names in it: an alias, and an alias of that one. A program goes through all of them again and again, writes by one
 * name and reads by the other; a thread unloads some aliases meanwhile, and the lender some pages. Says how many words were not
 * what was written by the other name, once aliases were loaded often enough. */
#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/homes.h"
#include "baryon/portal.h"
#include "baryon/srm.h"
#include "baryon/string.h"

enum { STACK_BYTES = 16384, HOMES = 8, LENT_PAGES = 16, PAGES = 2 * LENT_PAGES, ROUNDS = 300, LOADS = 1000 };
enum { NUMBER_THREAD = 128, NUMBER_SPACE = 256, NUMBER_CONTAINER = 80, CODE_PAGE = 1, COUNT_PAGE = 2, PORTALS = 3 };
enum { HANDLE_LENT = HANDLE_FIRST_FREE, HANDLE_WOVEN, REFERENCES = 2 };
#define CODE_ADDRESS 0x400000ull
#define COUNT_ADDRESS 0x600000ull
#define WOVEN_ADDRESS 0x10000000ull
#define TURN_NS 70000ull
#define PROGRAM __attribute__((section("weave_program"), noinline, used))

struct counts { volatile uint64_t rounds, wrong; };

static const struct kernel_start *own;
static struct homes_entry entries[HOMES];
static struct homes homes = { entries, 0, HOMES };
static struct portal_home portals[PORTALS] __attribute__((aligned(128)));
static struct container_home container __attribute__((aligned(64)));
static struct space_home space __attribute__((aligned(64)));
static struct thread_home thread __attribute__((aligned(2048)));
static struct reference_home references[REFERENCES] __attribute__((aligned(64)));
static struct page_home aliases[PAGES] __attribute__((aligned(32)));
static uint8_t miss_stack[STACK_BYTES] __attribute__((aligned(4096))), handler_stack[STACK_BYTES] __attribute__((aligned(4096)));
static struct activation_record miss_record __attribute__((aligned(256)));
static struct counts *counts;
static volatile uint64_t loaded;

static baryon_uid uid(uint64_t number) { return UID_MAKE(own->number, number); }

static void must(long result, const char *what)
{
	if (result < 0 && result != -BARYON_EEXIST)
		panic("weave: %s: %s", what, baryon_error_text(result));
}

/* Runs at another address than it is linked at, with no data but its argument. */
PROGRAM void program(struct counts *of)
{
	for (uint64_t round = 1;; round++) {
		for (uint64_t page = 0; page < LENT_PAGES; page++) {
			volatile uint64_t *word = (volatile uint64_t *)(WOVEN_ADDRESS + page * PAGE_BYTES + page * 8);
			volatile uint64_t *again = word + LENT_PAGES * PAGE_BYTES / sizeof *word;

			if (*again != (round == 1 ? 0 : (round - 1) * PAGES + page))
				of->wrong++;
			*(round % 2 ? word : again) = round * PAGES + page;
			if (*(round % 2 ? again : word) != round * PAGES + page)
				of->wrong++;
		}
		of->rounds = round;
	}
}

long miss_answer(enum object_kind kind, baryon_uid missed, uint64_t index)
{
	long result = -BARYON_ENOENT;

	if (kind == KIND_REFERENCE && index - HANDLE_LENT < REFERENCES) {
		result = object_load(KIND_REFERENCE, &references[index - HANDLE_LENT], 0);
	} else if (kind == KIND_PAGE && index < PAGES) {
		result = page_load(&aliases[index], 1);
		loaded++;
	} else {
		return homes_miss(&homes, kind, missed);
	}
	return miss_result(result);
}

void fault_handle(struct trap_frame *frame, uint64_t cookie, uint64_t cause)
{
	struct mapping_home home = { .address = frame->address & ~(PAGE_BYTES - 1), .rights = RIGHT_READ | RIGHT_WRITE };
	uint64_t page = (home.address - WOVEN_ADDRESS) / PAGE_BYTES;
	long result;

	(void)cookie, (void)cause;
	home.container = page < PAGES ? HANDLE_WOVEN : HANDLE_MEMORY;
	home.index = page < PAGES ? page : home.address == CODE_ADDRESS ? CODE_PAGE : COUNT_PAGE;
	if (home.address == CODE_ADDRESS)
		home.rights = RIGHT_READ | RIGHT_EXECUTE;
	else if (page >= PAGES && home.address != COUNT_ADDRESS)
		panic("weave: fault at %lx, instruction %lx", frame->address, frame->registers.rip);
	result = mapping_load(space.header.uid, &home, 1, 0);
	/* Nobody answers for a kernel that is just put back after all was forgotten: the program tries again. */
	if (result != -BARYON_ENOENT)
		must(result, "a mapping");
}

static void portal_start(unsigned i, uint64_t number, const char *entry)
{
	struct portal_start start = { .uid = uid(number), .space = own->space, .entry = entry };

	if (number == NUMBER_MISS_PORTAL) {
		start.stacks = miss_stack;
		start.stack_bytes = STACK_BYTES;
		start.stack_count = 1;
		start.records = &miss_record;
	}
	portal_home_start(&portals[i], &start);
	must(homes_load(&homes, KIND_PORTAL, &portals[i], LOAD_LOCKED), "a portal");
}

/* The lender may be late. */
static void lent_import(void)
{
	long result;

	references[0] = (struct reference_home){ .space = own->space, .handle = HANDLE_LENT, .version = HOME_VERSION };
	while ((result = srm_import("lent", &references[0].capability)) == -BARYON_ENOENT)
		park(clock_now_ns() + TURN_NS);
	must(result, "borrowing");
	references[1] = (struct reference_home){ .space = own->space, .handle = HANDLE_WOVEN, .version = HOME_VERSION };
	must(capability_make(KIND_CONTAINER, container.header.uid, RIGHT_READ | RIGHT_WRITE, &references[1].capability), "a capability");
	for (unsigned i = 0; i < REFERENCES; i++)
		must(object_load(KIND_REFERENCE, &references[i], 0), "a reference");
}

static void weave(void)
{
	home_start(&container, sizeof container, KIND_CONTAINER, uid(NUMBER_CONTAINER));
	container.size_pages = PAGES;
	must(homes_load(&homes, KIND_CONTAINER, &container, 0), "the container");
	lent_import();
	for (uint64_t i = 0; i < PAGES; i++)
		aliases[i] = (struct page_home){
			.container = container.header.uid, .index = i, .flags = PAGE_ALIAS, .version = HOME_VERSION,
			.under = i < LENT_PAGES ? LENT_PAGES - 1 - i : i - LENT_PAGES,
			.handle = i < LENT_PAGES ? HANDLE_LENT : HANDLE_WOVEN,
		};
}

static void program_start(void)
{
	extern const char __start_weave_program[], __stop_weave_program[];
	uint8_t *memory = (uint8_t *)(DOMAIN_BASE + own->domain * DOMAIN_BYTES + DOMAIN_MEMORY_OFFSET);
	struct thread_start start = {
		.uid = uid(NUMBER_THREAD), .space = uid(NUMBER_SPACE),
		.entry = CODE_ADDRESS + (uint64_t)program - (uint64_t)__start_weave_program, .stack_top = COUNT_ADDRESS + PAGE_BYTES, .argument = COUNT_ADDRESS,
		.handler_space = own->space, .handler_top = (uint64_t)handler_stack + STACK_BYTES, .priority = 8,
	};

	memcpy(memory + CODE_PAGE * PAGE_BYTES, __start_weave_program, (size_t)(__stop_weave_program - __start_weave_program));
	counts = (struct counts *)(memory + COUNT_PAGE * PAGE_BYTES);
	home_start(&space, sizeof space, KIND_SPACE, uid(NUMBER_SPACE));
	space.flags = SPACE_PROGRAM;
	must(homes_load(&homes, KIND_SPACE, &space, 0), "a space");
	thread_home_start(&thread, &start);
	must(homes_load(&homes, KIND_THREAD, &thread, 0), "the program");
}

_Noreturn void domain_main(void *start)
{
	bool said = false;
	long result;

	own = start;
	portal_start(0, NUMBER_MISS_PORTAL, miss_portal_entry);
	portal_start(1, NUMBER_FAULT_PORTAL, fault_portal_entry);
	portal_start(2, NUMBER_EXCEPTION_PORTAL, exception_portal_entry);
	weave();
	program_start();
	for (uint64_t turn = 0;; turn++) {
		park(clock_now_ns() + TURN_NS);
		must(homes_reload(&homes), "resuming");
		result = page_unload(container.header.uid, turn * 5 % PAGES, 1);
		/* All was forgotten meanwhile, and the container is put back with the next turn. */
		if (result != -BARYON_ENOENT)
			must(result, "unloading an alias");
		if (counts->rounds < ROUNDS || loaded < LOADS || said)
			continue;
		log_format("weave: %d rounds through %d aliases loaded %d times, %lu words wrong\n", ROUNDS, PAGES, LOADS, counts->wrong);
		said = true;
	}
}
