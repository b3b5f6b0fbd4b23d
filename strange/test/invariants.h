/* Checks of everything in `state` that must be so between calls into Strange. */
#ifndef STRANGE_TEST_INVARIANTS_H
#define STRANGE_TEST_INVARIANTS_H

#include "world.h"

/* All CPUs are outside of Strange. Ends the test with a message when something is not so. */
void invariants_check(void);
/* Kernels change records in their own memory: what rests on those is not checked. */
extern bool invariants_hostile;

#endif
