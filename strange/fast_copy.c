/* The short way of block copies (copy.c has the long one): everything is there, and the caller's side lies in one page or two. The
 * callee's side is in the map and is reached as the callee reaches it. The caller's is reached through its frame, found by its
 * tables: those of a space that this CPU has active, or left last, need no lock, and may be remembered until this CPU flushes (struct
 * far_page). */
#include "activation.h"
#include "fast.h"
#include "memory.h"
#include "schedule.h"
#include "space.h"
#include "table.h"

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

	if (!space_contains(s, address, 1) || !far_allowed(cpu, s))
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

	if (t->count != 2 || cpu_attention(cpu, t) || bytes > PAGE_BYTES || !space_contains(top->space, here, bytes))
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
		return space_contains(lower->space, there, bytes) && trap_copy_all((void *)to, (const void *)from, bytes);
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
