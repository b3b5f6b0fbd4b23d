/* Numbers of UNIX's own objects (the lower 40 bits of their uids): kind, a counter, and the page of M where the home lies. */
#ifndef UNIX_PROCESS_NUMBERS_H
#define UNIX_PROCESS_NUMBERS_H

#include "unix.h"

enum { NUMBER_KIND_SPACE = 1, NUMBER_KIND_THREAD = 2 };
enum { NUMBER_PAGE_BITS = 22, NUMBER_COUNTER_BITS = 16 };       /* and two bits of kind above them */

#define PROGRAM_MAP_TOP 0x00007ffff7fff000ull   /* mmap places regions below it */
#define PROGRAM_STACK_TOP 0x00007fffffffc000ull /* above it, a free page and the vDSO */

/* A new uid for an object whose home lies in `page`. */
baryon_uid number_make(unsigned kind, page_index page);

/* The page holds no home any more. Only pages that number_make was told of are taken for homes, never what a program writes into its own. */
void number_drop(page_index page);
/* The address of the page with the home, or null if the uid cannot be one of these. */
void *number_address(baryon_uid uid);

static inline unsigned number_kind(baryon_uid uid)
{
	return (unsigned)(UID_NUMBER(uid) >> (NUMBER_PAGE_BITS + NUMBER_COUNTER_BITS));
}

#endif
