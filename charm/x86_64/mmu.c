/* Charm's own part of every address space: the physmap (all frames by page groups), the image with each section's own
 * rights, the stub pages and the info page. mmu_initialise makes the final map of the boot tables; the identity map and
 * the executable first groups that processors need at their start stay, in boot_root only, until mmu_seal. */
#include "charm/mmu.h"

#include "abi/layout.h"
#include "charm/x86_64/internal.h"

#define CR4_GLOBAL_PAGES 0x80ull

enum { IMAGE_TABLES = 2, GIB_GROUPS = 512, LOW_GIBS = 4 };

static mmu_entry template[MMU_ENTRIES] __attribute__((aligned(4096)));
static mmu_entry top_gibs[MMU_ENTRIES] __attribute__((aligned(4096)));
static mmu_entry image_groups[MMU_ENTRIES] __attribute__((aligned(4096)));
static mmu_entry image_pages[IMAGE_TABLES * MMU_ENTRIES] __attribute__((aligned(4096)));
static mmu_entry physmap_pages[IMAGE_TABLES * MMU_ENTRIES] __attribute__((aligned(4096)));
static mmu_entry stub_groups[MMU_ENTRIES] __attribute__((aligned(4096)));
static mmu_entry stub_pages[MMU_ENTRIES] __attribute__((aligned(4096)));
static uint8_t stubs_trapping[PAGE_BYTES] __attribute__((aligned(4096)));
static uint8_t stubs_direct[PAGE_BYTES] __attribute__((aligned(4096)));
static uint8_t info_page_bytes[PAGE_BYTES] __attribute__((aligned(4096)));
static uint64_t physmap_gibs = LOW_GIBS;

static frame_number image_frame(const void *pointer)
{
	return (frame_number)(((uintptr_t)pointer - KERNEL_BASE) >> PAGE_BITS);
}

static mmu_entry own_table(const void *table)
{
	return (mmu_entry)image_frame(table) << PAGE_BITS | ENTRY_PRESENT | ENTRY_WRITE;
}

void frame_clear(frame_number frame)
{
	memset(frame_pointer(frame), 0, PAGE_BYTES);
}

/* 4 GiB are mapped already; what is above, by new tables. */
static void physmap_extend(void)
{
	uint64_t gibs = (frame_limit() + GIB_GROUPS * GROUP_PAGES - 1) / (GIB_GROUPS * GROUP_PAGES);

	if (gibs > MMU_ENTRIES)
		gibs = MMU_ENTRIES;
	for (; physmap_gibs < gibs; physmap_gibs++) {
		frame_number table = frame_take(1, 1);
		mmu_entry *groups = frame_pointer(table);
		unsigned i;

		for (i = 0; i < MMU_ENTRIES; i++)
			groups[i] = mmu_make((frame_number)((physmap_gibs * MMU_ENTRIES + i) * GROUP_PAGES),
			                     RIGHT_READ | RIGHT_WRITE | MMU_LARGE) | ENTRY_GLOBAL;
		boot_physmap[physmap_gibs] = (mmu_entry)table << PAGE_BITS | ENTRY_PRESENT | ENTRY_WRITE;
	}
}

static unsigned image_rights(const uint8_t *page)
{
	if (page == stubs_trapping || page == stubs_direct)
		return RIGHT_READ;
	if (page >= image_data)
		return RIGHT_READ | RIGHT_WRITE;
	return page >= image_rodata ? RIGHT_READ : RIGHT_READ | RIGHT_EXECUTE;
}

/* The physmap's own view of the image: by pages, never executable, and no more writable than the image itself. */
static void image_map_in_physmap(void)
{
	unsigned i;

	for (i = 0; i < IMAGE_TABLES * MMU_ENTRIES; i++)
		physmap_pages[i] = mmu_make(i, RIGHT_READ | RIGHT_WRITE) | ENTRY_GLOBAL;
	for (i = image_frame(image_begin); i < image_frame(image_end); i++)
		physmap_pages[i] = image_pages[i] | ENTRY_NO_EXECUTE;
	for (i = 0; i < IMAGE_TABLES; i++)
		boot_groups[i] = own_table(physmap_pages + i * MMU_ENTRIES);
}

