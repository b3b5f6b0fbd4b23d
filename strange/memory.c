/* Memory of spaces, seen through their translation tables. Homes: none. Locks: memory_place_depend takes the space's,
 * and the page's. Tables are walked without a lock in a space that this CPU has active, for a table
 * is not reused before this CPU has acknowledged the shoot-down. */
#include "memory.h"
#include "alias.h"
#include "cache.h"
#include "page.h"
#include "space.h"
#include "table.h"

void memory_zero(void *to, uint64_t bytes) { __builtin_memset(to, 0, bytes); }

void memory_move(void *to, const void *from, uint64_t bytes) { __builtin_memcpy(to, from, bytes); }

result want_kept_by(uint32_t keeper, unsigned kind, baryon_uid uid, uint64_t index)
{
	struct want *w = &this_cpu()->want;

	w->cause = TRAP_MISS;
	w->address = uid;
	w->access = kind;
	w->index = index;
	w->space = NULL;
	w->keeper = keeper;
	return RESULT_MISS;
}

result want_object(unsigned kind, baryon_uid uid, uint64_t index)
{
	return want_kept_by(UID_KEEPER(uid), kind, uid, index);
}

result want_address(struct space *space, uint64_t address, unsigned access)
{
	struct want *w = &this_cpu()->want;

	w->cause = TRAP_FAULT;
	w->address = address;
	w->access = access;
	w->space = space;
	return RESULT_FAULT;
}

static result place_of_entry(mmu_entry e, uint64_t address, struct memory_place *place)
{
	uint32_t page;

	place->frame = mmu_frame(e);
	if (mmu_is_large(e))
		place->frame += (address / PAGE_BYTES) % GROUP_PAGES;
	page = state.frames[place->frame].page;
	if (page == 0)
		return RESULT_RESTART;
	place->page = page - 1;
	place->generation = page_at(place->page)->generation;
	place->pointer = (char *)frame_pointer(place->frame) + address % PAGE_BYTES;
	return 0;
}

result memory_place(struct space *space, uint64_t address, unsigned access, struct memory_place *place)
{
	mmu_entry e;

	if (!space_contains(space, address, 1))
		return -BARYON_EFAULT;
	e = table_walk(space, address);
	place->space = space;
	place->address = address;
	if (!mmu_present(e) || (access & ~mmu_rights(e) & (RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE)))
		return want_address(space, address, access);
	return place_of_entry(e, address, place);
}

/* RESULT_RESTART when the page is going. The space is locked. */
static result depend(const struct memory_place *place, struct node *n, uint32_t object)
{
	struct page *own = page_at(place->page), *p = own;
	bool same;

	spin_lock(&own->lock);
	same = own->generation == place->generation;
	if (same && own->aliases)
		p = page_mapped(place->space, place->address, place->frame, own);
	same = same && p && p->state == SLOT_LOADED;
	if (same)
		node_link(&p->dependents, n, object);
	spin_unlock(&own->lock);
	return same ? 0 : RESULT_RESTART;
}

result memory_place_depend(struct space *space, uint64_t address, unsigned access, struct memory_place *place,
			   struct node *n, uint32_t object)
{
	result r;

	spin_lock(&space->slot.lock);
	r = memory_place(space, address, access, place);
	if (r == 0)
		r = depend(place, n, object);
	spin_unlock(&space->slot.lock);
	return r;
}

static uint64_t within_page(uint64_t address, uint64_t bytes)
{
	uint64_t left = PAGE_BYTES - address % PAGE_BYTES;

	return bytes < left ? bytes : left;
}

result memory_read(struct space *space, uint64_t address, void *to, uint64_t bytes)
{
	struct memory_place place;

	while (bytes > 0) {
		uint64_t n = within_page(address, bytes);
		result r = memory_place(space, address, RIGHT_READ, &place);

		if (r < 0)
			return r;
		memory_move(to, place.pointer, n);
		to = (char *)to + n;
		address += n;
		bytes -= n;
	}
	return 0;
}

COLD result memory_write(struct space *space, uint64_t address, const void *from, uint64_t bytes)
{
	struct memory_place first, place;
	result r = 0;

	/* Both pages first, so that a fault leaves nothing half written. */
	if (within_page(address, bytes) != bytes)
		r = memory_place(space, address + bytes - 1, RIGHT_WRITE, &first);
	while (r == 0 && bytes > 0) {
		uint64_t n = within_page(address, bytes);

		r = memory_place(space, address, RIGHT_WRITE, &place);
		if (r < 0)
			break;
		frame_write(place.frame, place.pointer, from, n);
		from = (const char *)from + n;
		address += n;
		bytes -= n;
	}
	return r;
}

void memory_independ(frame_number frame, struct node *n)
{
	struct page *p;

	if (n->at == NULL)
		return;
	/* The node is linked, so the frame still has its page. */
	p = page_at(state.frames[frame].page - 1);
	spin_lock(&p->lock);
	node_unlink(n);
	spin_unlock(&p->lock);
}

void frame_write(frame_number frame, void *to, const void *from, uint64_t bytes)
{
	frame_touch(frame);
	memory_move(to, from, bytes);
}
