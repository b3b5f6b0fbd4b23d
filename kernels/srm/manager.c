/* The manager thread: starts kernels, clears away those that died, and serves requests that change who has what, one after the
 * other. A thread that asks leaves its request in a table and waits, on its own time, for the answer. */
#include "srm.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/string.h"

#define LOOK_NS 1000000ull

enum request_state { REQUEST_FREE = 0, REQUEST_CLAIMED, REQUEST_ASKED, REQUEST_DONE };
enum { OWNER_SHIFT = 8, REQUESTS_EACH = SERVICE_STACKS, REQUESTS = CHILDREN * REQUESTS_EACH };

static struct request {
	uint32_t state;             /* enum request_state; from OWNER_SHIFT on the child's index + 1, so that both change at once */
	struct child *child;
	uint64_t operation, sort;
	uint64_t name;
	struct group_range range;   /* in and out */
	long result;
} requests[REQUESTS];           /* each child has its own: one that lets go of its calls before the answer fills nobody else's */

void manager_wake(void)
{
	unpark(SRM_UID(NUMBER_MANAGER));
}

static uint32_t state_of(const struct child *child, enum request_state state)
{
	return (child->index + 1) << OWNER_SHIFT | state;
}

static bool state_is(const struct request *r, enum request_state state)
{
	return (__atomic_load_n(&r->state, __ATOMIC_ACQUIRE) & ((1u << OWNER_SHIFT) - 1)) == state;
}

static void state_set(struct request *r, enum request_state state)
{
	__atomic_store_n(&r->state, state_of(r->child, state), __ATOMIC_RELEASE);
}

static struct request *claim(struct child *child)
{
	for (unsigned i = child->index * REQUESTS_EACH; i < (child->index + 1) * REQUESTS_EACH; i++) {
		uint32_t none = REQUEST_FREE;

		if (__atomic_compare_exchange_n(&requests[i].state, &none, state_of(child, REQUEST_CLAIMED), false,
			__ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
			requests[i].child = child;
			return &requests[i];
		}
	}
	return NULL;
}

/* The wait is not parking alone: an alert of the caller's ends that at once, and its tokens are not ours to take. */
static void wait_for(const struct request *r)
{
	manager_wake();
	while (!state_is(r, REQUEST_DONE)) {
		yield();
		if (!state_is(r, REQUEST_DONE))
			park(clock_now_ns() + LOOK_NS);
	}
}

long manager_request(struct child *child, struct portal_words *words)
{
	const uint64_t *word = words->word;
	bool more = word[0] == SRM_GROUPS_MORE;
	struct request *r;
	long result;

	if (word[0] != SRM_START && word[1] != GROUPS_OF_MEMORY && word[1] != GROUPS_OF_FRAMES)
		return -BARYON_EINVAL;
	r = claim(child);
	if (!r)
		return -BARYON_EBUSY;
	r->operation = word[0];
	r->sort = r->name = word[1];
	r->range = (struct group_range){ more ? 0 : word[2], more ? word[2] : word[3] };
	state_set(r, REQUEST_ASKED);
	wait_for(r);
	result = r->result;
	words->word[1] = r->range.first;
	words->word[2] = r->range.count;
	__atomic_store_n(&r->state, REQUEST_FREE, __ATOMIC_RELEASE);
	return result;
}

static void answer(struct request *r, long result)
{
	r->result = result;
	state_set(r, REQUEST_DONE);
}

/* ---- starting ---- */

static bool is_kernel(const char *name)
{
	static const char *const others[] = { "root", "srm", "rootfs", "overlay", "settings" };

	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strcmp(name, others[i]) == 0)
			return false;
	return true;
}

static struct child *child_named(const char *name)
{
	for (uint32_t i = 0; i < srm.child_count; i++)
		if (strcmp(srm.children[i].name, name) == 0)
			return &srm.children[i];
	return NULL;
}

/* Room is made first, then the kernel starts like those that start with the machine. One that ended may be started anew. */
static long start(uint64_t word)
{
	char name[sizeof word + 1] = "";
	struct child *child;
	long result;

	memcpy(name, &word, sizeof word);
	if (!image_find(srm.image, name))
		return -BARYON_ENOENT;
	if (!is_kernel(name))
		return -BARYON_EPERM;
	child = child_named(name);
	if (child && child->state != CHILD_ENDED)
		return -BARYON_EEXIST;
	if (!child) {
		child = child_add(name, false);
		if (!child)
			return -BARYON_EFULL;
		child->share = srm.share;
		settings_child(child);
	}
	groups_free_some(child, child->memory ? 0 : child->groups[GROUPS_OF_MEMORY - 1] + child->frames_wanted);
	log_format("srm: kernel %s is started\n", child->name);
	result = child_start(child);
	if (result < 0) {
		child_destroy(child);
		__atomic_store_n(&child->state, CHILD_ENDED, __ATOMIC_RELEASE);
	}
	return result;
}

/* ---- requests ---- */

static void serve(struct request *r)
{
	long result;

	switch (r->operation) {
	case SRM_GROUPS_MORE:
		result = r->range.count ? groups_more(r->child, (enum group_sort)r->sort, r->range.count, &r->range) : -BARYON_EINVAL;
		break;
	case SRM_GROUPS_RETURN:
		result = groups_back(r->child, (enum group_sort)r->sort, &r->range);
		break;
	default:
		result = start(r->name);
		break;
	}
	answer(r, result);
}

/* Nothing at all means that there is nothing more. */
void requests_back(const struct child *child, enum group_sort sort, uint64_t *back, bool *done)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct request *r = &requests[i];
		uint64_t before = child->groups[sort - 1];

		if (!state_is(r, REQUEST_ASKED) || r->child != child || r->operation != SRM_GROUPS_RETURN)
			continue;
		if (r->sort == sort && r->range.count == 0) {
			*done = true;
			answer(r, 0);
			continue;
		}
		serve(r);
		*back += before - child->groups[sort - 1];
	}
}

/* Its threads are destroyed, so nobody waits for the answers. */
void requests_drop(const struct child *child)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		if (__atomic_load_n(&requests[i].state, __ATOMIC_ACQUIRE) >> OWNER_SHIFT == child->index + 1)
			__atomic_store_n(&requests[i].state, REQUEST_FREE, __ATOMIC_RELEASE);
}

static void requests_serve(void)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		if (state_is(&requests[i], REQUEST_ASKED))
			serve(&requests[i]);
}

static void failures_serve(void)
{
	for (uint32_t i = 0; i < srm.child_count; i++)
		if (__atomic_load_n(&srm.children[i].state, __ATOMIC_ACQUIRE) == CHILD_FAILED)
			child_recover(&srm.children[i]);
}

static void children_start(void)
{
	for (uint32_t i = 0; i < srm.child_count; i++)
		if (child_start(&srm.children[i]) < 0 && srm.children[i].console)
			root_power_off(STATUS_FAILED);
	__atomic_store_n(&srm.started, true, __ATOMIC_RELEASE);
}

_Noreturn void manager_run(void *unused)
{
	uint64_t look = 0;

	(void)unused;
	children_start();
	for (;;) {
		failures_serve();
		requests_serve();
		if (clock_now_ns() >= look) {
			stacks_look();
			look = clock_now_ns() + STACKS_LOOK_NS;
		}
		park(look);
	}
}