static void image_map(void)
{
	const uint8_t *page;
	unsigned i;

	for (page = image_begin; page < image_end; page += PAGE_BYTES)
		image_pages[image_frame(page)] = mmu_make(image_frame(page), image_rights(page)) | ENTRY_GLOBAL;
	for (i = 0; i < IMAGE_TABLES; i++)
		image_groups[i] = own_table(image_pages + i * MMU_ENTRIES);
	top_gibs[mmu_index(KERNEL_BASE, 2)] = own_table(image_groups);
}

static void stub_map(uint64_t address, const void *page, unsigned rights)
{
	stub_pages[mmu_index(address, 0)] = mmu_make(image_frame(page), rights) | ENTRY_GLOBAL;
}

/* What is not a stub is a breakpoint. */
static void stub_fill(uint8_t *page, const uint8_t *begin, const uint8_t *end)
{
	memset(page, 0xcc, PAGE_BYTES);
	memcpy(page, begin, (size_t)(end - begin));
}

static void stubs_map(void)
{
	stub_fill(stubs_trapping, image_stubs_trapping, image_stubs_direct);
	stub_fill(stubs_direct, image_stubs_direct, image_stubs_end);
	stub_map(STUBS_TRAPPING, stubs_trapping, RIGHT_READ | RIGHT_EXECUTE | MMU_USER);
	stub_map(STUBS_DIRECT, stubs_direct, RIGHT_READ | RIGHT_EXECUTE);
	stub_map(INFO_PAGE, info_page_bytes, RIGHT_READ | MMU_USER);
	stub_map(INFO_PAGE_DIRECT, info_page_bytes, RIGHT_READ);
	stub_groups[mmu_index(STUBS_TRAPPING, 1)] = own_table(stub_pages) | ENTRY_USER;
	top_gibs[mmu_index(STUBS_TRAPPING, 2)] = own_table(stub_groups) | ENTRY_USER;
}

void mmu_initialise(void)
{
	unsigned i;

	physmap_extend();
	stubs_map();
	image_map();
	for (i = IMAGE_TABLES; i < LOW_GIBS * MMU_ENTRIES; i++)
		boot_groups[i] |= ENTRY_GLOBAL;
	template[mmu_index(PHYSMAP_BASE, 3)] = own_table(boot_physmap) | ENTRY_NO_EXECUTE;
	template[MMU_ENTRIES - 1] = own_table(top_gibs) | ENTRY_USER;
	memcpy(boot_root + MMU_ENTRIES / 2, template + MMU_ENTRIES / 2, sizeof(template) / 2);
	mmu_load();
}

void mmu_load(void)
{
	mmu_activate(image_frame(template));
}

void mmu_flush(void)
{
	uint64_t cr4;

	__asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("movq %0, %%cr4; movq %1, %%cr4" : : "r"(cr4 & ~CR4_GLOBAL_PAGES), "r"(cr4) : "memory");
}

void mmu_seal(void)
{
	boot_root[0] = 0;
	image_map_in_physmap();
	mmu_flush();
}

void *physical_pointer(uint64_t address, uint64_t bytes)
{
	uint64_t limit = physmap_gibs << 30;

	if (address >= limit || bytes > limit - address)
		return NULL;
	return (void *)(PHYSMAP_BASE + address);
}

uint64_t physical_of(const void *in_physmap)
{
	return (uintptr_t)in_physmap - PHYSMAP_BASE;
}

volatile uint32_t *device_registers(uint64_t address)
{
	uint8_t *pointer = physical_pointer(address, PAGE_BYTES);

	if (!pointer || address >> 32)
		panic("device registers at %lx are out of reach", address);
	boot_groups[address / GROUP_BYTES] |= ENTRY_UNCACHED;
	__asm__ volatile("invlpg (%0)" : : "r"(pointer) : "memory");
	return (volatile uint32_t *)pointer;
}

uint64_t image_physical(const void *in_image)
{
	return (uintptr_t)in_image - KERNEL_BASE;
}

struct info_page *info_page_writable(void)
{
	return (struct info_page *)info_page_bytes;
}

void mmu_root_initialise(frame_number root)
{
	mmu_entry *entries = frame_pointer(root);

	memset(entries, 0, sizeof(template) / 2);
	memcpy(entries + MMU_ENTRIES / 2, template + MMU_ENTRIES / 2, sizeof(template) / 2);
}

void mmu_set_shared(unsigned domain, mmu_entry e)
{
	template[mmu_index(DOMAIN_BASE, 3) + domain] = e;
}
