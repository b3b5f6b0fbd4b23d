/* Application kernels. Home: a kernel_home at root or the SRM; only its keeper writes it. Derived: counts of loaded and locked
 * objects, the pointers to its portals, the charges of the current period. */
#include "kernel.h"
#include "cache.h"
#include "call.h"
#include "memory.h"
#include "page.h"
#include "schedule.h"

static void kernel_fill(struct kernel *k, const struct kernel_home *h)
{
	k->number = h->number;
	k->rights = h->rights;
	k->portal_uid[TRAP_SYSCALL] = h->trap_portal;
	k->portal_uid[TRAP_FAULT] = h->fault_portal;
	k->portal_uid[TRAP_EXCEPTION] = h->exception_portal;
	k->portal_uid[TRAP_ALERT] = h->alert_portal;
	k->portal_uid[TRAP_MISS] = h->miss_portal;
	k->scheduler = h->scheduler;
	k->priority_ceiling = h->priority_ceiling;
	memory_move(k->floor, h->floors, sizeof k->floor);
	memory_move(k->lock_quota, h->lock_quota, sizeof k->lock_quota);
	for (unsigned i = 0; i < CPU_LIMIT; i++)
		k->limit_ns[i] = h->cpu_share[i] < 100 ? PERIOD_NS / 100 * h->cpu_share[i] : UINT64_MAX;
	memory_move(k->used_ns, h->cpu_used_ns, sizeof k->used_ns);
}

