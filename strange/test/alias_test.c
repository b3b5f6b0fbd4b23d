/* Aliases of pages: a container composed of others' pages. What is one frame, what goes with what, and what an alias may not. */
#include "abi/start.h"
#include "invariants.h"
#include "strange/alias.h"
#include "strange/cache.h"
#include "strange/mapping.h"
#include "strange/page.h"
#include "strange/reference.h"
#include "strange/table.h"

enum { PAGE = 60, PAGES = 16, HANDLE = 50, HANDLE_ROOT = 150, HANDLE_LESS = 51, OFFSET = 24 };
#define AT 0x10000ull
#define COMPOSED UID_MAKE(3, 500)
#define REDIRECT UID_MAKE(3, 206)

static struct world_kernel *k;
static baryon_uid program;

/* A container of k's own that has no frames, with a reference. */
static void container_make(baryon_uid uid, uint32_t handle)
{
	struct container_home c = { .header = { KIND_CONTAINER, HOME_VERSION, 1, uid }, .size_pages = PAGES };
	uint64_t at = world_memory(k, sizeof c);

	world_write(at, &c, sizeof c);
	CHECK_IS(world_load(KIND_CONTAINER, at, 0), 0);
	CHECK_IS(world_reference_load(k, KIND_CONTAINER, uid, RIGHT_ALL, 0, k->space, handle), 0);
}

static void fresh(const char *options)
{
	world_boot(options, 1);
	world.after_step = invariants_check;
	world_kernel_home.redirect = REDIRECT;
	world.locked = true;
	world.stacks = 4;
	k = world_kernel_make(3, 0, false);
	world_run(k->thread);
	world_kernel_portals(k);
	world.locked = false;
	program = world_space_load(k, 100, SPACE_PROGRAM, 0);
	container_make(COMPOSED, HANDLE);
}

static struct page_home alias_home(baryon_uid container, uint64_t index, uint32_t handle, uint64_t under, uint32_t flags)
{
	return (struct page_home){ .container = container, .index = index, .under = under, .flags = PAGE_ALIAS | flags,
				   .version = HOME_VERSION, .handle = (uint16_t)handle };
}

/* Its home is remembered, wherever in k's memory. */
static long alias_load_home(const struct page_home *h)
{
	uint64_t at = world_home(KIND_PAGE, h->container, h->index);

	if (at == 0)
		at = world_memory(k, sizeof *h);
	world_write(at, h, sizeof *h);
	world_remember(k, KIND_PAGE, h->container, h->index, at, 0);
	return world_call(CALL_PAGE_LOAD, at, 1);
}

static long alias_load_flags(uint64_t index, uint32_t handle, uint64_t under, uint32_t flags)
{
	struct page_home h = alias_home(COMPOSED, index, handle, under, flags);

	return alias_load_home(&h);
}

static long compose(uint64_t index, uint32_t handle, uint64_t under) { return alias_load_flags(index, handle, under, 0); }

static long map_through(uint32_t handle, uint64_t address, uint64_t index, unsigned rights, baryon_uid signal)
{
	struct mapping_home h = { address, index, handle, (uint16_t)rights, 0, signal };
	uint64_t at = world_home(KIND_MAPPING, program, address);

	if (at == 0)
		at = world_memory(k, sizeof h);
	world_write(at, &h, sizeof h);
	world_remember(k, KIND_MAPPING, program, address, at, 0);
	return world_call(CALL_MAPPING_LOAD, program, at, 1, LOAD_REPLACE);
}

static long map(uint64_t address, uint64_t index, unsigned rights) { return map_through(HANDLE, address, index, rights, 0); }

/* By a home at that place. */
static long map_by(uint64_t at, uint64_t address, uint64_t index)
{
	struct mapping_home h = { address, index, HANDLE, RIGHT_READ, 0, 0 };

	world_write(at, &h, sizeof h);
	return world_call(CALL_MAPPING_LOAD, program, at, 1, 0);
}

static struct page *page_of(baryon_uid container, uint64_t index)
{
	struct slot *c = world_slot(KIND_CONTAINER, container);
	struct page *p = c ? page_find((struct container *)c, index) : NULL;

