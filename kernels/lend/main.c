/* A manager of frames that lends its pages, for the tests of aliases: exports a container of a few pages under the name "lent", and
 * unloads one of them after the other all the time. Who has made something of them misses them, and they come back as they were. */
#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/homes.h"
#include "baryon/portal.h"
#include "baryon/srm.h"

enum { STACK_BYTES = 16384, HOMES = 4, NUMBER_LENT = 80, LENT_PAGES = 16 };
#define TURN_NS 100000ull

static const struct kernel_start *own;
static struct homes_entry entries[HOMES];
static struct homes homes = { entries, 0, HOMES };
static struct portal_home portal __attribute__((aligned(128)));
static struct container_home container __attribute__((aligned(64)));
static struct page_home pages[LENT_PAGES] __attribute__((aligned(32)));
static uint8_t miss_stack[STACK_BYTES] __attribute__((aligned(4096)));
static struct activation_record miss_record __attribute__((aligned(256)));

static baryon_uid uid(uint64_t number) { return UID_MAKE(own->number, number); }

static void must(long result, const char *what)
{
	if (result < 0 && result != -BARYON_EEXIST)
		panic("lend: %s: %s", what, baryon_error_text(result));
}

long miss_answer(enum object_kind kind, baryon_uid missed, uint64_t index)
{
	long result = -BARYON_ENOENT;

	if (kind != KIND_PAGE)
		return homes_miss(&homes, kind, missed);
	if (index < LENT_PAGES)
		result = page_load(&pages[index], 1);
	return miss_result(result);
}

static void pages_start(void)
{
	if (own->grant_count == 0)
		panic("lend: no page groups were granted");
	for (uint64_t i = 0; i < LENT_PAGES; i++)
		pages[i] = (struct page_home){
			.container = container.header.uid, .index = i, .frame = own->grant_first * GROUP_PAGES + 3 * i, .flags = PAGE_CLEAR,
			.version = HOME_VERSION,
		};
}

static void objects_start(void)
{
	struct portal_start start = {
		.uid = uid(NUMBER_MISS_PORTAL), .space = own->space, .entry = miss_portal_entry, .stacks = miss_stack,
		.stack_bytes = STACK_BYTES, .stack_count = 1, .records = &miss_record,
	};
	struct capability capability = { .badge = 0 };

	portal_home_start(&portal, &start);
	must(homes_load(&homes, KIND_PORTAL, &portal, LOAD_LOCKED), "the miss portal");
	home_start(&container, sizeof container, KIND_CONTAINER, uid(NUMBER_LENT));
	container.size_pages = LENT_PAGES;
	must(homes_load(&homes, KIND_CONTAINER, &container, 0), "the container");
	pages_start();
	must(capability_make(KIND_CONTAINER, container.header.uid, RIGHT_READ | RIGHT_WRITE, &capability), "a capability");
	must(srm_export("lent", &capability), "lending");
}

_Noreturn void domain_main(void *start)
{
	long result;

	own = start;
	objects_start();
	for (uint64_t turn = 0;; turn++) {
		park(clock_now_ns() + TURN_NS);
		must(homes_reload(&homes), "resuming");
		result = page_unload(container.header.uid, turn % LENT_PAGES, 1);
		/* All was forgotten meanwhile, and the container is put back with the next turn. */
		if (result != -BARYON_ENOENT)
			must(result, "unloading a page");
	}
}
