/* Aliases of pages: (container, index) -> page of another container, of which the manager holds a reference. Home: a page_home with
 * PAGE_ALIAS at the manager; it is only read, for what is dirty is the frame, and its own page says so. Derived: the list of its
 * mappings; the list of a page's aliases. Locks: see alias.h. */
#include "alias.h"
#include "cache.h"
#include "call.h"
#include "mapping_entry.h"
#include "memory.h"
#include "reference.h"

static struct page *page_own(struct page *p)
{
	uint32_t name = p->flags & PAGE_ALIAS ? state.frames[p->frame].page - 1u : UINT32_MAX;

	/* Not locked, it may be gone, and its frame be nobody's. */
	return name < state.cache[KIND_PAGE].count ? page_at(name) : p;
}

struct page *page_lock(struct page *p)
{
	for (;;) {
		struct page *own = page_own(p);

		spin_lock(&own->lock);
		if (page_own(p) == own)
			return own;
		spin_unlock(&own->lock);
	}
}

enum { LOOKS = 64 };

static void mapping_follow(uint32_t name, uint32_t next)
{
	mapping_at(name - 1)->next = next & 0xffffff;
	if (next)
		mapping_at(next - 1)->previous = name & 0xffffff;
}

/* Of one list: the mapping `name`, not the first, goes before the other, not the first either. */
static void mapping_advance(uint32_t name, uint32_t before)
{
	const struct mapping *m = mapping_at(name - 1);

	mapping_follow(m->previous, m->next);
	mapping_follow(mapping_at(before - 1)->previous, name);
	mapping_follow(name, before);
}

/* The alias in whose list the mapping is; null: not found in so many looks, and it is further ahead now. */
static struct page *alias_of_mapping(uint32_t name)
{
	uint32_t at = name;

	for (unsigned looks = LOOKS; !mapping_at(at - 1)->first; at = mapping_at(at - 1)->previous)
		if (looks-- == 0) {
			mapping_advance(name, at);
			return NULL;
		}
	return page_at(mapping_at(at - 1)->previous - 1u);
}

/* The entry that is seen stays: whoever takes it out asks this CPU first, or waits for the space. */
struct page *page_mapped(struct space *space, uint64_t address, frame_number frame, struct page *own)
{
	unsigned level, slot;
	uint32_t table = table_seek(space, address, &level, &slot);
	mmu_entry e = table_entries(table)[slot];

	if (!mmu_present(e) || (level == 0 && mmu_frame(e) != frame))
		return NULL;
	slot = table_shadow(table)[slot];
	return mapping_at(slot - 1)->derived ? alias_of_mapping(slot) : own;
}

/* mappings */

void alias_mapping_first(const struct page *alias, struct mapping *m)
{
	m->previous = page_number(alias) + 1;
	if (m->next)
		mapping_at(m->next - 1u)->first = 0;
}

void alias_mapping_remove(const struct mapping *m)
{
	page_at(m->previous - 1u)->mappings = m->next;
	if (m->next) {
		mapping_at(m->next - 1u)->previous = m->previous;
		mapping_at(m->next - 1u)->first = 1;
	}
}

/* loading */

static void alias_link(struct page *p, struct page *under)
{
	uint32_t next = under->aliases, name = page_number(p) + 1;

	p->alias_next = next;
	p->alias_previous = ALIAS_FIRST | page_number(under);
	if (next)
		page_at(next - 1)->alias_previous = name;
	under->aliases = name;
}

void alias_unlink(struct page *p)
{
	uint32_t next = p->alias_next, previous = p->alias_previous;

	if (previous & ALIAS_FIRST)
		page_at(previous & ~ALIAS_FIRST)->aliases = next;
	else
		page_at(previous - 1)->alias_next = next;
	if (next)
		page_at(next - 1)->alias_previous = previous;
}

static result alias_check(const struct call *call, const struct page_home *h)
{
	if (h->version != HOME_VERSION)
		return -BARYON_EVERSION;
	if (UID_KEEPER(h->container) != call->kernel->number)
		return -BARYON_EPERM;
	return h->flags & ~(uint32_t)(PAGE_ALIAS | PAGE_READ_ONLY) ? -BARYON_EINVAL : 0;
}

/* `under` is locked, and the one that was granted. */
static result alias_enter(struct page *p, const struct page_home *h, const struct grant *g, struct page *under)
{
	result r;

	if (under->depth == ALIAS_DEPTH)
		return -BARYON_EFULL;
	spin_lock(&p->lock);
	p->depth = under->depth + 1u;
	p->rights &= under->rights & g->rights;
	p->frame = page_frame(under, h->under);
	__atomic_store_n(&p->flags, PAGE_ALIAS | (under->flags & PAGE_DEVICE), __ATOMIC_RELEASE);       /* after the frame */
	r = page_enter(p, NULL, h);
	if (r == 0)
		alias_link(p, under);
	else
		p->flags = 0;
	spin_unlock(&p->lock);
	return r;
}

/* Who still takes the lock of p for what that was before, or was to be for another CPU, does not wait for a second one. While the
 * reference is loaded, so is the container: it was the same all the time. */
static result alias_publish(struct page *p, const struct page_home *h, const struct grant *g, const struct reference_view *v,
			    struct page *under)
{
	struct page *own = page_lock(under);
	result r = RESULT_RESTART;

	if (page_granted(under, g, h->under) && reference_is(v))
		r = alias_enter(p, h, g, under);
	spin_unlock(&own->lock);
	return r;
}

static result alias_fits(const struct slot *c, const struct page_home *h)
{
	struct container *in = (struct container *)c;
	result r = h->index >= in->size_pages ? -BARYON_EINVAL : page_find(in, h->index) ? -BARYON_EEXIST : 0;

	return r < 0 ? slot_refused(c, r) : 0;
}

result alias_load(struct call *call, const struct page_home *h)
{
	struct reference_view v;
	struct page *under;
	struct grant g;
	struct slot *c;
	uint32_t i;
	result r = alias_check(call, h);

	if (r == 0)
		r = slot_want(KIND_CONTAINER, h->container, &c);
	if (r == 0)
		r = alias_fits(c, h);
	if (r == 0)
		r = grant_want(&g, call->space, h->handle, RIGHT_READ, h->under, &v);
	if (r == 0)
		r = grant_page(&g, h->under, &under);
	if (r == 0)
		r = cache_take(KIND_PAGE, call->kernel, &i);
	if (r < 0)
		return r;
	page_fill(page_at(i), c, h, NULL);
	r = alias_publish(page_at(i), h, &g, &v, under);
	if (r < 0)
		cache_give(KIND_PAGE, i);
	else
		state.counters->loaded[KIND_PAGE]++;
	return r;
}
