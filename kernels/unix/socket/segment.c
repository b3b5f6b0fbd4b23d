/* What is on its way: segments in the heap or, when large, in blocks of pages. */
#include "socket/socket.h"

enum { HEAP_LARGEST = 4096 };

uint64_t segment_charge(const struct segment *segment)
{
	uint64_t bytes = 0;

	for (; segment; segment = segment->rest)
		bytes += sizeof(*segment) + segment->end;
	return bytes;
}

static void record_free(struct segment *segment)
{
	if (segment->block)
		page_block_free(segment);
	else
		heap_free(segment);
}

void segment_free(struct segment *segment)
{
	while (segment) {
		struct segment *rest = segment->rest;

		if (segment->rights) {
			rights_land(segment->rights);
			rights_drop(segment->rights);
		}
		address_put(segment->from);
		record_free(segment);
		segment = rest;
	}
}

void segments_free(struct segment *first)
{
	while (first) {
		struct segment *next = first->next;

		segment_free(first);
		first = next;
	}
}

static struct segment *segment_make(uint64_t bytes)
{
	bool block = sizeof(struct segment) + bytes > HEAP_LARGEST;
	struct segment *segment = page_is_very_short() ? 0 : block ? page_block_alloc() : heap_alloc_any(sizeof(struct segment) + bytes);

	if (!segment)
		return 0;
	*segment = (struct segment){.block = block, .message_bytes = bytes, .end = (uint32_t)bytes};
	return segment;
}

struct segment *segment_take(struct io *io, uint64_t bytes, int64_t *status)
{
	uint64_t limit = SEGMENT_BLOCK - sizeof(struct segment);
	struct segment *segment;

	bytes = bytes < limit ? bytes : limit;
	segment = segment_make(bytes);
	if (!segment) {
		*status = -ENOMEM;
		return 0;
	}
	if (io_get(io, segment->data, bytes) < bytes) {
		record_free(segment);
		*status = -EFAULT;
		return 0;
	}
	return segment;
}

int message_make(struct io *io, uint64_t bytes, struct segment **out)
{
	struct segment *first = 0, **place = &first;
	uint64_t left = bytes;
	int64_t status = 0;

	do {
		*place = segment_take(io, left, &status);
		if (!*place) {
			segment_free(first);
			return (int)status;
		}
		left -= (*place)->end;
		place = &(*place)->rest;
	} while (left);
	first->message_bytes = bytes;
	*out = first;
	return 0;
}

void segment_sign(struct segment *segment, struct socket *sender, struct linux_ucred *as, struct rights *rights)
{
	segment->from = address_get(__atomic_load_n(&sender->name, __ATOMIC_ACQUIRE));
	segment->sender = *as;
	segment->rights = rights;
}

/* ---- queues ---- */

void queue_append(struct socket *socket, struct segment *segment)
{
	segment->next = 0;
	if (socket->last)
		socket->last->next = segment;
	else
		socket->first = segment;
	socket->last = segment;
	socket->queued += segment_charge(segment);
	__atomic_store_n(&socket->messages, socket->messages + 1, __ATOMIC_RELAXED);
}

struct segment *queue_pop(struct socket *socket)
{
	struct segment *segment = socket->first;

	if (!segment)
		return 0;
	socket->first = segment->next;
	if (!socket->first)
		socket->last = 0;
	socket->queued -= segment_charge(segment);
	__atomic_store_n(&socket->messages, socket->messages - 1, __ATOMIC_RELAXED);
	return segment;
}

void queue_free(struct socket *socket)
{
	struct segment *segment;

	while ((segment = queue_pop(socket)))
		segment_free(segment);
}
