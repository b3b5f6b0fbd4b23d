/* References. Home: a reference_home of the kernel whose space holds it; immutable, so nothing is written back. The
 * slot's name is made of the space's slot and the handle. Derived: the target's slot. */
#include "reference.h"
#include "abi/start.h"
#include "cache.h"
#include "call.h"
#include "capability.h"
#include "memory.h"
#include "space.h"

bool reference_is(const struct reference_view *v)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return v->from->slot.generation == v->generation && v->from->slot.state == SLOT_LOADED;
}

static bool view_take(struct reference_view *v, struct slot *s, baryon_uid name)
{
	struct reference *f = (struct reference *)s;

	if (s == NULL)
		return false;
	v->from = f;
	v->generation = __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE);
	if (s->state != SLOT_LOADED || s->uid != name)
		return false;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	v->rights = f->rights;
	v->target = f->target;
	v->target_uid = f->target_uid;
	v->badge = f->badge;
	s->used = true;
	return reference_is(v);
}

result reference_want(struct space *space, uint64_t handle, unsigned kind, struct reference_view *v)
{
	baryon_uid name = reference_name(space, handle);
	struct kernel *k;

	if (handle == 0 || handle >= HANDLE_LIMIT)
		return -BARYON_EINVAL;
	if (view_take(v, slot_find(KIND_REFERENCE, name), name))
		return OBJECT_KIND(v->target->id) == kind ? 0 : -BARYON_EINVAL;
	/* The first handles were put in by whoever keeps the space. */
	k = space->principal && handle >= HANDLE_FIRST_FREE ? space->principal : space->slot.keeper;
	return want_kept_by(k->number, KIND_REFERENCE, space->slot.uid, handle);
}

/* The handle is taken away first, then the change is counted, and the new handle is written last: a reader that saw a count, the handle, what
 * belongs to it and the same count read what belongs together. */
static void binding_put(struct space *space, uint64_t handle, const struct reference_view *v)
{
	struct bindings *b = &space->bindings;
	unsigned i = handle % BINDINGS;

	spin_lock(&space->slot.list_lock);
	binding_clear(space, i);
	__atomic_store_n(&b->changes[i], b->changes[i] + 1, __ATOMIC_SEQ_CST);
	b->portal[i] = (struct portal *)v->target;
	b->badge[i] = v->badge;
	__atomic_store_n(&b->handle[i], handle, __ATOMIC_SEQ_CST);
	spin_unlock(&space->slot.list_lock);
}

static void binding_drop(struct space *space, uint64_t handle)
{
	spin_lock(&space->slot.list_lock);
	if (space->bindings.handle[handle % BINDINGS] == handle)
		binding_clear(space, handle);
	spin_unlock(&space->slot.list_lock);
}

bool reference_bind(struct space *space, uint64_t handle, const struct reference_view *v)
{
	binding_put(space, handle, v);
	/* Whoever unloads the reference marked it first, and then takes the binding out. */
	if (reference_is(v))
		return true;
	binding_drop(space, handle);
	return false;
}

static result target_want(struct call *call, const struct reference_home *h, struct slot **target, struct space **space)
{
	const struct capability *c = &h->capability;
	result r;

	if (h->version != HOME_VERSION)
		return -BARYON_EVERSION;
	if (h->handle == 0 || h->handle >= HANDLE_LIMIT || (c->kind != KIND_PORTAL && c->kind != KIND_CONTAINER))
		return -BARYON_EINVAL;
	if (!capability_genuine(c))
		return -BARYON_EFORGED;
	r = space_want_own(call, h->space, space);
	if (r == 0)
		r = slot_want(c->kind, c->uid, target);
	if (r == 0 && (*target)->home_generation != c->generation)
		r = slot_refused(*target, -BARYON_ESTALE);
	return r;
}

static result reference_fill(struct reference *f, const struct reference_home *h, struct space *space,
			     struct slot *target)
{
	uint32_t id = f->slot.id;

	f->handle = h->handle;
	f->rights = h->capability.rights;
	f->badge = h->capability.badge;
	f->space = space;
	f->target = target;
	f->target_uid = h->capability.uid;
	if (!dependent_add(&space->slot, h->space, &f->space_node, id))
		return RESULT_RESTART;
	if (dependent_add(target, f->target_uid, &f->target_node, id))
		return 0;
	dependent_remove(&space->slot, &f->space_node);
	return RESULT_RESTART;
}

result reference_load(struct call *call, uint64_t home, unsigned flags)
{
	struct slot *target, *s;
	struct space *space;
	struct reference_home h;
	result r;

	if (home % sizeof h)
		return -BARYON_EINVAL;
	r = memory_read(call->space, home, &h, sizeof h);
	if (r == 0)
		r = target_want(call, &h, &target, &space);
	if (r == 0 && slot_find(KIND_REFERENCE, reference_name(space, h.handle)))
		r = -BARYON_EEXIST;
	if (r == 0)
		r = slot_take(call, KIND_REFERENCE, reference_name(space, h.handle), home, flags, &s);
	if (r < 0)
		return r;
	r = reference_fill((struct reference *)s, &h, space, target);
	if (r < 0) {
		slot_abort(s);
		return r;
	}
	return slot_publish(s);
}

void reference_write_back(uint32_t index) { (void)index; }

bool reference_dependent(uint32_t index, uint32_t *id, uint32_t *generation)
{
	(void)index, (void)id, (void)generation;
	return false;
}

result reference_unload(uint32_t index, uint32_t generation, bool write)
{
	struct reference *f = SLOT_AT(reference, KIND_REFERENCE, index);

	(void)write;
	if (!slot_lock_dying(&f->slot, generation))
		return 0;
	binding_drop(f->space, f->handle);
	dependent_remove(&f->space->slot, &f->space_node);
	dependent_remove(f->target, &f->target_node);
	slot_end(&f->slot);
	return 0;
}

result call_reference_unload(struct call *call)
{
	struct space *space;
	struct slot *s;
	result r = space_want_own(call, call->a[0], &space);

	if (r < 0)
		return r;
	s = slot_find(KIND_REFERENCE, reference_name(space, call->a[1]));
	return s ? object_unload_id(s->id, s->generation, false) : slot_refused(&space->slot, -BARYON_ENOENT);
}

/* Only the keeper of an object makes its first capability. The badge comes in and the capability goes out at the same place. */
result call_capability_make(struct call *call)
{
	struct capability c;
	struct slot *s;
	result r;

	if ((call->a[0] != KIND_PORTAL && call->a[0] != KIND_CONTAINER) || call->a[3] % 8)
		return -BARYON_EINVAL;
	if (UID_KEEPER(call->a[1]) != call->kernel->number)
		return -BARYON_EPERM;
	r = memory_read(call->space, call->a[3], &c, sizeof c);
	if (r == 0)
		r = slot_want((unsigned)call->a[0], call->a[1], &s);
	if (r < 0)
		return r;
	c.uid = call->a[1];
	c.generation = s->home_generation;
	r = slot_refused(s, 0);
	if (r < 0)
		return r;
	c.kind = (uint16_t)call->a[0];
	c.rights = call->a[2] & RIGHT_ALL;
	c.spare = 0;
	capability_seal(&c);
	return memory_write(call->space, call->a[3], &c, sizeof c);
}
