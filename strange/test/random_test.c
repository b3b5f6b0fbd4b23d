/* Random work under random displacement. Two kernels with programs map, unmap, call each other, unload and destroy; after every
 * entry into Strange something may be displaced and every invariant is checked. Whatever happens, each page keeps what was
 * written to it, and each thread goes on where it stood. A failing seed can be given as the first argument, with a number of
 * steps as the second. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/cache.h"
#include "strange/table.h"

enum { KERNELS = 2, PROGRAMS = 3, FIRST_PAGE = 40, PAGES = 24, SLOTS = 64, SERVICE = 70, DEPTH_LIMIT = 5,
       COMPOSED = 80, HANDLE_COMPOSED = 50, HANDLE_OTHER = 51 };

/* A kernel's pages have four names: in its memory; and in a container that it composed, of its own pages, of these, and of the other's. */
enum name { OWN, ALIAS, ALIAS_OF_ALIAS, ALIAS_OF_OTHERS, NAMES };

struct program {
	baryon_uid space, thread;
	uint64_t rip;
	uint64_t home[SLOTS];       /* of the mapping of each slot */
	uint8_t page[SLOTS];        /* of FIRST_PAGE.., + 1; 0: none */
	uint8_t name[SLOTS];        /* enum name */
	bool writable[SLOTS];
};

struct side {
	struct world_kernel *k;
	struct program program[PROGRAMS];
	uint64_t expected[PAGES];   /* first word of page FIRST_PAGE + i */
	uint64_t out;               /* a page for results */
};

static struct side sides[KERNELS];
static uint64_t seed;
static unsigned displace_rate;  /* one in so many entries; 0: never */

static uint64_t rnd(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % n;
}

static void displace_something(void)
{
	unsigned kind = (unsigned)rnd(KIND_COUNT + 1);
	struct slot *root = slot_find(KIND_KERNEL, KERNEL_UID(KERNEL_NUMBER_ROOT));

	if (kind == KIND_COUNT)
		(void)(table_displace() == 0);
	else
		(void)(cache_displace(kind, (struct kernel *)root) == 0);
}

static void after_step(void)
{
	invariants_check();
	if (strstr(host.printed, "stopped")) {
		fputs(host.printed, stderr);
		CHECK(!"a thread was stopped");
	}
	if (displace_rate && rnd(displace_rate) == 0) {
		displace_something();
		invariants_check();
	}
}

/* making */

static void program_make(struct side *s, unsigned i)
{
	struct program *p = &s->program[i];

	p->rip = 0x5000 + 0x1000 * i;
	p->space = world_space_load(s->k, 100 + i, SPACE_PROGRAM, 0);
	p->thread = world_thread_load(s->k, 200 + i, p->space, p->rip, 6);
	world_run(p->thread);
	machine_cpu()->now.rax = 1;
	machine_syscall();
	world_run(s->k->thread);
}

static void alias_make(struct side *s, uint64_t index, uint32_t handle, uint64_t under)
{
	struct page_home h = { .container = UID_MAKE(s->k->number, COMPOSED), .index = index, .under = under, .flags = PAGE_ALIAS,
			       .version = HOME_VERSION, .handle = (uint16_t)handle };
	uint64_t at = world_memory(s->k, sizeof h);

	world_write(at, &h, sizeof h);
	world_remember(s->k, KIND_PAGE, h.container, index, at, 0);
}

/* Root lets it have the other's memory. */
static void other_give(struct side *s, const struct side *other)
{
	struct reference_home r;
	uint64_t at;

	world_run(ROOT_THREAD);
	at = world_reference_home(&world.root, KIND_CONTAINER, other->k->container, RIGHT_READ | RIGHT_WRITE, 0, s->k->space, HANDLE_OTHER);
	world_read(at, &r, sizeof r);
	world_run(s->k->thread);
	at = world_memory(s->k, sizeof r);
	world_write(at, &r, sizeof r);
	world_remember(s->k, KIND_REFERENCE, s->k->space, HANDLE_OTHER, at, 0);
}

