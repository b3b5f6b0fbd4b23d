/* Instructions that write to the page in which they lie.
 *
 * Every mapping is W^X. A page that a program may both write and execute turns from one to the other at each fault, and so its
 * program goes on; but an instruction that writes to its own page needs both at once. It is copied to a place in a page of the
 * space that can only be executed, followed by a breakpoint, and executed there while its own page is writable.
 *
 * The place lies within reach of a displacement, which is corrected for what is relative to the next instruction. A call becomes
 * a push of its target, or of anything; the end of the step puts the return address there and goes to the target. Whatever else
 * stops the thread meanwhile, a signal or the loss of the place, finds it where its instruction stands (step_leave). */
#include "abi/layout.h"
#include "abi/registers.h"
#include "abi/rights.h"
#include "baryon/calls.h"
#include "baryon/string.h"
#include "process/decode.h"
#include "process/internal.h"

enum { PLACE_BYTES = 64, PLACES = PAGE_BYTES / PLACE_BYTES, BREAKPOINT_BYTE = 0xcc, PUSH_BYTE = 0x68, CALL_TO_PUSH = 0x20 };
enum { STEP_PLAIN, STEP_CALL, STEP_CALL_INDIRECT };
enum { REACH = 1 << 30, LOWEST = 65536 };

_Static_assert(PLACES == 64, "one bit each");

static bool same_page(uint64_t one, uint64_t other)
{
	return one / PAGE_BYTES == other / PAGE_BYTES;
}

bool step_may_be_needed(const struct trap_frame *frame, uint64_t address)
{
	uint64_t rip = frame->registers.rip;

	return same_page(rip, address) || same_page(rip + INSTRUCTION_BYTES - 1, address);
}

static bool in_reach(uint64_t from, uint64_t to)
{
	return from - to < REACH || to - from < REACH;
}

/* ---- the page ---- */

static bool page_is_there(struct space *space, uint64_t near)
{
	const struct region *region = space->step_page == 0 ? NULL : region_find(space, space->step_page);

	return region != NULL && (region->flags & REGION_STEP) && (region->flags & RIGHT_EXECUTE) && in_reach(space->step_page, near);
}

/* A free page below a region in reach, but not where a stack would grow. 0: none. */
static uint64_t page_find(struct space *space, uint64_t near)
{
	for (unsigned i = space->region_count; i-- > 0;) {
		const struct region *region = region_at(space, i);
		uint64_t at = region->start - PAGE_BYTES;

		if (!(region->flags & REGION_STACK) && region->start > LOWEST && in_reach(at, near) &&
			region_range_free(space, at, region->start))
			return at;
	}
	return 0;
}

static int page_make(struct space *space, uint64_t near)
{
	struct region region = { .flags = RIGHT_READ | RIGHT_EXECUTE | REGION_STEP };
	page_index page;
	uint64_t *slot;

	if (space->steps != 0)
		return -EAGAIN;         /* threads are in the old one */
	region.start = page_find(space, near);
	region.end = region.start + PAGE_BYTES;
	slot = region.start == 0 ? NULL : slot_make(space, region.start);
	page = slot == NULL ? 0 : page_alloc();
	if (page == 0)
		return -ENOMEM;
	if (region_insert(space, &region) != 0) {
		page_put(page);
		return -ENOMEM;
	}
	*slot = (uint64_t)page << PAGE_BITS | SLOT_PRESENT;
	space->resident++;
	space->step_page = region.start;
	return 0;
}

/* The page's slot, made if need be. */
static int page_ready(struct space *space, uint64_t near, uint64_t **out)
{
	int status = page_is_there(space, near) ? 0 : page_make(space, near);

	if (status != 0)
		return status;
	*out = slot_find(space, space->step_page);
	if (*out == NULL || **out == 0)
		return -ENOMEM;
	return slot_own(*out);
}

static long place_map(struct space *space, uint64_t slot)
{
	struct mapping_home home = {
		.address = space->step_page, .container = HANDLE_MEMORY, .index = slot_page(slot), .rights = RIGHT_READ | RIGHT_EXECUTE,
	};

	return mapping_load(space->home.header.uid, &home, 1, LOAD_REPLACE);
}

/* ---- a step ---- */

