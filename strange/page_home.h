/* Homes of pages, for page.c. */
#ifndef STRANGE_PAGE_HOME_H
#define STRANGE_PAGE_HOME_H

#include "state.h"

struct call;

/* EVERSION, EPERM, EINVAL, EQUOTA. */
result page_home_check(struct call *call, const struct page_home *h);
/* No other page has a frame of it. */
bool page_frames_free(const struct page_home *h);
/* Clears a step of what the home, read as *was, wants cleared. 0: there is nothing more to do. */
result page_frames_clear(const struct call *call, const struct page_home *was, struct page_home *home);
/* The frame is still granted and the home still says what it said, as read into *h. Whoever changes one of them looks for the page
 * after that; who asks here has named the page before: so one of the two sees the other. */
bool page_home_holds(const struct call *call, const struct page *p, const struct page_home *h);
/* What the home says, and Strange's view of it, to be written. It must lie in a locked page, but for an alias's, which is only read. */
result page_home_place(struct call *call, uint64_t address, struct page_home **home, struct page_home *h);

#endif
