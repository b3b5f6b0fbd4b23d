/* Slots, names and displacement, the same for all kinds. Homes: none of its own. Derived: free lists, hash chains, the
 * clock hands. Locks: hash stripes and the cache lock are leaves. */
#include "cache.h"
#include "alias.h"
#include "call.h"
#include "memory.h"
#include "schedule.h"
#include "mapping.h"
#include "page.h"

enum { UNLOAD_STEPS = 64, DISPLACE_ROUNDS = 3, FIRST_PART = 4 };

struct slot *slot_of(uint32_t id)
{
	struct cache *c = &state.cache[OBJECT_KIND(id)];

	return (struct slot *)((char *)c->slots + (uint64_t)OBJECT_INDEX(id) * c->stride);
}

uint32_t object_generation(uint32_t id)
{
	if (OBJECT_KIND(id) == KIND_PAGE)
		return page_at(OBJECT_INDEX(id))->generation;
	if (OBJECT_KIND(id) == KIND_MAPPING)
		return 0;
	return slot_of(id)->generation;
}

/* free lists */

static uint32_t *free_link(unsigned kind, uint32_t i)
{
	if (kind == KIND_PAGE)
		return &page_at(i)->hash_next;
	return &slot_of(OBJECT_ID(kind, i))->hash_next;
}

static uint32_t mapping_free_next(uint32_t i) { return mapping_at(i)->next; }

static bool free_pop(unsigned kind, uint32_t *index)
{
	struct cache *c = &state.cache[kind];
	bool got;

	spin_lock(&c->lock);
	got = c->free != 0;
	if (got) {
		*index = c->free - 1;
		c->free = kind == KIND_MAPPING ? mapping_free_next(*index) : *free_link(kind, *index);
		c->free_count--;
	}
	spin_unlock(&c->lock);
	return got;
}

void cache_give(unsigned kind, uint32_t index)
{
	struct cache *c = &state.cache[kind];

	spin_lock(&c->lock);
	if (kind == KIND_MAPPING)
		mapping_at(index)->word[0] = c->free;
	else
		*free_link(kind, index) = c->free;
	c->free = index + 1;
	c->free_count++;
	spin_unlock(&c->lock);
}

void mappings_give(uint32_t first, uint32_t last, uint32_t count)
{
	struct cache *c = &state.cache[KIND_MAPPING];

	spin_lock(&c->lock);
	mapping_at(last)->word[0] = c->free;
	c->free = first;
	c->free_count += count;
	spin_unlock(&c->lock);
}

/* displacement */

static struct kernel *object_keeper(unsigned kind, uint32_t i)
{
	uint32_t c;

	if (kind == KIND_MAPPING)
		return space_at(mapping_at(i)->space)->slot.keeper;
	if (kind == KIND_PAGE) {
		c = page_at(i)->container;
		return c ? slot_of(c)->keeper : NULL;
	}
	return slot_of(OBJECT_ID(kind, i))->keeper;
}

/* How many of the keeper's may go. */
static uint32_t above_floor(unsigned kind, const struct kernel *keeper, const struct kernel *for_whom)
{
	if (keeper == NULL || keeper == for_whom)
		return ~0u;
	return keeper->loaded[kind] > keeper->floor[kind] ? keeper->loaded[kind] - keeper->floor[kind] : 0;
}

/* In the first looks no mapping goes for which another CPU must be asked, as all must for those of a supervisor domain, unless `force`. */
static bool mapping_displaceable(uint32_t i, bool first, bool force)
{
	const struct space *s = space_at(mapping_at(i)->space);
	bool others = s->cpus & ~(1ull << this_cpu()->number);
	bool all = s->flags & SPACE_SUPERVISOR && state.cpus > 1;

	return mapping_free(i) && (force || !(first && (all || others)));
}