	return p && p->state == SLOT_LOADED ? p : NULL;
}

static bool is_mapped(uint64_t address)
{
	for (uint32_t m = 0; m < state.cache[KIND_MAPPING].count; m++)
		if (mapping_at(m)->live && mapping_at(m)->page == address / PAGE_BYTES &&
		    &space_at(mapping_at(m)->space)->slot == world_slot(KIND_SPACE, program))
			return true;
	return false;
}

static uint64_t own_address(uint64_t index) { return k->memory + index * PAGE_BYTES; }

/* Into and out of the program's memory, as its kernel does it. */
static void write_there(uint64_t address, uint64_t word)
{
	struct space *s = (struct space *)world_slot(KIND_SPACE, program);
	mmu_entry e = table_entry(s, address);

	CHECK(mmu_present(e) && (mmu_rights(e) & RIGHT_WRITE));
	*(uint64_t *)((char *)frame_pointer(mmu_frame(e)) + address % PAGE_BYTES) = word;
}

static unsigned rights_there(uint64_t address)
{
	return mmu_rights(table_entry((struct space *)world_slot(KIND_SPACE, program), address)) & 7;
}

static void an_alias_is_the_same_frame_under_another_name(void)
{
	struct mapping_home h;
	uint64_t out, word = 0;

	fresh(NULL);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(map(AT, 2, RIGHT_READ | RIGHT_WRITE), 1);
	CHECK_IS(map_through(HANDLE_MEMORY, AT + PAGE_BYTES, PAGE, RIGHT_READ, 0), 1);
	CHECK_IS(page_of(COMPOSED, 2)->frame, page_of(k->container, PAGE)->frame);
	write_there(AT + 8, 0x5eed);
	world_read(own_address(PAGE) + 8, &word, 8);
	CHECK_IS(word, 0x5eed);
	/* Each mapping says what it was loaded as. */
	out = world_memory(k, sizeof h);
	CHECK_IS(world_call(CALL_MAPPING_READ, program, AT, out), 0);
	world_read(out, &h, sizeof h);
	CHECK_IS(h.index, 2);
	CHECK_IS(world_call(CALL_MAPPING_READ, program, AT + PAGE_BYTES, out), 0);
	world_read(out, &h, sizeof h);
	CHECK_IS(h.index, PAGE);
	/* The home was only read. */
	world_read(world_home(KIND_PAGE, COMPOSED, 2), &word, 8);
	CHECK_IS(word, COMPOSED);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);   /* it is there already, as with other pages */
}

static void mappings_go_with_their_alias_and_others_of_the_frame_stay(void)
{
	fresh(NULL);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(compose(3, HANDLE_MEMORY, PAGE), 1);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_IS(map(AT + i * PAGE_BYTES, 2, RIGHT_READ), 1);
		CHECK_IS(map(AT + (8 + i) * PAGE_BYTES, 3, RIGHT_READ), 1);
	}
	CHECK_IS(map_through(HANDLE_MEMORY, AT + 20 * PAGE_BYTES, PAGE, RIGHT_READ, 0), 1);
	/* The first of a list, a middle one, the last. */
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, AT + 10 * PAGE_BYTES, 1), 0);
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, AT + 8 * PAGE_BYTES, 1), 0);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, COMPOSED, 2, 1), 1);
	for (unsigned i = 0; i < 3; i++)
		CHECK(!is_mapped(AT + i * PAGE_BYTES));
	CHECK(is_mapped(AT + 9 * PAGE_BYTES));
	CHECK(is_mapped(AT + 20 * PAGE_BYTES));
	CHECK(page_of(k->container, PAGE) && page_of(COMPOSED, 3) && !page_of(COMPOSED, 2));
}