static void compose(struct side *s, const struct side *other)
{
	struct container_home c = { .header = { KIND_CONTAINER, HOME_VERSION, 1, UID_MAKE(s->k->number, COMPOSED) },
				    .size_pages = NAMES * PAGES };
	uint64_t at;

	other_give(s, other);
	at = world_memory(s->k, sizeof c);
	world_write(at, &c, sizeof c);
	CHECK_IS(world_load(KIND_CONTAINER, at, 0), 0);
	CHECK_IS(world_reference_load(s->k, KIND_CONTAINER, c.header.uid, RIGHT_ALL, 0, s->k->space, HANDLE_COMPOSED), 0);
	for (unsigned i = 0; i < PAGES; i++) {
		alias_make(s, ALIAS * PAGES + i, HANDLE_MEMORY, FIRST_PAGE + i);
		alias_make(s, ALIAS_OF_ALIAS * PAGES + i, HANDLE_COMPOSED, ALIAS * PAGES + i);
		alias_make(s, ALIAS_OF_OTHERS * PAGES + i, HANDLE_OTHER, FIRST_PAGE + i);
	}
}

static void make(const char *options)
{
	world_boot(options, 1);
	world.locked = true;
	world.stacks = 4;
	for (unsigned i = 0; i < KERNELS; i++) {
		struct side *s = &sides[i];

		memset(s, 0, sizeof *s);
		world_run(ROOT_THREAD);
		s->k = world_kernel_make(2 + i, KERNEL_MAY_SUPERVISE, rnd(2));
		world_run(s->k->thread);
		world_kernel_portals(s->k);
		(void)world_portal_load(s->k, SERVICE, ENTRY_SERVICE, DEPTH_LIMIT);
		s->out = world_memory(s->k, 64);
		for (unsigned n = 0; n < PROGRAMS; n++)
			program_make(s, n);
	}
	world_portal_give(sides[1].k, SERVICE, 1, sides[0].k, 40);
	world_portal_give(sides[0].k, SERVICE, 1, sides[1].k, 40);
	compose(&sides[0], &sides[1]);
	compose(&sides[1], &sides[0]);
	for (unsigned i = 0; i < KERNELS; i++)
		for (unsigned n = 0; n < PROGRAMS; n++)
			for (unsigned m = 0; m < SLOTS; m++)
				sides[i].program[n].home[m] = world_memory(sides[i].k, sizeof(struct mapping_home));
	CHECK(sides[0].k->next <= sides[0].k->memory + FIRST_PAGE * PAGE_BYTES);
	world.after_step = after_step;
}

/* steps of a kernel's own thread */

static uint64_t slot_address(unsigned i) { return 0x100000 + (uint64_t)i * 0x23000; }

static struct program *any_program(struct side *s) { return &s->program[rnd(PROGRAMS)]; }

static uint64_t index_of(unsigned name, unsigned page) { return name == OWN ? FIRST_PAGE + page : name * PAGES + page; }

/* What is in the page of a slot, whoever's it is. */
static uint64_t *expected_of(struct side *s, const struct program *p, unsigned slot)
{
	struct side *of = p->name[slot] == ALIAS_OF_OTHERS ? &sides[s == &sides[0]] : s;

	return &of->expected[p->page[slot] - 1];
}

static void step_map(struct side *s)
{
	struct program *p = any_program(s);
	unsigned i = (unsigned)rnd(SLOTS), page = (unsigned)rnd(PAGES);
	uint8_t name = (uint8_t)(rnd(2) ? rnd(NAMES) : OWN);
	struct mapping_home h = { .address = slot_address(i), .index = index_of(name, page),
				  .container = name == OWN ? HANDLE_MEMORY : HANDLE_COMPOSED,
				  .rights = RIGHT_READ | (rnd(3) ? RIGHT_WRITE : 0) };

	world_write(p->home[i], &h, sizeof h);
	world_remember(s->k, KIND_MAPPING, p->space, h.address, p->home[i], 0);
	p->page[i] = (uint8_t)(page + 1);
	p->name[i] = name;
	p->writable[i] = h.rights & RIGHT_WRITE;
	CHECK_IS(world_call(CALL_MAPPING_LOAD, p->space, p->home[i], 1, LOAD_REPLACE), 1);
}

