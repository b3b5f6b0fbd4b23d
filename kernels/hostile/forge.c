/* Home records that are wrong somewhere: a good one of the kind under another name, with a few words replaced. */
#include "hostile.h"

#include "abi/rights.h"
#include "baryon/format.h"
#include "baryon/string.h"

/* Address in the wild domain of what is at `at` in the far arena. */
static uint64_t wild_address(const void *at) { return WILD_BASE + (uint64_t)((const uint8_t *)at - hostile.wild); }

static void *far_place(struct attacker *a, uint64_t bytes)
{
	return a->far_arena + random_below(&a->random, ARENA_BYTES / bytes) * bytes;
}

static void *place(struct attacker *a, uint64_t bytes)
{
	uint8_t *arena = random_below(&a->random, 2) ? a->arena : a->far_arena;

	return arena + random_below(&a->random, ARENA_BYTES / bytes) * bytes;
}

static baryon_uid sacrifice(struct attacker *a)
{
	return OWN_UID(NUMBER_SACRIFICES + random_below(&a->random, SACRIFICES));
}

/* Replaces up to three words of the record, from word `first` on. */
static void spoil(struct attacker *a, void *record, uint64_t first, uint64_t words)
{
	uint64_t *word = record;

	for (uint64_t n = random_below(&a->random, 4); n > 0; n--) {
		uint64_t at = first + random_below(&a->random, words - first);

		if (random_chance(&a->random, 3))
			word[at] ^= 1ull << random_below(&a->random, 64);
		else
			word[at] = random_word(&a->random);
	}
}

/* The good objects keep their names: one that is forged must not answer for them. */
static void name_mend(struct attacker *a, struct home_header *header)
{
	if (UID_KEEPER(header->uid) == hostile.start->number && UID_NUMBER(header->uid) < NUMBER_SACRIFICES)
		header->uid = sacrifice(a);
}

/* A record in the wild domain, of a level that makes some call with wild registers and then goes nowhere. Returns its
 * address there. */
static uint64_t activation_forge(struct attacker *a, baryon_uid thread, uint64_t *link)
{
	struct activation_record *r = (struct activation_record *)((uint8_t *)far_place(a, 512) + 256);
	uint64_t *word = (uint64_t *)&r->registers;

	memset(r, 0, sizeof *r);
	r->thread = thread;
	r->kind = 1 + (uint32_t)random_below(&a->random, 4);
	r->depth = 1;
	r->space = OWN_UID(NUMBER_WILD_SPACE);
	r->stack = wild_address(r) - sizeof(struct trap_frame);
	r->portal = r->kind == ACTIVATION_HANDLER ? 0 : random_uid(&a->random);
	r->lower_space = random_below(&a->random, 2) ? OWN_UID(NUMBER_WILD_SPACE) : random_uid(&a->random);
	r->lower_portal = random_below(&a->random, 2) ? 0 : random_uid(&a->random);
	r->lower_record = random_below(&a->random, 3) ? 0 : wild_address(far_place(a, 256));
	r->lower_link = random_below(&a->random, 2) ? 0 : random_next(&a->random);
	spoil(a, r, 0, 10);
	for (unsigned i = 0; i < sizeof r->registers / 8; i++)
		word[i] = random_word(&a->random);
	r->registers.rip = STUBS_TRAPPING + STUB_BYTES * (random_below(&a->random, 3) ? (uint64_t)CALL_RESUME :
		random_below(&a->random, CALL_COUNT));
	r->registers.rsp = wild_address(far_place(a, 512));
	*link = r->link;
	return wild_address(r);
}

/* A thread that would run wild in its own domain, or above the warden, would only harm its own kernel. */
static void thread_tame(struct thread_home *h)
{
	if (h->base.space == hostile.start->space)
		h->base.space = OWN_UID(NUMBER_SPACES);
	if (h->priority < PRIORITY_COUNT)
		h->priority %= PRIORITY_ATTACK;
	if (h->handler_space == hostile.start->space)
		h->handler_space = OWN_UID(NUMBER_WILD_SPACE);
}

