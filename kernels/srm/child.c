/* Making an application kernel: its homes, its domain, its program, its first thread. */
#include "srm.h"

#include "abi/console.h"
#include "abi/counters.h"
#include "baryon/format.h"
#include "baryon/root.h"
#include "baryon/string.h"

enum { STACK_PAGES = 8, STACK_OFFSET = 0x100000 };

static long kernel_make(struct child *child)
{
	struct kernel_home *home = &child->kernel;
	uint32_t n = child->number;
	struct group_extent extents[KERNEL_EXTENTS];

	memcpy(extents, home->extents, sizeof extents);
	home_start(home, sizeof *home, KIND_KERNEL, KERNEL_UID(n));
	memcpy(home->extents, extents, sizeof extents);
	home->number = n;
	home->rights = (child->supervisor ? KERNEL_MAY_SUPERVISE : 0u) | KERNEL_MAY_FRAMES;
	home->trap_portal = UID_MAKE(n, NUMBER_TRAP_PORTAL);
	home->fault_portal = UID_MAKE(n, NUMBER_FAULT_PORTAL);
	home->exception_portal = UID_MAKE(n, NUMBER_EXCEPTION_PORTAL);
	home->alert_portal = UID_MAKE(n, NUMBER_ALERT_PORTAL);
	home->miss_portal = UID_MAKE(n, NUMBER_MISS_PORTAL);
	home->scheduler = UID_MAKE(n, NUMBER_SCHEDULER);
	settings_home(child, home);
	return homes_load(&child->homes, KIND_KERNEL, home, 0);
}

static long space_make(struct child *child)
{
	struct space_home *home = &child->space;

	home_start(home, sizeof *home, KIND_SPACE, SRM_UID(NUMBER_CHILD_SPACES + child->number));
	home->flags = child->supervisor ? SPACE_SUPERVISOR : 0;
	home->domain = child->domain_number;
	home->principal = child->kernel.header.uid;
	domain_start(&child->domain, home->header.uid, child->domain_number);
	return homes_load(&child->homes, KIND_SPACE, home, 0);
}

static long reference_give(struct child *child, uint32_t handle, const struct capability *capability)
{
	struct reference_home *home = &child->references[handle - 1];

	*home = (struct reference_home){ *capability, child->space.header.uid, handle, HOME_VERSION };
	return object_load(KIND_REFERENCE, home, 0);
}

static long service_give(struct child *child)
{
	struct capability capability = { .badge = child->index + 1 };
	long result = capability_make(KIND_PORTAL, SRM_UID(NUMBER_SERVICE), RIGHT_CALL, &capability);

	return result < 0 ? result : reference_give(child, HANDLE_SRM, &capability);
}

static long shared_give(struct child *child, uint32_t handle, uint64_t what)
{
	struct capability capability;
	long result = root_capability(what, &capability);

	return result < 0 ? result : reference_give(child, handle, &capability);
}

static long references_give(struct child *child)
{
	long result = reference_give(child, HANDLE_MEMORY, &child->memory_capability);

	if (result == 0)
		result = shared_give(child, HANDLE_BOOT_IMAGE, ROOT_SHARED_BOOT_IMAGE);
	if (result == 0 && child->console)
		result = shared_give(child, HANDLE_CONSOLE, ROOT_SHARED_CONSOLE);
	return result == 0 ? service_give(child) : result;
}

/* The first start makes the memory; a restart makes it read zero again. */
static long memory_make(struct child *child)
{
	return child->memory ? root_container_clear(child->memory) : root_container_make(child);
}

/* Those with groups come first, since the start record names one. The kernel is not loaded. */
static void extents_sort(struct child *child)
{
	struct group_extent *e = child->kernel.extents;

	for (uint32_t i = 0, to = 0; i < KERNEL_EXTENTS; i++) {
		struct group_extent moved = e[i];

		e[i] = (struct group_extent){ 0 };
		e[to] = moved;
		to += moved.count != 0;
	}
}

/* Frames for the kernel to manage: what it has already it keeps over a restart. */
static void frames_make(struct child *child)
{
	uint64_t wanted = child->frames_wanted;
	struct group_range range;

	if (child->memory) {
		extents_sort(child);
		return;
	}
	if (wanted == 0 || child->groups[GROUPS_OF_FRAMES - 1])
		return;
	if (groups_more(child, GROUPS_OF_FRAMES, wanted, &range) < 0)
		log_format("srm: kernel %s gets no page groups of its own\n", child->name);
}