/* In steps, each call of which others may come between; and the list stays whole. */
static void whose_a_mapping_is_among_many_is_found_in_steps(void)
{
	enum { MANY = 300 };
	struct space *s;
	struct page *own, *p = NULL;
	struct mapping_home h;
	unsigned tries = 0;
	uint64_t out;

	fresh(NULL);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(compose(3, HANDLE_MEMORY, PAGE), 1);
	out = world_memory(k, sizeof h);
	for (unsigned i = 0; i < MANY; i++)
		CHECK_IS(map_by(out, AT + i * PAGE_BYTES, 2 + i % 2), 1);
	s = (struct space *)world_slot(KIND_SPACE, program);
	own = page_of(k->container, PAGE);
	/* The first that was mapped is the last of its list. */
	for (; p == NULL; tries++) {
		CHECK_IS(page_lock(own), own);
		p = page_mapped(s, AT, own->frame, own);
		spin_unlock(&own->lock);
		invariants_check();
	}
	CHECK(p == page_of(COMPOSED, 2) && tries > 1 && tries < 5);
	for (unsigned i = 0; i < MANY; i++) {
		CHECK_IS(world_call(CALL_MAPPING_READ, program, AT + i * PAGE_BYTES, out), 0);
		world_read(out, &h, sizeof h);
		CHECK_IS(h.index, 2 + i % 2);
	}
	CHECK_IS(world_call(CALL_MAPPING_UNLOAD, program, AT, MANY), 0);
	CHECK_IS(page_of(COMPOSED, 2)->mappings | page_of(COMPOSED, 3)->mappings, 0);
}

static void the_page_under_takes_aliases_of_aliases_with_it(void)
{
	fresh(NULL);
	container_make(UID_MAKE(3, 501), 52);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(compose(4, HANDLE, 2), 1);
	CHECK_IS(compose(5, HANDLE, 4), 1);
	CHECK_IS(compose(6, HANDLE, 2), 1);
	for (unsigned i = 2; i < 7; i++)
		if (i != 3)
			CHECK_IS(map(AT + i * PAGE_BYTES, i, RIGHT_READ), 1);
	/* Of one in the middle only what derives from it goes. */
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, COMPOSED, 4, 1), 1);
	CHECK(!page_of(COMPOSED, 4) && !page_of(COMPOSED, 5) && page_of(COMPOSED, 6) && page_of(COMPOSED, 2));
	CHECK(!is_mapped(AT + 4 * PAGE_BYTES) && !is_mapped(AT + 5 * PAGE_BYTES) && is_mapped(AT + 6 * PAGE_BYTES));
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, k->container, PAGE, 1), 1);
	for (unsigned i = 2; i < 7; i++)
		CHECK(!page_of(COMPOSED, i) && !is_mapped(AT + i * PAGE_BYTES));
	CHECK(!page_of(k->container, PAGE));
}

static void what_is_missed_comes_back_from_the_managers_of_each_level(void)
{
	fresh(NULL);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(compose(4, HANDLE, 2), 1);
	CHECK_IS(map(AT, 4, RIGHT_READ), 1);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, k->container, PAGE, 1), 1);
	world_run(k->thread);
	CHECK_IS(map(AT, 4, RIGHT_READ), 1);
	CHECK(page_of(k->container, PAGE) && page_of(COMPOSED, 2) && page_of(COMPOSED, 4));
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_CONTAINER, COMPOSED), 0);
	CHECK(!is_mapped(AT) && page_of(k->container, PAGE));
	CHECK_IS(map(AT, 4, RIGHT_READ), 1);
}

