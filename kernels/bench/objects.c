/* The bench's own objects, and its answers when they are missed. */
#include "bench.h"

#include "baryon/bare.h"
#include "baryon/string.h"

enum { STACK_BYTES = 16384, POOL_BYTES = 4096, POOL = 4, HOMES = 32, PORTALS = 8 };

static struct homes_entry entries[HOMES];
static struct homes homes = { entries, 0, HOMES };
static struct reference_home references[HANDLES] __attribute__((aligned(64)));
static struct portal_home portals[PORTALS] __attribute__((aligned(128)));
static uint8_t pools[PORTALS][POOL][POOL_BYTES] __attribute__((aligned(4096)));
static struct activation_record records[PORTALS][POOL] __attribute__((aligned(4096)));
static struct thread_home threads[WORKERS] __attribute__((aligned(2048)));
static uint8_t stacks[WORKERS][STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t handler_stacks[WORKERS][STACK_BYTES] __attribute__((aligned(4096)));
static uint8_t copy_buffer[PAGE_BYTES] __attribute__((aligned(4096)));
static unsigned portal_count;

long miss_answer(enum object_kind kind, baryon_uid uid, uint64_t index)
{
	long result;

	if (kind != KIND_REFERENCE)
		return homes_miss(&homes, kind, uid);
	if (index >= HANDLES || references[index].handle != index)
		return -BARYON_ENOENT;
	result = object_load(KIND_REFERENCE, &references[index], 0);
	return miss_result(result);
}

static void portal_start(uint64_t number, const char *entry, void *cookie)
{
	unsigned i = portal_count++;
	struct portal_start start = {
		.uid = own_uid(number), .space = bench.start->space, .entry = entry, .cookie = (uint64_t)cookie,
		.stacks = pools[i], .stack_bytes = POOL_BYTES, .stack_count = POOL, .records = records[i],
	};

	for (unsigned s = 0; s < POOL; s++)     /* present before it is measured */
		pools[i][s][0] = pools[i][s][POOL_BYTES - 1] = 0;
	portal_home_start(&portals[i], &start);
	must(homes_load(&homes, KIND_PORTAL, &portals[i], 0), "a portal");
}

struct reference_home *reference_home(uint32_t handle)
{
	return &references[handle];
}

void reference_bind(uint32_t handle, const struct capability *capability)
{
	references[handle] = (struct reference_home){ *capability, bench.start->space, handle, HOME_VERSION };
	must(object_load(KIND_REFERENCE, &references[handle], 0), "a reference");
}

static void own_reference(uint32_t handle, uint64_t number)
{
	struct capability capability = { .badge = handle };

	must(capability_make(KIND_PORTAL, own_uid(number), RIGHT_CALL, &capability), "a capability");
	reference_bind(handle, &capability);
}

void objects_start(void)
{
	portal_start(NUMBER_TRAP_PORTAL, trap_portal_entry, NULL);
	portal_start(NUMBER_FAULT_PORTAL, fault_portal_entry, NULL);
	portal_start(NUMBER_EXCEPTION_PORTAL, exception_portal_entry, NULL);
	portal_start(NUMBER_ALERT_PORTAL, alert_portal_entry, NULL);
	portal_start(NUMBER_MISS_PORTAL, miss_portal_entry, NULL);
	portal_start(NUMBER_PORTAL, bare_portal_entry, NULL);
	portal_start(NUMBER_COPY_PORTAL, bare_copy_entry, copy_buffer);
	own_reference(HANDLE_OWN, NUMBER_PORTAL);
	own_reference(HANDLE_OWN_COPY, NUMBER_COPY_PORTAL);
	copy_buffer[0] = 0;
}

struct thread_home *worker_home(unsigned index)
{
	return &threads[index];
}

void worker_start(unsigned index, uint64_t number, void (*run)(void *), void *argument, uint32_t priority)
{
	struct thread_start start = {
		.uid = own_uid(number), .space = bench.start->space, .entry = (uint64_t)thread_entry,
		.stack_top = (uint64_t)stacks[index] + STACK_BYTES, .argument = (uint64_t)run, .argument2 = (uint64_t)argument,
		.handler_space = bench.start->space, .handler_top = (uint64_t)handler_stacks[index] + STACK_BYTES,
		.priority = priority, .supervisor = bench.start->supervisor,
	};

	for (unsigned i = 0; i < STACK_BYTES; i += PAGE_BYTES)
		stacks[index][i] = handler_stacks[index][i] = 0;
	thread_home_start(&threads[index], &start);
	must(object_load(KIND_THREAD, &threads[index], 0), "a thread");
}

void worker_end(uint64_t number)
{
	must(object_destroy(KIND_THREAD, own_uid(number)), "the end of a thread");
}