static void part_add(struct child *child, const struct domain_part *part)
{
	REQUIRE(domain_add(&child->domain, part));
}

static void windows_add(struct child *child)
{
	struct domain_part memory = {
		.address = DOMAIN_MEMORY_OFFSET, .pages = child->room * GROUP_PAGES,
		.container = SRM_HANDLE_CHILD_MEMORY + child->index, .rights = RIGHT_READ | RIGHT_WRITE,
		.flags = MAPPING_LARGE, .around = 1,
	};

	part_add(child, &memory);
	REQUIRE(domain_add_image(&child->domain, HANDLE_BOOT_IMAGE, srm.start->boot_image_first, srm.start->boot_image_bytes));
}

static void console_part(struct child *child, uint64_t page, uint64_t pages)
{
	struct domain_part part = {
		.address = DOMAIN_CONSOLE_OFFSET + page * PAGE_BYTES, .pages = pages, .index = page,
		.container = HANDLE_CONSOLE, .rights = RIGHT_READ | RIGHT_WRITE, .around = pages > 1 ? DOMAIN_AROUND : 1,
	};

	part_add(child, &part);
}

/* Each ring's first page is a part of its own: signals go there. */
static void console_add(struct child *child)
{
	uint64_t ring = sizeof(struct console_ring) / PAGE_BYTES;

	for (uint64_t page = 0; page < CONSOLE_CHANNEL_PAGES; page += ring) {
		console_part(child, page, 1);
		console_part(child, page + 1, ring - 1);
	}
}

/* Start page and stack lie behind the program, in the SRM's memory. */
static void own_pages_add(struct child *child, uint64_t pages)
{
	struct domain_part part = {
		.pages = 1, .index = (uint64_t)(child->program - srm.memory) / PAGE_BYTES + pages,
		.address = DOMAIN_START_OFFSET, .container = HANDLE_MEMORY, .rights = RIGHT_READ, .around = 1,
	};

	part_add(child, &part);
	part.address = DOMAIN_START_OFFSET + STACK_OFFSET;
	part.index++;
	part.pages = STACK_PAGES;
	part.rights = RIGHT_READ | RIGHT_WRITE;
	part.around = DOMAIN_AROUND;
	part_add(child, &part);
}

static uint64_t spaces_most(void)
{
	struct counters counters;

	if (machine(MACHINE_COUNTERS, (uint64_t)&counters, sizeof counters) != (long)sizeof counters)
		return 0;
	return counters.tables < counters.slots[KIND_SPACE] ? counters.tables : counters.slots[KIND_SPACE];
}

static void start_page_fill(struct child *child, struct kernel_start *page)
{
	*page = (struct kernel_start){
		.version = 1, .number = child->number, .cpus = srm.start->cpus, .domain = child->domain_number,
		.space = child->space.header.uid, .memory_container = child->memory, .memory_pages = child->room * GROUP_PAGES,
		.boot_image_bytes = srm.start->boot_image_bytes, .boot_image_first = srm.start->boot_image_first,
		.supervisor = child->supervisor,
		.grant_first = child->kernel.extents[0].first, .grant_count = child->kernel.extents[0].count,
		.memory_groups = child->groups[GROUPS_OF_MEMORY - 1], .spaces_most = spaces_most(),
	};
	child->asked = (struct memory_asked *)((uint8_t *)page + MEMORY_ASKED_OFFSET);
}

/* Memory for the program, start page and stack: zero at first, cleared for a restart. */
static uint64_t program_room(struct child *child)
{
	if (child->program_pages) {
		memset(child->program, 0, child->program_pages * PAGE_BYTES);
		return child->program_pages;
	}
	child->program = srm.memory + srm.memory_next * PAGE_BYTES;
	return srm.start->memory_pages - srm.memory_next;
}

static void program_keep(struct child *child, uint64_t pages)
{
	if (child->program_pages)
		return;
	child->program_pages = pages;
	srm.memory_next += pages;
}

