/* The host's own. */
#ifndef UNIX_TEST_STRING_H
#define UNIX_TEST_STRING_H

#include <string.h>

static inline void page_clear(void *page)
{
	memset(page, 0, 4096);
}

static inline void page_copy(void *to, const void *from)
{
	memcpy(to, from, 4096);
}

#endif
