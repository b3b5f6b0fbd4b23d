/* The calls of Strange that the files half makes, as functions of the test. */
#ifndef FILE_TEST_CALLS_H
#define FILE_TEST_CALLS_H

#include "abi/calls.h"
#include "abi/errors.h"
#include "abi/home.h"

#define PORTAL_WORDS 8
long signal_send(const volatile void *address);
long signal_wait(uint64_t deadline, uint64_t *addresses, uint64_t count);
long portal_call(uint32_t handle, uint64_t words[PORTAL_WORDS], const struct call_blocks *blocks, uint64_t deadline);
long park(uint64_t deadline);

#endif
