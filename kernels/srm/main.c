/* The SRM's start: reads the boot image's settings, divides what there is, and starts the kernels. */
#include "srm.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/string.h"

enum { STACK_BYTES = 8192, OWN_HOMES = 8, SIDE_GROUPS = 4, SIDE_FRAMES = 4, FIRST_KEEPS = 16, SHARE_ALL = 100, READY_TRIES = 5000 };
#define READY_NS 1000000ull

struct srm srm;

static void image_open(void)
{
	uint64_t base = DOMAIN_BASE + srm.start->domain * DOMAIN_BYTES;
	const struct image_module *module;

	srm.memory = (uint8_t *)(base + DOMAIN_MEMORY_OFFSET);
	srm.memory_next = srm.start->memory_first;
	srm.image = image_mapped(srm.start);
	if (!image_valid(srm.image, srm.start->boot_image_bytes))
		panic("srm: the boot image is damaged");
	module = image_find(srm.image, "settings");
	if (module)
		srm.settings = (struct settings){ image_module_bytes(srm.image, module), module->bytes };
}

static void thread_start(unsigned number, void (*run)(void *), uint32_t priority)
{
	static struct own_thread {
		struct thread_home home __attribute__((aligned(2048)));
		uint8_t stack[STACK_BYTES] __attribute__((aligned(4096)));
		uint8_t handler_stack[HANDLER_BYTES] __attribute__((aligned(4096)));
	} threads[2];
	static unsigned used;
	struct own_thread *t = &threads[used++];
	struct thread_start start = {
		.uid = SRM_UID(number), .space = srm.start->space, .entry = (uint64_t)thread_entry,
		.stack_top = (uint64_t)t->stack + sizeof t->stack, .argument = (uint64_t)run,
		.handler_space = srm.start->space, .handler_top = (uint64_t)t->handler_stack + sizeof t->handler_stack,
		.priority = priority,
	};
	long result;

	thread_home_start(&t->home, &start);
	result = homes_load(&srm.homes, KIND_THREAD, &t->home, LOAD_LOCKED);
	if (result < 0)
		panic("srm: its thread %u: %s", number, baryon_error_text(result));
}

struct child *child_add(const char *name, bool supervisor)
{
	struct child *child = &srm.children[srm.child_count];

	if (srm.child_count == CHILDREN) {
		log_format("srm: too many kernels: %s is left out\n", name);
		return NULL;
	}
	child->index = srm.child_count;
	child->domain_number = DOMAIN_FIRST_CHILD + child->index;
	child->supervisor = settings_supervisor(name, supervisor);
	child->groups[GROUPS_OF_MEMORY - 1] = SIDE_GROUPS;
	child->frames_wanted = SIDE_FRAMES;
	child->restarts = RESTARTS;
	child->force = true;
	string_copy(child->name, name, sizeof child->name);
	__atomic_store_n(&srm.child_count, srm.child_count + 1, __ATOMIC_RELEASE);
	return child;
}

/* Each kernel of the start has the same share of every processor, and one that comes later as much as those. A kernel that is
 * started in the place of UNIX is no contestant: nobody is held back. */
static void settings_apply(bool alone)
{
	for (uint32_t i = 0; i < srm.child_count; i++) {
		srm.children[i].share = (uint8_t)(alone ? SHARE_ALL : SHARE_ALL / srm.child_count);
		if (i > 0)
			settings_child(&srm.children[i]);
	}
	srm.share = srm.children[0].share;
}

/* It may grow to all that the others leave at the start, and has all that at once unless a setting says less. It is asked for what
 * others need, and not forced: what it does not give, nobody gets. */
static void first_child_fill(struct child *first)
{
	uint64_t free = root_memory_free(), others = 0;

	for (uint32_t i = 1; i < srm.child_count; i++)
		others += srm.children[i].groups[GROUPS_OF_MEMORY - 1] + srm.children[i].frames_wanted;
	first->room = free > others + 1 ? free - others : 1;
	first->groups[GROUPS_OF_MEMORY - 1] = first->room;
	first->frames_wanted = 0;
	first->keep[GROUPS_OF_MEMORY - 1] = FIRST_KEEPS;
	first->restarts = 0;
	first->force = false;
	settings_child(first);
}

/* UNIX is first, so that it has the first number and domain. */
static void children_add(void)
{
	const char *only = settings_find(&srm.settings, "only"), *name;
	struct child *first = child_add(only ? only : "unix", !only);
	size_t at = 0;

	first->console = true;
	while ((name = settings_next_of(&srm.settings, &at, "kernel")))
		(void)child_add(name, false);
	settings_apply(only != NULL);
	first_child_fill(first);
}

/* A kernel's first thread sleeps when that kernel has started, or has put back what it keeps. Waits for that a little while.
 * Returns whether this thread was woken meanwhile. */
static bool child_wait(struct child *child)
{
	for (unsigned i = 0; i < READY_TRIES; i++) {
		if (object_write_back(KIND_THREAD, child->thread.header.uid) == 0 && child->thread.state == THREAD_PARKED &&
			child->thread.unpark_token == 0)
			return false;
		if (park(clock_now_ns() + READY_NS) == 0)
			return true;
	}
	return false;
}

static bool children_wait(void)
{
	bool woken = false;

	for (uint32_t i = 0; i < srm.child_count && !woken; i++)
		woken = __atomic_load_n(&srm.children[i].state, __ATOMIC_ACQUIRE) == CHILD_RUNNING &&
			child_wait(&srm.children[i]);
	return woken;
}

/* Root wakes this thread after Strange forgot everything: what the SRM keeps is put back, and each kernel's first thread is
 * woken, which puts back what that kernel keeps. */
static void resume_all(void)
{
	long result = homes_reload(&srm.homes);

	for (uint32_t i = 0; i < srm.child_count && result == 0; i++) {
		struct child *child = &srm.children[i];

		if (__atomic_load_n(&child->state, __ATOMIC_ACQUIRE) != CHILD_RUNNING)
			continue;
		result = homes_reload(&child->homes);
		if (result == 0)
			result = unpark(child->thread.header.uid);
	}
	if (result < 0)
		panic("srm: resuming: %s", baryon_error_text(result));
}

_Noreturn void domain_main(void *start)
{
	static struct homes_entry entries[OWN_HOMES];

	srm.start = start;
	srm.next_number = KERNEL_FIRST_OF_SRM;
	srm.homes = (struct homes){ entries, 0, OWN_HOMES };
	image_open();
	settings_check();
	portals_start();
	memory_report();
	children_add();
	thread_start(NUMBER_SCHEDULER, scheduler_run, PRIORITY_SCHEDULER);
	thread_start(NUMBER_MANAGER, manager_run, PRIORITY_MANAGER);
	while (!__atomic_load_n(&srm.started, __ATOMIC_ACQUIRE))
		park(clock_now_ns() + READY_NS);
	for (;;) {
		if (!children_wait())
			park(0);
		resume_all();
	}
}
