/* What kernels gave to one another. An entry belongs to its exporter, and goes with it. Entries are changed by callers' threads at
 * the same time: `state` says who may. */
#include "srm.h"

#include "baryon/string.h"

enum { EXPORTS = CHILDREN * EXPORTS_EACH };
enum { EXPORT_FREE = 0, EXPORT_CHANGES, EXPORT_SET };

static struct export {
	uint32_t state;             /* EXPORT_* in the low byte; the rest counts changes */
	uint32_t owner;             /* number of the kernel */
	uint64_t name;
	struct capability capability;
} exports[EXPORTS];             /* each child has its own part: who takes all of it leaves the others theirs */

static bool state_change(struct export *e, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&e->state, &from, ((from >> 8) + 1) << 8 | to, false, __ATOMIC_ACQ_REL,
		__ATOMIC_ACQUIRE);
}

/* The entry of that name, or null. */
static struct export *find(uint64_t name, uint32_t *state)
{
	for (uint32_t i = 0; i < EXPORTS; i++) {
		*state = __atomic_load_n(&exports[i].state, __ATOMIC_ACQUIRE);
		if ((*state & 0xff) == EXPORT_SET && exports[i].name == name)
			return &exports[i];
	}
	return NULL;
}

static struct export *find_free(const struct child *child, uint32_t *state)
{
	for (uint32_t i = child->index * EXPORTS_EACH; i < (child->index + 1) * EXPORTS_EACH; i++) {
		*state = __atomic_load_n(&exports[i].state, __ATOMIC_ACQUIRE);
		if ((*state & 0xff) == EXPORT_FREE)
			return &exports[i];
	}
	return NULL;
}

/* The name is the caller's own, or new. */
long export_add(const struct child *child, const struct portal_words *words)
{
	uint32_t state;
	struct export *e = find(words->word[1], &state);

	if (words->word[1] == 0)
		return -BARYON_EINVAL;
	if (e && e->owner != child->number)
		return -BARYON_EEXIST;
	if (!e)
		e = find_free(child, &state);
	if (!e)
		return -BARYON_EFULL;
	if (!state_change(e, state, EXPORT_CHANGES))
		return -BARYON_EBUSY;
	e->owner = child->number;
	e->name = words->word[1];
	memcpy(&e->capability, &words->word[SRM_WORD_CAPABILITY], sizeof e->capability);
	__atomic_store_n(&e->state, ((state >> 8) + 2) << 8 | EXPORT_SET, __ATOMIC_RELEASE);
	return 0;
}

long export_find(struct portal_words *words)
{
	uint32_t state;
	const struct export *e = find(words->word[1], &state);

	if (!e)
		return -BARYON_ENOENT;
	memcpy(&words->word[SRM_WORD_CAPABILITY], &e->capability, sizeof e->capability);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&e->state, __ATOMIC_RELAXED) == state)
		return 0;
	memset(&words->word[SRM_WORD_CAPABILITY], 0, sizeof e->capability);
	return -BARYON_ENOENT;
}

/* All its threads are gone, so nobody but this one changes its entries, also one that it left half-way. */
void exports_drop(const struct child *child)
{
	for (uint32_t i = 0; i < EXPORTS; i++) {
		uint32_t state = __atomic_load_n(&exports[i].state, __ATOMIC_ACQUIRE);

		if (exports[i].owner == child->number && (state & 0xff) != EXPORT_FREE)
			__atomic_store_n(&exports[i].state, ((state >> 8) + 1) << 8 | EXPORT_FREE, __ATOMIC_RELEASE);
	}
}
