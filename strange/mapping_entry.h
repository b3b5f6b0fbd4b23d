/* What mapping.c and mapping_calls.c share: ranges, grants, and the entering of one mapping. */
#ifndef STRANGE_MAPPING_ENTRY_H
#define STRANGE_MAPPING_ENTRY_H

#include "page.h"
#include "space.h"
#include "table.h"

struct reference_view;

/* ranges */

/* What else goes, with one shoot-down: of the next `looks` slots that the clock comes to the space's mappings that may be displaced,
 * until `most` are taken. */
struct pick {
	uint32_t most, looks;
	uint32_t taken;             /* out: of all */
};
/* Take out what lies in [*address, end), at most a batch; *address is where it stopped. pick: what else,
 * or null. Says what was seen, MAPPING_ACCESSED and MAPPING_DIRTY. The space is locked. */
unsigned mapping_range_take(struct space *s, uint64_t *address, uint64_t end, struct pick *pick);
/* One batch, and what was seen is added to *seen. False: the space is another by now, or another's, or has nothing. Locks it. */
bool mapping_range_step(struct space *s, baryon_uid uid, const struct kernel *keeper, uint64_t *address, uint64_t end, unsigned *seen);
/* Take rights from what lies in [*address, end), about `limit` entries; *address is where it stopped. Says how many were changed: a
 * shoot-down of the space must follow. The space is locked. */
unsigned mapping_range_protect(struct space *s, uint64_t *address, uint64_t end, unsigned rights, unsigned limit);

/* Canonical, also in domains. */
static inline uint64_t mapping_address(const struct mapping *m)
{
	return (uint64_t)((int64_t)m->word[1] >> MAPPING_PAGE_SHIFT) << PAGE_BITS;
}

static inline bool mapping_range_good(const struct space *s, uint64_t first, uint64_t pages)
{
	return first % PAGE_BYTES == 0 && pages - 1 < DOMAIN_BYTES / PAGE_BYTES &&
	       space_contains(s, first, pages * PAGE_BYTES);
}

/* grants */

/* What a handle of a container gives, read while it was bound. */
struct grant {
	struct container *container;
	baryon_uid uid;             /* of the container: its slot may become another's */
	unsigned rights;
};

/* What `handle` of `from` gives, if it is a container with that page and gives `needed` (RIGHT_*). EINVAL, EPERM. */
result grant_want(struct grant *g, struct space *from, uint64_t handle, unsigned needed, uint64_t index, struct reference_view *v);
/* The container's page with `index`, to be looked at again under its lock; its manager is called if there is none. */
result grant_page(const struct grant *g, uint64_t index, struct page **page);

/* Is the locked page that one of the container's? */
static inline bool page_granted(const struct page *p, const struct grant *g, uint64_t index)
{
	return page_is(p, g->container, index) && g->container->slot.uid == g->uid;
}

/* Without the right to read, an entry would count and not be there. Never writable and executable. */
static inline bool rights_possible(unsigned rights)
{
	enum { POSSIBLE = 1 << RIGHT_READ | 1 << (RIGHT_READ | RIGHT_WRITE) | 1 << (RIGHT_READ | RIGHT_EXECUTE) };

	return rights < 8 && (POSSIBLE >> rights & 1);
}

static inline bool rights_granted(const struct page *p, unsigned rights, unsigned granted)
{
	return !(rights & ~(granted & p->rights));
}

/* entering */

/* The first mapping of a frame, or of its page's group, or of an alias. */
static inline uint32_t *reverse_head(struct page *p, bool of_page, frame_number f)
{
	return of_page ? &p->mappings : &state.frames[f].mappings;
}

/* Everything of its entry but RIGHT_*. */
static inline unsigned entry_rights(const struct space *s, const struct page *p)
{
	return (s->flags & SPACE_SUPERVISOR ? 0 : MMU_USER) | (p->flags & PAGE_DEVICE ? MMU_DEVICE : 0);
}

/* Fill the descriptor and put it into a list. The page is locked. shape: MAPPING_IS_* and thread. */
static inline void reverse_add(const struct space *s, uint32_t *head, uint64_t address, uint64_t shape, struct mapping *m, uint64_t name)
{
	uint32_t next = *head;

	m->word[0] = next | (uint64_t)slot_index(&s->slot) << MAPPING_SPACE_SHIFT;
	m->word[1] = address << (MAPPING_PAGE_SHIFT - PAGE_BITS) | MAPPING_IS_LIVE | shape;
	*head = (uint32_t)name;
	if (next)
		mapping_at(next - 1)->previous = name & 0xffffff;
}

static inline void mapping_guard(struct thread *t, uint32_t name)
{
	t->guard[t->guard_next++ % GUARDS] = name;
}

static inline void mappings_count(struct space *s, unsigned count)
{
	__atomic_fetch_add(&s->slot.keeper->loaded[KIND_MAPPING], count, __ATOMIC_RELAXED);
	state.counters->loaded[KIND_MAPPING] += count;
}

#endif
