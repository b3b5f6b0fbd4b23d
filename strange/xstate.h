/* Extended state, in XSAVE's standard format. */
#ifndef STRANGE_XSTATE_H
#define STRANGE_XSTATE_H

#include "state.h"

/* Make the area one that can be loaded: a wild one is EFORGED; an empty one gets the initial state. */
result xstate_check(uint8_t *x) MUST_CHECK;
result xstate_reset(uint8_t *x) MUST_CHECK;

#endif
