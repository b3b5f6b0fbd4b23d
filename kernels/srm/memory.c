/* Who has which page groups. Root gives and takes them; each kernel's home says which frames it may manage; and when there are
 * none left, kernels that have more than they keep are asked, and in the end forced. */
#include "srm.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/string.h"

static uint64_t *count_of(struct child *child, enum group_sort sort)
{
	return &child->groups[sort - 1];
}

static void extent_write(struct child *child, uint32_t i, uint64_t first, uint64_t count)
{
	uint64_t word = first | count << 32;

	_Static_assert(sizeof(struct group_extent) == sizeof word, "an extent is changed at once");
	__atomic_store_n((uint64_t *)&child->kernel.extents[i], word, __ATOMIC_RELEASE);
}

/* The place of an extent without groups, from `from` on, or KERNEL_EXTENTS. */
static uint32_t extent_free(const struct child *child, uint32_t from)
{
	while (from < KERNEL_EXTENTS && child->kernel.extents[from].count)
		from++;
	return from;
}

/* The extent that all of the range lies in, or KERNEL_EXTENTS. */
static uint32_t extent_of(const struct child *child, const struct group_range *range)
{
	uint32_t i;

	for (i = 0; i < KERNEL_EXTENTS; i++) {
		const struct group_extent *e = &child->kernel.extents[i];

		if (range->first >= e->first && range->first - e->first < e->count &&
			range->count <= e->count - (range->first - e->first))
			break;
	}
	return i;
}

static long frames_add(struct child *child, uint64_t wanted, struct group_range *out)
{
	uint32_t place = extent_free(child, 0);
	long result;

	if (place == KERNEL_EXTENTS)
		return -BARYON_EFULL;
	out->count = wanted;
	result = root_groups_grant(out->count, &out->first);
	while (result == -BARYON_EQUOTA && out->count > 1) {
		out->count /= 2;
		result = root_groups_grant(out->count, &out->first);
	}
	if (result < 0)
		return result;
	extent_write(child, place, out->first, out->count);
	return kernel_group(KERNEL_UID(child->number), out->first);
}

/* What is left of the extent before the range keeps its place; what is left behind it gets a later one, and is written first
 * (extents_read in Strange). */
static long frames_remove(struct child *child, const struct group_range *range)
{
	uint32_t i = extent_of(child, range), other;
	struct group_extent e;
	uint64_t end;
	long result = 0;

	if (i == KERNEL_EXTENTS || range->count == 0)
		return -BARYON_EINVAL;
	e = child->kernel.extents[i];
	end = (uint64_t)e.first + e.count;
	if (range->first > e.first && range->first + range->count < end) {
		other = extent_free(child, i + 1);
		if (other == KERNEL_EXTENTS)
			return -BARYON_EFULL;
		extent_write(child, other, range->first + range->count, end - range->first - range->count);
	}
	if (range->first > e.first)
		extent_write(child, i, e.first, range->first - e.first);
	else
		extent_write(child, i, range->first + range->count, end - range->first - range->count);
	for (uint64_t n = 0; n < range->count && result == 0; n++)
		result = kernel_group(KERNEL_UID(child->number), range->first + n);
	return result;
}

static long add(struct child *child, enum group_sort sort, uint64_t wanted, struct group_range *out)
{
	long result = sort == GROUPS_OF_MEMORY ? root_container_grow(child->memory, wanted, out) : frames_add(child, wanted, out);

	if (result >= 0)
		*count_of(child, sort) += out->count;
	return result < 0 ? result : 0;
}

long groups_back(struct child *child, enum group_sort sort, const struct group_range *range)
{
	long result;

	if (sort == GROUPS_OF_MEMORY) {
		if (range->first >= child->room || range->count > child->room - range->first)
			return -BARYON_EINVAL;
		result = root_container_shrink(child->memory, range);
		if (result >= 0)
			*count_of(child, sort) -= (uint64_t)result;
		return result < 0 ? result : 0;
	}
	result = frames_remove(child, range);
	if (result >= 0)
		result = root_groups_return(range);
	if (result >= 0)
		*count_of(child, sort) -= range->count;
	return result < 0 ? result : 0;
}

/* ---- asking ---- */

