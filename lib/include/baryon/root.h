/* What root does for the SRM: operations of root's service portal. */
#ifndef BARYON_ROOT_H
#define BARYON_ROOT_H

#include "abi/home.h"

/* The first word; further words as said. The first word of the answer is 0 or a negated error; a capability is in the
 * words from ROOT_WORD_CAPABILITY on. */
enum root_operation {
	ROOT_MEMORY_FREE = 1,       /* -> second word: pages that containers can still be made of */
	ROOT_CONTAINER_MAKE,        /* pages (rounded up to whole page groups), handle: a new memory container, and a reference
	                             * to it at that handle of the SRM. EQUOTA, EFULL */
	ROOT_CONTAINER_CLEAR,       /* uid: unloads every page; each reads zero at its next use. ENOENT */
	ROOT_CAPABILITY,            /* enum root_shared: -> a capability. EINVAL */
	ROOT_GROUPS_GRANT,          /* count: takes so many page groups in a row away from root for ever -> second word: the first
	                             * one's number. EQUOTA */
	ROOT_POWER_OFF,             /* status 0..255: after the console's output is out; does not return */
};

enum root_shared { ROOT_SHARED_BOOT_IMAGE = 1, ROOT_SHARED_CONSOLE };

enum { ROOT_WORD_CAPABILITY = 2 };

_Static_assert(sizeof(struct capability) == 6 * sizeof(uint64_t), "a capability fits in six words");

#endif
