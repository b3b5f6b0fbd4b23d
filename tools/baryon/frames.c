/* See frames.h. */
#include "tools/baryon/frames.h"

#include <string.h>

static bool type_is_known(uint8_t type)
{
	return type >= FRAME_OUTPUT && type <= FRAME_READY;
}

static bool header_is_good(const struct frame_reader *reader)
{
	return type_is_known(reader->header[0]) && reader->header[1] == 0;
}

/* True when the header has just become whole. */
static bool header_read(struct frame_reader *reader, const uint8_t **bytes, size_t *count)
{
	while (*count && reader->header_bytes < FRAME_HEADER_BYTES) {
		reader->header[reader->header_bytes++] = *(*bytes)++;
		--*count;
		if (reader->is_hunting && reader->header_bytes == FRAME_HEADER_BYTES && !header_is_good(reader))
			memmove(reader->header, reader->header + 1, --reader->header_bytes);
	}
	if (reader->header_bytes < FRAME_HEADER_BYTES)
		return false;
	reader->is_hunting = false;
	reader->left = reader->header[2] | reader->header[3] << 8;
	return true;
}

enum frame_result frame_next(struct frame_reader *reader, const uint8_t **bytes, size_t *count, size_t limit,
	struct frame_piece *piece)
{
	bool is_new = reader->header_bytes < FRAME_HEADER_BYTES;
	size_t take;

	if (is_new && !header_read(reader, bytes, count))
		return FRAME_NEED_MORE;
	if (!header_is_good(reader))
		return FRAME_BROKEN;
	take = reader->left < *count ? reader->left : *count;
	if (take > limit)
		take = limit;
	if (take == 0 && reader->left)
		return FRAME_NEED_MORE;
	*piece = (struct frame_piece){ reader->header[0], *bytes, take };
	*bytes += take;
	*count -= take;
	reader->left -= take;
	if (reader->left == 0)
		reader->header_bytes = 0;
	return FRAME_PIECE;
}

size_t frame_write(uint8_t *out, uint8_t type, const void *payload, size_t count)
{
	out[0] = type;
	out[1] = 0;
	out[2] = count & 0xff;
	out[3] = count >> 8;
	if (count)
		memcpy(out + FRAME_HEADER_BYTES, payload, count);
	return FRAME_HEADER_BYTES + count;
}
