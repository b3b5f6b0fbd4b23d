/* Starting the SRM: its kernel, domain space, memory and program, all locked, and its first thread. */
#include "root.h"

#include "baryon/format.h"
#include "baryon/image.h"
#include "baryon/string.h"

enum { PROGRAM_GROUPS = 2, SRM_GROUPS = 3, HANDLER_BYTES = 8192 };

struct domain srm_domain;

static struct kernel_home kernel_home __attribute__((aligned(512)));
static struct space_home space_home __attribute__((aligned(64)));
static struct thread_home thread_home __attribute__((aligned(2048)));
static uint8_t handler_stack[HANDLER_BYTES] __attribute__((aligned(4096)));

/* The SRM's memory as root sees it while it loads the program. */
static uint8_t *srm_memory;

static void kernel_make(uint32_t cpus)
{
	home_start(&kernel_home, sizeof kernel_home, KIND_KERNEL, KERNEL_UID(KERNEL_NUMBER_SRM));
	kernel_home.number = KERNEL_NUMBER_SRM;
	kernel_home.rights = KERNEL_MAY_SUPERVISE | KERNEL_MAY_KERNELS | KERNEL_MAY_FRAMES | KERNEL_MAY_MACHINE;
	kernel_home.fault_portal = UID_MAKE(KERNEL_NUMBER_SRM, NUMBER_FAULT_PORTAL);
	kernel_home.exception_portal = UID_MAKE(KERNEL_NUMBER_SRM, NUMBER_EXCEPTION_PORTAL);
	kernel_home.miss_portal = UID_MAKE(KERNEL_NUMBER_SRM, NUMBER_MISS_PORTAL);
	kernel_home.scheduler = UID_MAKE(KERNEL_NUMBER_SRM, NUMBER_SCHEDULER);
	kernel_home.priority_ceiling = PRIORITY_SRM;
	for (unsigned i = 0; i < KIND_COUNT; i++)
		kernel_home.lock_quota[i] = i == KIND_PAGE || i == KIND_MAPPING ? 0 : 8;
	for (uint32_t i = 0; i < cpus && i < CPU_LIMIT; i++)
		kernel_home.cpu_share[i] = 100;
	root_load(KIND_KERNEL, &kernel_home, LOAD_LOCKED);
}

static void space_make(void)
{
	home_start(&space_home, sizeof space_home, KIND_SPACE, ROOT_UID(NUMBER_SRM_SPACE));
	space_home.domain = DOMAIN_SRM;
	space_home.principal = kernel_home.header.uid;
	root_load(KIND_SPACE, &space_home, LOAD_LOCKED);
	domain_start(&srm_domain, space_home.header.uid, DOMAIN_SRM);
}

static void reference_give(enum object_kind kind, uint64_t number, uint64_t rights, baryon_uid space, uint32_t handle)
{
	struct capability capability;
	long result;

	root_capability(kind, number, rights, &capability);
	result = root_reference_load(&capability, space, handle);
	if (result < 0)
		panic("root: reference %u to object %lu: %s", handle, number, baryon_error_text(result));
}

static void references_make(void)
{
	baryon_uid space = ROOT_UID(NUMBER_SRM_SPACE);

	reference_give(KIND_CONTAINER, NUMBER_SRM_MEMORY, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE, space, HANDLE_MEMORY);
	reference_give(KIND_CONTAINER, NUMBER_BOOT_IMAGE, RIGHT_READ | RIGHT_EXECUTE, space, HANDLE_BOOT_IMAGE);
	reference_give(KIND_CONTAINER, NUMBER_CONSOLE, RIGHT_READ | RIGHT_WRITE | RIGHT_SIGNAL, space, HANDLE_CONSOLE);
	reference_give(KIND_PORTAL, NUMBER_SERVICE, RIGHT_CALL, space, HANDLE_SRM);
}