/* Does something locked depend on these? Then displacing would unload the locked one. */
static COLD bool holds_locked(const struct node *n, int depth)
{
	for (; n; n = n->next) {
		struct slot *s = slot_of(n->object);

		if (s->locked)
			return true;
		if (depth && OBJECT_KIND(n->object) == KIND_SPACE && holds_locked(s->dependents, depth - 1))
			return true;
	}
	return false;
}

static bool slot_holds_locked(struct slot *s)
{
	bool held;

	spin_lock(&s->list_lock);
	held = holds_locked(s->dependents, 1);
	spin_unlock(&s->list_lock);
	return held;
}

/* Or aliases: each goes before the page under it, if its keeper's floor allows. */
static bool page_holds_locked(struct page *p)
{
	struct page *own = page_lock(p);
	bool held = p->aliases || holds_locked(p->dependents, 1);

	spin_unlock(&own->lock);
	return held;
}

/* Second chance: true when the object may go now. Clears its used mark. */
static COLD bool page_displaceable(uint32_t i, bool force)
{
	struct page *p = page_at(i);
	bool used = p->used;

	if (p->state != SLOT_LOADED || (p->flags & PAGE_LOCKED))
		return false;
	p->used = false;
	return (force || !used) && !page_holds_locked(p);
}

static bool thread_runnable(const struct slot *s)
{
	unsigned run = ((const struct thread *)s)->run;

	return run == RUN_READY || run == RUN_RUNNING;
}

/* Would what can run have to wait for a reload? Then others go first. */
static bool slot_runnable(struct slot *s)
{
	bool runnable = false;

	if (OBJECT_KIND(s->id) == KIND_THREAD)
		return thread_runnable(s);
	if (OBJECT_KIND(s->id) != KIND_SPACE)
		return false;
	spin_lock(&s->list_lock);
	for (const struct node *n = s->dependents; n && !runnable; n = n->next)
		runnable = OBJECT_KIND(n->object) == KIND_THREAD && thread_runnable(slot_of(n->object));
	spin_unlock(&s->list_lock);
	return runnable;
}

static COLD bool slot_displaceable(uint32_t id, bool force)
{
	struct slot *s = slot_of(id);
	bool used = s->used;

	if (s->state != SLOT_LOADED || s->locked || s->keeper == NULL)
		return false;
	s->used = false;
	return (force || (!used && !slot_runnable(s))) && !slot_holds_locked(s);
}

/* After so many looks in vain. */
static COLD bool displaceable(unsigned kind, uint32_t i, uint32_t looks)
{
	const struct cache *c = &state.cache[kind];
	bool force = looks >= c->count * (DISPLACE_ROUNDS - 1);

	if (kind == KIND_MAPPING)
		return mapping_displaceable(i, looks < c->times / FIRST_PART, force);
	if (kind == KIND_PAGE)
		return page_displaceable(i, force) && !object_in_use(OBJECT_ID(kind, i));
	return slot_displaceable(OBJECT_ID(kind, i), force) && !object_in_use(OBJECT_ID(kind, i));
}

COLD result cache_displace(unsigned kind, const struct kernel *for_whom)
{
	struct cache *c = &state.cache[kind];

	for (uint32_t looks = 0; looks < c->count * DISPLACE_ROUNDS; looks++) {
		uint32_t i = cache_next(c), id = OBJECT_ID(kind, i), most = 0;

		if (displaceable(kind, i, looks))
			most = above_floor(kind, object_keeper(kind, i), for_whom);
		if (most == 0)
			continue;
		if (kind == KIND_MAPPING) {
			state.counters->displaced[kind] += mapping_displace(i, most, looks < c->times ? c->times - looks - 1 : 0);
			return 0;
		}
		state.counters->displaced[kind]++;
		return object_unload_id(id, object_generation(id), false);
	}
	state.counters->displace_failed++;
	return RESULT_RESTART;
}

