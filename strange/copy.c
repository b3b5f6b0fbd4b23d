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
static COLD result blocks_allow(struct space *s, uint64_t blocks, uint64_t address, uint64_t bytes, unsigned direction)
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

static COLD result copy_prepare(struct call *call, struct copy *c)
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

static COLD uint64_t step_bytes(const struct copy *c)
{
	uint64_t left = c->bytes - c->done;
	uint64_t here = PAGE_BYTES - (c->local_address + c->done) % PAGE_BYTES;
	uint64_t there = PAGE_BYTES - (c->remote_address + c->done) % PAGE_BYTES;

	left = left < here ? left : here;
	return left < there ? left : there;
}

static COLD result copy_short(struct copy *c, uint64_t address, unsigned access)
{
	c->shortage.address = address;
	c->shortage.access = access;
	return 1;
}

/* Through the frames: for a remote space that is not active here. */
static COLD result step_by_frames(struct copy *c, uint64_t bytes)
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
static COLD result step_direct(struct copy *c, uint64_t bytes)
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

static inline bool in_range(const struct space *s, uint64_t address, uint64_t bytes)
{
	return address - s->first <= s->bytes && bytes <= s->bytes - (address - s->first);
}

static COLD result copy_run(struct call *call, struct copy *c)
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

/* The short way: everything is there, and the caller's side lies in one page or two. The callee's side is in the map and is reached as the callee
 * reaches it. The caller's is reached through its frame, found by its tables: those of a space that this CPU has active, or left
 * last, need no lock, and may be remembered until this CPU flushes (struct far_page). */

/* The lists of blocks have places of their own: so the two pages of a copy never displace each other. */
enum place { PLACE_BLOCKS, PLACE_DATA };

static inline struct far_page *far_place(const struct cpu *cpu, uint64_t address, enum place place)
{
	return (struct far_page *)&cpu->far_page[place][address / PAGE_BYTES % FAR_PAGES];
}

/* A space that another thread's call has displaced from here becomes the one that was left last, as if this CPU came from it. */
static COLD bool far_join(struct cpu *cpu, struct space *s)
{
	if (cpu->map == NULL || !cpu_join_map_out_of_line(cpu, s))
		return false;
	cpu->left = s;
	return true;
}

static bool far_allowed(struct cpu *cpu, struct space *s)
{
	return s == cpu->map || s == cpu->left || (s->flags & SPACE_SUPERVISOR) || far_join(cpu, s);
}

static COLD bool far_walk(struct cpu *cpu, struct space *s, uint64_t address, unsigned access, enum place place)
{
	mmu_entry e;
	frame_number frame;

	if (!in_range(s, address, 1) || !far_allowed(cpu, s))
		return false;
	e = table_walk(s, address);
	if (access & ~mmu_rights(e))
		return false;
	frame = mmu_frame(e) + (mmu_is_large(e) ? (frame_number)(address / PAGE_BYTES % GROUP_PAGES) : 0);
	if (state.frames[frame].page == 0)
		return false;
	*far_place(cpu, address, place) = (struct far_page){ s, address & ~(PAGE_BYTES - 1), cpu->flushes, mmu_rights(e), frame_pointer(frame) };
	return true;
}

/* Strange's view of the bytes, which are in one page; null: it is not remembered. */
static inline char *far_find(const struct cpu *cpu, const struct space *s, uint64_t address, unsigned access, enum place place)
{
	const struct far_page *r = far_place(cpu, address, place);

	if (r->page != (address & ~(PAGE_BYTES - 1)) || r->space != s || r->flushes != cpu->flushes || (access & ~r->rights))
		return NULL;
	return r->at + address % PAGE_BYTES;
}

