/* Frames survive every way of being cut into reads; bad ones are refused. And the escape key. */
#include "tools/baryon/frames.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tools/baryon/terminal.h"

static uint8_t wire[5000], collected[5000];
static size_t wire_bytes, collected_bytes;

static void build_wire(void)
{
	static uint8_t payload[2000];

	for (size_t i = 0; i < sizeof payload; i++)
		payload[i] = i * 7;
	wire_bytes = 0;
	wire_bytes += frame_write(wire + wire_bytes, FRAME_OUTPUT, payload, sizeof payload);
	wire_bytes += frame_write(wire + wire_bytes, FRAME_OUTPUT, NULL, 0);
	wire_bytes += frame_write(wire + wire_bytes, FRAME_OUTPUT, payload, 1);
	wire_bytes += frame_write(wire + wire_bytes, FRAME_EXIT, "\7", 1);
}

static void take_all(struct frame_reader *reader, const uint8_t *bytes, size_t count, size_t limit, unsigned *exits)
{
	struct frame_piece piece;
	enum frame_result result;

	while ((result = frame_next(reader, &bytes, &count, limit, &piece)) == FRAME_PIECE) {
		assert(piece.count <= limit);
		*exits += piece.type == FRAME_EXIT && piece.count == 1 && piece.bytes[0] == 7;
		if (piece.type == FRAME_OUTPUT)
			memcpy(collected + collected_bytes, piece.bytes, piece.count), collected_bytes += piece.count;
	}
	assert(result == FRAME_NEED_MORE && count == 0);
}

static void cut_at_random(unsigned seed)
{
	struct frame_reader reader = { 0 };
	unsigned exits = 0;
	size_t at = 0;

	srand(seed);
	collected_bytes = 0;
	while (at < wire_bytes) {
		size_t count = 1 + rand() % (seed % 2 ? 3 : 700);

		if (count > wire_bytes - at)
			count = wire_bytes - at;
		take_all(&reader, wire + at, count, 1 + rand() % 100, &exits);
		at += count;
	}
	assert(exits == 1 && collected_bytes == 2001 && memcmp(collected, wire + 4, 2000) == 0);
}

static void refused(const void *bytes, size_t count)
{
	struct frame_reader reader = { 0 };
	struct frame_piece piece;
	const uint8_t *at = bytes;

	assert(frame_next(&reader, &at, &count, 100, &piece) == FRAME_BROKEN);
}

static void text_before_the_first_frame_can_be_passed_over(void)
{
	static const uint8_t bytes[] = "\033[2J\1\1x\1\0\1\0y\0";
	struct frame_reader reader = { .is_hunting = true };
	struct frame_piece piece;
	const uint8_t *at = bytes;
	size_t count = sizeof bytes - 2;

	assert(frame_next(&reader, &at, &count, 100, &piece) == FRAME_PIECE);
	assert(piece.type == FRAME_OUTPUT && piece.count == 1 && piece.bytes[0] == 'y' && count == 0);
}

static void keys(const char *in, const char *out, bool quits, bool pending_before)
{
	struct escape escape = { pending_before };
	uint8_t buffer[64];
	bool quit = false;
	size_t count = strlen(in);

	memcpy(buffer, in, count);
	count = escape_filter(&escape, buffer, count, &quit);
	assert(quit == quits && count == strlen(out) && memcmp(buffer, out, count) == 0);
}

static void only_the_escape_key_is_taken(void)
{
	keys("hello", "hello", false, false);
	keys("a\035", "a", false, false);
	keys("a\035qb", "a", true, false);
	keys("a\035\035b", "a\035b", false, false);
	keys("a\035bc", "a\035bc", false, false);
	keys("q", "", true, true);
	keys("xyz", "\035xyz", false, true);
	keys("x\035y", "\035x\035y", false, true);
	keys("\035", "\035", false, true);
	keys("\001\003", "\001\003", false, false);
}

int main(void)
{
	build_wire();
	for (unsigned seed = 0; seed < 200; seed++)
		cut_at_random(seed);
	refused("\0\0\0\0", 4);
	refused("\1\1\0\0", 4);
	refused("\20\0\1\0x", 5);
	refused("\377\377\377\377", 4);
	text_before_the_first_frame_can_be_passed_over();
	only_the_escape_key_is_taken();
	return 0;
}