result cache_take(unsigned kind, const struct kernel *kernel, uint32_t *index)
{
	result r;

	for (int tries = 0; tries < 8; tries++) {
		if (free_pop(kind, index))
			return 0;
		r = cache_displace(kind, kernel);
		if (r < 0)
			return r;
	}
	return RESULT_RESTART;
}

/* names */

static uint32_t hash_of(baryon_uid uid)
{
	return (uint32_t)((uid * 0x9e3779b97f4a7c15ull) >> 32);
}

static struct spin *hash_stripe(struct hash *h, uint32_t bucket) { return &h->stripe[bucket % 64]; }

static struct slot *hash_search(unsigned kind, uint32_t head, baryon_uid uid)
{
	struct slot *s;

	for (; head; head = s->hash_next) {
		s = slot_of(OBJECT_ID(kind, head - 1));
		if (s->uid == uid)
			return s;
	}
	return NULL;
}

result slot_insert(unsigned kind, struct slot *s)
{
	struct hash *h = &state.cache[kind].hash;
	uint32_t bucket = hash_of(s->uid) & h->mask;
	struct spin *stripe = hash_stripe(h, bucket);
	bool there;

	spin_lock(stripe);
	there = hash_search(kind, h->heads[bucket], s->uid) != NULL;
	if (!there) {
		s->hash_next = h->heads[bucket];
		h->heads[bucket] = slot_index(s) + 1;
	}
	spin_unlock(stripe);
	return there ? -BARYON_EEXIST : 0;
}

void slot_remove(unsigned kind, struct slot *s)
{
	struct hash *h = &state.cache[kind].hash;
	uint32_t bucket = hash_of(s->uid) & h->mask, *at;
	struct spin *stripe = hash_stripe(h, bucket);

	spin_lock(stripe);
	for (at = &h->heads[bucket]; *at && *at != slot_index(s) + 1; at = &slot_of(OBJECT_ID(kind, *at - 1))->hash_next)
		;
	if (*at)
		*at = s->hash_next;
	spin_unlock(stripe);
}

struct slot *slot_find(unsigned kind, baryon_uid uid)
{
	struct hash *h = &state.cache[kind].hash;
	uint32_t bucket = hash_of(uid) & h->mask;
	struct spin *stripe = hash_stripe(h, bucket);
	struct slot **recent = &this_cpu()->recent[kind][uid % RECENT], *s = *recent;

	/* A slot that is free has no uid. */
	if (s && s->uid == uid && s->state != SLOT_FREE)
		return s;
	spin_lock(stripe);
	s = hash_search(kind, h->heads[bucket], uid);
	spin_unlock(stripe);
	if (s)
		*recent = s;
	return s;
}

result slot_want(unsigned kind, baryon_uid uid, struct slot **found)
{
	struct slot *s = slot_find(kind, uid);
	uint32_t generation;

	if (s == NULL)
		return want_object(kind, uid, 0);
	generation = __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE);
	if (s->state == SLOT_LOADED && s->uid == uid) {
		s->used = true;
		this_cpu()->found[kind] = generation;
		*found = s;
		return 0;
	}
	if (s->state == SLOT_DYING && s->uid == uid && !this_cpu()->losing) {
		result r = object_unload_id(s->id, generation, false);

		if (r < 0 && r != RESULT_RESTART)
			return r;
	}
	return RESULT_RESTART;
}

COLD result slot_refused(const struct slot *s, result error)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return s->generation == this_cpu()->found[OBJECT_KIND(s->id)] ? error : RESULT_RESTART;
}

/* dependents */

void node_link(struct node **list, struct node *n, uint32_t object)
{
	n->object = object;
	n->next = *list;
	n->at = list;
	if (n->next)
		n->next->at = &n->next;
	*list = n;
}

void node_unlink(struct node *n)
{
	if (n->at == NULL)
		return;
	*n->at = n->next;
	if (n->next)
		n->next->at = n->at;
	n->at = NULL;
	n->next = NULL;
}