static uint64_t thread_forge(struct attacker *a)
{
	struct thread_home *h = place(a, sizeof *h);
	uint64_t link;

	memcpy(h, victim_home((uint32_t)random_below(&a->random, VICTIMS)), sizeof *h);
	h->header.uid = h->base.thread = sacrifice(a);
	h->handler_space = OWN_UID(NUMBER_WILD_SPACE);
	h->handler_top = wild_address(far_place(a, 512)) + 512;
	h->state = (uint32_t)random_below(&a->random, 5);
	h->depth = h->top_record = 0;
	h->signal_count = 0;
	h->cookie = (uint64_t)&hostile.victims[0];
	if (random_chance(&a->random, 2)) {
		h->depth = 1 + (uint32_t)random_below(&a->random, 3);
		h->top_record = activation_forge(a, h->header.uid, &link);
		h->top_space = random_below(&a->random, 4) ? OWN_UID(NUMBER_WILD_SPACE) : random_uid(&a->random);
		h->top_portal = random_below(&a->random, 4) ? 0 : random_uid(&a->random);
		h->top_link = random_below(&a->random, 2) ? 0 : link;
	}
	spoil(a, h, 0, sizeof *h / 8);
	if (random_chance(&a->random, 8))
		for (unsigned i = 0; i < XSTATE_BYTES; i++)
			h->xstate[i] = (uint8_t)random_next(&a->random);
	if (random_chance(&a->random, 8))
		((uint64_t *)h->xstate)[64 + random_below(&a->random, 8)] = random_next(&a->random);
	h->cookie = (uint64_t)&hostile.victims[0];
	h->header.uid = UID_KEEPER(h->header.uid) == hostile.start->number ? h->base.thread : h->header.uid;
	name_mend(a, &h->header);
	thread_tame(h);
	return (uint64_t)h;
}

static uint64_t portal_forge(struct attacker *a)
{
	struct portal_home *h = place(a, sizeof *h);

	home_start(h, sizeof *h, KIND_PORTAL, sacrifice(a));
	h->space = OWN_UID(NUMBER_WILD_SPACE);
	h->entry = WILD_BASE;
	h->stacks = wild_address(far_place(a, 4096));
	h->stack_bytes = 1024;
	h->stack_count = (uint32_t)random_below(&a->random, PORTAL_STACKS + 1);
	h->records = wild_address(far_place(a, 4096));
	spoil(a, h, 0, 9);
	if (h->space == hostile.start->space)
		h->space = OWN_UID(NUMBER_WILD_SPACE);
	name_mend(a, &h->header);
	return (uint64_t)h;
}

static uint64_t space_forge(struct attacker *a)
{
	struct space_home *h = place(a, sizeof *h);

	home_start(h, sizeof *h, KIND_SPACE, sacrifice(a));
	h->flags = random_below(&a->random, 4) ? SPACE_PROGRAM : (uint32_t)random_below(&a->random, 5);
	if (!(h->flags & SPACE_PROGRAM)) {
		h->domain = (uint32_t)random_below(&a->random, DOMAIN_COUNT + 1);
		h->principal = KERNEL_UID(hostile.start->number);
	}
	spoil(a, h, 0, 5);
	name_mend(a, &h->header);
	return (uint64_t)h;
}

static uint64_t container_forge(struct attacker *a)
{
	struct container_home *h = place(a, sizeof *h);

	home_start(h, sizeof *h, KIND_CONTAINER, sacrifice(a));
	h->size_pages = random_number(&a->random);
	spoil(a, h, 0, 6);
	name_mend(a, &h->header);
	return (uint64_t)h;
}

/* A good capability of something of its own, or of the service or the container. */
static struct capability capability_of_own(struct attacker *a)
{
	struct capability *c = place(a, 64);

	c->badge = random_next(&a->random);
	if (random_below(&a->random, 2) && capability_make(KIND_PORTAL, sacrifice(a), random_next(&a->random), c) == 0)
		return *c;
	return random_below(&a->random, 2) ? hostile.service : hostile.container;
}

