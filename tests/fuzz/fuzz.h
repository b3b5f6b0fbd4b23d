/* What every target has: a function that reads any bytes, and what must hold of what it says. `make fuzz` feeds it from libFuzzer,
 * replay.c from the corpus in every test run. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Returns 0; ends the process when something does not hold. */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define HOLDS(condition) \
	do { \
		if (!(condition)) \
			__builtin_trap(); \
	} while (0)

/* A copy that ends where its allocation ends, so that every byte read outside is seen. */
static inline uint8_t *fuzz_copy(const uint8_t *input, size_t size, size_t alignment)
{
	size_t room = (size + alignment - 1) / alignment * alignment;
	uint8_t *copy = aligned_alloc(alignment, room ? room : alignment);

	if (size)
		memcpy(copy, input, size);
	memset(copy + size, 0, (room ? room : alignment) - size);
	return copy;
}

#endif
