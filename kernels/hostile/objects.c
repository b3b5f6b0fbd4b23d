/* The good objects: portals, program spaces, threads, a container and the references to it. Their homes are never forged. */
#include "hostile.h"

#include "abi/rights.h"
#include "baryon/format.h"
#include "baryon/string.h"

enum { PORTALS = 6, OWN_HOMES = 24, SERVICE_STACKS = 2, POOL_STACKS = 4, POOL_STACK_BYTES = 8192, REFERENCES = 2 };
static struct homes_entry entries[OWN_HOMES];
static struct portal_home portals[PORTALS] __attribute__((aligned(128)));
static struct space_home spaces[SPACES + 1] __attribute__((aligned(64)));
static struct container_home container __attribute__((aligned(64)));
static struct reference_home references[REFERENCES] __attribute__((aligned(64)));
static struct thread_home attacker_homes[ATTACKERS] __attribute__((aligned(2048)));
static struct thread_home victim_homes[VICTIMS] __attribute__((aligned(2048)));
static uint8_t stacks[ATTACKERS][STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t arenas[ATTACKERS][ARENA_BYTES] __attribute__((aligned(4096)));
static uint8_t handlers[ATTACKERS + VICTIMS][HANDLER_BYTES] __attribute__((aligned(4096)));
static uint8_t pool[PORTALS * POOL_STACKS][POOL_STACK_BYTES] __attribute__((aligned(4096)));
static struct activation_record records[PORTALS][POOL_STACKS] __attribute__((aligned(1024)));

struct thread_home *attacker_home(uint32_t index) { return &attacker_homes[index]; }

struct thread_home *victim_home(uint32_t index) { return &victim_homes[index]; }

uint8_t *pages_take(uint64_t pages, uint64_t *first)
{
	uint64_t at = hostile.memory_next;

	hostile.memory_next += pages;
	REQUIRE(hostile.memory_next <= hostile.start->memory_pages);
	if (first)
		*first = at;
	return hostile.memory + at * PAGE_BYTES;
}

static void load(enum object_kind kind, void *home, uint64_t flags)
{
	long result = homes_load(&hostile.homes, kind, home, flags);

	if (result < 0)
		panic("hostile: kind %d: %s", kind, baryon_error_text(result));
}

static struct portal_service *service_now;

void service_replace(struct portal_service *service) { service_now = service; }

static void service_serve(struct portal_words *words, void *context)
{
	if (service_now)
		service_now->serve(words, context);
	words->word[0] = words->badge;
}

static void portal_start(uint32_t index, uint64_t number, const char *entry, void *cookie)
{
	struct portal_start start = {
		.uid = OWN_UID(number), .space = hostile.start->space, .entry = entry, .cookie = (uint64_t)cookie,
		.stacks = pool[index * POOL_STACKS], .stack_bytes = POOL_STACK_BYTES,
		.stack_count = number == NUMBER_TRAP_PORTAL || number == NUMBER_ALERT_PORTAL ? 0 : POOL_STACKS,
		.records = records[index],
	};

	portal_home_start(&portals[index], &start);
	load(KIND_PORTAL, &portals[index], number == NUMBER_MISS_PORTAL ? LOAD_LOCKED : 0);
}

static void portals_start(void)
{
	static struct portal_service service = { service_serve, NULL };

	portal_start(0, NUMBER_MISS_PORTAL, miss_portal_entry, NULL);
	portal_start(1, NUMBER_FAULT_PORTAL, fault_portal_entry, NULL);
	portal_start(2, NUMBER_EXCEPTION_PORTAL, exception_portal_entry, NULL);
	portal_start(3, NUMBER_ALERT_PORTAL, alert_portal_entry, NULL);
	portal_start(4, NUMBER_TRAP_PORTAL, trap_portal_entry, NULL);
	portal_start(5, NUMBER_SERVICE, portal_entry, &service);
}

static void spaces_start(void)
{
	for (uint32_t i = 0; i < SPACES; i++) {
		home_start(&spaces[i], sizeof spaces[i], KIND_SPACE, OWN_UID(NUMBER_SPACES + i));
		spaces[i].flags = SPACE_PROGRAM;
		load(KIND_SPACE, &spaces[i], 0);
	}
	home_start(&spaces[SPACES], sizeof spaces[SPACES], KIND_SPACE, OWN_UID(NUMBER_WILD_SPACE));
	spaces[SPACES].domain = DOMAIN_WILD;
	spaces[SPACES].principal = KERNEL_UID(hostile.start->number);
	load(KIND_SPACE, &spaces[SPACES], 0);
}

static void reference_start(uint32_t index, uint32_t handle, const struct capability *capability)
{
	references[index] = (struct reference_home){ *capability, hostile.start->space, handle, HOME_VERSION };
}

static void container_start(void)
{
	long result;

	home_start(&container, sizeof container, KIND_CONTAINER, OWN_UID(NUMBER_CONTAINER));
	container.size_pages = GROUP_PAGES;
	load(KIND_CONTAINER, &container, 0);
	hostile.service.badge = 77;
	result = capability_make(KIND_PORTAL, OWN_UID(NUMBER_SERVICE), RIGHT_CALL, &hostile.service);
	if (result == 0)
		result = capability_make(KIND_CONTAINER, OWN_UID(NUMBER_CONTAINER), RIGHT_READ | RIGHT_WRITE, &hostile.container);
	if (result < 0)
		panic("hostile: capabilities: %s", baryon_error_text(result));
	reference_start(0, HANDLE_SERVICE, &hostile.service);
	reference_start(1, HANDLE_CONTAINER, &hostile.container);
}

static void attacker_fill(uint32_t index)
{
	struct thread_start start = {
		.uid = OWN_UID(NUMBER_ATTACKERS + index), .space = hostile.start->space, .entry = (uint64_t)thread_entry,
		.stack_top = (uint64_t)stacks[index] + STACK_BYTES, .argument = (uint64_t)attacker_run,
		.argument2 = (uint64_t)&hostile.attackers[index], .handler_space = hostile.start->space,
		.handler_top = (uint64_t)handlers[index] + HANDLER_BYTES,
		.cookie = (uint64_t)&hostile.attackers[index], .priority = PRIORITY_ATTACK,
	};

	thread_home_start(&attacker_homes[index], &start);
}

static void attacker_start(uint32_t index)
{
	struct attacker *attacker = &hostile.attackers[index];

	attacker->sort = COOKIE_ATTACKER;
	attacker->index = index;
	attacker->random.state = (0x1234567 + index * 977) ^ hostile.seed << 20;
	attacker->arena = arenas[index];
	attacker->far_arena = hostile.wild + PAGE_BYTES + index * ARENA_BYTES;
	attacker_fill(index);
	load(KIND_THREAD, &attacker_homes[index], 0);
}

static void victim_fill(uint32_t index)
{
	struct victim *victim = &hostile.victims[index];
	struct thread_start start = {
		.uid = OWN_UID(NUMBER_VICTIMS + index), .space = OWN_UID(NUMBER_SPACES + index % SPACES), .entry = PROGRAM_CODE,
		.stack_top = PROGRAM_STACK + PAGE_BYTES - 256, .handler_space = hostile.start->space,
		.handler_top = (uint64_t)handlers[ATTACKERS + index] + HANDLER_BYTES, .cookie = (uint64_t)victim,
		.priority = PRIORITY_ATTACK,
	};

	thread_home_start(&victim_homes[index], &start);
}

static void victim_start(uint32_t index)
{
	struct victim *victim = &hostile.victims[index];

	victim->sort = COOKIE_VICTIM;
	victim->index = index;
	victim->random.state = (0x7654321 + index * 991) ^ hostile.seed << 20;
	victim->code = pages_take(2, &victim->code_page);
	victim->copies = pages_take(2, NULL);
	victim_prepare(victim);
	victim_fill(index);
	load(KIND_THREAD, &victim_homes[index], 0);
}

void objects_start(unsigned attackers)
{
	hostile.homes = (struct homes){ entries, 0, OWN_HOMES };
	wild_prepare();
	portals_start();
	spaces_start();
	container_start();
	for (uint32_t i = 0; i < VICTIMS; i++)
		victim_start(i);
	for (uint32_t i = 0; i < attackers; i++)
		attacker_start(i);
}

static void threads_renew(const void *home)
{
	for (uint32_t i = 0; i < ATTACKERS; i++)
		if (home == &attacker_homes[i])
			attacker_fill(i);
	for (uint32_t i = 0; i < VICTIMS; i++)
		if (home == &victim_homes[i])
			victim_fill(i);
}

void objects_mend(void)
{
	for (uint32_t i = 0; i < hostile.homes.count; i++) {
		const struct homes_entry *entry = &hostile.homes.entries[i];
		long result = homes_miss(&hostile.homes, entry->kind, ((const struct home_header *)entry->home)->uid);

		if (result < 0 && entry->kind == KIND_THREAD)
			threads_renew(entry->home);
	}
}

/* misses */

static long reference_miss(baryon_uid space, uint64_t handle)
{
	long result;

	if (space != hostile.start->space || handle < HANDLE_FIRST_FREE || handle >= HANDLE_FIRST_FREE + REFERENCES)
		return -BARYON_ENOENT;
	result = object_load(KIND_REFERENCE, &references[handle - HANDLE_FIRST_FREE], 0);
	return result == -BARYON_EEXIST ? 0 : result;
}

long miss_answer(enum object_kind kind, baryon_uid uid, uint64_t index)
{
	if (kind == KIND_REFERENCE)
		return reference_miss(uid, index);
	return homes_miss(&hostile.homes, kind, uid);
}
