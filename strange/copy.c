/* Block copies between a callee and the memory of whoever called it, in every placement with one contract: they return the
 * bytes done and, if short, the address that was missing and the access. They never call out and never sleep; only the
 * callee's own missing pages are faulted in. A handler reaches all of its program; an explicit callee what the caller declared.
 * The short way is in fast_copy.c. */
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "memory.h"
#include "space.h"

enum { STEP_PAGES = 16 };

struct copy {
	struct space *local, *remote;
	uint64_t local_address, remote_address, bytes, done;
	bool in;                    /* from remote to local */
	struct copy_short shortage;
};

/* The blocks that the caller declared lie in its own memory. */
static result blocks_allow(struct space *s, uint64_t blocks, uint64_t address, uint64_t bytes, unsigned direction)
{
	struct call_blocks b;
	result r;

	if (blocks == 0)
		return -BARYON_EPERM;
	spin_lock(&s->slot.lock);
	r = memory_read(s, blocks, &b, sizeof b);
	spin_unlock(&s->slot.lock);
	if (r < 0)
		return r == RESULT_FAULT ? -BARYON_EFAULT : r;
	for (uint64_t i = 0; i < b.count && i < BLOCKS_LIMIT; i++)
		if ((b.block[i].direction & direction) && address >= b.block[i].address &&
		    address - b.block[i].address <= b.block[i].bytes &&
		    bytes <= b.block[i].bytes - (address - b.block[i].address))
			return 0;
	return -BARYON_EPERM;
}

static result copy_prepare(struct call *call, struct copy *c)
{
	struct activation *top = thread_top(call->thread), *lower;
	result r = activation_want_lower(call->thread);

	if (r < 0)
		return r;
	lower = thread_lower(call->thread);
	c->local = call->space;
	c->remote = lower->space;
	if (top->kind == ACTIVATION_HANDLER)
		return 0;
	if (top->kind != ACTIVATION_EXPLICIT)
		return -BARYON_EPERM;
	return blocks_allow(lower->space, lower->registers.rbp, c->remote_address, c->bytes,
			    c->in ? BLOCK_IN : BLOCK_OUT);
}

static uint64_t step_bytes(const struct copy *c)
{
	uint64_t left = c->bytes - c->done;
	uint64_t here = PAGE_BYTES - (c->local_address + c->done) % PAGE_BYTES;
	uint64_t there = PAGE_BYTES - (c->remote_address + c->done) % PAGE_BYTES;

	left = left < here ? left : here;
	return left < there ? left : there;
}

static result copy_short(struct copy *c, uint64_t address, unsigned access)
{
	c->shortage.address = address;
	c->shortage.access = access;
	return 1;
}

/* Through the frames: for a remote space that is not active here. */
static result step_by_frames(struct copy *c, uint64_t bytes)
{
	uint64_t local = c->local_address + c->done, remote = c->remote_address + c->done;
	struct memory_place here, there;
	result r, s;

	spin_lock(&c->remote->slot.lock);
	r = memory_place(c->local, local, c->in ? RIGHT_WRITE : RIGHT_READ, &here);
	s = r < 0 ? 0 : memory_place(c->remote, remote, c->in ? RIGHT_READ : RIGHT_WRITE, &there);
	if (r == 0 && s == 0)
		frame_write(c->in ? here.frame : there.frame, c->in ? here.pointer : there.pointer,
			    c->in ? there.pointer : here.pointer, bytes);
	spin_unlock(&c->remote->slot.lock);
	if (r < 0)
		return r;
	if (s < 0)
		return copy_short(c, remote, c->in ? RIGHT_READ : RIGHT_WRITE);
	c->done += bytes;
	return 0;
}

/* Directly: a supervisor domain in the program's own map. */
static result step_direct(struct copy *c, uint64_t bytes)
{
	uint64_t local = c->local_address + c->done, remote = c->remote_address + c->done, at = 0, n;

	n = c->in ? trap_copy((void *)local, (const void *)remote, bytes, &at) :
		    trap_copy((void *)remote, (const void *)local, bytes, &at);
	c->done += n;
	if (n == bytes)
		return 0;
	if (at >= PROGRAM_LIMIT)
		return want_address(c->local, at, c->in ? RIGHT_WRITE : RIGHT_READ);
	return copy_short(c, at, c->in ? RIGHT_READ : RIGHT_WRITE);
}

static result copy_run(struct call *call, struct copy *c)
{
	bool direct = (c->local->flags & SPACE_SUPERVISOR) && call->cpu->map == c->remote &&
		      (c->remote->flags & SPACE_PROGRAM);
	result r = 0;

	if (!space_contains(c->local, c->local_address, c->bytes))
		return -BARYON_EINVAL;
	if (!space_contains(c->remote, c->remote_address, c->bytes))
		r = copy_short(c, c->remote_address, c->in ? RIGHT_READ : RIGHT_WRITE);
	for (int step = 0; r == 0 && c->done < c->bytes && step < STEP_PAGES; step++)
		r = direct ? step_direct(c, step_bytes(c)) : step_by_frames(c, step_bytes(c));
	if (r == 0 && c->done < c->bytes)       /* long enough for one call: goes on there */
		r = copy_short(c, c->remote_address + c->done, c->in ? RIGHT_READ : RIGHT_WRITE);
	return r < 0 ? r : 0;
}

static result copy(struct call *call, struct copy *c, uint64_t out)
{
	result r = copy_prepare(call, c);

	if (r == 0)
		r = copy_run(call, c);
	if (r == 0 && c->done < c->bytes && out)
		r = memory_write(call->space, out, &c->shortage, sizeof c->shortage);
	return r < 0 ? r : (result)c->done;
}

result call_copy_in(struct call *call)
{
	struct copy c = { .local_address = call->a[0], .remote_address = call->a[1], .bytes = call->a[2], .in = true };

	return copy(call, &c, call->a[3]);
}

result call_copy_out(struct call *call)
{
	struct copy c = { .remote_address = call->a[0], .local_address = call->a[1], .bytes = call->a[2] };

	return copy(call, &c, call->a[3]);
}
