/* Domains of the kernels that one keeps. Contract in baryon/domain.h. */
#include "baryon/domain.h"

#include "abi/layout.h"
#include "abi/start.h"
#include "baryon/calls.h"
#include "baryon/string.h"

void domain_start(struct domain *domain, baryon_uid space, uint32_t number)
{
	memset(domain, 0, sizeof *domain);
	domain->space = space;
	domain->base = DOMAIN_BASE + number * DOMAIN_BYTES;
}

bool domain_add(struct domain *domain, const struct domain_part *part)
{
	if (domain->count == DOMAIN_PARTS)
		return false;
	domain->part[domain->count] = *part;
	domain->part[domain->count].address += domain->base;
	__atomic_store_n(&domain->count, domain->count + 1, __ATOMIC_RELEASE);
	return true;
}

/* The first `count` pages of *part, or what is left of it, become a part of their own. */
static bool part_split(struct domain *domain, struct domain_part *part, uint64_t count, uint16_t flags)
{
	struct domain_part first = *part;

	first.pages = count < part->pages ? count : part->pages;
	first.flags |= flags;
	part->pages -= first.pages;
	part->index += first.pages;
	part->address += first.pages * PAGE_BYTES;
	return first.pages == 0 || domain_add(domain, &first);
}

bool domain_add_image(struct domain *domain, uint32_t container, uint64_t first, uint64_t bytes)
{
	struct domain_part rest = {
		.address = DOMAIN_BOOT_OFFSET + first * PAGE_BYTES, .pages = (bytes + PAGE_BYTES - 1) / PAGE_BYTES, .index = first,
		.container = container, .rights = RIGHT_READ, .around = DOMAIN_AROUND,
	};

	return part_split(domain, &rest, -rest.index % GROUP_PAGES, 0) &&
		part_split(domain, &rest, rest.pages & ~(GROUP_PAGES - 1), MAPPING_LARGE) &&
		part_split(domain, &rest, rest.pages, 0);
}

static const struct domain_part *part_find(const struct domain *domain, uint64_t address)
{
	uint32_t count = __atomic_load_n(&domain->count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++)
		if (address - domain->part[i].address < domain->part[i].pages * PAGE_BYTES)
			return &domain->part[i];
	return NULL;
}

static void mapping_fill(struct mapping_home *home, const struct domain_part *part, uint64_t page)
{
	*home = (struct mapping_home){
		.address = part->address + page * PAGE_BYTES, .index = part->index + page, .container = part->container,
		.rights = part->rights, .flags = part->flags, .signal = part->signal,
	};
}

/* Maps `count` pages (or page groups) from page `first` of the part. */
static long part_map(const struct domain *domain, const struct domain_part *part, uint64_t first, uint64_t count)
{
	uint64_t step = part->flags & MAPPING_LARGE ? GROUP_PAGES : 1;
	struct mapping_home homes[16];
	long result;

	while (count) {
		uint64_t batch = count < 16 ? count : 16;

		for (uint64_t i = 0; i < batch; i++)
			mapping_fill(&homes[i], part, first + i * step);
		result = mapping_load(domain->space, homes, batch, 0);
		if (result < 0 && result != -BARYON_EEXIST)
			return result;
		first += batch * step;
		count -= batch;
	}
	return 0;
}

/* The page that faulted comes first, so it is mapped in any case; those after it follow as far as that is cheap. */
static long part_fault(const struct domain *domain, const struct domain_part *part, uint64_t page)
{
	uint64_t count = part->around - page % part->around;

	if (part->flags & MAPPING_LARGE)
		return part_map(domain, part, page & ~(GROUP_PAGES - 1), 1);
	return part_map(domain, part, page, count < part->pages - page ? count : part->pages - page);
}

long domain_fault(const struct domain *domain, uint64_t address, uint64_t access)
{
	const struct domain_part *part = part_find(domain, address);

	if (!part || (access & ~(uint64_t)part->rights))
		return -BARYON_EFAULT;
	return part_fault(domain, part, (address - part->address) / PAGE_BYTES);
}

long domain_map_locked(const struct domain *domain)
{
	long result = 0;

	for (uint32_t i = 0; i < domain->count && result == 0; i++) {
		const struct domain_part *part = &domain->part[i];
		uint64_t step = part->flags & MAPPING_LARGE ? GROUP_PAGES : 1;

		/* One by one: what is missed is waited for. */
		for (uint64_t page = 0; part->flags & MAPPING_LOCKED && page < part->pages && result == 0; page += step)
			result = part_map(domain, part, page, 1);
	}
	return result;
}

/* Segments of a kernel lie on pages, or page groups, of their own; otherwise it cannot be W^X. */
static enum elf_result segments_add(struct domain *domain, const struct domain_program *program,
	const struct elf_image *image)
{
	uint64_t end = image->low, whole = program->flags & MAPPING_LARGE ? GROUP_BYTES : PAGE_BYTES;

	for (uint32_t i = 0; i < image->count; i++) {
		const struct elf_segment *s = &image->segment[i];
		uint64_t first = s->address & ~(whole - 1);
		struct domain_part part = {
			.address = DOMAIN_IMAGE_OFFSET + first, .index = program->index + (first - image->low) / PAGE_BYTES,
			.container = program->container, .rights = (uint16_t)s->rights, .flags = program->flags, .around = DOMAIN_AROUND,
		};

		if (first < end || (s->rights & (RIGHT_WRITE | RIGHT_EXECUTE)) == (RIGHT_WRITE | RIGHT_EXECUTE))
			return ELF_NOT_SUPPORTED;
		end = (s->address + s->memory_bytes + whole - 1) & ~(whole - 1);
		part.pages = (end - first) / PAGE_BYTES;
		if (!domain_add(domain, &part))
			return ELF_NOT_SUPPORTED;
	}
	return ELF_OK;
}

enum elf_result domain_load(struct domain *domain, const struct domain_program *program, uint64_t *entry, uint64_t *pages)
{
	struct elf_image image;
	enum elf_result result = elf_read(&image, program->file, program->file_bytes, program->file_bytes);

	if (result != ELF_OK)
		return result;
	*pages = (image.high - image.low) / PAGE_BYTES;
	if (!image.relocatable || *pages > program->memory_pages || image.high > DOMAIN_START_OFFSET)
		return ELF_NOT_SUPPORTED;
	elf_copy(&image, program->file, program->memory);
	result = elf_relocate(&image, program->memory, domain->base + DOMAIN_IMAGE_OFFSET);
	if (result != ELF_OK)
		return result;
	*entry = domain->base + DOMAIN_IMAGE_OFFSET + image.entry;
	return segments_add(domain, program, &image);
}