static void an_alias_is_never_more_than_what_it_is_made_of(void)
{
	fresh(NULL);
	CHECK_IS(alias_load_flags(2, HANDLE_MEMORY, PAGE, PAGE_READ_ONLY), 1);
	CHECK_IS(map(AT, 2, RIGHT_READ | RIGHT_WRITE), -BARYON_EINVAL);
	CHECK_IS(map(AT, 2, RIGHT_READ | RIGHT_EXECUTE), 1);
	/* An alias of that one, which says nothing of it. */
	CHECK_IS(compose(3, HANDLE, 2), 1);
	CHECK_IS(map(AT, 3, RIGHT_READ | RIGHT_WRITE), -BARYON_EINVAL);
	CHECK_IS(map(AT, 3, RIGHT_READ), 1);
	CHECK_IS(rights_there(AT), RIGHT_READ);
	/* Through a handle that gives less. */
	CHECK_IS(world_reference_load(k, KIND_CONTAINER, COMPOSED, RIGHT_READ, 0, k->space, HANDLE_LESS), 0);
	CHECK_IS(compose(4, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(compose(5, HANDLE_LESS, 4), 1);
	CHECK_IS(map(AT, 5, RIGHT_READ | RIGHT_WRITE), -BARYON_EINVAL);
	CHECK_IS(map(AT, 5, RIGHT_READ | RIGHT_EXECUTE), -BARYON_EINVAL);
	CHECK_IS(map_through(HANDLE, AT, 5, RIGHT_READ, world_thread_load(k, 210, k->space, k->base, 5)), -BARYON_EINVAL);
	CHECK_IS(map(AT, 5, RIGHT_READ), 1);
	CHECK_IS(world_reference_load(k, KIND_CONTAINER, COMPOSED, RIGHT_WRITE, 0, k->space, 53), 0);
	CHECK_IS(compose(6, 53, 4), -BARYON_EPERM);
}

static void a_home_that_cannot_be_is_refused_and_changes_nothing(void)
{
	struct page_home good, h;
	uint32_t loaded, free;
	uint64_t at;

	fresh(NULL);
	at = world_memory(k, sizeof h);
	CHECK_IS(compose(9, HANDLE_MEMORY, PAGE), 1);
	loaded = ((struct kernel *)slot_find(KIND_KERNEL, KERNEL_UID(3)))->loaded[KIND_PAGE];
	free = state.cache[KIND_PAGE].free_count;
	good = alias_home(COMPOSED, 2, HANDLE_MEMORY, PAGE, 0);
#define REFUSED(error, change) \
	do { \
		h = good; \
		change; \
		world_write(at, &h, sizeof h); \
		CHECK_IS(world_call(CALL_PAGE_LOAD, at, 1), -(error)); \
	} while (0)

	REFUSED(BARYON_EVERSION, h.version = 7);
	REFUSED(BARYON_EPERM, h.container = k->container);
	REFUSED(BARYON_EPERM, h.container = UID_MAKE(77, 1));
	REFUSED(BARYON_ENOENT, h.container = UID_MAKE(3, 999));
	REFUSED(BARYON_EINVAL, h.index = PAGES);
	REFUSED(BARYON_EINVAL, h.index = ~0ull);
	REFUSED(BARYON_EINVAL, h.under = WORLD_PAGES);
	REFUSED(BARYON_EINVAL, h.under = ~0ull);
	REFUSED(BARYON_EINVAL, h.handle = 0);
	REFUSED(BARYON_ENOENT, h.handle = 60000);
	REFUSED(BARYON_ENOENT, (h.handle = HANDLE, h.under = 3));       /* nobody has that page */
	for (uint32_t flag = 1; flag; flag *= 2)
		if (flag != PAGE_ALIAS && flag != PAGE_READ_ONLY)
			REFUSED(BARYON_EINVAL, h.flags |= flag);
	CHECK_IS(((struct kernel *)slot_find(KIND_KERNEL, KERNEL_UID(3)))->loaded[KIND_PAGE], loaded);
	CHECK_IS(state.cache[KIND_PAGE].free_count, free);
	/* So many upon each other, and no more. */
	for (uint64_t i = 0; i + 1 < ALIAS_DEPTH; i++)
		CHECK_IS(compose(i + (i > 8), HANDLE, i ? i - 1 + (i > 9) : 9), 1);
	CHECK_IS(compose(14, HANDLE, ALIAS_DEPTH - 2), -BARYON_EFULL);
	CHECK_IS(state.cache[KIND_PAGE].free_count, free - ALIAS_DEPTH + 1);
}

/* Root maps it into k's domain, by a capability that k made. */
static uint64_t map_in_domain(uint64_t index)
{
	static const uint64_t address = 9ull << 30;
	struct mapping_home m = { k->base + address, index, HANDLE_ROOT, RIGHT_READ | RIGHT_WRITE, 0, 0 };
	struct reference_home r;
	uint64_t at = world_reference_home(k, KIND_CONTAINER, COMPOSED, RIGHT_ALL, 0, ROOT_SPACE_UID, HANDLE_ROOT);

	world_read(at, &r, sizeof r);
	world_run(ROOT_THREAD);
	at = world_memory(&world.root, sizeof r);
	world_write(at, &r, sizeof r);
	world_remember(&world.root, KIND_REFERENCE, ROOT_SPACE_UID, HANDLE_ROOT, at, 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_REFERENCE, at), 0);
	at = world_memory(&world.root, sizeof m);
	world_write(at, &m, sizeof m);
	world_remember(&world.root, KIND_MAPPING, k->space, m.address, at, 0);
	CHECK_IS(world_call(CALL_MAPPING_LOAD, k->space, at, 1, 0), 1);
	world_run(k->thread);
	return m.address;
}

static void what_is_written_through_an_alias_is_dirty_under_it(void)
{
	struct page_home h;
	uint64_t under, at, word = 5;

	fresh(NULL);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	at = map_in_domain(2);
	world_run(ROOT_THREAD);
	under = world_home(KIND_PAGE, k->container, PAGE);
	world_read(under, &h, sizeof h);
	h.flags &= ~(uint32_t)PAGE_DIRTY;
	world_write(under, &h, sizeof h);
	state.frames[h.frame].dirty = false;
	world_run(k->thread);
	world_write(at, &word, sizeof word);
	CHECK(!state.frames[h.frame].dirty);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, k->container, PAGE, 1), 1);
	world_read(under, &h, sizeof h);
	CHECK(h.flags & PAGE_DIRTY);
	CHECK(!(h.flags & PAGE_LOADED));
	world_run(k->thread);
	world_read(world_home(KIND_PAGE, COMPOSED, 2), &h, sizeof h);
	CHECK_IS(h.flags, PAGE_ALIAS);
}