bool dependent_add(struct slot *on, baryon_uid uid, struct node *n, uint32_t object)
{
	bool alive;

	spin_lock(&on->list_lock);
	alive = on->state == SLOT_LOADED && on->uid == uid;
	if (alive)
		node_link(&on->dependents, n, object);
	spin_unlock(&on->list_lock);
	return alive;
}

void dependent_remove(struct slot *on, struct node *n)
{
	spin_lock(&on->list_lock);
	node_unlink(n);
	spin_unlock(&on->list_lock);
}

bool slot_dependent(struct slot *s, uint32_t *id, uint32_t *generation)
{
	struct node *n;

	spin_lock(&s->list_lock);
	n = s->dependents;
	if (n) {
		*id = n->object;
		*generation = object_generation(*id);
	}
	spin_unlock(&s->list_lock);
	return n != NULL;
}

/* loading */

static result header_check(struct call *call, unsigned kind, const struct home_header *h)
{
	if (h->kind != kind || h->uid == 0)
		return -BARYON_EINVAL;
	if (h->version != HOME_VERSION)
		return -BARYON_EVERSION;
	if (UID_KEEPER(h->uid) != call->kernel->number)
		return -BARYON_EPERM;
	return 0;
}

static result quota_check(struct kernel *k, unsigned kind, unsigned flags)
{
	if ((flags & LOAD_LOCKED) && k->locked[kind] >= k->lock_quota[kind])
		return -BARYON_EQUOTA;
	return 0;
}

static bool keeper_link(struct slot *s)
{
	return dependent_add(&s->keeper->slot, s->keeper->slot.uid, &s->keeper_node, s->id);
}

static void slot_clear(struct slot *s)
{
	struct cache *c = &state.cache[OBJECT_KIND(s->id)];

	memory_zero((char *)s + sizeof *s, c->stride - sizeof *s);
	s->dependents = NULL;
	s->keeper_node.at = s->home_node.at = NULL;
	s->locked = false;
	s->used = true;
}

/* A reference's home is never written. */
static result slot_links(struct call *call, struct slot *s, uint64_t home)
{
	unsigned access = OBJECT_KIND(s->id) == KIND_REFERENCE ? RIGHT_READ : RIGHT_READ | RIGHT_WRITE;
	struct memory_place place;
	result r = memory_place_depend(call->space, home, access, &place, &s->home_node, s->id);

	if (r == 0) {
		s->home = place.pointer;
		s->home_frame = place.frame;
	}
	/* From now on a keeper that goes waits for this one. */
	return r == 0 && !keeper_link(s) ? RESULT_RESTART : r;
}

COLD result slot_take(struct call *call, unsigned kind, baryon_uid uid, uint64_t home, unsigned flags, struct slot **out)
{
	struct slot *s;
	uint32_t index;
	result r = quota_check(call->kernel, kind, flags);

	if (r == 0)
		r = cache_take(kind, call->kernel, &index);
	if (r < 0)
		return r;
	*out = s = slot_of(OBJECT_ID(kind, index));
	slot_clear(s);
	s->uid = uid;
	s->state = SLOT_LOADING;
	s->locked = (flags & LOAD_LOCKED) != 0;
	s->keeper = call->kernel;
	r = slot_insert(kind, s);
	if (r == 0)
		r = slot_links(call, s, home);
	if (r < 0)
		slot_abort(s);
	return r;
}

COLD result slot_begin(struct call *call, unsigned kind, uint64_t home, unsigned flags, const void *record, uint64_t bytes,
		  struct slot **s)
{
	const struct home_header *header = record;
	result r = home % bytes ? -BARYON_EINVAL : header_check(call, kind, header);

	if (r == 0 && slot_find(kind, header->uid))
		return slot_want(kind, header->uid, s) == 0 ? -BARYON_EEXIST : RESULT_RESTART;
	if (r == 0)
		r = slot_take(call, kind, header->uid, home, flags, s);
	if (r == 0)
		(*s)->home_generation = header->generation;
	return r;
}