static void step_unmap(struct side *s)
{
	struct program *p = any_program(s);
	uint64_t first = rnd(SLOTS), n = 1 + rnd(8);
	long r;

	for (uint64_t i = first; i < first + n && i < SLOTS; i++) {
		world_forget(KIND_MAPPING, p->space, slot_address((unsigned)i));
		p->page[i] = 0;
	}
	r = world_call(CALL_MAPPING_UNLOAD, p->space, slot_address((unsigned)first), n * 0x23);
	CHECK(r >= 0 && r <= (MAPPING_ACCESSED | MAPPING_DIRTY));
}

static void step_protect(struct side *s)
{
	struct program *p = any_program(s);

	CHECK_IS(world_call(CALL_MAPPING_PROTECT, p->space, slot_address((unsigned)rnd(SLOTS)), 0x23 * 4, RIGHT_READ), 0);
}

static void step_read(struct side *s)
{
	struct program *p = any_program(s);
	unsigned i = (unsigned)rnd(SLOTS);
	struct mapping_home h;
	long r = world_call(CALL_MAPPING_READ, p->space, slot_address(i), s->out);

	CHECK(r == 0 || r == -BARYON_ENOENT);
	if (r < 0)
		return;
	world_read(s->out, &h, sizeof h);
	CHECK_IS(h.index, index_of(p->name[i], p->page[i] - 1u));
}

static void step_unload(struct side *s)
{
	struct program *p = any_program(s);
	uint64_t what = rnd(4);
	long r;

	if (what == 0)
		r = world_call(CALL_OBJECT_UNLOAD, KIND_THREAD, p->thread);
	else if (what == 1)
		r = world_call(CALL_OBJECT_UNLOAD, KIND_SPACE, p->space);
	else if (what == 2)
		r = world_call(CALL_OBJECT_UNLOAD, KIND_PORTAL, UID_MAKE(s->k->number, SERVICE));
	else
		r = world_call(CALL_OBJECT_WRITE_BACK, KIND_THREAD, p->thread);
	CHECK(r == 0 || r == -BARYON_ENOENT);
}

static void step_page(struct side *s)
{
	world_run(ROOT_THREAD);
	CHECK(world_call(CALL_PAGE_UNLOAD, s->k->container, FIRST_PAGE + rnd(PAGES - 3), 1 + rnd(3)) >= 0);
}

static void step_alias(struct side *s)
{
	baryon_uid container = UID_MAKE(s->k->number, COMPOSED);
	long r = rnd(4) ? world_call(CALL_PAGE_UNLOAD, container, rnd(NAMES * PAGES - 3), 1 + rnd(3)) :
			  world_call(CALL_OBJECT_UNLOAD, KIND_CONTAINER, container);

	CHECK(r >= 0 || r == -BARYON_ENOENT);
}

/* Calls up and down between the kernels. */
static void step_calls(void)
{
	uint64_t depth = 1 + rnd(DEPTH_LIMIT), words[8], mark[DEPTH_LIMIT], at[DEPTH_LIMIT];

	for (uint64_t i = 0; i < depth; i++) {
		for (unsigned w = 0; w < 8; w++)
			words[w] = rnd(1u << 30);
		mark[i] = words[3];
		at[i] = machine_cpu()->now.rip + (machine_cpu()->supervisor ? DIRECT_BYTES : SYSCALL_BYTES);
		CHECK_IS(world_portal_call(40, 0, 0, words), WORLD_AWAY);
		CHECK_IS(machine_cpu()->now.rip & 0xfff, ENTRY_SERVICE);
		CHECK_IS(*world_word(3), mark[i]);
		machine_cpu()->now.rip += 0x1000 * (i + 1);
	}
	for (uint64_t i = depth; i-- > 0;) {
		words[0] = mark[i];
		world_portal_return(words);
		CHECK_IS(machine_cpu()->now.rip, at[i]);
		CHECK_IS(*world_word(0), mark[i]);
		CHECK_IS(machine_cpu()->now.rax, 0);
	}
}