static bool program_load(struct child *child, uint64_t *entry)
{
	const struct image_module *module = image_find(srm.image, child->name);
	uint64_t room = program_room(child), pages, own = 1 + STACK_PAGES;
	enum elf_result result = ELF_NOT_ELF;

	if (module && image_module_intact(srm.image, module) && room > own) {
		struct domain_program program = {
			.file = image_module_bytes(srm.image, module), .file_bytes = module->bytes, .memory = child->program,
			.memory_pages = room - own, .container = HANDLE_MEMORY,
			.index = (uint64_t)(child->program - srm.memory) / PAGE_BYTES,
		};

		result = domain_load(&child->domain, &program, entry, &pages);
	}
	if (result != ELF_OK) {
		log_format("srm: kernel %s: its module is %s\n", child->name, module ? elf_result_text(result) : "missing");
		memset(child->program, 0, room * PAGE_BYTES);   /* others begin there */
		return false;
	}
	start_page_fill(child, (struct kernel_start *)(child->program + pages * PAGE_BYTES));
	own_pages_add(child, pages);
	program_keep(child, pages + own);
	return true;
}

static long thread_start(struct child *child, uint64_t entry)
{
	uint64_t base = child->domain.base;
	struct thread_start start = {
		.uid = SRM_UID(NUMBER_CHILD_THREADS + child->number), .space = child->space.header.uid, .entry = entry,
		.stack_top = base + DOMAIN_START_OFFSET + STACK_OFFSET + STACK_PAGES * PAGE_BYTES,
		.argument = base + DOMAIN_START_OFFSET, .handler_space = srm.start->space,
		.handler_top = (uint64_t)child->handler_stack + sizeof child->handler_stack, .cookie = child->index,
		.priority = PRIORITY_CHILD, .supervisor = child->supervisor,
	};

	thread_home_start(&child->thread, &start);
	return homes_load(&child->homes, KIND_THREAD, &child->thread, 0);
}

long child_start(struct child *child)
{
	uint64_t entry;
	long result;

	child->number = srm.next_number++;
	child->homes = (struct homes){ child->entries, 0, CHILD_HOMES };
	frames_make(child);
	result = kernel_make(child);
	if (result == 0)
		result = space_make(child);
	if (result == 0)
		result = memory_make(child);
	if (result == 0)
		result = references_give(child);
	if (result == 0 && !program_load(child, &entry))
		return -BARYON_EINVAL;
	if (result == 0) {
		windows_add(child);
		if (child->console)
			console_add(child);
		__atomic_store_n(&child->state, CHILD_RUNNING, __ATOMIC_RELEASE);
		result = thread_start(child, entry);
	}
	if (result < 0)
		log_format("srm: kernel %s does not start: %s\n", child->name, baryon_error_text(result));
	return result;
}

static void destroy(enum object_kind kind, const void *home)
{
	const struct header_view { struct home_header header; } *view = home;
	long result = view->header.uid ? object_destroy(kind, view->header.uid) : 0;

	if (result < 0 && result != -BARYON_ENOENT)
		log_format("srm: destroying %lx: %s\n", view->header.uid, baryon_error_text(result));
}

/* Its threads are gone, and so is what they asked for and gave. */
static void traces_drop(const struct child *child)
{
	requests_drop(child);
	exports_drop(child);
}

/* Nothing is missed in any more; then the space goes, so that the calls of others in it are lost; then the rest. */
void child_destroy(struct child *child)
{
	__atomic_store_n(&child->homes.count, 0, __ATOMIC_RELEASE);
	destroy(KIND_THREAD, &child->thread);
	destroy(KIND_SPACE, &child->space);
	destroy(KIND_KERNEL, &child->kernel);
	traces_drop(child);
}

long child_console_bind(struct child *child, baryon_uid thread)
{
	uint64_t first = child->domain.base + DOMAIN_CONSOLE_OFFSET;
	long result = 0;

	for (uint32_t i = 0; i < child->domain.count && result >= 0; i++) {
		struct domain_part *part = &child->domain.part[i];

		if (part->address - first >= sizeof(struct console_channel) || part->pages != 1)
			continue;
		part->signal = thread;
		result = mapping_unload(child->domain.space, part->address, 1);
		if (result >= 0)
			result = domain_fault(&child->domain, part->address, RIGHT_WRITE);
	}
	return result < 0 ? result : 0;
}
