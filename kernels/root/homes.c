/* Root's homes: in root's own locked memory, named by fixed numbers, loaded locked. */
#include "root.h"

#include "baryon/format.h"
#include "baryon/string.h"

enum { HOMES_ROOM = 48, REFERENCES_ROOM = 32, PORTALS_ROOM = 4 };

static struct homes_entry entries[HOMES_ROOM];
struct homes root_homes = { entries, 0, HOMES_ROOM };

static struct reference_home references[REFERENCES_ROOM] __attribute__((aligned(64)));
static uint32_t reference_count;

void root_load(enum object_kind kind, void *home, uint64_t flags)
{
	long result = homes_load(&root_homes, kind, home, flags);

	if (result < 0)
		panic("root: loading object %lx of kind %d: %s", ((struct home_header *)home)->uid, (int)kind,
			baryon_error_text(result));
}

void root_container_load(struct container_home *home, uint64_t number, uint64_t pages)
{
	home_start(home, sizeof *home, KIND_CONTAINER, ROOT_UID(number));
	home->size_pages = pages;
	root_load(KIND_CONTAINER, home, 0);
}

void root_portal_load(uint64_t number, const char *entry, void *cookie, void *stacks, uint32_t count,
	struct activation_record *records)
{
	static struct portal_home homes[PORTALS_ROOM] __attribute__((aligned(128)));
	static unsigned used;
	struct portal_home *home = &homes[used++];

	REQUIRE(used <= PORTALS_ROOM);
	home_start(home, sizeof *home, KIND_PORTAL, ROOT_UID(number));
	home->space = ROOT_UID(NUMBER_SPACE);
	home->entry = (uint64_t)entry;
	home->cookie = (uint64_t)cookie;
	home->stacks = (uint64_t)stacks;
	home->stack_bytes = ROOT_STACK_BYTES;
	home->stack_count = count;
	home->flags = PORTAL_RESTARTS;
	home->records = (uint64_t)records;
	root_load(KIND_PORTAL, home, LOAD_LOCKED);
}

void root_capability(enum object_kind kind, uint64_t number, uint64_t rights, struct capability *out)
{
	long result;

	memset(out, 0, sizeof *out);
	result = capability_make(kind, ROOT_UID(number), rights, out);
	if (result < 0)
		panic("root: making a capability for %lu: %s", number, baryon_error_text(result));
}

static struct reference_home *reference_find(baryon_uid space, uint32_t handle)
{
	for (uint32_t i = 0; i < reference_count; i++)
		if (references[i].space == space && references[i].handle == handle)
			return &references[i];
	return NULL;
}

/* The home is kept, so that a miss finds it; an older one of the same handle is replaced. */
long root_reference_load(const struct capability *capability, baryon_uid space, uint32_t handle)
{
	struct reference_home *home = reference_find(space, handle);
	long result;

	if (home) {
		result = reference_unload(space, handle);
		if (result < 0 && result != -BARYON_ENOENT)
			return result;
	} else {
		if (reference_count == REFERENCES_ROOM)
			return -BARYON_EFULL;
		home = &references[reference_count];
	}
	*home = (struct reference_home){ *capability, space, handle, HOME_VERSION };
	if (home == &references[reference_count])
		__atomic_store_n(&reference_count, reference_count + 1, __ATOMIC_RELEASE);
	return object_load(KIND_REFERENCE, home, LOAD_LOCKED);
}

long root_reference_miss(baryon_uid space, uint64_t handle)
{
	struct reference_home *home = reference_find(space, (uint32_t)handle);
	long result = home ? object_load(KIND_REFERENCE, home, LOAD_LOCKED) : -BARYON_ENOENT;

	return result == -BARYON_EEXIST ? 0 : result;
}
