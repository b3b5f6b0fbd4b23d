/* Console rings. The producer writes bytes, then head (release); the consumer reads head (acquire), then bytes, then
 * writes tail (release). The checks for a signal come after a full fence, so that one side always sees the other's last
 * step: either this side signals, or the other finds the change before it waits. */
#include "baryon/ring.h"

#include "baryon/string.h"

uint32_t ring_filled(const struct console_ring *ring)
{
	uint32_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
	uint32_t filled = head - tail;

	return filled <= CONSOLE_RING_BYTES ? filled : 0;
}

/* Length of the part of [at, at + count) before the array's end. */
static uint32_t first_part(uint32_t at, uint32_t count)
{
	uint32_t straight = CONSOLE_RING_BYTES - at % CONSOLE_RING_BYTES;

	return count < straight ? count : straight;
}

bool ring_put_in_place(struct console_ring *ring, uint32_t count)
{
	uint32_t head = ring->head;

	__atomic_store_n(&ring->head, head + count, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return count && __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) == head;
}

uint32_t ring_put(struct console_ring *ring, const void *bytes, uint32_t count, bool *was_empty)
{
	uint32_t room = ring_room(ring), head = ring->head, first;

	if (count > room)
		count = room;
	first = first_part(head, count);
	memcpy(ring->bytes + head % CONSOLE_RING_BYTES, bytes, first);
	memcpy(ring->bytes, (const uint8_t *)bytes + first, count - first);
	*was_empty = ring_put_in_place(ring, count);
	return count;
}

const uint8_t *ring_peek(const struct console_ring *ring, uint32_t *count)
{
	*count = first_part(ring->tail, ring_filled(ring));
	return ring->bytes + ring->tail % CONSOLE_RING_BYTES;
}

bool ring_advance(struct console_ring *ring, uint32_t count)
{
	uint32_t tail = ring->tail;

	__atomic_store_n(&ring->tail, tail + count, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return count && __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) - tail == CONSOLE_RING_BYTES;
}

uint32_t ring_take(struct console_ring *ring, void *bytes, uint32_t count, bool *was_full)
{
	uint32_t filled = ring_filled(ring), tail = ring->tail, first;

	if (count > filled)
		count = filled;
	first = first_part(tail, count);
	memcpy(bytes, ring->bytes + tail % CONSOLE_RING_BYTES, first);
	memcpy((uint8_t *)bytes + first, ring->bytes, count - first);
	*was_full = ring_advance(ring, count);
	return count;
}
