/* Load and unload of the kinds of object that the bench may load, with and without what they write home: the Cache Kernel's
 * Table 2. Unloading writes home, destroying does not. */
#include "bench.h"

enum { BATCH = 16, BATCHES = ROUNDS / BATCH, HOME_BYTES = 2048, NUMBER_KIND = 1024 };

static uint8_t homes[BATCH][HOME_BYTES] __attribute__((aligned(4096)));
static uint8_t handler_stacks[BATCH][4096] __attribute__((aligned(4096)));
static uint8_t pool[1024] __attribute__((aligned(4096)));
static struct activation_record pool_records[BATCH] __attribute__((aligned(4096)));

typedef void fill_function(void *home, unsigned i, baryon_uid uid);

static void container_fill(void *home, unsigned i, baryon_uid uid)
{
	struct container_home *container = home;

	(void)i;
	home_start(container, sizeof *container, KIND_CONTAINER, uid);
	container->size_pages = 4;
}

static void space_fill(void *home, unsigned i, baryon_uid uid)
{
	struct space_home *space = home;

	(void)i;
	home_start(space, sizeof *space, KIND_SPACE, uid);
	space->flags = SPACE_PROGRAM;
}

static void thread_fill(void *home, unsigned i, baryon_uid uid)
{
	struct thread_start start = {
		.uid = uid, .space = own_uid(NUMBER_PROGRAM), .entry = PROGRAM_CODE, .handler_space = bench.start->space,
		.handler_top = (uint64_t)handler_stacks[i] + sizeof handler_stacks[i],
	};

	handler_stacks[i][0] = 0;
	thread_home_start(home, &start);
	((struct thread_home *)home)->state = THREAD_STOPPED;
}

static void portal_fill(void *home, unsigned i, baryon_uid uid)
{
	struct portal_start start = {
		.uid = uid, .space = bench.start->space, .entry = portal_entry, .stacks = pool, .stack_bytes = sizeof pool,
		.stack_count = 1, .records = &pool_records[i],
	};

	portal_home_start(home, &start);
}

struct kind {
	const char *load, *unload, *destroy;
	enum object_kind kind;
	fill_function *fill;
};

static void homes_fill(const struct kind *kind, unsigned round)
{
	for (unsigned i = 0; i < BATCH; i++)
		kind->fill(homes[i], i, own_uid(NUMBER_KIND + round * BATCH + i));
}

static uint64_t load_all(const struct kind *kind)
{
	uint64_t start = ticks();

	for (unsigned i = 0; i < BATCH; i++)
		must(object_load(kind->kind, homes[i], 0), kind->load);
	return ticks() - start;
}

static uint64_t unload_all(const struct kind *kind)
{
	uint64_t start = ticks();

	for (unsigned i = 0; i < BATCH; i++)
		must(object_unload(kind->kind, ((struct home_header *)homes[i])->uid), kind->unload);
	return ticks() - start;
}

static uint64_t destroy_all(const struct kind *kind)
{
	uint64_t start = ticks();

	for (unsigned i = 0; i < BATCH; i++)
		must(object_destroy(kind->kind, ((struct home_header *)homes[i])->uid), kind->destroy);
	return ticks() - start;
}

static void kind_rows(const struct kind *kind)
{
	uint64_t in = 0, out = 0, end = 0;

	for (unsigned round = 0; round < BATCHES; round++) {
		homes_fill(kind, round);
		in += load_all(kind);
		out += unload_all(kind);
		in += load_all(kind);
		end += destroy_all(kind);
	}
	row(kind->load, in, 2 * ROUNDS);
	row(kind->unload, out, ROUNDS);
	row(kind->destroy, end, ROUNDS);
}

static void reference_rows(void)
{
	uint64_t in = 0, out = 0, start;

	for (unsigned i = 0; i < ROUNDS; i++) {
		start = ticks();
		must(reference_unload(bench.start->space, HANDLE_OWN), "reference unload");
		out += ticks() - start;
		start = ticks();
		must(object_load(KIND_REFERENCE, reference_home(HANDLE_OWN), 0), "reference load");
		in += ticks() - start;
	}
	row("load_reference", in, ROUNDS);
	row("unload_reference", out, ROUNDS);
}

/* A container of the bench's own over a page group that it was granted. */
static void page_rows(void)
{
	static struct container_home container __attribute__((aligned(64)));
	static struct page_home pages[BATCH] __attribute__((aligned(4096)));
	baryon_uid uid = own_uid(NUMBER_CONTAINER);
	uint64_t in = 0, out = 0, start;

	if (bench.start->grant_count == 0)
		return;
	container_fill(&container, 0, uid);
	container.size_pages = BATCH;
	must(object_load(KIND_CONTAINER, &container, 0), "the pages' container");
	for (unsigned i = 0; i < BATCH; i++)
		pages[i] = (struct page_home){
			.container = uid, .index = i, .frame = bench.start->grant_first * GROUP_PAGES + i, .version = HOME_VERSION,
		};
	for (unsigned round = 0; round < BATCHES; round++) {
		start = ticks();
		for (unsigned i = 0; i < BATCH; i++)
			must(page_load(&pages[i], 1), "load_page");
		in += ticks() - start;
		start = ticks();
		for (unsigned i = 0; i < BATCH; i++)
			must(page_unload(uid, i, 1), "unload_page");
		out += ticks() - start;
	}
	row("load_page", in, ROUNDS);
	row("unload_page", out, ROUNDS);
	must(object_destroy(KIND_CONTAINER, uid), "the pages' container");
}

static void call_row(const char *name, unsigned number)
{
	uint64_t start = ticks();

	for (unsigned i = 0; i < ROUNDS; i++)
		(void)stub_call2(number, KIND_COUNT, 0);
	row(name, ticks() - start, ROUNDS);
}

void rows_objects(void)
{
	static const struct kind kinds[] = {
		{ "load_container", "unload_container", "destroy_container", KIND_CONTAINER, container_fill },
		{ "load_space", "unload_space", "destroy_space", KIND_SPACE, space_fill },
		{ "load_thread", "unload_thread", "destroy_thread", KIND_THREAD, thread_fill },
		{ "load_portal", "unload_portal", "destroy_portal", KIND_PORTAL, portal_fill },
	};

	call_row("call_that_fails", CALL_OBJECT_UNLOAD);
	reference_rows();
	page_rows();
	for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		kind_rows(&kinds[i]);
}
