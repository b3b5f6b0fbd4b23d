/* Pages, between the parts of UNIX's own memory management. */
#ifndef UNIX_PAGE_H
#define UNIX_PAGE_H

#include "baryon/string.h"
#include "unix.h"

struct page_info {
	uint32_t references;        /* 0: free */
	uint32_t next;              /* free: the next page of its list; in use: its user's own word */
};

void page_put_clean(page_index page);           /* page_put for a page that is zero now */
uint32_t *page_owner_word(page_index page);     /* of a page in use: heap keeps the record size there */
/* Gives back the pages all of whose records are free. Called by page.c, by one at a time. */
void heap_trim(void);

/* Page groups of M at its end that were never used: gives up to `groups` of them away; *first: the first one. How many. */
uint64_t page_groups_give(uint64_t groups, uint64_t *first);
/* So many more at its end have memory. */
void page_groups_add(uint64_t count);

#endif
