/* Aliases: pages that name the frame of another page, and depend on that.
 *
 * One lock guards a frame's own page, the aliases of it, the aliases of those and so on, with their mappings and dependents: that of the
 * frame's own page. An alias's own lock guards it only while it is free: who loads one holds both. */
#ifndef STRANGE_ALIAS_H
#define STRANGE_ALIAS_H

#include "state.h"

struct call;

/* Locks the page, and says whose lock that is: its own, or that of the page which owns an alias's frame. What the page is by now must be
 * looked at again. */
struct page *page_lock(struct page *p);
/* Through which page `address` of the space is mapped to the frame: the own one, which is locked, or an alias. Null: it is mapped
 * otherwise by now, or the alias is mapped so often that the call must be executed again. The space is active on this CPU, or locked. */
struct page *page_mapped(struct space *space, uint64_t address, frame_number frame, struct page *own);

/* Load the alias whose home is *h. EVERSION, EPERM, EINVAL, EEXIST; EFULL: ALIAS_DEPTH aliases lie under it. */
result alias_load(struct call *call, const struct page_home *h);
/* It is alias of nothing any more. Its lock is held. */
void alias_unlink(struct page *p);

/* The alias's mapping m was put before the others; m, the first, goes. The lock is held. */
void alias_mapping_first(const struct page *alias, struct mapping *m);
void alias_mapping_remove(const struct mapping *m);

#endif
