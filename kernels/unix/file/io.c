/* Steps of input and output: between UNIX and the pieces of memory that a call names. */
#include "file/file.h"

enum io_kind { IO_PUT, IO_GET, IO_ZERO };

static uint64_t piece_move(struct io *io, void *own, uint64_t bytes, enum io_kind kind)
{
	if (!io->internal) {
		if (kind == IO_GET)
			return user_read_some(own, io->address, bytes);
		if (kind == IO_PUT)
			return user_write_some(io->address, own, bytes);
		return user_zero_some(io->address, bytes);
	}
	if (kind == IO_GET)
		memcpy(own, (const void *)io->address, bytes);
	else if (kind == IO_PUT)
		memcpy((void *)io->address, own, bytes);
	else
		memset((void *)io->address, 0, bytes);
	return bytes;
}

/* own: an address in UNIX; for zeros it counts for nothing. */
static uint64_t io_move(struct io *io, uint64_t own, uint64_t bytes, enum io_kind kind)
{
	uint64_t done = 0;

	if (bytes > io->left)
		bytes = io->left;
	while (done < bytes) {
		uint64_t step = bytes - done < io->bytes ? bytes - done : io->bytes, moved;

		if (!io->bytes) {
			io->address = io->next->base;
			io->bytes = io->next->bytes;
			io->next++;
			io->pieces--;
			continue;
		}
		moved = piece_move(io, (void *)(own + done), step, kind);
		io->address += moved;
		io->bytes -= moved;
		io->left -= moved;
		done += moved;
		if (moved < step)
			break;
	}
	return done;
}

uint64_t io_put(struct io *io, const void *from, uint64_t bytes)
{
	return io_move(io, (uint64_t)from, bytes, IO_PUT);
}

uint64_t io_get(struct io *io, void *to, uint64_t bytes)
{
	return io_move(io, (uint64_t)to, bytes, IO_GET);
}

uint64_t io_zero(struct io *io, uint64_t bytes)
{
	return io_move(io, 0, bytes, IO_ZERO);
}