/* A program reads and writes what is mapped. */
static void program_touches(struct side *s, struct program *p)
{
	for (uint64_t n = rnd(6); n > 0; n--) {
		unsigned i = (unsigned)rnd(SLOTS);
		uint64_t *expected, got;

		if (p->page[i] == 0)
			continue;
		expected = expected_of(s, p, i);
		if (p->writable[i] && rnd(2)) {
			*expected = seed;
			world_write(slot_address(i) + 8, expected, 8);
		}
		world_read(slot_address(i) + 8, &got, 8);
		CHECK_IS(got, *expected);
	}
}

static void handler_copies(struct side *s, struct program *p)
{
	unsigned i = (unsigned)rnd(SLOTS);
	uint64_t got;
	long r = world_call(CALL_COPY_IN, s->out, slot_address(i) + 8, 8, s->out + 16);

	CHECK(r == 0 || r == 8);
	if (r == 0)
		return;
	CHECK(p->page[i]);
	world_read(s->out, &got, 8);
	CHECK_IS(got, *expected_of(s, p, i));
}

/* Each program's thread is parked in its handler; it goes to the program, comes back, and parks. */
static void step_program(struct side *s)
{
	struct program *p = any_program(s);
	long r = world_call(CALL_OBJECT_LOAD, KIND_THREAD, world_home(KIND_THREAD, p->thread, 0));
	struct trap_frame f;
	uint64_t frame, mark = seed;

	CHECK(r == 0 || r == -BARYON_EEXIST);
	if (world_thread(p->thread) == NULL)
		return;         /* displaced already */
	world_run(p->thread);
	frame = world_thread(p->thread)->handler_top - 512;
	world_read(frame, &f, sizeof f);
	f.registers.rip = p->rip;
	f.registers.r13 = mark;
	world_write(frame, &f, sizeof f);
	world_resume();
	CHECK_IS(world_running(), p->thread);
	CHECK_IS(machine_cpu()->now.rip, p->rip);
	CHECK_IS(machine_cpu()->now.r13, mark);
	program_touches(s, p);
	machine_cpu()->now.rax = 1;
	do {
		machine_syscall();
		after_step();
		while (world_thread(p->thread)->depth > 0 && machine_cpu()->now.rip != s->k->base + ENTRY_TRAP)
			CHECK(world_play());
	} while (world_thread(p->thread)->depth == 0);
	handler_copies(s, p);
	if (rnd(3) == 0)
		step_calls();
}

static void step(void)
{
	struct side *s = &sides[rnd(KERNELS)];

	world_run(s->k->thread);
	switch (rnd(11)) {
	case 0: case 1: case 2: step_map(s); break;
	case 3: step_unmap(s); break;
	case 4: step_protect(s); break;
	case 5: step_read(s); break;
	case 6: step_unload(s); break;
	case 7: step_page(s); break;
	case 8: step_calls(); break;
	case 9: step_alias(s); break;
	default: step_program(s); break;
	}
}

static void run(uint64_t number, const char *options, unsigned rate, unsigned steps)
{
	seed = number * 0x9e3779b97f4a7c15ull + 1;
	displace_rate = 0;
	make(options);
	displace_rate = rate;
	for (unsigned i = 0; i < steps; i++)
		step();
	world.after_step = NULL;
	fprintf(stderr, "seed %lu: %lu misses, %lu faults; displaced", (unsigned long)number, (unsigned long)world.misses,
		(unsigned long)world.faults);
	for (unsigned k = 0; k < KIND_COUNT; k++)
		fprintf(stderr, " %lu", (unsigned long)state.counters->displaced[k]);
	fprintf(stderr, ", tables %lu\n", (unsigned long)state.counters->displaced_tables);
}

int main(int count, char **arguments)
{
	static const char *small = "caches=thread=8,space=4,portal=8,container=8,page=64,mapping=64,reference=16,table=16,kernel=2";
	unsigned steps = count > 2 ? (unsigned)atoi(arguments[2]) : 400;

	if (count > 1) {
		uint64_t number = strtoull(arguments[1], NULL, 0);

		run(number, number & 1 ? small : NULL, number % 3 ? 4 : 0, steps);
		return 0;
	}
	for (uint64_t number = 1; number <= 6; number++) {
		run(number, number & 1 ? small : NULL, number % 3 ? 4 : 0, steps);
	}
	return 0;
}
