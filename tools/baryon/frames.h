/* The framed channel between host and guest (abi/console.h), without any input or output: bytes in, frames out. */
#ifndef TOOLS_BARYON_FRAMES_H
#define TOOLS_BARYON_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/console.h"

#define FRAME_HEADER_BYTES 4
#define FRAME_PAYLOAD_LIMIT 65535

struct frame_reader {
	uint8_t header[FRAME_HEADER_BYTES];
	unsigned header_bytes;
	uint32_t left;              /* of the payload of the current frame */
	bool is_hunting;            /* firmware may write text before the first frame: pass over it */
};

/* A piece of a frame's payload; a frame may come in several, and one without payload comes as one piece of 0 bytes. */
struct frame_piece {
	uint8_t type;
	const uint8_t *bytes;
	size_t count;
};

enum frame_result { FRAME_NEED_MORE, FRAME_PIECE, FRAME_BROKEN };

/* Takes the next piece, of at most `limit` bytes, from *count bytes at *bytes, and moves both past it. */
enum frame_result frame_next(struct frame_reader *reader, const uint8_t **bytes, size_t *count, size_t limit,
	struct frame_piece *piece);

/* Writes a whole frame to `out`, which has room for it; payload 0..FRAME_PAYLOAD_LIMIT bytes. Returns its bytes. */
size_t frame_write(uint8_t *out, uint8_t type, const void *payload, size_t count);

#endif