static void an_object_whose_home_lies_in_an_alias_goes_before_it(void)
{
	struct container_home c = { .header = { KIND_CONTAINER, HOME_VERSION, 1, UID_MAKE(3, 600) }, .size_pages = 1 };
	uint64_t at;

	fresh(NULL);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(compose(3, HANDLE_MEMORY, PAGE), 1);
	at = map_in_domain(2);
	world_write(at, &c, sizeof c);
	CHECK_IS(world_load(KIND_CONTAINER, at, 0), 0);
	/* Through its own page. */
	c.header.uid++;
	world_write(own_address(PAGE) + 64, &c, sizeof c);
	CHECK_IS(world_load(KIND_CONTAINER, own_address(PAGE) + 64, 0), 0);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, COMPOSED, 3, 1), 1);
	CHECK(world_slot(KIND_CONTAINER, UID_MAKE(3, 600)));
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, COMPOSED, 2, 1), 1);
	CHECK(!world_slot(KIND_CONTAINER, UID_MAKE(3, 600)));
	CHECK(world_slot(KIND_CONTAINER, UID_MAKE(3, 601)));
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_CONTAINER, at), 0);
	CHECK(page_of(COMPOSED, 2)->dependents);
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, k->container, PAGE, 1), 1);
	CHECK(!world_slot(KIND_CONTAINER, UID_MAKE(3, 600)) && !world_slot(KIND_CONTAINER, UID_MAKE(3, 601)));
}

static baryon_uid worker(unsigned n) { return world_thread_load(k, 200 + n, k->space, k->base + 0x100000 * (n + 1), 5); }

static void a_signal_comes_to_the_receivers_of_the_frame_by_whatever_name(void)
{
	baryon_uid through, through_two, direct;

	fresh(NULL);
	CHECK_IS(worker(6), REDIRECT);
	through = worker(1), through_two = worker(2), direct = worker(3);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(compose(3, HANDLE, 2), 1);
	CHECK_IS(map_through(HANDLE, AT, 2, RIGHT_READ, through), 1);
	CHECK_IS(map_through(HANDLE, AT + PAGE_BYTES, 3, RIGHT_READ, through_two), 1);
	CHECK_IS(map_through(HANDLE_MEMORY, AT + 2 * PAGE_BYTES, PAGE, RIGHT_READ, direct), 1);
	CHECK_IS(world_call(CALL_SIGNAL, own_address(PAGE) + OFFSET), 0);
	CHECK_IS(world_call(CALL_SIGNAL, map_in_domain(3) + 2 * OFFSET), 0);
	CHECK_IS(world_thread(through)->signal_count, 2);
	CHECK_IS(world_thread(through)->signals[0], AT + OFFSET);
	CHECK_IS(world_thread(through)->signals[1], AT + 2 * OFFSET);
	CHECK_IS(world_thread(through_two)->signals[1], AT + PAGE_BYTES + 2 * OFFSET);
	CHECK_IS(world_thread(direct)->signals[0], AT + 2 * PAGE_BYTES + OFFSET);
	CHECK_IS(world_thread(direct)->signal_count, 2);
	CHECK_IS(world_thread(REDIRECT)->signal_count, 0);
}