/* Look for what is not remembered, and try again. */
static __attribute__((noinline)) bool copy_after_walk(uint64_t to, uint64_t from, uint64_t bytes, unsigned way)
{
	struct cpu *cpu = this_cpu();
	const struct activation *lower = thread_lower(cpu->thread);
	uint64_t there = way == RIGHT_READ ? from : to, blocks = lower->registers.rbp;

	if (thread_top(cpu->thread)->kind == ACTIVATION_EXPLICIT && far_find(cpu, lower->space, blocks, RIGHT_READ, PLACE_BLOCKS) == NULL)
		return far_walk(cpu, lower->space, blocks, RIGHT_READ, PLACE_BLOCKS) && strange_copy(to, from, bytes, way);
	return far_find(cpu, lower->space, there, way, PLACE_DATA) == NULL && far_walk(cpu, lower->space, there, way, PLACE_DATA) &&
	       strange_copy(to, from, bytes, way);
}

static inline bool block_allows(const volatile struct call_blocks *b, uint64_t address, uint64_t bytes, unsigned direction)
{
	uint64_t first = address - b->block[0].address, size = b->block[0].bytes;

	return b->count && (b->block[0].direction & direction) && first <= size && bytes <= size - first;
}

static inline bool within_page(uint64_t address, uint64_t bytes)
{
	return address % PAGE_BYTES + bytes <= PAGE_BYTES;
}

/* The caller's side lies in two pages. If only the first part can be done, the long way does it again. */
static __attribute__((noinline)) bool copy_of_two_pages(uint64_t to, uint64_t from, uint64_t bytes, unsigned way)
{
	uint64_t first = PAGE_BYTES - (way == RIGHT_READ ? from : to) % PAGE_BYTES;

	return strange_copy(to, from, first, way) && strange_copy(to + first, from + first, bytes - first, way);
}

bool strange_copy(uint64_t to, uint64_t from, uint64_t bytes, unsigned way)
{
	const struct cpu *cpu = this_cpu();
	const struct thread *t = cpu->thread;
	const struct activation *top = thread_top(t), *lower = thread_lower(t);
	uint64_t here = way == RIGHT_READ ? to : from, there = way == RIGHT_READ ? from : to, blocks;
	char *far;

	if (t->count != 2 || cpu_attention(cpu, t) || bytes > PAGE_BYTES || !in_range(top->space, here, bytes))
		return false;
	if (top->kind == ACTIVATION_EXPLICIT) {
		blocks = lower->registers.rbp;
		if (blocks % 8 || !within_page(blocks, sizeof(struct call_blocks)))
			return false;
		far = far_find(cpu, lower->space, blocks, RIGHT_READ, PLACE_BLOCKS);
		if (far == NULL)
			return copy_after_walk(to, from, bytes, way);
		if (!block_allows((const volatile struct call_blocks *)far, there, bytes, way))
			return false;
	} else if (top->kind != ACTIVATION_HANDLER) {
		return false;
	} else if (cpu->map == lower->space) {  /* both are in the map */
		return in_range(lower->space, there, bytes) && trap_copy_all((void *)to, (const void *)from, bytes);
	}
	if (!within_page(there, bytes))
		return copy_of_two_pages(to, from, bytes, way);
	far = far_find(cpu, lower->space, there, way, PLACE_DATA);
	if (far == NULL)
		return copy_after_walk(to, from, bytes, way);
	if (way == RIGHT_READ)
		return trap_copy_all((void *)to, far, bytes);
	frame_touch_pointer(far);
	return trap_copy_all(far, (const void *)from, bytes);
}

_Static_assert((int)BLOCK_IN == (int)RIGHT_READ && (int)BLOCK_OUT == (int)RIGHT_WRITE, "strange_copy");

static COLD result copy(struct call *call, struct copy *c, uint64_t out)
{
	result r = copy_prepare(call, c);

	if (r == 0)
		r = copy_run(call, c);
	if (r == 0 && c->done < c->bytes && out)
		r = memory_write(call->space, out, &c->shortage, sizeof c->shortage);
	return r < 0 ? r : (result)c->done;
}

COLD result call_copy_in(struct call *call)
{
	struct copy c = { .local_address = call->a[0], .remote_address = call->a[1], .bytes = call->a[2], .in = true };

	return copy(call, &c, call->a[3]);
}

COLD result call_copy_out(struct call *call)
{
	struct copy c = { .remote_address = call->a[0], .local_address = call->a[1], .bytes = call->a[2] };

	return copy(call, &c, call->a[3]);
}
