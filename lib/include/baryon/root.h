/* What root does for the SRM: operations of root's service portal. */
#ifndef BARYON_ROOT_H
#define BARYON_ROOT_H

#include "abi/home.h"

/* The first word; further words as said. The first word of the answer is 0 or a negated error; a capability is in the
 * words from ROOT_WORD_CAPABILITY on. */
enum root_operation {
	ROOT_MEMORY_FREE = 1,       /* -> second word: page groups that are free */
	ROOT_CONTAINER_MAKE,        /* groups, handle, groups that have memory at once, the first ones: a new memory container, and a
	                             * reference to it at that handle of the SRM. EQUOTA, EFULL */
	ROOT_CONTAINER_CLEAR,       /* uid: unloads every page; each reads zero at its next use. ENOENT */
	ROOT_CONTAINER_GROW,        /* uid, count: gives memory to so many groups that have none, in a row -> second word the first,
	                             * third how many, perhaps fewer. EQUOTA: none is free. ENOENT */
	ROOT_CONTAINER_SHRINK,      /* uid, first, count: takes their memory away -> second word how many had some. ENOENT */
	ROOT_CONTAINER_LAST,        /* uid, count: -> second word the first, third how many, at most count, of the last groups in a row
	                             * that have memory. ENOENT */
	ROOT_CAPABILITY,            /* enum root_shared: -> a capability. EINVAL */
	ROOT_GROUPS_GRANT,          /* count: gives up so many page groups in a row, cleared -> second word: the first one's number. EQUOTA */
	ROOT_GROUPS_RETURN,         /* first, count: they are root's again; nothing is loaded in them any more. EINVAL */
	ROOT_POWER_OFF,             /* status 0..255: after the console's output is out; does not return */
};

enum root_shared { ROOT_SHARED_BOOT_IMAGE = 1, ROOT_SHARED_CONSOLE };

enum { ROOT_WORD_CAPABILITY = 2 };

_Static_assert(sizeof(struct capability) == 6 * sizeof(uint64_t), "a capability fits in six words");

#endif