static uint64_t reference_forge(struct attacker *a)
{
	struct reference_home *h = place(a, sizeof *h);

	*h = (struct reference_home){
		.capability = capability_of_own(a),
		.space = random_below(&a->random, 4) ? hostile.start->space : OWN_UID(NUMBER_SPACES),
		.handle = (uint32_t)(HANDLE_CONTAINER + 1 + random_below(&a->random, 8)), .version = HOME_VERSION,
	};
	if (random_below(&a->random, 2))
		spoil(a, h, 0, 8);
	return (uint64_t)h;
}

static uint64_t kernel_forge(struct attacker *a)
{
	struct kernel_home *h = place(a, sizeof *h);

	home_start(h, sizeof *h, KIND_KERNEL, random_below(&a->random, 2) ? sacrifice(a) : random_uid(&a->random));
	h->number = (uint32_t)random_number(&a->random);
	h->rights = (uint32_t)random_next(&a->random);
	spoil(a, h, 0, sizeof *h / 8);
	return (uint64_t)h;
}

static uint64_t forge_pages(struct attacker *a)
{
	struct page_home *h = place(a, sizeof *h * 4);
	uint64_t grant = hostile.start->grant_first * GROUP_PAGES, pages = hostile.start->grant_count * GROUP_PAGES;

	for (unsigned i = 0; i < 4; i++, h++) {
		*h = (struct page_home){
			.container = OWN_UID(NUMBER_CONTAINER), .index = random_below(&a->random, GROUP_PAGES),
			.frame = pages ? grant + random_below(&a->random, pages) : random_below(&a->random, 1 << 18),
			.flags = (uint32_t)random_below(&a->random, 128) & ~(uint32_t)PAGE_LARGE, .version = HOME_VERSION,
		};
		spoil(a, h, 0, 4);
	}
	return (uint64_t)(h - 4);
}

uint64_t forge_mappings(struct attacker *a, uint64_t count)
{
	struct mapping_home *h = place(a, 4096);

	for (uint64_t i = 0; i < count && i < 4096 / sizeof *h; i++) {
		h[i] = (struct mapping_home){
			.address = random_program_address(&a->random) & ~(PAGE_BYTES - 1),
			.index = random_below(&a->random, hostile.start->memory_pages),
			.container = random_below(&a->random, 8) ? HANDLE_MEMORY : (uint32_t)random_handle(&a->random),
			.rights = (uint16_t)(1 + random_below(&a->random, 3)),
			.signal = random_chance(&a->random, 8) ? random_uid(&a->random) : 0,
		};
		if (random_chance(&a->random, 8)) {
			h[i].flags = MAPPING_LARGE;
			h[i].address &= ~(GROUP_BYTES - 1);
			h[i].index &= ~(GROUP_PAGES - 1);
		}
		if (random_chance(&a->random, 4))
			spoil(a, &h[i], 0, 4);
	}
	return (uint64_t)h;
}

uint64_t forge_blocks(struct attacker *a)
{
	struct call_blocks *b = place(a, 128);

	b->count = random_number(&a->random);
	for (unsigned i = 0; i < BLOCKS_LIMIT; i++)
		b->block[i] = (struct call_block){
			.address = random_address(&a->random), .bytes = (uint32_t)random_number(&a->random),
			.direction = (uint32_t)random_below(&a->random, 4),
		};
	return (uint64_t)b;
}

uint64_t forge(struct attacker *a, enum object_kind kind)
{
	switch (kind) {
	case KIND_KERNEL:
		return kernel_forge(a);
	case KIND_CONTAINER:
		return container_forge(a);
	case KIND_SPACE:
		return space_forge(a);
	case KIND_THREAD:
		return thread_forge(a);
	case KIND_PORTAL:
		return portal_forge(a);
	case KIND_REFERENCE:
		return reference_forge(a);
	default:
		return forge_pages(a);
	}
}
