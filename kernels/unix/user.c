/* Copies from and to the calling program. Strange copies as far as the mappings go; UNIX then resolves its own program's
 * fault and goes on from there. */
#include "unix.h"

#include "abi/calls.h"
#include "abi/layout.h"
#include "baryon/calls.h"
#include "baryon/string.h"
#include "process/internal.h"
#include "process/space.h"

static bool range_is_user(uint64_t address, uint64_t bytes)
{
	return address <= PROGRAM_LIMIT && bytes <= PROGRAM_LIMIT - address;
}

/* The caller may hold locks: it waits for memory only for a while. */
static bool fault_resolved(uint64_t address, uint64_t access)
{
	int status;

	for (unsigned tries = 0;;) {
		status = space_fault_in(self_process()->space, address, access);
		if (status != -ENOMEM || !memory_relieve(&tries, false))
			break;
	}
	return status == 0;
}

/* A copy that made no progress although its fault was resolved is tried again: the mapping may have been displaced. */
uint64_t user_read_some(void *to, uint64_t from, uint64_t bytes)
{
	uint64_t done = 0;

	if (!range_is_user(from, bytes))
		return 0;
	while (done < bytes) {
		struct copy_short where;
		long copied = copy_in((char *)to + done, from + done, bytes - done, &where);

		if (copied < 0)
			break;
		done += (uint64_t)copied;
		if (done < bytes && !fault_resolved(where.address, RIGHT_READ))
			break;
	}
	return done;
}

uint64_t user_write_some(uint64_t to, const void *from, uint64_t bytes)
{
	uint64_t done = 0;

	if (!range_is_user(to, bytes))
		return 0;
	while (done < bytes) {
		struct copy_short where;
		long copied = copy_out(to + done, (const char *)from + done, bytes - done, &where);

		if (copied < 0)
			break;
		done += (uint64_t)copied;
		if (done < bytes && !fault_resolved(where.address, RIGHT_WRITE))
			break;
	}
	return done;
}

int user_read(void *to, uint64_t from, uint64_t bytes)
{
	return user_read_some(to, from, bytes) == bytes ? 0 : -EFAULT;
}

int user_write(uint64_t to, const void *from, uint64_t bytes)
{
	return user_write_some(to, from, bytes) == bytes ? 0 : -EFAULT;
}

/* No piece crosses a page: those are the copies that Strange does at once. */
uint64_t user_zero_some(uint64_t to, uint64_t bytes)
{
	static const _Alignas(PAGE_BYTES) char zeros[PAGE_BYTES];
	uint64_t done = 0;

	while (done < bytes) {
		uint64_t piece = PAGE_BYTES - (to + done) % PAGE_BYTES, moved;

		piece = piece < bytes - done ? piece : bytes - done;
		moved = user_write_some(to + done, zeros, piece);
		done += moved;
		if (moved < piece)
			break;
	}
	return done;
}

int user_signal_read(struct linux_siginfo *to, uint64_t from)
{
	enum { GIVEN = 48 };

	*to = (struct linux_siginfo) { 0 };
	return user_read(to, from, GIVEN);
}

/* The first piece ends at a 64-byte boundary at the latest, so that short texts cost one small copy; no piece crosses a page. */
int64_t user_string(char *to, uint64_t from, uint64_t limit)
{
	uint64_t done = 0;

	while (done < limit) {
		uint64_t at = from + done;
		uint64_t piece = 64 - at % 64;

		if (piece > limit - done)
			piece = limit - done;
		if (user_read(to + done, at, piece) != 0)
			return -EFAULT;
		const char *end = memchr(to + done, 0, piece);
		if (end != NULL)
			return end - to;
		done += piece;
	}
	return -ENAMETOOLONG;
}
