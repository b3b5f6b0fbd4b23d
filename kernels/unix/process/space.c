/* Address spaces: their life, and Strange's space objects.
 *
 * A space's number is made of the page of M that holds its struct, so that a miss finds the home by arithmetic; a counter
 * in it keeps numbers from being used again soon. */
#include "baryon/calls.h"
#include "baryon/homes.h"
#include "baryon/string.h"
#include "page.h"
#include "process/numbers.h"
#include "process/space.h"

static struct space *grave;

static struct space *space_new(void)
{
	page_index page = page_alloc();
	struct space *space = page_address(page);

	if (page == 0)
		return NULL;
	home_start(&space->home, sizeof space->home, KIND_SPACE, number_make(NUMBER_KIND_SPACE, page));
	space->home.flags = SPACE_PROGRAM;
	space->references = 1;
	space->tables = space->tables_inline;
	space->region_capacity = REGION_INLINE;
	space->map_top = PROGRAM_MAP_TOP;
	space_enlist(space);
	return space;
}

static void space_free(struct space *space)
{
	space_delist(space);
	slots_free(space);
	regions_clear(space);
	number_drop(page_of_address(space));
	page_put(page_of_address(space));
}

struct space *space_create(void)
{
	struct space *space = space_new();

	if (space != NULL && object_load(KIND_SPACE, &space->home, 0) != 0) {
		space_free(space);
		space = NULL;
	}
	return space;
}

long space_reload(baryon_uid uid)
{
	struct space *space = number_address(uid);
	long status = -BARYON_ENOENT;

	if (space == NULL || number_kind(uid) != NUMBER_KIND_SPACE)
		return status;
	__atomic_fetch_add(&space->loading, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&space->home.header.uid, __ATOMIC_SEQ_CST) == uid)
		status = object_load(KIND_SPACE, &space->home, 0);
	__atomic_fetch_sub(&space->loading, 1, __ATOMIC_SEQ_CST);
	return status == -BARYON_EEXIST ? 0 : status;
}

baryon_uid space_grave(void)
{
	return grave->home.header.uid;
}

void spaces_init(void)
{
	grave = space_create();
	if (grave == NULL)
		unix_panic("no address space can be loaded");
}

void space_get(struct space *space)
{
	__atomic_fetch_add(&space->references, 1, __ATOMIC_RELAXED);
}

/* Strange forgets it, and no miss loads it again. */
static void space_retire(struct space *space)
{
	baryon_uid uid = space->home.header.uid;
	long status;

	__atomic_store_n(&space->home.header.uid, 0, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&space->loading, __ATOMIC_SEQ_CST) != 0)
		park(time_monotonic() + 50000);
	status = object_destroy(KIND_SPACE, uid);
	if (status < 0 && status != -BARYON_ENOENT)
		log_line("space %lx cannot be destroyed: error %ld", uid, status);
}

void space_put(struct space *space)
{
	if (__atomic_sub_fetch(&space->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	space_retire(space);
	space_free(space);
}

/* In pieces that Strange takes. */
static int space_protect(struct space *space, const struct region *region, uint64_t rights)
{
	for (uint64_t start = region->start, next; start < region->end; start = next) {
		next = region->end - start > PIECE_BYTES ? start + PIECE_BYTES : region->end;
		if (mapping_protect(space->home.header.uid, start, (next - start) / PAGE_BYTES, rights) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Both spaces share the private pages of a region from now on: nobody may write them without a copy. */
static int region_share(struct space *to, struct space *from, const struct region *region)
{
	uint64_t before = to->resident;
	int status = slots_copy(to, from, region);

	if (to->resident == before || (region->flags & REGION_SHARED) || !(region->flags & RIGHT_WRITE))
		return status;
	return space_protect(from, region, region->flags & REGION_RIGHTS & ~(uint64_t)RIGHT_WRITE) != 0 ? -ENOMEM : status;
}

static void space_copy_bounds(struct space *to, const struct space *from)
{
	to->heap_start = from->heap_start;
	to->heap_end = from->heap_end;
	to->map_top = from->map_top;
	to->argument_start = from->argument_start;
	to->argument_end = from->argument_end;
	to->environment_end = from->environment_end;
	to->auxiliary = from->auxiliary;
	to->stack_limit = from->stack_limit;
	to->step_page = from->step_page;
}

struct space *space_fork(struct space *from)
{
	struct space *to = space_create();
	int status;

	if (to == NULL)
		return NULL;
	mutex_lock(&from->lock);
	space_copy_bounds(to, from);
	status = regions_copy(to, from);
	for (unsigned i = 0; status == 0 && i < from->region_count; i++)
		status = region_share(to, from, region_at(from, i));
	mutex_unlock(&from->lock);
	if (status == 0)
		return to;
	space_put(to);
	return NULL;
}
