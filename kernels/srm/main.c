/* The SRM's start: reads the boot image's settings, divides what there is, and starts the kernels. */
#include "srm.h"

#include "baryon/clock.h"
#include "baryon/format.h"
#include "baryon/string.h"

enum { STACK_BYTES = 16384, OWN_HOMES = 8, SIDE_GROUPS = 4, SIDE_GRANT = 4, SHARE_ALL = 100, READY_TRIES = 5000 };
#define READY_NS 1000000ull

struct srm srm;

static void image_open(void)
{
	uint64_t base = DOMAIN_BASE + srm.start->domain * DOMAIN_BYTES;
	const struct image_module *module;

	srm.memory = (uint8_t *)(base + DOMAIN_MEMORY_OFFSET);
	srm.memory_next = srm.start->memory_first;
	srm.image = (const struct image_header *)(base + DOMAIN_BOOT_OFFSET);
	if (!image_valid(srm.image, srm.start->boot_image_bytes))
		panic("srm: the boot image is damaged");
	module = image_find(srm.image, "settings");
	if (module)
		srm.settings = (struct settings){ image_module_bytes(srm.image, module), module->bytes };
}

static void scheduler_start(void)
{
	static struct thread_home home __attribute__((aligned(2048)));
	static uint8_t stack[STACK_BYTES] __attribute__((aligned(4096)));
	static uint8_t handler_stack[HANDLER_BYTES] __attribute__((aligned(4096)));
	struct thread_start start = {
		.uid = SRM_UID(NUMBER_SCHEDULER), .space = srm.start->space, .entry = (uint64_t)thread_entry,
		.stack_top = (uint64_t)stack + sizeof stack, .argument = (uint64_t)scheduler_run,
		.handler_space = srm.start->space, .handler_top = (uint64_t)handler_stack + sizeof handler_stack,
		.priority = PRIORITY_SCHEDULER,
	};
	long result;

	thread_home_start(&home, &start);
	result = homes_load(&srm.homes, KIND_THREAD, &home, LOAD_LOCKED);
	if (result < 0)
		panic("srm: its scheduler thread: %s", baryon_error_text(result));
}

/* Whether "place=NAME=..." asks for the supervisor; the last one counts. */
static bool place_supervisor(const char *name, bool otherwise)
{
	size_t at = 0, length = strlen(name);
	const char *value;

	while ((value = settings_next_of(&srm.settings, &at, "place"))) {
		if (strncmp(value, name, length) == 0 && value[length] == '=')
			otherwise = strcmp(value + length + 1, "supervisor") == 0;
		if (strncmp(value, "all=", 4) == 0)
			otherwise = strcmp(value + 4, "supervisor") == 0;
	}
	return otherwise;
}

static struct child *child_add(const char *name, bool supervisor, uint64_t memory_pages)
{
	struct child *child = &srm.children[srm.child_count];

	if (srm.child_count == CHILDREN) {
		log_format("srm: too many kernels: %s is left out\n", name);
		return NULL;
	}
	child->index = srm.child_count;
	child->domain_number = DOMAIN_FIRST_CHILD + child->index;
	child->supervisor = place_supervisor(name, supervisor);
	child->memory_pages = memory_pages;
	child->share = SHARE_ALL;
	string_copy(child->name, name, sizeof child->name);
	__atomic_store_n(&srm.child_count, srm.child_count + 1, __ATOMIC_RELEASE);
	return child;
}

/* Kernels beside UNIX: a little memory of the common kind, and page groups that they manage themselves. */
static void side_kernels_add(void)
{
	const char *name;
	size_t at = 0;

	while ((name = settings_next_of(&srm.settings, &at, "kernel"))) {
		struct child *child = child_add(name, false, SIDE_GROUPS * GROUP_PAGES);

		if (!child)
			continue;
		child->restarts = RESTARTS;
		if (root_groups_grant(child, SIDE_GRANT) < 0)
			log_format("srm: kernel %s gets no page groups of its own\n", name);
	}
}

/* UNIX is first, so that it has the first number and domain; it gets the memory that the others leave. Each has the
 * same share of every processor. A kernel that is started in the place of UNIX is no contestant: nobody is held back. */
static void children_start(void)
{
	const char *only = settings_find(&srm.settings, "only");
	struct child *first = child_add(only ? only : "unix", !only, 0);
	uint64_t pages;

	first->console = true;
	side_kernels_add();
	pages = root_memory_free() - (srm.child_count - 1) * SIDE_GROUPS * GROUP_PAGES;
	first->memory_pages = (int64_t)pages > 0 ? pages : GROUP_PAGES;
	for (uint32_t i = 0; i < srm.child_count; i++) {
		srm.children[i].share = (uint8_t)(only ? SHARE_ALL : SHARE_ALL / srm.child_count);
		if (child_start(&srm.children[i]) < 0 && srm.children[i].console)
			root_power_off(STATUS_FAILED);
	}
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
	portals_start();
	scheduler_start();
	memory_report();
	children_start();
	for (;;) {
		if (!children_wait())
			park(0);
		resume_all();
	}
}