/* Its first page group holds its code, which it sees nowhere else. */
static void memory_make(void)
{
	struct domain_part part = {
		.address = DOMAIN_MEMORY_OFFSET, .pages = SRM_GROUPS * GROUP_PAGES, .container = ROOT_HANDLE_SRM_MEMORY,
		.rights = RIGHT_READ | RIGHT_WRITE, .flags = MAPPING_LARGE, .around = 1,
	};

	if (memory_container_make(NUMBER_SRM_MEMORY, SRM_GROUPS, SRM_GROUPS, PAGE_LOCKED) < 0)
		panic("root: too little memory for the SRM");
	reference_give(KIND_CONTAINER, NUMBER_SRM_MEMORY, RIGHT_READ | RIGHT_WRITE | RIGHT_EXECUTE, root_domain.space,
		ROOT_HANDLE_SRM_MEMORY);
	REQUIRE(domain_add(&root_domain, &part));
	srm_memory = (uint8_t *)root_domain.base + DOMAIN_MEMORY_OFFSET;
	part.address += GROUP_BYTES;
	part.index = GROUP_PAGES;
	part.pages -= GROUP_PAGES;
	part.flags |= MAPPING_LOCKED;
	REQUIRE(domain_add(&srm_domain, &part));
}

static void start_page_fill(struct kernel_start *page, const struct root_start *start, uint64_t memory_first)
{
	*page = (struct kernel_start){
		.version = 1, .number = KERNEL_NUMBER_SRM, .cpus = start->cpus, .domain = DOMAIN_SRM,
		.space = srm_domain.space, .memory_container = ROOT_UID(NUMBER_SRM_MEMORY),
		.memory_pages = SRM_GROUPS * GROUP_PAGES, .boot_image_bytes = start->image_bytes,
		.memory_first = memory_first, .boot_image_first = memory_image_first(start),
	};
}

/* Loads the program; the start record and the stack lie before its data. Returns the entry address. */
static uint64_t program_load(const struct root_start *start, const struct image_header *image)
{
	const struct image_module *module = image_find(image, "srm");
	uint64_t entry, pages;
	enum elf_result result;

	if (!module || !image_module_intact(image, module))
		panic("root: the boot image has no good module \"srm\"");
	struct domain_program program = {
		.file = image_module_bytes(image, module), .file_bytes = module->bytes, .memory = srm_memory,
		.memory_pages = PROGRAM_GROUPS * GROUP_PAGES, .container = ROOT_HANDLE_SRM_MEMORY, .flags = MAPPING_LOCKED | MAPPING_LARGE,
	};

	result = domain_load(&srm_domain, &program, &entry, &pages);
	if (result != ELF_OK)
		panic("root: srm is %s", elf_result_text(result));
	start_page_fill((struct kernel_start *)(srm_memory + GROUP_BYTES + FRONT_START * PAGE_BYTES), start, pages);
	REQUIRE(domain_add_image(&srm_domain, ROOT_HANDLE_BOOT_IMAGE, memory_image_first(start), start->image_bytes));
	return entry;
}

static void thread_start(uint64_t entry)
{
	uint64_t front = srm_domain.base + DOMAIN_IMAGE_OFFSET + GROUP_BYTES;
	struct thread_start start = {
		.uid = ROOT_UID(NUMBER_SRM_THREAD), .space = srm_domain.space, .entry = entry,
		.stack_top = front + FRONT_STACK_PAGES * PAGE_BYTES, .argument = front + FRONT_START * PAGE_BYTES, .handler_space = root_domain.space,
		.handler_top = (uint64_t)handler_stack + sizeof handler_stack, .priority = PRIORITY_SRM,
	};

	thread_home_start(&thread_home, &start);
	root_load(KIND_THREAD, &thread_home, LOAD_LOCKED);
}

void srm_start(const struct root_start *start, const struct image_header *image)
{
	uint64_t entry;
	long result;

	kernel_make(start->cpus);
	space_make();
	memory_make();
	references_make();
	entry = program_load(start, image);
	result = mapping_unload(root_domain.space, (uint64_t)srm_memory, SRM_GROUPS * GROUP_PAGES);
	if (result >= 0)
		result = domain_map_locked(&srm_domain);
	if (result < 0)
		panic("root: mapping the SRM's domain: %s", baryon_error_text(result));
	thread_start(entry);
}