static void a_receiver_through_an_alias_that_is_away_is_redirected(void)
{
	baryon_uid through;

	fresh(NULL);
	CHECK_IS(worker(6), REDIRECT);
	through = worker(1);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(map_through(HANDLE, AT, 2, RIGHT_READ, through), 1);
	CHECK_IS(world_call(CALL_PAGE_UNLOAD, COMPOSED, 2, 1), 1);
	CHECK_IS(world_call(CALL_SIGNAL, own_address(PAGE) + OFFSET), 0);
	CHECK_IS(world_thread(through)->signal_count, 0);
	CHECK_IS(world_thread(REDIRECT)->signal_count, 3);
	CHECK_IS(world_thread(REDIRECT)->signals[0], k->container);
	CHECK_IS(world_thread(REDIRECT)->signals[1], PAGE);
	CHECK_IS(world_thread(REDIRECT)->signals[2], OFFSET);
}

static void a_page_with_aliases_is_displaced_after_them(void)
{
	const struct kernel *root;

	fresh("caches=page=64");
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(map(AT, 2, RIGHT_READ), 1);
	root = (struct kernel *)slot_find(KIND_KERNEL, KERNEL_UID(KERNEL_NUMBER_ROOT));
	for (unsigned i = 0; i < 500 && page_of(COMPOSED, 2); i++) {
		CHECK(page_of(k->container, PAGE));
		(void)!cache_displace(KIND_PAGE, root);
		invariants_check();
	}
	CHECK(!page_of(COMPOSED, 2) && !is_mapped(AT));
	CHECK_IS(map(AT, 2, RIGHT_READ), 1);
	/* A floor holds the alias, and so what is under it. */
	((struct kernel *)slot_find(KIND_KERNEL, KERNEL_UID(3)))->floor[KIND_PAGE] = 1;
	for (unsigned i = 0; i < 500; i++)
		(void)!cache_displace(KIND_PAGE, root);
	CHECK(page_of(COMPOSED, 2) && page_of(k->container, PAGE));
	invariants_check();
}

static bool held[1 << 15];
static uint32_t free_first, free_count;

static void pages_release(void)
{
	for (uint32_t i = 0; i < state.cache[KIND_PAGE].count; i++)
		if (held[i])
			page_at(i)->flags &= (uint8_t)~PAGE_LOCKED;
	if (free_count) {
		for (uint32_t i = free_first, next; i; i = next) {
			next = page_at(i - 1)->hash_next;
			cache_give(KIND_PAGE, i - 1);
		}
		free_count = 0;
	}
	memset(held, 0, sizeof held);
	world.after_step = invariants_check;
}

/* In the next step there is room only in place of this one. */
static void pages_hold(const struct page *but)
{
	struct cache *c = &state.cache[KIND_PAGE];

	for (uint32_t i = 0; i < c->count; i++)
		if (page_at(i)->state == SLOT_LOADED && !(page_at(i)->flags & PAGE_LOCKED) && page_at(i) != but)
			held[i] = true, page_at(i)->flags |= PAGE_LOCKED;
	free_first = c->free, free_count = c->free_count;
	c->free = c->free_count = 0;
	world.after_step = pages_release;
}

