/* Names of Linux's system calls, for the log. */
#ifndef UNIX_CALLS_H
#define UNIX_CALLS_H

#include "abi/types.h"

enum { CALL_NUMBERS = 464 };

const char *call_name(uint64_t number);         /* "?" if it has none */

/* Says in the log which calls that UNIX does not have were made more than once, and how often: each was named at its first time. */
void calls_unknown_say(void);

#endif
