/* The entry that libFuzzer calls. */
#ifndef STRANGE_TEST_FUZZ_H
#define STRANGE_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0; ends the process when Strange misbehaves. */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#endif
