/* Containers. Home: a container_home at the manager. Derived: the list of loaded pages. */
#include "container.h"
#include "cache.h"
#include "call.h"
#include "memory.h"

result container_load(struct call *call, uint64_t home, unsigned flags)
{
	struct container_home h;
	struct container *c;
	struct slot *s;
	result r = home % sizeof h ? -BARYON_EINVAL : memory_read(call->space, home, &h, sizeof h);

	if (r == 0)
		r = slot_begin(call, KIND_CONTAINER, home, flags, &h, sizeof h, &s);
	if (r < 0)
		return r;
	c = (struct container *)s;
	c->size_pages = h.size_pages;
	memory_move(c->signal_kernels, h.signal_kernels, sizeof c->signal_kernels);
	return slot_publish(s);
}

/* Is the place that kernel's? */
static bool place_is(uint32_t place, uint32_t number) { return ((place ^ number) & SIGNAL_KERNEL) == 0; }

COLD result container_signal_kernel(struct container *c, baryon_uid uid, uint32_t number)
{
	result r;

	spin_lock(&c->slot.lock);
	r = c->slot.uid == uid && c->slot.state == SLOT_LOADED ? -BARYON_EFULL : RESULT_RESTART;
	for (unsigned i = 0; i < SIGNAL_KERNELS && r == -BARYON_EFULL; i++)
		if (c->signal_kernels[i] == 0 || place_is(c->signal_kernels[i], number)) {
			c->signal_kernels[i] = number;
			r = 0;
		}
	spin_unlock(&c->slot.lock);
	return r;
}

void containers_forget_kernel(uint32_t number)
{
	for (uint32_t i = 0; i < state.cache[KIND_CONTAINER].count; i++) {
		struct container *c = SLOT_AT(container, KIND_CONTAINER, i);
		unsigned to = 0;

		spin_lock(&c->slot.lock);
		for (unsigned n = 0; n < SIGNAL_KERNELS; n++) {
			uint32_t place = c->signal_kernels[n];

			c->signal_kernels[n] = 0;
			if (!place_is(place, number))
				c->signal_kernels[to++] = place;
		}
		spin_unlock(&c->slot.lock);
	}
}

void container_write_back(uint32_t index)
{
	struct container *c = SLOT_AT(container, KIND_CONTAINER, index);
	struct container_home *h = c->slot.home;

	if (h)
		frame_write(c->slot.home_frame, h->signal_kernels, c->signal_kernels, sizeof c->signal_kernels);
}

bool container_dependent(uint32_t index, uint32_t *id, uint32_t *generation)
{
	struct container *c = SLOT_AT(container, KIND_CONTAINER, index);
	bool found;

	spin_lock(&c->slot.list_lock);
	found = c->pages != 0;
	if (found) {
		*id = OBJECT_ID(KIND_PAGE, c->pages - 1);
		*generation = page_at(c->pages - 1)->generation;
	}
	spin_unlock(&c->slot.list_lock);
	return found || slot_dependent(&c->slot, id, generation);
}

result container_unload(uint32_t index, uint32_t generation, bool write)
{
	struct container *c = SLOT_AT(container, KIND_CONTAINER, index);

	if (!slot_lock_dying(&c->slot, generation))
		return 0;
	if (write)
		container_write_back(index);
	slot_end(&c->slot);
	return 0;
}

struct container *container_make_locked(struct kernel *keeper, baryon_uid uid, uint64_t size_pages)
{
	struct container *c = (struct container *)slot_make(KIND_CONTAINER, keeper, uid);

	c->size_pages = size_pages;
	return slot_publish(&c->slot) < 0 ? NULL : c;
}
