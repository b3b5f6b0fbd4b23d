/* Pages: the bindings (container, index) -> frame that managers make. Home: a page_home in locked memory of the manager;
 * flags go back to it. Derived: hash, the container's list, frame_info. A large page binds a page group.
 * Locks: the page's own guards its state, its dependents and the mappings of its frames; for aliases see alias.h. */
#include "page.h"
#include "alias.h"
#include "cache.h"
#include "interrupt.h"
#include "call.h"
#include "mapping.h"
#include "memory.h"
#include "page_home.h"

static uint32_t page_hash(uint32_t container, uint64_t index)
{
	return (uint32_t)(((index << 12) + container) * 0x9e3779b97f4a7c15ull >> 32) & state.cache[KIND_PAGE].hash.mask;
}

static struct page *find_one(uint32_t container, uint64_t index, bool large)
{
	struct hash *h = &state.cache[KIND_PAGE].hash;
	uint32_t bucket = page_hash(container, index), i;
	struct spin *stripe = &h->stripe[bucket % 64];
	struct page *p = NULL;

	spin_lock(stripe);
	for (i = h->heads[bucket]; i; i = p->hash_next, p = NULL) {
		p = page_at(i - 1);
		if (p->container == container && p->index == index && !(p->flags & PAGE_LARGE) == !large)
			break;
	}
	spin_unlock(stripe);
	return p;
}

struct page *page_find(struct container *c, uint64_t index)
{
	struct page **recent = &c->recent[index / GROUP_PAGES % PAGES_RECENT], *p = *recent;

	if (p && page_is(p, c, index))
		return p;
	p = find_one(c->slot.id, index & ~(GROUP_PAGES - 1), true);
	if (p == NULL)
		p = find_one(c->slot.id, index, false);
	if (p)
		*recent = p;
	return p;
}

/* Is there a page of the other size that has some of the same indices? */
static bool page_overlapped(const struct page *p)
{
	uint64_t first = p->index & ~(GROUP_PAGES - 1);

	if (!(p->flags & PAGE_LARGE))
		return find_one(p->container, first, true);
	for (uint64_t i = 0; i < GROUP_PAGES; i++)
		if (find_one(p->container, first + i, false))
			return true;
	return false;
}

/* False when another CPU has loaded the same page meanwhile. */
static bool hash_add(struct page *p)
{
	struct hash *h = &state.cache[KIND_PAGE].hash;
	uint32_t bucket = page_hash(p->container, p->index);
	struct spin *stripe = &h->stripe[bucket % 64];
	uint32_t i;

	spin_lock(stripe);
	for (i = h->heads[bucket]; i; i = page_at(i - 1)->hash_next)
		if (page_at(i - 1)->container == p->container && page_at(i - 1)->index == p->index)
			break;
	if (i == 0) {
		p->hash_next = h->heads[bucket];
		h->heads[bucket] = page_number(p) + 1;
	}
	spin_unlock(stripe);
	return i == 0;
}

static void hash_remove(struct page *p)
{
	struct hash *h = &state.cache[KIND_PAGE].hash;
	uint32_t bucket = page_hash(p->container, p->index), *at;
	struct spin *stripe = &h->stripe[bucket % 64];

	spin_lock(stripe);
	for (at = &h->heads[bucket]; *at && *at != page_number(p) + 1; at = &page_at(*at - 1)->hash_next)
		;
	if (*at)
		*at = p->hash_next;
	spin_unlock(stripe);
}

/* The container's list of its pages, under its list lock. False when the container is going. */
static bool list_add(struct page *p, baryon_uid uid)
{
	struct container *c = (struct container *)slot_of(p->container);
	bool alive;

	spin_lock(&c->slot.list_lock);
	alive = c->slot.state == SLOT_LOADED && c->slot.uid == uid;
	if (alive) {
		p->list_previous = 0;
		p->list_next = c->pages;
		if (c->pages)
			page_at(c->pages - 1)->list_previous = page_number(p) + 1;
		c->pages = page_number(p) + 1;
	}
	spin_unlock(&c->slot.list_lock);
	return alive;
}

static void list_remove(struct page *p)
{
	struct container *c = (struct container *)slot_of(p->container);

	spin_lock(&c->slot.list_lock);
	if (p->list_previous)
		page_at(p->list_previous - 1)->list_next = p->list_next;
	else
		c->pages = p->list_next;
	if (p->list_next)
		page_at(p->list_next - 1)->list_previous = p->list_previous;
	spin_unlock(&c->slot.list_lock);
}

static uint64_t page_span(const struct page *p) { return p->flags & PAGE_LARGE ? GROUP_PAGES : 1; }

static void frames_name(struct page *p, uint32_t name)
{
	for (uint64_t i = 0; i < page_span(p); i++)
		state.frames[p->frame + i].word = name;
}

