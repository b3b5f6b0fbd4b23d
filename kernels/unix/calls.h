/* Names of Linux's system calls, for the log. */
#ifndef UNIX_CALLS_H
#define UNIX_CALLS_H

#include "abi/types.h"

enum { CALL_NUMBERS = 464 };

const char *call_name(uint64_t number);         /* "?" if it has none */

#endif
