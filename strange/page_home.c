/* What the home of a page says: whether it may be so, clearing its frames, and whether it is still so when the page is loaded. Off the
 * paths that are counted: see page.c for those. Locks: clear_lock. */
#include "page_home.h"
#include "cache.h"
#include "call.h"
#include "kernel.h"
#include "memory.h"
#include "page.h"

enum { CLEAR_STEP = 64 };

static bool frames_granted(const struct kernel *k, const struct page_home *h)
{
	return kernel_has_frame(k, h->frame) || ((k->rights & KERNEL_MAY_MACHINE) && (h->flags & PAGE_DEVICE));
}

result page_home_check(struct call *call, const struct page_home *h)
{
	uint64_t align = h->flags & PAGE_LARGE ? GROUP_PAGES - 1 : 0;

	if (h->version != HOME_VERSION)
		return -BARYON_EVERSION;
	if (UID_KEEPER(h->container) != call->kernel->number || !(call->kernel->rights & KERNEL_MAY_FRAMES))
		return -BARYON_EPERM;
	if ((h->index & align) || (h->frame & align) || h->frame + align >= state.frame_limit || h->cleared > align)
		return -BARYON_EINVAL;
	if ((h->flags & PAGE_LOCKED) && call->kernel->locked[KIND_PAGE] >= call->kernel->lock_quota[KIND_PAGE])
		return -BARYON_EQUOTA;
	return frames_granted(call->kernel, h) ? 0 : -BARYON_EPERM;
}

bool page_frames_free(const struct page_home *h)
{
	const struct frame_info *f = state.frames + h->frame, *end = f + (h->flags & PAGE_LARGE ? GROUP_PAGES : 1);

	for (; f < end; f++)
		if (f->page)
			return false;
	return true;
}

/* Clears a step; how far it is stands in the home, which others read meanwhile: at no time does it say more than there is. */
static void clear_step(const struct page_home *was, struct page_home *home)
{
	unsigned pages = was->flags & PAGE_LARGE ? GROUP_PAGES : 1, done = home->cleared;

	for (unsigned n = 0; n < CLEAR_STEP && done < pages; n++)
		frame_clear((frame_number)(was->frame + done++));
	if (done >= pages) {
		home->flags &= ~(unsigned)PAGE_CLEAR;
		done = 0;
	}
	__atomic_store_n(&home->cleared, done, __ATOMIC_RELEASE);
}

/* One CPU at a time clears frames, and looks again when it is its turn: another may have finished these, and the page may have been
 * written since, or the frames may be somebody else's. */
result page_frames_clear(const struct call *call, const struct page_home *was, struct page_home *home)
{
	if (!(was->flags & PAGE_CLEAR))
		return 0;
	spin_lock(&state.clear_lock);
	if ((home->flags & PAGE_CLEAR) && home->frame == was->frame && page_frames_free(was) && frames_granted(call->kernel, was))
		clear_step(was, home);
	spin_unlock(&state.clear_lock);
	return home->flags & PAGE_CLEAR ? RESULT_RESTART : 0;
}

bool page_home_holds(const struct call *call, const struct page *p, const struct page_home *h)
{
	return frames_granted(call->kernel, h) && __atomic_load_n(&p->home->frame, __ATOMIC_RELAXED) == h->frame;
}

result page_home_place(struct call *call, uint64_t address, struct page_home **home, struct page_home *h)
{
	struct memory_place place;
	result r = memory_place(call->space, address, RIGHT_WRITE, &place);

	if (r < 0)
		return r;
	*home = place.pointer;
	*h = **home;
	if (h->flags & PAGE_ALIAS)
		return 0;
	/* A page's home must lie in locked memory: the recursion of homes ends here. */
	if (!(page_at(place.page)->flags & PAGE_LOCKED))
		return -BARYON_EINVAL;
	frame_touch(place.frame);
	return 0;
}