/* Frames are claimed one by one; when one belongs to another page, the earlier are given back. */
static bool frames_claim(struct page *p)
{
	for (uint64_t i = 0; i < page_span(p); i++) {
		uint32_t *word = &state.frames[p->frame + i].word, free = *word & ~(uint32_t)FRAME_PAGE;

		if (__atomic_compare_exchange_n(word, &free, page_number(p) + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		while (i-- > 0)
			state.frames[p->frame + i].word = 0;
		return false;
	}
	return true;
}

void page_fill(struct page *p, struct slot *c, const struct page_home *h, struct page_home *home)
{
	p->container = c->id;
	p->index = h->index;
	/* Others may look there that remember what the slot was: `under` is no frame. */
	p->frame = h->flags & PAGE_ALIAS ? 0 : (frame_number)h->frame;
	p->flags = (uint8_t)(h->flags & (PAGE_LARGE | PAGE_LOCKED | PAGE_READ_ONLY | PAGE_DEVICE));
	p->dependents = NULL;
	p->rights = h->flags & PAGE_READ_ONLY ? RIGHT_ALL & ~RIGHT_WRITE : RIGHT_ALL;
	p->depth = 0;
	p->aliases = 0;
	p->mappings = 0;
	p->home = home;
	p->used = true;
}

static void page_count(struct page *p, int by)
{
	struct kernel *k = slot_of(p->container)->keeper;

	__atomic_fetch_add(&k->loaded[KIND_PAGE], by, __ATOMIC_RELAXED);
	if (p->flags & PAGE_LOCKED)
		__atomic_fetch_add(&k->locked[KIND_PAGE], by, __ATOMIC_RELAXED);
}

/* Named by frames and index first, then looked: of a page and a group that come together, and of a page and who takes its frames,
 * one sees the other. `call` is null for pages of the boot, which nobody takes. */
static COLD result page_name(struct page *p, const struct call *call, const struct page_home *h)
{
	result r = 0;

	if (!hash_add(p))
		return -BARYON_EEXIST;
	if (page_overlapped(p))
		r = -BARYON_EEXIST;
	else if (call && !page_home_holds(call, p, h))
		r = RESULT_RESTART;
	if (r < 0)
		hash_remove(p);
	return r;
}

COLD result page_enter(struct page *p, const struct call *call, const struct page_home *h)
{
	result r = RESULT_RESTART;

	if (list_add(p, h->container)) {
		r = page_name(p, call, h);
		if (r < 0)
			list_remove(p);
	}
	if (r < 0) {
		p->generation++;        /* others may have found it */
	} else {
		p->state = SLOT_LOADED;
		page_count(p, 1);
	}
	return r;
}

static COLD result page_publish(struct page *p, const struct call *call, const struct page_home *h)
{
	result r;

	if (!frames_claim(p))
		return -BARYON_EBUSY;
	spin_lock(&p->lock);
	r = page_enter(p, call, h);
	if (r < 0)
		frames_name(p, 0);
	spin_unlock(&p->lock);
	return r;
}

static result fits(struct container *c, const struct page_home *h)
{
	result r = h->index >= c->size_pages ? -BARYON_EINVAL : page_find(c, h->index) ? -BARYON_EEXIST :
		   !page_frames_free(h) ? -BARYON_EBUSY : 0;

	return r < 0 ? slot_refused(&c->slot, r) : 0;
}

static result page_load_one(struct call *call, uint64_t address)
{
	struct page_home h, *home;
	struct slot *c;
	uint32_t i;
	result r;

	if (address % sizeof h)
		return -BARYON_EINVAL;
	r = page_home_place(call, address, &home, &h);
	if (r < 0)
		return r;
	if (h.flags & PAGE_ALIAS)
		return alias_load(call, &h);
	r = page_home_check(call, &h);
	if (r == 0)
		r = slot_want(KIND_CONTAINER, h.container, &c);
	if (r == 0)
		r = fits((struct container *)c, &h);
	if (r == 0)
		r = page_frames_clear(call, &h, home);
	if (r == 0)
		r = cache_take(KIND_PAGE, call->kernel, &i);
	if (r < 0)
		return r;
	page_fill(page_at(i), c, &h, home);
	r = page_publish(page_at(i), call, &h);
	if (r < 0) {
		cache_give(KIND_PAGE, i);
		return r;
	}
	state.counters->loaded[KIND_PAGE]++;
	home->flags |= PAGE_LOADED;
	return 0;
}

COLD result call_page_load(struct call *call)
{
	uint64_t count = call->a[1], done;

	if (count == 0 || count > BATCH_LIMIT)
		return -BARYON_EINVAL;
	for (done = 0; done < count; done++) {
		result r = page_load_one(call, call->a[0] + done * sizeof(struct page_home));

		if (r == -BARYON_EEXIST)
			continue;
		if (r < 0)
			return (r > RESULT_RESTART || r == RESULT_MISS) && done > 0 ? (result)done : r;
	}
	return (result)done;
}

COLD result call_page_unload(struct call *call)
{
	uint64_t index = call->a[1], count = call->a[2], done = 0;
	struct slot *c;
	result r;

	if (UID_KEEPER(call->a[0]) != call->kernel->number)
		return -BARYON_EPERM;
	if (count == 0 || count > BATCH_LIMIT)
		return -BARYON_EINVAL;
	r = slot_want(KIND_CONTAINER, call->a[0], &c);
	for (uint64_t i = 0; r == 0 && i < count; i++) {
		struct page *p = page_find((struct container *)c, index + i);

		if (p == NULL)
			continue;
		/* Homes of other pages may lie in it. */
		if (p->flags & PAGE_LOCKED)
			return slot_refused(c, -BARYON_EBUSY);
		r = object_unload_id(OBJECT_ID(KIND_PAGE, page_number(p)), p->generation, false);
		done++;
	}
	return r < 0 ? r : (result)done;
}

struct page *page_make_locked(struct container *c, uint64_t index, frame_number frame, unsigned flags)
{
	static struct page_home none;
	struct page_home h = { .container = c->slot.uid, .index = index, .frame = frame, .flags = flags | PAGE_LOCKED };
	struct kernel *k = c->slot.keeper;
	uint32_t i;

	if (cache_take(KIND_PAGE, k, &i) < 0)
		return NULL;
	page_fill(page_at(i), &c->slot, &h, &none);
	if (page_publish(page_at(i), NULL, &h) < 0)
		return NULL;
	return page_at(i);
}

/* unloading */

bool page_mark_dying(uint32_t index, uint32_t generation)
{
	struct page *p = page_at(index), *own = page_lock(p);
	bool same = p->generation == generation && (p->state == SLOT_LOADED || p->state == SLOT_DYING);

	if (same)
		p->state = SLOT_DYING;
	spin_unlock(&own->lock);
	return same;
}

bool page_dependent(uint32_t index, uint32_t *id, uint32_t *generation)
{
	struct page *p = page_at(index), *own = page_lock(p);
	uint32_t m = p->mappings, none = OBJECT_ID(KIND_PAGE, index);

	for (uint64_t i = 0; m == 0 && p == own && p->state != SLOT_FREE && i < page_span(p); i++)
		m = state.frames[p->frame + i].mappings;
	*id = p->aliases ? OBJECT_ID(KIND_PAGE, p->aliases - 1) : m ? OBJECT_ID(KIND_MAPPING, m - 1) :
	      p->dependents ? p->dependents->object : none;
	*generation = object_generation(*id);
	spin_unlock(&own->lock);
	return *id != none;
}

/* To the home, if it still is one: the locked page in which it lies goes with its container, and then the frame may be anybody's.
 * marks: PAGE_DIRTY is due. loaded: PAGE_LOADED, or 0 when the page goes. */
static COLD void home_write(const struct page *p, bool marks, uint32_t loaded)
{
	frame_number f = frame_of_pointer(p->home);
	uint32_t in = f < state.frame_limit ? state.frames[f].page - 1u : UINT32_MAX, flags;

	if (in >= state.cache[KIND_PAGE].count || !(page_at(in)->flags & PAGE_LOCKED) || p->home->container != slot_of(p->container)->uid)
		return;
	flags = (p->home->flags & ~(uint32_t)PAGE_LOADED) | loaded;
	for (uint64_t i = 0; marks && i < page_span(p); i++)
		if (state.frames[p->frame + i].dirty)
			flags |= PAGE_DIRTY;
	p->home->flags = flags;
}

void page_write_back(uint32_t index)
{
	if (!(page_at(index)->flags & PAGE_ALIAS))
		home_write(page_at(index), true, PAGE_LOADED);
}

COLD result page_unload(uint32_t index, uint32_t generation, bool write)
{
	struct page *p = page_at(index), *own = page_lock(p);

	if (p->generation != generation || p->state != SLOT_DYING || p->dependents || p->mappings || p->aliases) {
		spin_unlock(&own->lock);
		return 0;
	}
	if (p == own)
		home_write(p, write, 0);
	hash_remove(p);
	list_remove(p);
	page_count(p, -1);
	if (p == own)
		frames_name(p, 0);
	else
		alias_unlink(p);
	if (p->flags & PAGE_LOCKED)
		interrupts_unbind(0, p->frame, page_span(p));
	p->container = 0;
	p->state = SLOT_FREE;
	p->generation++;
	__atomic_store_n(&p->flags, 0, __ATOMIC_RELEASE);       /* from now on its own lock is what others take */
	spin_unlock(&own->lock);
	cache_give(KIND_PAGE, index);
	state.counters->unloaded[KIND_PAGE]++;
	return 0;
}
