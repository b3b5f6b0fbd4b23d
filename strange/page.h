/* Pages: (container, index) -> frame. */
#ifndef STRANGE_PAGE_H
#define STRANGE_PAGE_H

#include "state.h"

struct call;

/* The loaded page, or page group, that holds `index`; null when there is none. Recheck under its lock. */
struct page *page_find(struct container *c, uint64_t index);
bool page_mark_dying(uint32_t index, uint32_t generation);

static inline bool page_is(const struct page *p, const struct container *c, uint64_t index)
{
	uint64_t first = p->flags & PAGE_LARGE ? index & ~(GROUP_PAGES - 1) : index;

	return p->state == SLOT_LOADED && p->container == c->slot.id && p->index == first;
}

static inline frame_number page_frame(const struct page *p, uint64_t index)
{
	return p->frame + (p->flags & PAGE_LARGE ? (uint32_t)(index % GROUP_PAGES) : 0);
}

/* Named and counted, of container `c`; call is null where no home is asked whether it still holds. The page and what it depends on are
 * locked. -BARYON_EEXIST; RESULT_RESTART: container or home are others by now. */
result page_enter(struct page *p, const struct call *call, const struct page_home *h);
void page_fill(struct page *p, struct slot *c, const struct page_home *h, struct page_home *home);

/* Boot only: a page group of root's, locked. */
struct page *page_make_locked(struct container *c, uint64_t index, frame_number frame, unsigned flags);

result call_page_load(struct call *call);
result call_page_unload(struct call *call);

#endif
