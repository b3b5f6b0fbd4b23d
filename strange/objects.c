/* The operation table of the eight kinds, made from abi/objects.def: a kind that lacks an operation does not link.
 * And which objects may not be displaced now. */
#include "alias.h"
#include "cache.h"
#include "call.h"
#include "space.h"

#define OBJECT(NAME, name, number, slots, minimum) \
	result name##_load(struct call *call, uint64_t home, unsigned flags); \
	result name##_unload(uint32_t index, uint32_t generation, bool write); \
	void name##_write_back(uint32_t index); \
	bool name##_dependent(uint32_t index, uint32_t *id, uint32_t *generation);
#include "abi/objects.def"
#undef OBJECT

#define OBJECT(NAME, name, number, slots, minimum) \
	[KIND_##NAME] = { name##_load, name##_unload, name##_write_back, name##_dependent },
const struct kind_operations kind_operations[KIND_COUNT] = {
#include "abi/objects.def"
};
#undef OBJECT

/* Pages and mappings are loaded in arrays, by calls of their own. */
result page_load(struct call *call, uint64_t home, unsigned flags)
{
	(void)call, (void)home, (void)flags;
	return -BARYON_EINVAL;
}

result mapping_load(struct call *call, uint64_t home, unsigned flags)
{
	(void)call, (void)home, (void)flags;
	return -BARYON_EINVAL;
}

void mapping_write_back(uint32_t index) { (void)index; }

bool mapping_dependent(uint32_t index, uint32_t *id, uint32_t *generation)
{
	(void)index, (void)id, (void)generation;
	return false;
}

static bool level_needs(const struct activation *a, const struct slot *s)
{
	if (a->space == NULL)
		return false;
	return &a->space->slot == s || (a->map && &a->map->slot == s) || (a->portal && &a->portal->slot == s) ||
	       &a->space->slot.keeper->slot == s || (a->space->principal && &a->space->principal->slot == s);
}

static bool thread_needs(const struct thread *t, const struct slot *s)
{
	if (&t->slot == s || &t->slot.keeper->slot == s || (t->base_space && &t->base_space->slot == s) ||
	    &t->handler_space->slot == s)
		return true;
	return level_needs(thread_top(t), s) || (t->count == 2 && level_needs(thread_lower(t), s));
}

static bool page_needed(const struct thread *t, const struct page *p)
{
	struct node *n;

	/* Homes and handler blocks of what runs. */
	for (n = p->dependents; n; n = n->next)
		if (OBJECT_KIND(n->object) != KIND_MAPPING && thread_needs(t, slot_of(n->object)))
			return true;
	return false;
}

bool object_in_use(uint32_t id)
{
	bool used = false;

	for (unsigned i = 0; i < state.cpus && !used; i++) {
		const struct thread *t = state.cpu[i].thread;

		if (t == NULL)
			continue;
		if (OBJECT_KIND(id) != KIND_PAGE) {
			used = thread_needs(t, slot_of(id));
			continue;
		}
		struct page *p = page_at(OBJECT_INDEX(id)), *own = page_lock(p);

		used = page_needed(t, p);
		spin_unlock(&own->lock);
	}
	return used;
}
