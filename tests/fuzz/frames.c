/* Frames of the console channel: pieces lie in the input, however it is cut. */
#include "tests/fuzz/fuzz.h"
#include "tools/baryon/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct frame_reader reader = { .is_hunting = size && (input[0] & 1) };
	size_t limit = size ? 1 + input[0] / 2 : 1;

	for (size_t at = 0; at < size;) {
		size_t count = size - at < 64 ? size - at : 64, whole = count;
		uint8_t *part = fuzz_copy(input + at, count, 1);
		const uint8_t *bytes = part;
		struct frame_piece piece;
		enum frame_result result;

		while ((result = frame_next(&reader, &bytes, &count, limit, &piece)) == FRAME_PIECE)
			HOLDS(piece.count <= limit && (piece.count == 0 || (piece.bytes >= part && piece.bytes + piece.count <= part + whole)));
		HOLDS(bytes >= part && bytes + count == part + whole);
		free(part);
		if (result == FRAME_BROKEN)
			return 0;
		HOLDS(count == 0);
		at += whole;
	}
	return 0;
}