/* The last first: a keeper that splits an extent writes the new one into a later place, before it cuts the old one. */
static void extents_read(struct kernel *k, const struct kernel_home *h)
{
	const uint64_t *from = (const uint64_t *)h->extents;
	uint64_t *to = (uint64_t *)k->extents;

	for (unsigned i = KERNEL_EXTENTS; i-- > 0;)
		__atomic_store_n(&to[i], __atomic_load_n(&from[i], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

bool kernel_has_frame(const struct kernel *k, uint64_t f)
{
	uint64_t group = f / GROUP_PAGES;

	for (unsigned i = 0; i < KERNEL_EXTENTS; i++)
		if (group - k->extents[i].first < k->extents[i].count)
			return true;
	return false;
}

static result kernel_check(struct call *call, const struct kernel_home *h)
{
	uint32_t given = h->rights & ~(uint32_t)KERNEL_MAY_KERNELS;

	if (!(call->kernel->rights & KERNEL_MAY_KERNELS) || (given & ~call->kernel->rights))
		return -BARYON_EPERM;
	if (h->header.uid != KERNEL_UID(h->number) || h->number <= KERNEL_NUMBER_ROOT || h->number >> 24)
		return -BARYON_EINVAL;
	return h->priority_ceiling < PRIORITY_COUNT ? 0 : -BARYON_EINVAL;
}

result kernel_load(struct call *call, uint64_t home, unsigned flags)
{
	struct kernel_home h;
	struct slot *s;
	result r = home % sizeof h ? -BARYON_EINVAL : memory_read(call->space, home, &h, sizeof h);

	if (r == 0)
		r = kernel_check(call, &h);
	if (r == 0)
		r = slot_begin(call, KIND_KERNEL, home, flags, &h, sizeof h, &s);
	if (r < 0)
		return r;
	kernel_fill((struct kernel *)s, &h);
	/* Now it can be found: whoever changes the extents of the home finds it, or they are read changed. */
	extents_read((struct kernel *)s, s->home);
	return slot_publish(s);
}

/* Unloads one page that k has in the group, if there is one. A page is named by its frames before it looks at the extents for the
 * last time (page_publish). Homes of other pages may lie in a locked one: it stays. */
static result group_unload(struct kernel *k, uint64_t group)
{
	for (uint64_t f = group * GROUP_PAGES; f < (group + 1) * GROUP_PAGES && f < state.frame_limit; f++) {
		uint32_t i = state.frames[f].page - 1;
		struct page *p = page_at(i);
		uint32_t c = i < state.cache[KIND_PAGE].count ? p->container : 0;
		result r;

		if (c == 0 || slot_of(c)->keeper != k)  /* 0: it goes at this moment */
			continue;
		r = p->flags & PAGE_LOCKED ? -BARYON_EBUSY : object_unload_id(OBJECT_ID(KIND_PAGE, i), p->generation, false);
		return r < 0 ? r : RESULT_RESTART;
	}
	return 0;
}

result call_kernel_group(struct call *call)
{
	struct slot *s = slot_find(KIND_KERNEL, call->a[0]);
	struct kernel *k = (struct kernel *)s;
	bool granted;

	if (UID_KEEPER(call->a[0]) != call->kernel->number)
		return -BARYON_EPERM;
	if (s == NULL)
		return 0;
	spin_lock(&s->lock);
	if ((s->state != SLOT_LOADED && s->state != SLOT_DYING) || s->uid != call->a[0]) {
		spin_unlock(&s->lock);
		return RESULT_RESTART;
	}
	/* Under its lock: nobody clears frames by the old ones any more. */
	spin_lock(&state.clear_lock);
	extents_read(k, s->home);
	spin_unlock(&state.clear_lock);
	granted = kernel_has_frame(k, call->a[1] * GROUP_PAGES);
	spin_unlock(&s->lock);
	return granted ? 0 : group_unload(k, call->a[1]);
}

void kernel_write_back(uint32_t index)
{
	struct kernel *k = SLOT_AT(kernel, KIND_KERNEL, index);
	struct kernel_home *h = k->slot.home;

	if (h)
		frame_write(k->slot.home_frame, h->cpu_used_ns, k->used_ns, sizeof k->used_ns);
}

bool kernel_dependent(uint32_t index, uint32_t *id, uint32_t *generation)
{
	return slot_dependent(&SLOT_AT(kernel, KIND_KERNEL, index)->slot, id, generation);
}

result kernel_unload(uint32_t index, uint32_t generation, bool write)
{
	struct kernel *k = SLOT_AT(kernel, KIND_KERNEL, index);

	if (!slot_lock_dying(&k->slot, generation))
		return 0;
	if (write)
		kernel_write_back(index);
	slot_end(&k->slot);
	return 0;
}

result kernel_want(uint32_t number, struct kernel **k)
{
	struct slot *s;
	result r = slot_want(KIND_KERNEL, KERNEL_UID(number), &s);

	*k = (struct kernel *)s;
	return r;
}

result kernel_portal_want(struct kernel *k, unsigned cause, struct portal **p)
{
	struct slot *s;
	result r;

	*p = k->portal[cause];
	if (*p && (*p)->slot.state == SLOT_LOADED)
		return 0;
	if (k->portal_uid[cause] == 0)
		return -BARYON_ENOENT;
	r = slot_want(KIND_PORTAL, k->portal_uid[cause], &s);
	*p = (struct portal *)s;
	return r;
}

struct kernel *kernel_make_root(void)
{
	struct kernel *k = (struct kernel *)slot_make(KIND_KERNEL, NULL, KERNEL_UID(KERNEL_NUMBER_ROOT));
	struct kernel_home h = { .number = KERNEL_NUMBER_ROOT, .rights = ~0u, .priority_ceiling = PRIORITY_COUNT - 1 };

	for (unsigned n = 0; n < KIND_COUNT; n++)
		h.lock_quota[n] = LOCKED_MOST;
	memory_zero(h.cpu_share, sizeof h.cpu_share);
	for (unsigned n = 0; n < CPU_LIMIT; n++)
		h.cpu_share[n] = 100;
	h.extents[0] = (struct group_extent){ 0, state.frame_limit / GROUP_PAGES + 1 };
	h.fault_portal = UID_MAKE(KERNEL_NUMBER_ROOT, 2);
	h.exception_portal = UID_MAKE(KERNEL_NUMBER_ROOT, 3);
	h.miss_portal = UID_MAKE(KERNEL_NUMBER_ROOT, 5);
	h.scheduler = UID_MAKE(KERNEL_NUMBER_ROOT, 6);
	kernel_fill(k, &h);
	extents_read(k, &h);
	k->slot.keeper = k;
	k->slot.state = SLOT_LOADED;
	return k;
}