/* Making room takes it: its home lies in the only page that may go. */
static void an_alias_is_not_made_by_a_reference_that_has_gone_meanwhile(void)
{
	struct page_home h = alias_home(COMPOSED, 3, HANDLE_LESS, 2, 0);
	uint64_t at, apart;

	fresh("caches=page=64");
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	at = world_memory(k, sizeof h);
	world_write(at, &h, sizeof h);
	world_remember(k, KIND_PAGE, COMPOSED, 3, at, 0);
	apart = (world_pages(k, 0) - k->memory) / PAGE_BYTES;
	CHECK_IS(world_reference_load(k, KIND_CONTAINER, COMPOSED, RIGHT_READ, 0, k->space, HANDLE_LESS), 0);
	(void)world_pages(k, 1);
	pages_hold(page_of(k->container, apart));
	CHECK_IS(world_call(CALL_PAGE_LOAD, at, 1), 1);
	CHECK(state.counters->displaced[KIND_PAGE]);
	CHECK(page_of(COMPOSED, 3));
	/* It was asked for again. */
	CHECK(slot_find(KIND_REFERENCE, reference_name((struct space *)world_slot(KIND_SPACE, k->space), HANDLE_LESS)));
}


static void the_page_under_may_give_its_own_slot_to_its_alias_and_comes_back(void)
{
	struct page_home h = alias_home(COMPOSED, 2, HANDLE_MEMORY, PAGE, 0);
	const struct cache *c = &state.cache[KIND_PAGE];
	uint64_t at;

	fresh("caches=page=64");
	at = world_memory(k, sizeof h);
	world_write(at, &h, sizeof h);
	world_remember(k, KIND_PAGE, COMPOSED, 2, at, 0);
	pages_hold(page_of(k->container, PAGE));
	CHECK_IS(world_call(CALL_PAGE_LOAD, at, 1), 1);
	CHECK(c->free_count && page_of(k->container, PAGE) && page_of(COMPOSED, 2)->frame == page_of(k->container, PAGE)->frame);
	CHECK(state.counters->displaced[KIND_PAGE]);
}

enum { GRANT = 20 };

/* A manager of frames, with a page group under one name. */
static struct world_kernel *manager_make(struct page_home *large)
{
	struct container_home c = { .header = { KIND_CONTAINER, HOME_VERSION, 1, UID_MAKE(2, 300) }, .size_pages = GROUP_PAGES };
	struct world_kernel *m;
	uint64_t at;

	world_run(ROOT_THREAD);
	world.locked_pages = 4;
	world_kernel_home.extents[0] = (struct group_extent){ GRANT, 1 };
	m = world_kernel_make(2, KERNEL_MAY_FRAMES, false);
	world_run(m->thread);
	world_kernel_portals(m);
	at = world_memory(m, sizeof c);
	world_write(at, &c, sizeof c);
	CHECK_IS(world_load(KIND_CONTAINER, at, 0), 0);
	*large = (struct page_home){ .container = c.header.uid, .frame = GRANT * GROUP_PAGES, .flags = PAGE_LARGE, .version = HOME_VERSION };
	at = m->memory + (WORLD_PAGES - 1) * PAGE_BYTES;
	world_write(at, large, sizeof *large);
	for (unsigned i = 0; i < 3; i++)
		world_remember(m, KIND_PAGE, c.header.uid, (const uint64_t[]){ 0, 7, GROUP_PAGES - 1 }[i], at, 0);
	CHECK_IS(world_call(CALL_PAGE_LOAD, at, 1), 1);
	return m;
}

/* k gets a reference to the manager's container. */
static void reference_give(struct world_kernel *m, baryon_uid uid, uint32_t handle)
{
	struct reference_home r;
	uint64_t at = world_reference_home(m, KIND_CONTAINER, uid, RIGHT_ALL, 0, k->space, handle);

	world_read(at, &r, sizeof r);
	world_run(k->thread);
	at = world_memory(k, sizeof r);
	world_write(at, &r, sizeof r);
	world_remember(k, KIND_REFERENCE, k->space, handle, at, 0);
	CHECK_IS(world_call(CALL_OBJECT_LOAD, KIND_REFERENCE, at), 0);
}

