/* Instructions: a length within what was given, and places within the length. */
#include "tests/fuzz/fuzz.h"
#include "process/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	unsigned limit = size < INSTRUCTION_BYTES ? (unsigned)size : INSTRUCTION_BYTES;
	uint8_t *bytes = fuzz_copy(input, limit, 1);
	struct instruction found;

	if (instruction_decode(bytes, limit, &found)) {
		HOLDS(found.length >= 1 && found.length <= limit && found.opcode < found.length && found.modrm < found.length);
		HOLDS(found.relative == 0 || found.relative + 4u <= found.length);
	}
	free(bytes);
	return 0;
}