/* The last groups of that sort, in a row. */
static struct group_range last_groups(const struct child *child, enum group_sort sort, uint64_t count)
{
	struct group_range range = { 0 };

	if (sort == GROUPS_OF_MEMORY) {
		if (root_container_last(child->memory, count, &range) < 0)
			range.count = 0;
		return range;
	}
	for (uint32_t i = KERNEL_EXTENTS; i-- > 0 && range.count == 0;) {
		const struct group_extent *e = &child->kernel.extents[i];

		range.count = e->count < count ? e->count : count;
		range.first = (uint64_t)e->first + e->count - range.count;
	}
	return range;
}

/* The kernel is told before the groups go, so whatever it finds missing it finds named. */
static uint64_t force(struct child *child, enum group_sort sort, uint64_t missing)
{
	struct memory_asked *asked = child->asked;
	uint64_t taken = 0;

	while (taken < missing) {
		struct group_range range = last_groups(child, sort, missing - taken);

		if (range.count == 0)
			break;
		asked->taken[asked->taken_number % ASKED_TAKEN] = (struct group_taken){ range.first, (uint32_t)range.count, sort };
		__atomic_store_n(&asked->taken_number, asked->taken_number + 1, __ATOMIC_RELEASE);
		log_format("srm: kernel %s: %lu page groups from %lu on are taken by force\n", child->name, range.count, range.first);
		if (groups_back(child, sort, &range) < 0)
			break;
		taken += range.count;
	}
	unpark(child->thread.header.uid);
	return taken;
}

/* Returns how many came back. */
static uint64_t ask(struct child *child, enum group_sort sort, uint64_t groups)
{
	struct memory_asked *asked = child->asked;
	uint64_t back = 0, end = clock_now_ns() + settings_asking_ns();
	bool done = false;

	asked->sort = sort;
	asked->groups = groups;
	asked->deadline_ns = end;
	__atomic_store_n(&asked->number, asked->number + 1, __ATOMIC_RELEASE);
	log_format("srm: kernel %s is asked for %lu page groups\n", child->name, groups);
	unpark(child->thread.header.uid);
	while (back < groups && !done && clock_now_ns() < end &&
		__atomic_load_n(&child->state, __ATOMIC_ACQUIRE) == CHILD_RUNNING) {
		park(end);
		requests_back(child, sort, &back, &done);
	}
	if (back)
		log_format("srm: kernel %s gave %lu page groups back\n", child->name, back);
	return back < groups && child->force ? back + force(child, sort, groups - back) : back;
}

/* The kernel and sort with the most above what it keeps that were not asked yet; bits of `asked` say which were. */
static struct child *choose(const struct child *for_whom, uint32_t asked, enum group_sort *sort, uint64_t *spare)
{
	struct child *best = NULL;

	*spare = 0;
	for (uint32_t i = 0; i < srm.child_count * GROUP_SORTS; i++) {
		struct child *child = &srm.children[i / GROUP_SORTS];
		uint64_t has = child->groups[i % GROUP_SORTS], keeps = child->keep[i % GROUP_SORTS];

		if (child == for_whom || (asked & 1u << i) || child->state != CHILD_RUNNING || has <= keeps + *spare)
			continue;
		best = child;
		*sort = (enum group_sort)(i % GROUP_SORTS + 1);
		*spare = has - keeps;
	}
	return best;
}

void groups_free_some(const struct child *for_whom, uint64_t wanted)
{
	uint64_t free = root_memory_free(), spare;
	uint32_t asked = 0;
	enum group_sort sort = GROUPS_OF_MEMORY;

	while (free < wanted) {
		struct child *child = choose(for_whom, asked, &sort, &spare);

		if (!child)
			break;
		asked |= 1u << (child->index * GROUP_SORTS + (uint32_t)sort - 1);
		ask(child, sort, wanted - free < spare ? wanted - free : spare);
		free = root_memory_free();
	}
}

long groups_more(struct child *child, enum group_sort sort, uint64_t wanted, struct group_range *out)
{
	long result = add(child, sort, wanted, out);

	if (result != -BARYON_EQUOTA)
		return result;
	groups_free_some(child, wanted);
	return add(child, sort, wanted, out);
}
