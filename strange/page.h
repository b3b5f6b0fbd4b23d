/* Pages: (container, index) -> frame. */
#ifndef STRANGE_PAGE_H
#define STRANGE_PAGE_H

#include "state.h"

struct call;

/* The loaded page, or page group, that holds `index`; null when there is none. Recheck under its lock. */
struct page *page_find(struct container *c, uint64_t index);
bool page_is(const struct page *p, const struct container *c, uint64_t index);
bool page_mark_dying(uint32_t index, uint32_t generation);
frame_number page_frame(const struct page *p, uint64_t index);
/* Boot only: a page of root's, locked. */
struct page *page_make_locked(struct container *c, uint64_t index, frame_number frame, unsigned flags);

result call_page_load(struct call *call);
result call_page_unload(struct call *call);

#endif
