/* Strange's calls as the tests on the host have them: park and unpark among threads of the test. */
#ifndef UNIX_TEST_CALLS_H
#define UNIX_TEST_CALLS_H

#include "abi/calls.h"
#include "abi/errors.h"
#include "abi/home.h"

long park(uint64_t deadline_ns);
long unpark(baryon_uid thread);

#endif
