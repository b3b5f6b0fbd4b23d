/* Address spaces. Home: a space_home at the owner. Derived: the tables, the CPUs that have it active. A supervisor domain is a
 * space whose tables hang in every map. */
#include "space.h"
#include "cache.h"
#include "call.h"
#include "mapping.h"
#include "memory.h"
#include "schedule.h"
#include "thread.h"
#include "shootdown.h"
#include "table.h"

struct space *space_of_address(const struct activation *a, uint64_t address)
{
	uint64_t domain = (address - DOMAIN_BASE) / DOMAIN_BYTES;

	if (address < PROGRAM_LIMIT)
		return a->map && (a->map->flags & SPACE_PROGRAM) ? a->map : NULL;
	if (address < DOMAIN_BASE || domain >= DOMAIN_COUNT)
		return NULL;
	if (a->space->domain == domain && !(a->space->flags & SPACE_PROGRAM))
		return a->space;
	return a->registers.flags & REGISTERS_SUPERVISOR ? state.domain[domain] : NULL;
}

static result space_check(struct call *call, const struct space_home *h)
{
	if (h->flags & ~(uint32_t)(SPACE_PROGRAM | SPACE_SUPERVISOR))
		return -BARYON_EINVAL;
	if (h->flags & SPACE_PROGRAM)
		return h->flags & SPACE_SUPERVISOR || h->principal ? -BARYON_EINVAL : 0;
	if (h->domain == 0 || h->domain >= DOMAIN_COUNT || h->principal == 0)
		return -BARYON_EINVAL;
	if (!(call->kernel->rights & KERNEL_MAY_KERNELS) &&
	    (h->principal != call->kernel->slot.uid || h->domain < DOMAIN_FIRST_OWN))
		return -BARYON_EPERM;
	if ((h->flags & SPACE_SUPERVISOR) && !(call->kernel->rights & KERNEL_MAY_SUPERVISE))
		return -BARYON_EPERM;
	return 0;
}

COLD result space_want_own(struct call *call, baryon_uid uid, struct space **space)
{
	struct slot *s;
	result r = slot_want(KIND_SPACE, uid, &s);

	if (r < 0)
		return r;
	*space = (struct space *)s;
	return s->keeper == call->kernel || (*space)->principal == call->kernel ? 0 : slot_refused(s, -BARYON_EPERM);
}

static result principal_want(const struct space_home *h, struct kernel **k)
{
	struct slot *s;
	result r;

	*k = NULL;
	if (h->principal == 0)
		return 0;
	r = slot_want(KIND_KERNEL, h->principal, &s);
	*k = (struct kernel *)s;
	return r;
}

/* A domain has one space at a time: the tables of another would be reached through its top entry. */
static bool domain_claim(struct space *s)
{
	struct space *none = NULL;

	return s->flags & SPACE_PROGRAM || __atomic_compare_exchange_n(&state.domain_space[s->domain], &none, s, false,
								       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void domain_release(struct space *s)
{
	if (s->flags & SPACE_SUPERVISOR)
		state.domain[s->domain] = NULL;
	if (!(s->flags & SPACE_PROGRAM))
		__atomic_store_n(&state.domain_space[s->domain], NULL, __ATOMIC_RELEASE);
}

static result space_fill(struct space *s, const struct space_home *h, struct kernel *principal)
{
	s->flags = h->flags;
	s->domain = h->flags & SPACE_PROGRAM ? 0 : h->domain;
	s->first = h->flags & SPACE_PROGRAM ? 0 : DOMAIN_BASE + h->domain * DOMAIN_BYTES;
	s->bytes = h->flags & SPACE_PROGRAM ? PROGRAM_LIMIT : DOMAIN_BYTES;
	s->principal = principal;
	s->table = TABLE_NONE;
	s->changes = (uint64_t)s->slot.generation << 32;
	s->principal_node.at = NULL;
	for (unsigned i = 0; i < BINDINGS; i++)
		binding_clear(s, i);
	if (!domain_claim(s))
		return -BARYON_EBUSY;
	result r = principal && !dependent_add(&principal->slot, h->principal, &s->principal_node, s->slot.id) ?
			   RESULT_RESTART : table_root_take(s);

	if (r == 0) {
		if (s->flags & SPACE_SUPERVISOR)
			state.domain[s->domain] = s;
		return 0;
	}
	if (s->principal_node.at)
		dependent_remove(&principal->slot, &s->principal_node);
	domain_release(s);
	return r;
}

result space_load(struct call *call, uint64_t home, unsigned flags)
{
	struct kernel *principal = NULL;
	struct space_home h;
	struct slot *s;
	result r;

	if (home % sizeof h)
		return -BARYON_EINVAL;
	r = memory_read(call->space, home, &h, sizeof h);
	if (r == 0)
		r = space_check(call, &h);
	if (r == 0)
		r = principal_want(&h, &principal);
	if (r == 0)
		r = slot_begin(call, KIND_SPACE, home, flags, &h, sizeof h, &s);
	if (r < 0)
		return r;
	r = space_fill((struct space *)s, &h, principal);
	if (r < 0) {
		slot_abort(s);
		return r;
	}
	return slot_publish(s);
}

void space_write_back(uint32_t index) { (void)index; }

bool space_dependent(uint32_t index, uint32_t *id, uint32_t *generation)
{
	return slot_dependent(&space_at(index)->slot, id, generation) || thread_in_space(space_at(index), id, generation);
}

/* CPUs that keep the map although nothing of it runs: they leave it when they flush. */
static bool space_left(struct space *s)
{
	struct cpu *cpu = this_cpu();

	if (cpu->map == s && !cpu_needs_map(cpu))
		cpu_leave_map(cpu);
	if (cpu->left == s)
		cpu_forget_left(cpu);
	if (s->cpus & ~(1ull << cpu->number))
		shootdown_space(s);
	return s->cpus == 0;
}

result space_unload(uint32_t index, uint32_t generation, bool write)
{
	struct space *s = space_at(index);

	(void)write;
	if (s->slot.generation != generation || s->slot.state != SLOT_DYING)
		return 0;
	if (mapping_unload_some(s) > 0)
		return 1;
	if (!space_left(s))
		return RESULT_RESTART;
	if (!slot_lock_dying(&s->slot, generation))
		return 0;
	if (s->principal)
		dependent_remove(&s->principal->slot, &s->principal_node);
	table_root_give(s);
	domain_release(s);
	slot_end(&s->slot);
	return 0;
}

struct space *space_make_root(struct kernel *root, baryon_uid uid, uint32_t domain)
{
	struct space_home h = { .domain = domain, .principal = root->slot.uid };
	struct space *s = (struct space *)slot_make(KIND_SPACE, root, uid);

	return space_fill(s, &h, root) < 0 || slot_publish(&s->slot) < 0 ? NULL : s;
}
