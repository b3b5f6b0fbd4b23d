/* Either side of a console ring (abi/console.h). One producer thread and one consumer thread at a time. The other side is
 * not trusted: indices that make no sense count as an empty or a full ring. */
#ifndef BARYON_RING_H
#define BARYON_RING_H

#include "abi/console.h"

/* Bytes that can be taken. */
uint32_t ring_filled(const struct console_ring *ring);

static inline uint32_t ring_room(const struct console_ring *ring)
{
	return CONSOLE_RING_BYTES - ring_filled(ring);
}

/* Puts as many of the bytes as there is room for; returns how many. *was_empty: whether the consumer must be signalled. */
uint32_t ring_put(struct console_ring *ring, const void *bytes, uint32_t count, bool *was_empty);

/* The same for bytes that already stand in the ring behind head, at most ring_room: returns what *was_empty would say. */
bool ring_put_in_place(struct console_ring *ring, uint32_t count);

/* Takes at most `count` bytes; returns how many. *was_full: whether the producer must be signalled. */
uint32_t ring_take(struct console_ring *ring, void *bytes, uint32_t count, bool *was_full);

/* The consumer's view without copying: address of the filled bytes up to the end of the array, *count how many. Then
 * ring_advance by at most that, which returns whether the producer must be signalled. */
const uint8_t *ring_peek(const struct console_ring *ring, uint32_t *count);
bool ring_advance(struct console_ring *ring, uint32_t count);

#endif