static void pages_of_a_group_have_aliases_and_go_with_it_and_with_its_kernel(void)
{
	struct world_kernel *m;
	struct page_home large;

	for (unsigned round = 0; round < 3; round++) {
		fresh(NULL);
		m = manager_make(&large);
		reference_give(m, large.container, 70);
		CHECK_IS(compose(2, 70, 7), 1);
		CHECK_IS(compose(3, 70, 511), 1);
		CHECK_IS(compose(4, 70, 7), 1);
		CHECK_IS(page_of(COMPOSED, 3)->frame, GRANT * GROUP_PAGES + 511);
		CHECK_IS(map(AT, 2, RIGHT_READ), 1);
		CHECK_IS(map_through(70, AT + PAGE_BYTES, 7, RIGHT_READ, 0), 1);
		CHECK_IS(map(AT + 2 * PAGE_BYTES, 3, RIGHT_READ | RIGHT_WRITE), 1);
		world_run(round ? ROOT_THREAD : m->thread);
		if (round == 0)
			CHECK_IS(world_call(CALL_PAGE_UNLOAD, large.container, 0, 1), 1);
		else
			CHECK_IS(world_call(round == 1 ? CALL_OBJECT_UNLOAD : CALL_OBJECT_DESTROY, KIND_KERNEL, KERNEL_UID(2)), 0);
		for (unsigned i = 2; i < 5; i++)
			CHECK(!page_of(COMPOSED, i) && !is_mapped(AT + (i - 2) * PAGE_BYTES));
		CHECK_IS(state.frames[GRANT * GROUP_PAGES + 7].page, 0);
		world_run(k->thread);
	}
}

static void a_group_that_is_taken_back_takes_the_aliases_of_its_pages(void)
{
	struct world_kernel *m;
	struct page_home large;
	struct kernel_home *h;

	fresh(NULL);
	m = manager_make(&large);
	reference_give(m, large.container, 70);
	CHECK_IS(compose(2, 70, 7), 1);
	CHECK_IS(map(AT, 2, RIGHT_READ), 1);
	h = world_slot(KIND_KERNEL, KERNEL_UID(2))->home;
	h->extents[0].count = 0;
	world_run(ROOT_THREAD);
	CHECK_IS(world_call(CALL_KERNEL_GROUP, KERNEL_UID(2), GRANT), 0);
	CHECK(!page_of(COMPOSED, 2) && !is_mapped(AT));
	CHECK_IS(state.frames[GRANT * GROUP_PAGES + 7].page, 0);
	world_run(k->thread);
	CHECK(map(AT, 2, RIGHT_READ) < 0);
}

static void everything_forgotten_comes_back(void)
{
	fresh(NULL);
	CHECK_IS(compose(2, HANDLE_MEMORY, PAGE), 1);
	CHECK_IS(map(AT, 2, RIGHT_READ | RIGHT_WRITE), 1);
	write_there(AT, 77);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_SPACE, program), 0);
	CHECK_IS(world_call(CALL_OBJECT_UNLOAD, KIND_CONTAINER, COMPOSED), 0);
	CHECK_IS(page_of(k->container, PAGE)->aliases, 0);
	CHECK_IS(map(AT, 2, RIGHT_READ), 1);
	CHECK_IS(*(uint64_t *)frame_pointer(page_of(COMPOSED, 2)->frame), 77);
}

int main(void)
{
	an_alias_is_the_same_frame_under_another_name();
	mappings_go_with_their_alias_and_others_of_the_frame_stay();
	whose_a_mapping_is_among_many_is_found_in_steps();
	the_page_under_takes_aliases_of_aliases_with_it();
	what_is_missed_comes_back_from_the_managers_of_each_level();
	an_alias_is_never_more_than_what_it_is_made_of();
	a_home_that_cannot_be_is_refused_and_changes_nothing();
	what_is_written_through_an_alias_is_dirty_under_it();
	an_object_whose_home_lies_in_an_alias_goes_before_it();
	a_signal_comes_to_the_receivers_of_the_frame_by_whatever_name();
	a_receiver_through_an_alias_that_is_away_is_redirected();
	a_page_with_aliases_is_displaced_after_them();
	an_alias_is_not_made_by_a_reference_that_has_gone_meanwhile();
	the_page_under_may_give_its_own_slot_to_its_alias_and_comes_back();
	pages_of_a_group_have_aliases_and_go_with_it_and_with_its_kernel();
	a_group_that_is_taken_back_takes_the_aliases_of_its_pages();
	everything_forgotten_comes_back();
	return 0;
}
