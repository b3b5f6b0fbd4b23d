/* Random bytes for programs. */
#ifndef UNIX_PROCESS_RANDOM_H
#define UNIX_PROCESS_RANDOM_H

#include "abi/types.h"

void random_bytes(void *to, uint64_t bytes);

#endif
