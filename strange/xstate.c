/* Extended state. It is a program's, in the thread's slot and home. A callee sees none of it; one that declared the use (PORTAL_XSTATE)
 * gets its own at the first use, kept in its kernel's memory, beside its record. That is in the registers only while the callee's level is
 * the top. Processor manual, volume 1, 13.4: legacy region with MXCSR at 24, header at 512. */
#include "xstate.h"
#include "activation.h"
#include "forward.h"
#include "memory.h"

enum { MXCSR = 24, HEADER = 512, HEADER_BYTES = 64, MXCSR_RESET = 0x1f80, MXCSR_VALID = 0xffff, COMPONENTS = 7 };

result xstate_check(uint8_t *x)
{
	uint64_t header[HEADER_BYTES / 8], any = 0;
	uint32_t mxcsr;

	memory_move(header, x + HEADER, sizeof header);
	memory_move(&mxcsr, x + MXCSR, sizeof mxcsr);
	for (unsigned i = 1; i < HEADER_BYTES / 8; i++)
		any |= header[i];
	if ((header[0] & ~(uint64_t)COMPONENTS) || any || (mxcsr & ~(uint32_t)MXCSR_VALID))
		return -BARYON_EFORGED;
	if (header[0] == 0)
		xstate_reset(x);
	return 0;
}

void xstate_reset(uint8_t *x)
{
	uint32_t mxcsr = MXCSR_RESET;

	memory_zero(x, XSTATE_BYTES);
	memory_move(x + MXCSR, &mxcsr, sizeof mxcsr);
}

void xstate_hide(bool hidden) { cpu_hide_xstate(hidden); }

/* callees */

static __attribute__((noinline)) void xstate_switch(void *save, const void *load) { cpu_switch_xstate(save, load); }

void xstate_own(struct thread *t)
{
	t->xstate_at = t->xstate;
	t->program = t->base_space == NULL || (t->base_space->flags & SPACE_PROGRAM) || (t->home_flags & THREAD_XSTATE);
}

bool xstate_take(struct thread *t)
{
	struct activation *a = thread_top(t);
	uint8_t *place;

	if (a->kind != ACTIVATION_EXPLICIT || !(a->portal->flags & PORTAL_XSTATE) || t->xstate_at != t->xstate)
		return false;
	place = (uint8_t *)(a->portal->record + a->portal->stack_count) + a->stack * XSTATE_BYTES;
	frame_touch_pointer(place);
	if (!(a->cause & CAUSE_XSTATE))
		xstate_reset(place);
	a->cause |= CAUSE_XSTATE;
	xstate_switch(t->program ? t->xstate : NULL, place);
	t->xstate_at = place;
	t->program = true;
	xstate_mark(t);
	return true;
}

static void xstate_end(struct thread *t, bool keep)
{
	uint8_t *place = keep ? t->xstate_at : NULL;

	if (t->xstate_at == t->xstate)
		return;
	xstate_own(t);
	xstate_switch(place, t->program ? t->xstate : NULL);
}

void xstate_put(struct thread *t) { xstate_end(t, true); }

void xstate_leave(struct thread *t) { xstate_end(t, false); }

bool xstate_look(struct thread *t)
{
	if (!(thread_top(t)->cause & CAUSE_XSTATE)) {
		xstate_put(t);
		if (t->count == 1)
			__atomic_fetch_and(&t->pool, (uint8_t)~POOL_XSTATE, __ATOMIC_SEQ_CST);
	}
	return t->xstate_at == t->xstate && activation_hides_xstate(t);
}
