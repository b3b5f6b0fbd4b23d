/* Block copies between a callee and the memory of whoever called it, in every placement with one contract: they return the
 * bytes done and, if short, the address that was missing and the access. They never call out and never sleep; only the
 * callee's own missing pages are faulted in. A handler reaches all of its program; an explicit callee what the caller declared. */
#include "activation.h"
#include "cache.h"
#include "call.h"
#include "fast.h"
#include "memory.h"
#include "schedule.h"
#include "table.h"

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

static bool in_range(const struct space *s, uint64_t address, uint64_t bytes)
{
	uint64_t first = s->flags & SPACE_PROGRAM ? 0 : DOMAIN_BASE + s->domain * DOMAIN_BYTES;
	uint64_t size = s->flags & SPACE_PROGRAM ? PROGRAM_LIMIT : DOMAIN_BYTES;

	return address - first <= size && bytes <= size - (address - first);
}

static result copy_run(struct call *call, struct copy *c)
{
	bool direct = (c->local->flags & SPACE_SUPERVISOR) && call->cpu->map == c->remote &&
		      (c->remote->flags & SPACE_PROGRAM);
	result r = 0;

	if (!in_range(c->local, c->local_address, c->bytes))
		return -BARYON_EINVAL;
	if (!in_range(c->remote, c->remote_address, c->bytes))
		r = copy_short(c, c->remote_address, c->in ? RIGHT_READ : RIGHT_WRITE);
	for (int step = 0; r == 0 && c->done < c->bytes && step < STEP_PAGES; step++)
		r = direct ? step_direct(c, step_bytes(c)) : step_by_frames(c, step_bytes(c));
	if (r == 0 && c->done < c->bytes)       /* long enough for one call: goes on there */
		r = copy_short(c, c->remote_address + c->done, c->in ? RIGHT_READ : RIGHT_WRITE);
	return r < 0 ? r : 0;
}

/* the short way: everything is there, and neither side crosses a page */

/* Strange's view of memory in one page; null: the long way says why not. */
static inline char *reach(const struct space *s, uint64_t address, uint64_t bytes, unsigned access, frame_number *frame)
{
	mmu_entry e;

	if (address % PAGE_BYTES + bytes > PAGE_BYTES || !in_range(s, address, bytes))
		return NULL;
	e = table_walk(s, address);
	if (access & ~mmu_rights(e))
		return NULL;
	*frame = mmu_frame(e) + (mmu_is_large(e) ? (frame_number)(address / PAGE_BYTES % GROUP_PAGES) : 0);
	return state.frames[*frame].page ? (char *)frame_pointer(*frame) + address % PAGE_BYTES : NULL;
}

static inline bool block_allows(const struct activation *lower, uint64_t address, uint64_t bytes, unsigned direction)
{
	frame_number frame;
	const struct call_blocks *b = (const struct call_blocks *)
		reach(lower->space, lower->registers.rbp, sizeof *b, RIGHT_READ, &frame);
	const volatile struct call_block *block;

	if (b == NULL || lower->registers.rbp % 8)
		return false;
	block = &b->block[0];
	uint64_t first = block->address, size = block->bytes;

	return b->count && (block->direction & direction) && address - first <= size && bytes <= size - (address - first);
}

static inline bool copy_locked(const struct space *local, const struct activation *lower, const struct registers *r, bool in,
			       bool declared)
{
	uint64_t here = in ? r->rdi : r->rsi, there = in ? r->rsi : r->rdi, bytes = r->rdx;
	frame_number near, far;
	char *n, *f;

	if (declared && !block_allows(lower, there, bytes, in ? BLOCK_IN : BLOCK_OUT))
		return false;
	f = reach(lower->space, there, bytes, in ? RIGHT_READ : RIGHT_WRITE, &far);
	n = f ? reach(local, here, bytes, in ? RIGHT_WRITE : RIGHT_READ, &near) : NULL;
	if (n == NULL)
		return false;
	frame_touch(in ? near : far);
	__builtin_memcpy(in ? n : f, in ? f : n, bytes);
	return true;
}

/* A handler in the supervisor, with its program's memory in the map. What is done short of all, the long way does again. */
bool strange_copy(uint64_t to, uint64_t from, uint64_t bytes, unsigned number)
{
	const struct cpu *cpu = this_cpu();
	const struct thread *t = cpu->thread;
	const struct activation *top = thread_top(t), *lower = thread_lower(t);
	uint64_t here = number == CALL_COPY_IN ? to : from, there = number == CALL_COPY_IN ? from : to, at;

	return t->count == 2 && top->kind == ACTIVATION_HANDLER && cpu->map == lower->space && bytes <= PAGE_BYTES &&
	       (lower->space->flags & SPACE_PROGRAM) && there < PROGRAM_LIMIT && bytes <= PROGRAM_LIMIT - there &&
	       in_range(top->space, here, bytes) && !cpu_attention(cpu, t) &&
	       trap_copy((void *)to, (const void *)from, bytes, &at) == bytes;
}

bool copy_fast(struct thread *t, struct registers *r)
{
	const struct activation *top = thread_top(t), *lower = thread_lower(t);
	bool in = r->rax == CALL_COPY_IN, done;

	if (t->count != 2 || r->rdx > PAGE_BYTES || (top->kind != ACTIVATION_EXPLICIT && top->kind != ACTIVATION_HANDLER))
		return false;
	spin_lock(&lower->space->slot.lock);
	done = copy_locked(top->space, lower, r, in, top->kind == ACTIVATION_EXPLICIT);
	spin_unlock(&lower->space->slot.lock);
	if (done)
		r->rax = r->rdx;
	return done;
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
