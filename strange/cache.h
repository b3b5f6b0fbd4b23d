/* What the kinds have in common: slots, names, dependents, displacement. */
#ifndef STRANGE_CACHE_H
#define STRANGE_CACHE_H

#include "state.h"

struct call;

/* The four operations of a kind, and their names; objects.c makes one of each from abi/objects.def. */
struct kind_operations {
	/* Copy the record at the caller's address `home` in. flags: LOAD_*. */
	result (*load)(struct call *call, uint64_t home, unsigned flags);
	/* Take a dying object without dependents out. `write`: write it home first. */
	result (*unload)(uint32_t index, uint32_t generation, bool write);
	/* Write what changed to the home; the slot is locked. */
	void (*write_back)(uint32_t index);
	/* One object that depends on this one, as OBJECT_ID with its generation; false: none. */
	bool (*dependent)(uint32_t index, uint32_t *id, uint32_t *generation);
};
extern const struct kind_operations kind_operations[KIND_COUNT];

struct slot *slot_of(uint32_t id);
uint32_t object_generation(uint32_t id);

/* A free slot of `kind`, displacing another object when there is none. `kernel`: on whose behalf.
 * Returns 0, or RESULT_RESTART when others must run first. */
result cache_take(unsigned kind, const struct kernel *kernel, uint32_t *index) MUST_CHECK;
/* Unload one object of the kind, or several mappings. 0: tried one; RESULT_RESTART: nothing can go now. */
result cache_displace(unsigned kind, const struct kernel *for_whom) MUST_CHECK;
void cache_give(unsigned kind, uint32_t index);
/* The slot that the clock comes to next. */
static inline uint32_t cache_next(struct cache *c)
{
	return __atomic_fetch_add(&c->hand, 1, __ATOMIC_RELAXED) % c->count;
}
/* A free mapping, and its index + 1; 0: there is none. */
static inline uint64_t mapping_take(struct mapping **m)
{
	struct cache *c = &state.cache[KIND_MAPPING];
	uint64_t name;

	spin_lock(&c->lock);
	name = c->free;
	*m = mapping_at(0) + name - 1;
	if (name) {
		c->free = (uint32_t)(*m)->word[0];
		c->free_count--;
	}
	spin_unlock(&c->lock);
	return name;
}
/* The same for `count` dead mappings that are chained by word[0], from `first` - 1 to `last`. */
void mappings_give(uint32_t first, uint32_t last, uint32_t count);

/* Names. Insertion fails with EEXIST. A find takes no reference: recheck uid and generation under the slot's lock. */
result slot_insert(unsigned kind, struct slot *s) MUST_CHECK;
void slot_remove(unsigned kind, struct slot *s);
struct slot *slot_find(unsigned kind, baryon_uid uid);
/* The same; when it is not loaded or dying, RESULT_MISS (or RESULT_RESTART while it is being unloaded). */
result slot_want(unsigned kind, baryon_uid uid, struct slot **s) MUST_CHECK;

/* What to say when something read from a slot speaks against the call, the last of its kind that slot_want found here: `error`, if
 * the object was loaded all the time; else it may have been another's, and the call is executed again. */
result slot_refused(const struct slot *s, result error) MUST_CHECK;

/* Lists of dependents. */
/* False, and nothing done, when `on` is not the loaded object `uid` any more. */
bool dependent_add(struct slot *on, baryon_uid uid, struct node *n, uint32_t object) MUST_CHECK;
void dependent_remove(struct slot *on, struct node *n);
void node_link(struct node **list, struct node *n, uint32_t object);
void node_unlink(struct node *n);
bool slot_dependent(struct slot *s, uint32_t *id, uint32_t *generation);

/* The common part of loading: checks header, keeper, quota and home address, takes a slot. `record` is the caller's copy of
 * the home, the one that it checked: the home itself may change at any time. On success the slot is SLOT_LOADING
 * and named; end with slot_publish or slot_abort. */
result slot_begin(struct call *call, unsigned kind, uint64_t home, unsigned flags, const void *record, uint64_t bytes,
		  struct slot **s) MUST_CHECK;
/* The part of it that needs no header: a slot of that name, in the lists of its home's page and of its keeper. EQUOTA, EEXIST. */
result slot_take(struct call *call, unsigned kind, baryon_uid uid, uint64_t home, unsigned flags, struct slot **s) MUST_CHECK;
/* For root's first objects, which have no homes: a locked slot of that name. Panics when there is none. End with slot_publish. */
struct slot *slot_make(unsigned kind, struct kernel *keeper, baryon_uid uid);
result slot_publish(struct slot *s) MUST_CHECK;   /* after slot_begin it does not fail */
void slot_abort(struct slot *s);          /* whatever of it was done */
/* The common part of unloading: leaves the lists, frees the slot. The slot is locked and becomes unlocked. */
void slot_end(struct slot *s);
/* Lock the slot if it still is that object and dying. */
bool slot_lock_dying(struct slot *s, uint32_t generation);

/* Unload an object and all that depends on it, in bounded steps. destroy: the object itself is not written home. */
result object_unload_id(uint32_t id, uint32_t generation, bool destroy) MUST_CHECK;
/* Is the object needed by what runs now on some CPU? */
bool object_in_use(uint32_t id);

#endif