COLD struct slot *slot_make(unsigned kind, struct kernel *keeper, baryon_uid uid)
{
	struct slot *s;
	uint32_t index;

	if (cache_take(kind, keeper, &index) < 0)
		panic("the caches are too small for root");
	s = slot_of(OBJECT_ID(kind, index));
	s->uid = uid;
	s->keeper = keeper;
	s->locked = true;
	if (slot_insert(kind, s) < 0)
		panic("root has two objects of one name");
	return s;
}

static void slot_count(struct slot *s, int by)
{
	unsigned kind = OBJECT_KIND(s->id);

	__atomic_fetch_add(&s->keeper->loaded[kind], by, __ATOMIC_RELAXED);
	if (s->locked)
		__atomic_fetch_add(&s->keeper->locked[kind], by, __ATOMIC_RELAXED);
}


static void slot_release(struct slot *s)
{
	unsigned kind = OBJECT_KIND(s->id);

	slot_remove(kind, s);
	memory_independ(s->home_frame, &s->home_node);
	s->uid = 0;
	s->state = SLOT_FREE;
	s->generation++;
}

COLD void slot_abort(struct slot *s)
{
	if (s->keeper_node.at)
		dependent_remove(&s->keeper->slot, &s->keeper_node);
	slot_release(s);
	cache_give(OBJECT_KIND(s->id), slot_index(s));
}

COLD void slot_end(struct slot *s)
{
	slot_count(s, -1);
	dependent_remove(&s->keeper->slot, &s->keeper_node);
	slot_release(s);
	spin_unlock(&s->lock);
	cache_give(OBJECT_KIND(s->id), slot_index(s));
	state.counters->unloaded[OBJECT_KIND(s->id)]++;
}

bool slot_lock_dying(struct slot *s, uint32_t generation)
{
	spin_lock(&s->lock);
	if (s->generation == generation && s->state == SLOT_DYING)
		return true;
	spin_unlock(&s->lock);
	return false;
}

COLD result slot_publish(struct slot *s)
{
	if (s->keeper_node.at == NULL && !keeper_link(s)) {
		slot_abort(s);
		return RESULT_RESTART;
	}
	slot_count(s, 1);
	__atomic_store_n(&s->state, SLOT_LOADED, __ATOMIC_RELEASE);
	state.counters->loaded[OBJECT_KIND(s->id)]++;
	return 0;
}

/* unloading */

static bool mark_dying(uint32_t id, uint32_t generation)
{
	struct slot *s = slot_of(id);
	bool same;

	if (OBJECT_KIND(id) == KIND_MAPPING)
		return true;
	if (OBJECT_KIND(id) == KIND_PAGE)
		return page_mark_dying(OBJECT_INDEX(id), generation);
	spin_lock(&s->lock);
	same = s->generation == generation && (s->state == SLOT_LOADED || s->state == SLOT_DYING);
	if (same)
		s->state = SLOT_DYING;
	spin_unlock(&s->lock);
	return same;
}

COLD result object_unload_id(uint32_t id, uint32_t generation, bool destroy)
{
	for (int step = 0; step < UNLOAD_STEPS; step++) {
		uint32_t leaf = id, leaf_generation = generation, next, next_generation;
		result r;

		if (!mark_dying(id, generation))
			return 0;
		while (kind_operations[OBJECT_KIND(leaf)].dependent(OBJECT_INDEX(leaf), &next, &next_generation)) {
			leaf = next;
			leaf_generation = next_generation;
			if (!mark_dying(leaf, leaf_generation))
				break;
		}
		r = kind_operations[OBJECT_KIND(leaf)].unload(OBJECT_INDEX(leaf), leaf_generation,
							      !(destroy && leaf == id));
		if (r < 0)
			return r;
		if (leaf == id && r == 0)
			return 0;
	}
	return RESULT_RESTART;
}