static int32_t word_get(const uint8_t *at)
{
	int32_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

/* The instruction as it does the same at another place. False: what it names is out of reach from there. */
static bool code_move(uint8_t *code, const struct instruction *in, uint64_t from, uint64_t to)
{
	if (in->call)
		code[in->opcode] = PUSH_BYTE;
	if (in->call_indirect)
		code[in->modrm] |= CALL_TO_PUSH;
	if (in->relative != 0) {
		int64_t displacement = word_get(code + in->relative) + (int64_t)(from - to);
		int32_t moved = (int32_t)displacement;

		if (moved != displacement)
			return false;
		memcpy(code + in->relative, &moved, sizeof moved);
	}
	code[in->length] = BREAKPOINT_BYTE;
	return true;
}

static void step_fill(struct stepping *step, const uint8_t *code, const struct instruction *in, uint64_t from)
{
	step->from = from;
	step->length = in->length;
	step->kind = in->call ? STEP_CALL : in->call_indirect ? STEP_CALL_INDIRECT : STEP_PLAIN;
	if (in->call)
		step->target = from + in->length + (uint64_t)(int64_t)word_get(code + in->opcode + 1);
}

/* Space's lock. */
static int step_place(struct space *space, struct stepping *step, uint8_t *code, const struct instruction *in, uint64_t from)
{
	uint64_t *slot = NULL;
	unsigned place;
	int status = page_ready(space, from, &slot);

	if (status != 0)
		return status;
	if (~space->steps == 0)
		return -EAGAIN;
	place = (unsigned)__builtin_ctzll(~space->steps);
	step->place = space->step_page + place * PLACE_BYTES;
	step_fill(step, code, in, from);
	if (!code_move(code, in, from, step->place))
		return -EACCES;
	memcpy((char *)page_address(slot_page(*slot)) + place * PLACE_BYTES, code, in->length + 1u);
	if (place_map(space, *slot) < 0)
		return -ENOMEM;
	space->steps |= 1ull << place;
	return 0;
}

static bool is_both(struct space *space, uint64_t address)
{
	const struct region *region = region_find(space, address);

	return region != NULL && (region->flags & RIGHT_WRITE) && (region->flags & RIGHT_EXECUTE);
}

/* A step that has no place now is tried again at the next fault. */
int step_begin(struct trap_frame *frame, uint64_t address)
{
	struct space *space = self_process()->space;
	struct stepping step = { .from = 0 };
	struct instruction in;
	uint8_t code[INSTRUCTION_BYTES + 1];
	uint64_t from = frame->registers.rip;
	bool known = instruction_decode(code, (unsigned)user_read_some(code, from, INSTRUCTION_BYTES), &in);
	int status = 0;

	mutex_lock(&space->lock);
	if (is_both(space, address) && (!known || same_page(from, address) || same_page(from + in.length - 1, address)))
		status = known ? step_place(space, &step, code, &in, from) : -EACCES;
	mutex_unlock(&space->lock);
	if (status != 0)
		return status == -EAGAIN ? 0 : status;
	if (step.from != 0) {
		self()->step = step;
		frame->registers.rip = step.place;
	}
	return 0;
}

/* ---- its end ---- */

static void place_put(const struct stepping *step)
{
	struct space *space = self_process()->space;

	mutex_lock(&space->lock);
	if (same_page(step->place, space->step_page))
		space->steps &= ~(1ull << (step->place % PAGE_BYTES / PLACE_BYTES));
	mutex_unlock(&space->lock);
}

/* What a call pushed is its target; the return address takes its place. */
static void call_finish(struct registers *registers, const struct stepping *step)
{
	uint64_t target = step->target;

	if (step->kind == STEP_CALL_INDIRECT && user_read(&target, registers->rsp, sizeof target) != 0)
		target = 0;
	if (user_write(registers->rsp, &registers->rip, sizeof registers->rip) != 0)
		signal_force(SIGSEGV, SEGV_MAPERR, registers->rsp);
	registers->rip = target;
}

bool step_leave(struct trap_frame *frame)
{
	struct registers *registers = &frame->registers;
	struct stepping step = self()->step;
	uint64_t past = registers->rip - step.place;

	if (step.from == 0)
		return false;
	self()->step.from = 0;
	place_put(&step);
	if (past != step.length && past != step.length + 1u) {
		registers->rip = step.from;
		return false;
	}
	registers->rip = step.from + step.length;
	if (step.kind != STEP_PLAIN)
		call_finish(registers, &step);
	return true;
}

void step_drop(void)
{
	struct stepping *step = &self()->step;

	if (step->from == 0)
		return;
	step->from = 0;
	place_put(step);
}
