/* The barest ways through a portal: what is left when nothing is done on either side. For measurements. */
#ifndef BARYON_BARE_H
#define BARYON_BARE_H

#include "abi/calls.h"

/* A portal entry that returns at once, with the words it got. */
extern const char bare_portal_entry[];

/* A portal entry that copies word 1 bytes from the caller's address in word 0 to the address in the portal's cookie, and
 * returns what copy_in gave as word 0. */
extern const char bare_copy_entry[];

/* Returns to its caller. */
extern const char bare_nothing[];

struct bare_call {              /* bare.S relies on the layout */
	const void *target;         /* the stub of portal_call, or bare_nothing to measure the loop */
	uint64_t handle;
	const struct call_blocks *blocks;
	uint64_t word0, word1;
};

/* Calls `rounds` (at least 1) times. Returns the last call's error, or its first word. */
uint64_t bare_portal_calls(const struct bare_call *call, uint64_t rounds);

#endif
